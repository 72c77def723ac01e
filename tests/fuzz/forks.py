"""What forks of the reading process load, told by a process that has imported nothing else: `python -m tests.fuzz.forks JOBS`.

Belongs here: reading jobs in forks and looking at them. Does not belong here: which jobs, and what is right (`test_forks`).
"""

import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import yaml

from ingestion.readers import worker


def main(path: str) -> None:
    """Print, for each job of a pickled list, the modules and YAML files that its fork loads, and how it ended."""
    jobs = pickle.loads(Path(path).read_bytes())  # noqa: S301 -- written by the test
    database, there = worker.prepared(), set(sys.modules)
    print(json.dumps([_in_a_fork(job, database, there) for job in jobs]))


def _in_a_fork(job: worker.Job, database: Any, there: set[str]) -> list[str]:
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        parsed: list[str] = []
        load = yaml.safe_load
        yaml.safe_load = lambda text: (parsed.append("a YAML file"), load(text))[1]
        outcome = worker._outcome(job, database)
        # Codecs are loaded by the file that needs one.
        modules = {name for name in set(sys.modules) - there if not name.startswith("encodings.")}
        os.write(write_end, json.dumps([*sorted(modules)[:100], *parsed, *outcome]).encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as answer:
        told: list[str] = json.loads(answer.read())
    os.waitpid(child, 0)
    return told


if __name__ == "__main__":
    main(sys.argv[1])
