"""A small centre for trying one delivered file: registry, one contract, landing zone."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import yaml

from ingestion.contract import Contract, load_contracts
from ingestion.lake import Settlement, settle
from ingestion.landing import Delivery, discover
from ingestion.staging import Staged, stage
from ingestion.submission_ledger import (
    Account,
    by_submission,
    contract_hash,
    next_sequence,
    read_accounts,
    write_account,
)
from miyar.errors import MiyarError, Problem
from miyar.registry import Registry, load_registry
from miyar.workspace import Workspace

AGENCIES = """agency_id,name_ar,name_en,sector,peer_group,size_class,valid_from,valid_to,aliases
a01,هيئة النور,Noor Authority,,,,,,NA|النور
a02,مؤسسة الندى,Nada Foundation,,,,,,
"""
SERVICES = """service_id,agency_id,name_ar,name_en,digital_stage,aliases
a01-s1,a01,إصدار رخصة,Licence,,
a02-s1,a02,إصدار رخصة,Licence,,
a02-s2,a02,تجديد,Renewal,,
"""
REGIONS = """region_id,name_ar,name_en,aliases
XX-01,الشمال,North,
XX-02,الجنوب,South,
"""
NOTHING_REFUSED = pa.schema([(name, pa.string()) for name in ("row_id", "rule", "column")]).empty_table()
# Survey rows with one column each for agency, response, time and the answer to one question on 1-5.
SURVEY: dict[str, Any] = {
    "feed": "survey_responses",
    "properties": [
        {"name": "agency_id", "physicalName": "agency", "lookup": "agencies"},
        {"name": "response_id", "physicalName": "id"},
        {"name": "responded_at", "physicalName": "answered"},
        {"name": "item", "constant": "overall"},
        {"name": "wording_version", "constant": "w1"},
        {"name": "scale", "constant": "five"},
        {"name": "value", "physicalName": "q1"},
    ],
    "scales": {"five": {"family": "likert5", "min": 1, "max": 5, "dontKnow": ["9"], "labels": {"راضٍ": 4}}},
}
# Complaints: an id and dates.
COMPLAINTS: dict[str, Any] = {
    "feed": "complaints",
    "properties": [
        {"name": "agency_id", "constant": "a01"},
        {"name": "case_id", "physicalName": "case"},
        {"name": "opened_at", "physicalName": "opened"},
    ],
}


@dataclass
class Centre:
    """One workspace; every helper works on real files in it."""

    root: Path
    contracts: list[Contract] = field(default_factory=list)

    @property
    def workspace(self) -> Workspace:
        return Workspace.open(self.root)

    def contract(self, base: dict[str, Any], provider: str = "p1", **changes: Any) -> None:
        """Write one contract; `changes` override or add top-level fields."""
        content = {"id": f"{provider}-{base['feed']}", "covers": "all", "format": {"type": "csv"}, **base, **changes}
        content["provider"] = provider
        path = self.root / "registry" / "contracts" / provider / f"{base['feed']}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")

    def land(self, content: bytes | str, name: str = "f.csv", provider: str = "p1", feed: str = "") -> Path:
        """Put a file into the landing zone; the feed is that of the provider's only contract unless given."""
        folder = self.root / "registry" / "contracts" / provider
        feed = feed or next(folder.glob("*.yml")).stem
        path = self.root / "landing" / provider / feed / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def deliveries(self) -> list[Delivery]:
        deliveries, problems = discover(self.workspace, load_contracts(self.root / "registry"))
        assert problems == []
        return deliveries

    @property
    def registry(self) -> Registry:
        return load_registry(self.root / "registry")

    def stage(self, delivery: Delivery | None = None) -> Staged:
        delivery = delivery or self.deliveries()[-1]
        return stage(delivery, self.workspace, self.registry, self.root / "scratch" / delivery.submission_id)

    def refusal(self) -> list[Problem]:
        """The problems for which a whole delivery is refused."""
        with pytest.raises(MiyarError) as caught:
            self.stage()
        return caught.value.problems

    def rows(self, columns: str = "*", order: str = "") -> list[tuple[Any, ...]]:
        """Typed rows of the last delivery, in file order."""
        return duckdb.sql(f"select {columns} from read_parquet('{self.stage().typed}') {order}").fetchall()

    def problems(self) -> list[tuple[int, str, str, str]]:
        """(row, rule, column, shown value) of every record's problems in the last delivery."""
        staged = self.stage()
        if staged.problems is None:
            return []
        return duckdb.sql(
            f"""select source_row, p.rule, p.column, p.value
            from (select row_id, unnest(problems) as p, generate_subscripts(problems, 1) as place
                  from read_parquet('{staged.problems}')) as faults
            inner join read_parquet('{staged.typed}', file_row_number = true) as typed using (row_id)
            order by typed.file_row_number, place"""
        ).fetchall()

    def settle(self, staged: Staged, refused: pa.Table = NOTHING_REFUSED, share: float = 1.0) -> Settlement:
        return settle(staged, refused, self.workspace, share)

    def receive(self, delivery: Delivery) -> Account:
        """Stage, settle and account for a delivery, without any expectation."""
        staged = self.stage(delivery)
        settlement = self.settle(staged)
        account = Account(
            submission_id=delivery.submission_id,
            provider=delivery.contract.provider,
            feed=delivery.contract.feed,
            contract_id=delivery.contract.id,
            contract_version=delivery.contract.version,
            contract_hash=contract_hash(delivery.contract),
            path=delivery.shown,
            delivered_key=delivery.delivered_key,
            sequence=next_sequence(by_submission(read_accounts(self.workspace)), delivery.submission_id),
            status="accepted" if settlement.accepted else "refused",
            source_rows=staged.source_rows,
            records=staged.records,
            accepted=settlement.accepted,
            quarantined=settlement.quarantined,
            duplicates=settlement.duplicates,
            slices=settlement.slices,
            names=staged.names,
            names_hash=staged.names_hash,
        )
        write_account(self.workspace, account)
        return account


def build(root: Path) -> Centre:
    """A centre with two agencies, three services and two regions."""
    registry = root / "registry"
    registry.mkdir(parents=True)
    (root / "miyar.yml").write_text(
        "name: {ar: مركز, en: Centre}\nmethodology: v1\nperiods: {first: 2023Q1, last: 2026Q4}\nmemory_limit: 500MB\n",
        "utf-8",
    )
    (registry / "agencies.csv").write_text(AGENCIES, "utf-8")
    (registry / "services.csv").write_text(SERVICES, "utf-8")
    (registry / "regions.csv").write_text(REGIONS, "utf-8")
    (registry / "owed.csv").write_text("agency_id,feed,from_period,to_period\n", "utf-8")
    return Centre(root)


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    return build(tmp_path / "centre")


@pytest.fixture
def make_centre(tmp_path: Path) -> Callable[[str], Centre]:
    """Several centres in one test."""
    return lambda name: build(tmp_path / name)


@pytest.fixture
def survey() -> dict[str, Any]:
    return SURVEY


@pytest.fixture
def complaints() -> dict[str, Any]:
    return COMPLAINTS
