"""Attempts and successes by area: how many attack cases the tests hold, as pytest itself collects them.

    python -m tests.attempts     writes docs/evidence/attempts.md and .json

Belongs here: which test files attack which area, and the page. Does not belong here: any attack.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.repository import REPOSITORY

EVIDENCE = REPOSITORY / "docs" / "evidence"
# Area -> files whose tests are attempts in it, or show that an attempt would be seen.
AREAS = {
    "disclosure by reader and coalition": ["tests/disclosure"],
    "proofs that others' figures are guessed from": ["tests/publication/test_proof_attacks.py"],
    "delivered text on its way to pages": ["tests/ingestion/test_delivered_text.py"],
    "landing zone: links, pipes, names": [
        "tests/ingestion/test_airlock.py",
        "tests/ingestion/test_first_row_is_data.py",
    ],
    "files: bombs and loops": [
        "tests/cases/test_hostile_files.py",
        "tests/cases/test_reader_process.py",
        "tests/cases/test_full_disk.py",
    ],
    "personal data that comes back": [
        "tests/expectations/test_clocks_that_ran.py",
        "tests/expectations/test_keeping.py",
        "tests/pipeline/test_erased_people.py",
    ],
    "personal data in columns that are no free text": ["tests/ingestion/test_unusual_columns.py"],
    "Dagster's control plane": ["tests/orchestration/test_control.py"],
    "editions, ledger and what readers are given": [
        "tests/publication/test_tamperings.py",
        "tests/publication/test_standing.py",
        "tests/publication/test_verify_edition.py",
    ],
    "lake, accounts, receipts and kept inputs": [
        "tests/publication/test_edited_lake.py",
        "tests/publication/test_receipts.py",
        "tests/publication/test_interrupted_notes.py",
        "tests/expectations/test_read_anew.py",
        "tests/ingestion/test_lake_files.py",
    ],
    "checkpoints, keys and witnesses": [
        "tests/publication/test_checkpoints.py",
        "tests/publication/test_locked_keys.py",
        "tests/publication/test_notes.py",
    ],
    "PostgreSQL": ["tests/publication/test_postgres_attacks.py", "tests/publication/test_postgres_walk.py"],
    "portal: routes, rows and oracles": [
        "tests/portal/test_walk.py",
        "tests/portal/test_access.py",
        "tests/portal/test_oracles.py",
        "tests/portal/test_checkpoint.py",
    ],
    "portal: requests, sessions, identity": [
        "tests/portal/test_requests.py",
        "tests/portal/test_sessions.py",
        "tests/portal/test_tokens.py",
        "tests/portal/test_addresses.py",
        "tests/portal/test_bad_people.py",
        "tests/portal/test_slow.py",
    ],
    "fetching from addresses inside": ["tests/ingestion/test_fetch.py"],
    "secrets in anything written": ["tests/pipeline/test_canaries.py", "tests/miyar/test_private_folders.py"],
}
PREFACE = """# Attempts and successes by area

Cases of the tests that attack Miyar, counted as pytest collects them (`python -m tests.attempts`, which writes this page and
`attempts.json`; a test compares both with today's collection).

- An **attempt** is one case: one parameter of one test. Many cases try more than once inside (every route as every reader is
  one case of some hundred requests), and some show that the attack would be seen, or that ordinary use goes on.
- A **success** is an attempt after which the test fails. `make test` passes with none and fails at the first; the number here is
  therefore that of a passing suite, and no measurement of its own.
- What nobody thought of is not counted.

| area | attempts | successes in a passing suite |
|---|---|---|
"""


def collected() -> dict[str, int]:
    """Cases by area, as pytest collects them in a process of its own; raises RuntimeError if a file cannot be collected."""
    files = [file for area in AREAS.values() for file in area]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files]
    asked = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, check=False, env={**os.environ, "PYTEST_ADDOPTS": ""}
    )
    if asked.returncode != 0:
        raise RuntimeError(asked.stdout[-2000:] + asked.stderr[-2000:])
    by_file = Counter(line.partition("::")[0] for line in asked.stdout.splitlines() if "::" in line)
    return {area: sum(by_file[one] for one in by_file if _is_of(one, files)) for area, files in AREAS.items()}


def _is_of(file: str, files: list[str]) -> bool:
    return any(file == one or file.startswith(f"{one}/") for one in files)


def page(cases: Mapping[str, int]) -> str:
    """The page in Markdown."""
    rows = "".join(f"| {area} | {number:,} | 0 |\n" for area, number in cases.items())
    return f"{PREFACE}{rows}| **all** | **{sum(cases.values()):,}** | **0** |\n"


def write(cases: Mapping[str, int], folder: Path) -> None:
    """Write the page and the counts."""
    (folder / "attempts.md").write_text(page(cases), "utf-8")
    (folder / "attempts.json").write_text(json.dumps(cases, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    found = collected()
    write(found, EVIDENCE)
    print(page(found))
