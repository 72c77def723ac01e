"""That a fork which reads a file finds everything loaded: what it loads itself, the fork of the next file loads again.

Belongs here: what forks load. Does not belong here: what files do to them (`tests/cases/test_reader_process.py`).
"""

import json
import pickle
import subprocess
import sys
from pathlib import Path

from ingestion.readers.worker import Job
from miyar.workspace import Workspace
from tests.fuzz.corpora import own
from tests.fuzz.deliveries import drawn

FILES = 120


def test_a_fork_loads_nothing_that_others_load_again(tmp_path: Path) -> None:
    """A workbook cost the import of pandas each, half a second, and any header row the reading of two lists of names."""
    corpus = own(tmp_path / "own")
    settings, jobs, kinds = Workspace.open(corpus.root).settings, [], set()
    for number in range(FILES):
        one = drawn(1, 2 * number, [corpus, corpus], tmp_path)
        contract = next(each for each in corpus.contracts if each.provider == one.provider)
        kinds.add(contract.format.type)
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "delivered.file").write_bytes(one.content)
        jobs.append(Job(folder / "delivered.file", one.name, contract, settings, folder))
    (tmp_path / "jobs").write_bytes(pickle.dumps(jobs))
    # In an interpreter of its own, because this one has everything loaded.
    probe = [sys.executable, "-m", "tests.fuzz.forks", str(tmp_path / "jobs")]
    ran = subprocess.run(probe, check=True, capture_output=True, text=True)
    forks = json.loads(ran.stdout)
    assert len(kinds) > 6
    assert sum("source" in told for told in forks) > FILES // 4
    assert sum("problems" in told for told in forks) > FILES // 4
    assert sorted({name for told in forks for name in told} - {"source", "problems"}) == []
