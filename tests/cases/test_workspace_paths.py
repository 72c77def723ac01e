"""Workspaces whose path holds what patterns and SQL are made of: names are names.

Kinds and sources: duckdb/duckdb#4699 (brackets in a file's name), duckdb/duckdb#15722 (how a path is escaped),
malloydata/malloy#722 (stars in a path), duckdb/duckdb#5897 (two stars).
"""

from pathlib import Path
from typing import Any

import pytest

from expectations.intake import receive_all
from ingestion.contract import load_contracts
from ingestion.databases import session
from miyar import sql
from tests.ingestion import conftest as shared

complaints = shared.complaints
TABLE = "case,opened\nc1,2025-02-03\nc1,2025-02-03\nc2,2025-06-03\nc3,never\n"


def received(root: Path, contract: dict[str, Any], content: str | bytes, name: str) -> tuple[int, int, int]:
    """The rows accepted, held back and taken out as duplicates, counted by the account and in the lake's files."""
    centre = shared.build(root)
    centre.contract(contract, delivery="upsert")
    centre.land(content, name)
    [account] = receive_all(centre.workspace, centre.registry, load_contracts(root / "registry"), []).accounts
    lake = sorted((root / "lake" / "complaints").rglob("*.parquet"))
    quarantine = sorted((root / "lake" / "quarantine").rglob("*.parquet"))
    with session(centre.workspace.settings, root / "scratch" / "test", 1) as connection:
        counted = [sql.count(connection, f"select count(*) from {sql.parquet(*files)}") for files in (lake, quarantine)]
    assert counted == [account.accepted, account.quarantined]
    return account.accepted, account.quarantined, account.duplicates


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("st*r", "star"),
        ("wh?t", "what"),
        ("a [b] c", "a b c"),
        ("[ab]", "a"),
        ("it's", "its"),
        ('qu"ote', "quote"),
        ("مركز القياس", "مركز"),
        ("{a,b}", "a"),
        ("**", "x"),
    ],
)
@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_a_workspace_whose_name_is_a_pattern(
    tmp_path: Path, complaints: dict[str, Any], name: str, other: str, form: str
) -> None:
    """Beside it stands a workspace that the pattern would match, with files of the same names."""
    content = TABLE
    if form == "ndjson":
        lines = [line.split(",") for line in TABLE.splitlines()[1:]]
        content = "".join(f'{{"case": "{case}", "opened": "{opened}"}}\n' for case, opened in lines)
    contract = {**complaints, "format": {"type": form}}
    assert received(tmp_path / other, contract, content, f"f.{form}") == (2, 1, 1)
    assert received(tmp_path / name, contract, content, f"f.{form}") == (2, 1, 1)
