"""Whatever ends the process that reads a file, the file is named, and the next file is read."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from ingestion.faults import RETRIED, MachineError
from ingestion.readers import pool
from ingestion.readers.input import Input
from ingestion.submission_ledger import Account
from miyar.errors import MiyarError
from tests.ingestion import conftest as shared

centre, survey = shared.centre, shared.survey

TABLE = "agency,id,answered,q1\na01,r1,2025-02-03,4\n"


def reading() -> psutil.Process:
    """The fork that reads now: a child of a child of this process."""
    for _ in range(200):
        for process in psutil.Process().children():
            for fork in process.children():
                return fork
        time.sleep(0.05)
    raise AssertionError("nothing reads")


@pytest.fixture
def endless(centre: Any, survey: dict[str, Any]) -> Input:
    """A file that never ends: a pipe nobody writes to."""
    centre.contract(survey)
    centre.land(TABLE)
    path = centre.root / "pipe"
    os.mkfifo(path)
    return Input(path, "p1/survey_responses/f.csv", centre.deliveries()[0].contract)


@pytest.mark.parametrize(
    ("ends", "rule", "kind"),
    [
        (signal.SIGXCPU, "reading_stopped", MiyarError),
        (signal.SIGSEGV, "reading_stopped", MiyarError),
        (signal.SIGABRT, "reading_stopped", MiyarError),
        (signal.SIGKILL, "reading_failed", MachineError),
        (signal.SIGALRM, "reading_failed", MachineError),
    ],
)
def test_the_end_of_a_reading(centre: Any, endless: Input, ends: signal.Signals, rule: str, kind: type) -> None:
    """What the file did is its refusal and final; what came from outside is the machine's, and it is tried again."""
    folder = centre.root / "scratch"
    folder.mkdir()
    caught: list[MiyarError] = []

    def read() -> None:
        try:
            pool.read(endless, centre.workspace.settings, folder)
        except MiyarError as error:
            caught.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    reading().send_signal(ends)
    thread.join(30)
    [error] = caught
    [problem] = error.problems
    assert (problem.rule, type(error), problem.file) == (rule, kind, "p1/survey_responses/f.csv")
    assert problem.next_step and (problem.rule in RETRIED) == (kind is MachineError)
    assert centre.rows("response_id") == [("r1",)]


def test_a_reader_that_is_gone_is_replaced(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey)
    centre.land(TABLE)
    assert centre.rows("response_id") == [("r1",)]
    for process in psutil.Process().children():
        if "ingestion.readers.worker" in " ".join(process.cmdline()):
            process.kill()
            process.wait()
    assert centre.rows("response_id") == [("r1",)]


ENDLESS = """
import os, sys
from pathlib import Path
from tests.ingestion import conftest as shared
from ingestion.readers import pool
from ingestion.readers.input import Input
centre = shared.build(Path(sys.argv[1]))
centre.contract(shared.SURVEY)
centre.land("agency,id,answered,q1\\na01,r1,2025-02-03,4\\n")
pipe = centre.root / "pipe"
os.mkfifo(pipe)
(centre.root / "scratch").mkdir()
print("reads", flush=True)
pool.read(Input(pipe, "p1/x/f.csv", centre.deliveries()[0].contract), centre.workspace.settings, centre.root / "scratch")
"""


@pytest.mark.parametrize("ends", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_ended_leaves_no_reader_behind(tmp_path: Path, ends: signal.Signals) -> None:
    """A reader that went on would write into the folder of the next run."""
    command = [sys.executable, "-c", ENDLESS, str(tmp_path / "centre")]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=Path(__file__).parents[2])
    with run:
        assert run.stdout is not None and run.stdout.readline()
        readers: list[psutil.Process] = []
        for _ in range(200):
            readers = psutil.Process(run.pid).children(recursive=True)
            if len(readers) == 2:
                break
            time.sleep(0.05)
        run.send_signal(ends)
        run.wait()
    _, alive = psutil.wait_procs(readers, timeout=10)
    assert len(readers) == 2
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


def test_nothing_of_a_file_stays_in_its_reader(centre: Any, survey: dict[str, Any]) -> None:
    """Each file is read by a fork of its own, so that no order of files changes what one of them may use."""
    centre.contract(survey)
    centre.land(TABLE)
    before = [centre.stage().records for _ in range(3)]
    centre.contract(survey, format={"type": "ndjson"})
    centre.land("[" * 400_000, "a.ndjson")
    refusals = []
    for _ in range(2):
        with pytest.raises(MiyarError) as caught:
            centre.stage(centre.deliveries()[0])
        refusals.append(str(caught.value))
    assert before == [1, 1, 1] and refusals[0] == refusals[1]


def test_an_account_tells_how_many_rows_were_left_out(centre: Any, survey: dict[str, Any]) -> None:
    from expectations.intake import receive

    centre.contract(survey, rows={"where": {"agency": ["a01"]}})
    centre.land(TABLE + "a02,r2,2025-02-03,5\na02,r3,2025-02-03,9\n")
    account: Account = receive(centre.deliveries()[0], centre.workspace, centre.registry)
    assert (account.status, account.source_rows, account.left_out, account.accepted) == ("accepted", 1, 2, 1)
    stored = json.loads((centre.workspace.lake / "submissions" / f"{account.submission_id}.json").read_text("utf-8"))
    assert stored["left_out"] == 2 and [note["rule"] for note in stored["notes"]] == ["rows_left_out"]


def test_a_folder_whose_name_is_a_pattern(centre: Any, survey: dict[str, Any], tmp_path: Path) -> None:
    """File names are names: brackets and stars in them are no globs."""
    centre.contract(survey)
    centre.land(TABLE.replace("r1", "other"), "fa.csv")
    centre.land(TABLE, "f[ab].csv")
    [name] = [one for one in centre.deliveries() if one.relative == "f[ab].csv"]
    import duckdb

    typed = centre.stage(name).typed
    assert duckdb.sql(f"select response_id from '{typed}'").fetchall() == [("r1",)]
