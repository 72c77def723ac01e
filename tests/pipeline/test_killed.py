"""`kill -9` at thirty random moments of a run: the rerun publishes what an undisturbed run does, and nothing partial is visible.

Each kill hits a run in a child process. On one workspace the run is killed and rerun five times before it may finish,
so that reruns are killed as well.
"""

import multiprocessing
import os
import random
import shutil
import signal
import time
from collections import Counter
from datetime import UTC, datetime
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from dagster_project.instance import open_instance, open_runs
from dagster_project.pipeline import run_pipeline
from publication.verify import verify_all

# Imported before forking, because a child would spend most of its life on these imports.
PRELOAD = [
    "dagster_project.pipeline",
    "dbt.cli.main",
    "dbt.adapters.duckdb",
]
KILLS = 30
# Phase to wait for, on a machine of any speed -> the most seconds the run then lives: a large part of the phase.
PHASES = {"start": 0.8, "ingest": 2.0, "build": 10.0, "publish": 1.5}
ORDER = list(PHASES)


def _phase(root: Path, files: int) -> str:
    """How far a run came, judged by the files on disk: the phase it is in or was killed in."""
    accounts = len(list((root / "lake" / "submissions").glob("*.json")))
    if accounts < files:
        return "ingest" if accounts else "start"
    built = root / "warehouse" / "built.hash"
    return "publish" if built.is_file() and built.read_text("utf-8") else "build"


@pytest.fixture(scope="module")
def context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    return context


# Six chains of five kills and a complete run: four minutes on an idle machine, several times that on a busy one.
@pytest.mark.timeout(1500)
def test_thirty_kills_change_nothing(context: ForkServerContext, expected_hash: str, micro) -> None:
    stream = random.Random(30)
    micro.land()
    files = len(micro.deliveries)
    killed: Counter[str] = Counter()
    chain = 0
    while killed.total() < KILLS:
        chain += 1
        assert chain < 12, f"too many runs ended before they could be killed: {killed}"
        root = micro.root.parent / f"chain{chain}"
        shutil.copytree(micro.root, root)
        for phase in sorted([*PHASES, stream.choice(ORDER)], key=ORDER.index):
            died_in = _kill_one(context, root, files, phase, stream.uniform(0, PHASES[phase]))
            killed.update([died_in] if died_in else [])
        run_pipeline(root, micro.moment)
        assert type(micro)(root).content_hash() == expected_hash
        assert verify_all(root / "editions") == {"2025Q4-r1": [], "ledger.jsonl": []}
        assert sorted(path.name for path in (root / "editions").iterdir()) == [
            "2025Q4-r1",
            "checkpoints",
            "current",
            "ledger.jsonl",
        ]
        assert not list((root / "lake").rglob("*.part"))
        assert not run_pipeline(root, micro.moment).is_built
        with open_instance(root) as instance:
            assert not open_runs(instance)
    assert set(killed) == set(PHASES), killed


def _kill_one(context: ForkServerContext, root: Path, files: int, phase: str, delay: float) -> str:
    """Start a run, wait for a phase and then a delay, and kill it; return the phase it died in, or "" if it had ended."""
    child = context.Process(target=run_pipeline, args=(root, datetime(2026, 1, 20, 6, tzinfo=UTC)))
    child.start()
    while ORDER.index(_phase(root, files)) < ORDER.index(phase) and child.is_alive():
        time.sleep(0.005)
    child.join(delay)
    assert child.pid is not None
    if child.is_alive():
        os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert child.exitcode in (0, -signal.SIGKILL)
    # Readers find only whole editions, at every moment.
    if (root / "editions").is_dir():
        assert not any(verify_all(root / "editions").values())
    return _phase(root, files) if child.exitcode else ""
