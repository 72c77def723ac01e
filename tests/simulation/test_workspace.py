"""The written workspace is valid, complete, reproducible, in every format, and bounded in memory."""

import hashlib
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from ingestion.contract import load_contracts
from ingestion.feeds import load_feeds
from miyar.registry import load_registry
from miyar.workspace import Workspace
from simulation.workspace import write_workspace
from simulation.world import Size


def hashes(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_seed_writes_the_same_bytes(simulated, tmp_path: Path) -> None:
    started = time.monotonic()
    write_workspace(tmp_path / "again", 7, Size.tiny())
    assert time.monotonic() - started < 60, "a tiny workspace is written again and again by tests"
    assert hashes(tmp_path / "again") == hashes(simulated.root)


def test_another_seed_writes_other_landing_files_under_the_same_names(simulated, tmp_path: Path) -> None:
    write_workspace(tmp_path / "other", 8, Size.tiny())
    first, other = hashes(simulated.landing), hashes(tmp_path / "other" / "landing")
    assert first.keys() == other.keys()
    assert all(first[name] != other[name] for name in first)


def test_settings_registry_and_contracts_are_valid(simulated) -> None:
    workspace = Workspace.open(simulated.root)
    assert workspace.settings.periods.all == ["2025Q2", "2025Q3", "2025Q4"]
    registry = load_registry(workspace.registry)
    contracts = load_contracts(workspace.registry)
    assert {contract.feed for contract in contracts} == set(load_feeds())
    assert {contract.provider for contract in contracts} <= registry.ids("providers")
    covered = {(agency, contract.feed) for contract in contracts for agency in contract.covers}
    assert {(row["agency_id"], row["feed"]) for row in registry.tables["owed"]} == covered


def test_the_default_plan_is_valid_for_all_agencies_and_shows_every_format(tmp_path: Path) -> None:
    write_workspace(tmp_path / "all", 1, Size(periods=2, responses_per_agency_period=20))
    load_registry(tmp_path / "all" / "registry")
    contracts = load_contracts(tmp_path / "all" / "registry")
    assert {contract.format.type for contract in contracts} == {
        "csv",
        "tsv",
        "xlsx",
        "ods",
        "json",
        "ndjson",
        "parquet",
    }
    encodings = {getattr(contract.format, "encoding", "") for contract in contracts}
    assert {"utf-8-sig", "windows-1256"} <= encodings
    scales = {(s.family, s.min, s.max, s.reversed) for c in contracts for s in c.scales.values()}
    assert {
        ("satisfaction_5", 1, 5, False),
        ("satisfaction_5", 1, 5, True),
        ("satisfaction_11", 0, 10, False),
        ("satisfaction_7", 1, 7, False),
        ("yes_no", 0, 1, False),
    } <= scales
    providers = {c.provider for c in contracts if len(c.covers) > 1}
    assert providers == {"complaints_platform", "mystery_contractor", "statistics_office", "survey_platform"}
    defects = pd.read_csv(tmp_path / "all" / "truth" / "defects.csv")
    assert {
        "bad_date", "impossible_hijri_date", "unknown_code", "exact_duplicate", "conflicting_key", "out_of_range",
        "id_in_comment", "id_in_free_text", "other_agency", "closed_period", "region_number", "rubbish_truncated",
        "corrected_later",
    } == set(defects["kind"])  # fmt: skip


def test_the_key_is_for_the_owner_alone_and_called_a_demonstration(simulated) -> None:
    key = simulated.root / "pseudonym.key"
    if os.name == "posix":
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(bytes.fromhex(key.read_text("utf-8").strip())) == 32
    assert "demonstration key" in (simulated.root / "README.md").read_text("utf-8")


def test_progress_tells_every_delivery_and_the_end(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    size = Size(3, 3, 3, 1, 2, responses_per_agency_period=10)
    write_workspace(tmp_path / "w", 1, size, lambda what, done, of: told.append((what, done, of)))
    assert told[0][0] == "lighthouse/survey_responses"
    assert [done for _, done, _ in told] == list(range(told[0][2] + 1))


PEAK = """
import resource, sys
from pathlib import Path
from simulation import survey
from simulation.workspace import write_workspace
from simulation.world import Size
survey.CHUNK = 2_000
write_workspace(Path(sys.argv[1]), 1, Size(3, 3, 3, 1, 2, responses_per_agency_period=4_000, scale=float(sys.argv[2])))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is counted in kilobytes on Linux only")
def test_memory_does_not_grow_with_size(tmp_path: Path) -> None:
    """Four times the answers give the same peak; both sizes draw several chunks of responses (made small to be quick)."""
    peaks = []
    for scale in (1, 4):
        root = tmp_path / str(scale)
        done = subprocess.run(
            [sys.executable, "-c", PEAK, root, str(scale)], capture_output=True, text=True, check=True
        )
        peaks.append(int(done.stdout))
    written = [sum(path.stat().st_size for path in (tmp_path / scale).rglob("*.csv")) for scale in ("1", "4")]
    assert written[1] > 3 * written[0]
    assert peaks[1] - peaks[0] < 20, f"peak memory in MB: {peaks}"


def test_a_drawing_that_was_stopped_is_no_workspace(tmp_path: Path) -> None:
    """`miyar demo` leaves an existing workspace alone, so half a workspace would be taken for a whole one forever."""

    def stop(what: str, done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_workspace(tmp_path / "demo", size=Size.tiny(), progress=stop)
    assert not (tmp_path / "demo" / "miyar.yml").exists()
