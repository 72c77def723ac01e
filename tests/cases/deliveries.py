"""A centre of two agencies that files are delivered to, for the cases about what becomes of whole deliveries.

Belongs here: writing contracts and files, receiving them, asking which rows count. Does not belong here: any expectation.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from expectations.intake import Intake, receive_all
from ingestion.contract import Contract, load_contracts
from ingestion.slices import write_slices
from ingestion.submission_ledger import Account, read_accounts
from miyar.registry import Registry, load_registry
from miyar.workspace import Workspace

AGENCIES = """agency_id,name_ar,name_en,sector,peer_group,size_class,valid_from,valid_to,aliases
water,هيئة المياه,Water Authority,,,,,,
roads,هيئة الطرق,Roads Authority,,,,,,
"""
SURVEY: dict[str, Any] = {
    "feed": "survey_responses",
    "properties": [
        {"name": "agency_id", "constant": "water"},
        {"name": "item", "constant": "overall_satisfaction"},
        {"name": "wording_version", "constant": "w1"},
        {"name": "scale", "constant": "five"},
        {"name": "response_id", "physicalName": "id"},
        {"name": "responded_at", "physicalName": "at"},
        {"name": "value", "physicalName": "q1"},
    ],
    "scales": {"five": {"family": "satisfaction_5", "min": 1, "max": 5, "labels": {"Very satisfied": 5}}},
}
CASES: dict[str, Any] = {
    "feed": "complaints",
    "delivery": "upsert",
    "properties": [
        {"name": "agency_id", "physicalName": "agency"},
        {"name": "case_id", "physicalName": "case"},
        {"name": "opened_at", "physicalName": "opened"},
        {"name": "channel", "physicalName": "channel"},
    ],
}
STANDARDS: dict[str, Any] = {
    "feed": "service_standards",
    "properties": [
        {"name": "agency_id", "constant": "water"},
        {"name": "standard_id", "physicalName": "std"},
        {"name": "period_id", "constant": "2025Q4"},
        {"name": "target", "physicalName": "target"},
        {"name": "met", "physicalName": "met"},
        {"name": "total", "physicalName": "total"},
    ],
}


class Centre:
    """A workspace in a folder of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "registry").mkdir(parents=True)
        (root / "landing").mkdir()
        self.open_periods("2025Q1", "2025Q4")
        self.table("agencies", AGENCIES)
        self.table("owed", "agency_id,feed,from_period,to_period\n")

    def open_periods(self, first: str, last: str) -> None:
        """Write the settings with these open periods."""
        (self.root / "miyar.yml").write_text(
            "name: {ar: مركز, en: Centre}\nmethodology: '2026.2'\nmemory_limit: 500MB\n"
            f"periods: {{first: {first}, last: {last}}}\n",
            "utf-8",
        )

    def table(self, name: str, content: str) -> None:
        """Write a table of the registry."""
        (self.root / "registry" / f"{name}.csv").write_text(content, "utf-8")

    @property
    def workspace(self) -> Workspace:
        return Workspace.open(self.root)

    @property
    def registry(self) -> Registry:
        return load_registry(self.root / "registry")

    @property
    def contracts(self) -> list[Contract]:
        return load_contracts(self.root / "registry")

    @property
    def accounts(self) -> dict[str, Account]:
        """Path below landing/ -> the account of what lay there last."""
        return {account.path: account for account in read_accounts(self.workspace)}

    def contract(self, base: Mapping[str, Any], provider: str = "water", **changes: Any) -> Path:
        """Write a provider's contract; `changes` override top-level fields."""
        content = {"id": f"{provider}-{base['feed']}", "covers": "all", "format": {"type": "csv"}, **base, **changes}
        path = self.root / "registry" / "contracts" / provider / f"{base['feed']}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump({**content, "provider": provider}, allow_unicode=True), "utf-8")
        return path

    def land(self, name: str, content: str | bytes, provider: str = "water", feed: str = "survey_responses") -> Path:
        """Put a file into the landing zone."""
        path = self.root / "landing" / provider / feed / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def receive(self, **options: Any) -> Intake:
        """Receive what is new."""
        accounts = read_accounts(self.workspace)
        return receive_all(self.workspace, self.registry, self.contracts, accounts, **options)


def rows_of(header: str, rows: Iterable[Iterable[Any]]) -> str:
    """CSV of rows under a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header.split(","))
    writer.writerows(rows)
    return text.getvalue()


def answers(count: int, first_day: str, *more: tuple[str, str, int], begin: int = 1, value: int = 4) -> str:
    """CSV of `count` answers from `first_day` on, one a day in a round of sixty, and `more` rows of id, day, answer."""
    start = date.fromisoformat(first_day)
    rows: list[tuple[str, str, int]] = [
        (f"r{begin + number}", (start + timedelta(days=number % 60)).isoformat(), value) for number in range(count)
    ]
    return rows_of("id,at,q1", [*rows, *more])


def by_status(centre: Centre, status: str) -> dict[str, list[tuple[str, int]]]:
    """Slice -> the files (path below the feed's folder) that have this status for it, with their rows."""
    accounts = read_accounts(centre.workspace)
    paths = {account.submission_id: account.path.split("/", 2)[-1] for account in accounts}
    table, _ = write_slices(centre.workspace, accounts, centre.contracts)
    found: dict[str, list[tuple[str, int]]] = {}
    for row in table.to_pylist():
        if row["status"] == status:
            found.setdefault(row["slice_id"], []).append((paths[row["submission_id"]], row["rows"]))
    return found


def counting(centre: Centre) -> dict[str, list[tuple[str, int]]]:
    """Slice -> the files that count for it, with their rows."""
    return by_status(centre, "live")
