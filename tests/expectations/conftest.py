"""Typed rows and small centres for the tests of the suites and the intake.

Belongs here: writing rows as staging leaves them, and a centre of two providers. Does not belong here: any expectation.
"""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from ingestion.contract import Contract, load_contracts
from ingestion.feeds import load_feeds
from miyar.registry import load_registry
from miyar.workspace import Workspace

SAMPLES: dict[str, Any] = {
    "text": "x",
    "integer": 1,
    "decimal": Decimal(1),
    "timestamp": datetime(2026, 1, 15, 10),
    "date": date(2026, 1, 15),
    "boolean": True,
}
# Values for feeds whose required columns would contradict each other if filled with the plain samples.
CLEAN: dict[str, dict[str, Any]] = {
    "survey_responses": {"scale_min": 1, "scale_max": 5, "value": 3, "is_reversed": False},
}
Row = dict[str, Any]


def _clean_row(feed_name: str, number: int) -> Row:
    """A row that passes every rule: required columns filled, codes known, its own keys, everything else empty."""
    feed = load_feeds()[feed_name]
    row: Row = {}
    for column in feed.columns:
        if column.codes:
            row[column.name] = column.codes[0] if column.required else None
        elif column.required:
            row[column.name] = f"{column.name}-{number}" if column.name in feed.key else SAMPLES[column.type]
        else:
            row[column.name] = None
    row |= {"agency_id": "a01", "period_id": "2026Q1", "service_id": f"s{number}"} | CLEAN.get(feed_name, {})
    return row


@pytest.fixture
def write_typed(tmp_path: Path) -> Callable[..., Path]:
    """Write rows (each a set of changes to a clean row) as `typed.parquet`; row ids are r0, r1, ... in order."""

    def write(feed_name: str, changes: list[Row]) -> Path:
        schema = load_feeds()[feed_name].lake_schema
        rows = []
        for number, change in enumerate(changes):
            row = {**_clean_row(feed_name, number), **change}
            lineage = {"provider_id": "p", "submission_id": "s", "row_id": f"r{number}", "source_row": number + 2}
            slice_id = f"{feed_name}|{row['agency_id']}|{row['period_id']}"
            rows.append({**row, **lineage, "slice_id": slice_id})
        columns = {
            field.name: pa.array([_fit(row[field.name], field.type) for row in rows], field.type) for field in schema
        }
        path = tmp_path / "typed.parquet"
        pq.write_table(pa.table(columns, schema), path)
        return path

    return write


def _fit(value: Any, kind: pa.DataType) -> Any:
    if value is None or not pa.types.is_decimal(kind):
        return value
    return Decimal(str(value))


AGENCIES = """agency_id,name_ar,name_en,sector,peer_group,size_class,valid_from,valid_to,aliases
a01,هيئة النور,Noor Authority,,,,,,
a02,مؤسسة الندى,Nada Foundation,,,,,,
"""
SURVEY: Row = {
    "feed": "survey_responses",
    "covers": ["a01"],
    "format": {"type": "csv"},
    "properties": [
        {"name": "agency_id", "physicalName": "agency"},
        {"name": "response_id", "physicalName": "id"},
        {"name": "invited_at", "physicalName": "invited", "optional": True},
        {"name": "responded_at", "physicalName": "answered"},
        {"name": "item", "constant": "overall"},
        {"name": "wording_version", "constant": "w1"},
        {"name": "scale", "constant": "five"},
        {"name": "value", "physicalName": "q1"},
    ],
    "scales": {"five": {"family": "likert5", "min": 1, "max": 5}},
}


class Centre:
    """A workspace in a temporary folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        registry = root / "registry"
        registry.mkdir(parents=True)
        (root / "miyar.yml").write_text(
            "name: {ar: مركز, en: Centre}\nmethodology: '2026.2'\nperiods: {first: 2025Q1, last: 2026Q4}\n"
            "memory_limit: 500MB\n",
            "utf-8",
        )
        (registry / "agencies.csv").write_text(AGENCIES, "utf-8")
        (registry / "owed.csv").write_text("agency_id,feed,from_period,to_period\n", "utf-8")
        self.workspace = Workspace.open(root)

    @property
    def registry(self) -> Any:
        return load_registry(self.root / "registry")

    @property
    def contracts(self) -> list[Contract]:
        return load_contracts(self.root / "registry")

    def contract(self, provider: str, **changes: Any) -> Path:
        """Write a survey contract of one provider; return its path."""
        content = {**SURVEY, "id": f"{provider}-survey", "provider": provider, **changes}
        path = self.root / "registry" / "contracts" / provider / "survey_responses.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
        return path

    def land(self, provider: str, name: str, *rows: str) -> Path:
        """Write a CSV of a provider: rows of agency, id, time answered, answer."""
        path = self.root / "landing" / provider / "survey_responses" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(["agency,id,answered,q1", *rows]) + "\n", "utf-8")
        return path


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    return Centre(tmp_path / "centre")


@pytest.fixture
def people(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> Centre:
    """A centre to which a file with two people was delivered."""
    from tests.expectations.keeping import FIRST, KEY, PEOPLE, land

    monkeypatch.setenv("MIYAR_PSEUDONYM_KEY", KEY)
    centre.contract("p1", **PEOPLE)
    land(centre, FIRST)
    return centre
