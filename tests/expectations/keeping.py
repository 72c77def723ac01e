"""A centre with people in its rows, and what is asked of it after some were destroyed.

Belongs here: files, deliveries, and counts that have to add up. Does not belong here: any expectation of one test.
"""

import hashlib
import hmac
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from expectations.intake import receive_all
from ingestion.lake_files import file_hash
from ingestion.receipts import Decision
from ingestion.rereading import is_lost
from ingestion.submission_ledger import Account, read_accounts
from tests.expectations.conftest import SURVEY

KEY, PERSON, OTHER = "key", "1000000008", "2000000006"
DECISION = Decision("asked for by the person", "officer", datetime(2026, 5, 1, tzinfo=UTC))
PEOPLE = {
    "properties": [
        *SURVEY["properties"],
        {"name": "beneficiary", "physicalName": "person", "treatment": "pseudonymise"},
    ]
}
HEADER = "agency,id,answered,q1,person\n"
FIRST = (
    HEADER
    + f"a01,r1,2025-02-03,4,{PERSON}\na01,r2,2025-02-03,5,{OTHER}\na01,r3,2025-05-03,3,{PERSON}\na01,r4,2025-05-03,2,\n"
)


def pseudonym(person: str) -> str:
    return hmac.new(KEY.encode(), person.encode(), hashlib.sha256).hexdigest()[:32]


def land(centre: Any, content: str, name: str = "q.csv") -> Path:
    path = centre.root / "landing" / "p1" / "survey_responses" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "utf-8")
    return path


def received(centre: Any) -> list[Account]:
    accounts = read_accounts(centre.workspace)
    return receive_all(centre.workspace, centre.registry, centre.contracts, accounts).accounts


def rows(centre: Any) -> list[tuple[str, str | None]]:
    files = sorted((centre.root / "lake" / "survey_responses").glob("period=2*/*.parquet"))
    if not files:
        return []
    return duckdb.sql(
        f"select response_id, beneficiary from read_parquet({[str(file) for file in files]}) order by 1"
    ).fetchall()


def add_up(centre: Any) -> None:
    """The counts of every account are those of the files, and no row is lost from sight."""
    for account in read_accounts(centre.workspace):
        own = [
            path for path in centre.workspace.lake.rglob(f"{account.submission_id}.parquet") if "period=" in str(path)
        ]
        taken = sum(len(duckdb.sql(f"select 1 from '{path}'").fetchall()) for path in own)
        assert account.accepted == taken == sum(one["rows"] for one in account.slices)
        assert account.records == account.accepted + account.quarantined + account.duplicates
        assert account.source_rows == account.records + account.blank_cells + account.erased
        assert not is_lost(account, centre.workspace)
        assert all(file_hash(centre.workspace.lake / path) == digest for path, digest in account.files.items())
        assert {centre.workspace.lake / path for path in account.files} >= set(own)


KEPT = {"period": "P1Y", "reason": "the law of statistics"}
