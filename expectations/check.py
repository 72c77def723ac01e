"""The pipeline's judgement of a file before delivery, made offline and without writing to the workspace.

Belongs here: running `intake` on a temporary lake. Does not belong here: rules, reading of files, layout.
"""

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from expectations.comparison import SliceChange, changes, last_submission, slice_changes
from expectations.intake import receive
from expectations.suites import catalogue
from ingestion.contract import Contract
from ingestion.feeds import load_feeds
from ingestion.landing import delivery_of
from ingestion.rules import contract_line, rule_texts
from ingestion.submission_ledger import Account
from miyar.errors import MiyarError, Problem
from miyar.registry import Registry
from miyar.workspace import Workspace


@dataclass(frozen=True)
class CheckResult:
    """The account the file would get, its refused cells with rule, place and sentences, and changes since the last file.

    `rows` lists all refused cells with masked values; `changes` is as in `comparison.changes`, or None if there is no
    earlier submission to compare with. `slices` are the rows of each quarter and agency before and after.
    """

    account: Account
    rows: list[dict[str, str]]
    changes: list[dict[str, Any]] | None = None
    slices: list[SliceChange] = field(default_factory=list)


def check(workspace: Workspace, registry: Registry, file: Path, contract: Contract) -> CheckResult:
    """Receive a file under a contract as the pipeline would, in a temporary folder that is deleted afterwards."""
    with checking(workspace, registry, file, contract) as (result, _):
        return result


@contextmanager
def checking(
    workspace: Workspace, registry: Registry, file: Path, contract: Contract
) -> Iterator[tuple[CheckResult, Workspace]]:
    """Check a file and keep the temporary workspace that received it for as long as the context lasts."""
    # Whoever checks a file may name it by a link; in the landing zone none is followed.
    delivery = delivery_of(file.resolve(), contract, file.name)
    if isinstance(delivery, Problem):
        raise MiyarError(delivery)
    with tempfile.TemporaryDirectory() as folder:
        throwaway = Workspace(Path(folder), workspace.settings)
        # The pseudonyms of a check are deleted with it, so an agency does not need the centre's key.
        key = throwaway.root / "pseudonym.key"
        key.touch(0o600)
        key.write_text(secrets.token_hex(32), "utf-8")
        account = receive(delivery, throwaway, registry)
        refused = throwaway.quarantine / contract.feed / f"{account.submission_id}.parquet"
        rows = _rows(refused, contract.feed) if refused.is_file() else []
        earlier = last_submission(workspace, account) if account.status == "accepted" else None
        told = changes(throwaway, account, workspace, earlier, load_feeds()[contract.feed]) if earlier else None
        slices = slice_changes(workspace, account, contract) if account.status == "accepted" else []
        yield CheckResult(account, rows, told, slices), throwaway


def _rows(path: Path, feed: str) -> list[dict[str, str]]:
    sentences = {rule: asdict(text) for rule, text in rule_texts().items()} | {
        row["id"]: row for row in catalogue(feed)
    }
    rows = []
    for line in pq.read_table(path, columns=["source_row", "problems"]).to_pylist():
        for problem in line["problems"]:
            words = sentences.get(problem["rule"], {})
            rows.append(
                {
                    "row": str(line["source_row"]),
                    "column": problem["column"],
                    "value": problem["value"],
                    "rule": problem["rule"],
                    "ar": words.get("ar", problem["rule"]),
                    "en": words.get("en", problem["rule"]),
                    "next_ar": words.get("next_ar", ""),
                    "next_en": words.get("next_en", ""),
                    "contract": contract_line(problem["rule"], problem["column"]),
                }
            )
    # The records of one wide row share its faults, and the agency fixes the row once.
    return list({(row["row"], row["column"], row["rule"]): row for row in rows}.values())
