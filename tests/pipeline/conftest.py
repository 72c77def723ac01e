"""A centre of four invented agencies and nine small files, quick enough to run dozens of times.

Belongs here: its files, running the pipeline on it, reading the outcome. Does not belong here: expectations of any test.
"""

import csv
import io
import random
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from miyar.registry import load_registry
from miyar.registry_tables import TABLES
from miyar.workspace import Workspace
from publication.method import methodology_of, with_known_names

MOMENT = datetime(2026, 1, 20, 6, tzinfo=UTC)
SETTINGS = """name: {{ar: مركز صغير, en: Small centre}}
methodology: "2026.2"
periods: {{first: 2025Q3, last: 2025Q4}}
memory_limit: 500MB
threads: {threads}
"""
AGENCIES = {
    "a01": ("هيئة النور", "Noor"),
    "a02": ("مؤسسة الندى", "Nada"),
    "a03": ("مركز السنا", "Sana"),
    "a04": ("ديوان المدى", "Mada"),
}
REGISTRY: dict[str, list[tuple[str, ...]]] = {
    "agencies": [(key, arabic, english, "", "all", "", "", "", "") for key, (arabic, english) in AGENCIES.items()],
    "providers": [(key, *names) for key, names in AGENCIES.items()] + [("portal", "المنصة", "Portal")],
    "services": [(f"{key}-s1", key, "خدمة", "Service", "", "") for key in AGENCIES],
    "owed": [
        *((key, "survey_responses", "2025Q3", "2025Q4") for key in AGENCIES),
        *((key, "complaints", "2025Q4", "2025Q4") for key in AGENCIES),
        ("a03", "service_usage", "2025Q4", "2025Q4"),
        ("a03", "maturity_assessments", "2025Q4", "2025Q4"),
    ],
}
SURVEY = {
    "feed": "survey_responses",
    "properties": [
        {"name": "agency_id", "physicalName": "agency", "lookup": "agencies"},
        {"name": "response_id", "physicalName": "id"},
        {"name": "responded_at", "physicalName": "answered"},
        {"name": "channel", "physicalName": "channel"},
        {"name": "wording_version", "constant": "w1"},
        {"name": "scale", "constant": "five"},
    ],
    "records": [
        {
            "properties": [
                {"name": "item", "constant": "overall_satisfaction"},
                {"name": "value", "physicalName": "overall"},
            ]
        },
        {"properties": [{"name": "item", "constant": "trust"}, {"name": "value", "physicalName": "trust"}]},
    ],
    "scales": {"five": {"family": "satisfaction_5", "min": 1, "max": 5, "dontKnow": ["9"]}},
}
COMPLAINTS = {
    "feed": "complaints",
    "delivery": "upsert",
    "properties": [
        {"name": "agency_id", "physicalName": "agency", "lookup": "agencies"},
        {"name": "case_id", "physicalName": "case"},
        *({"name": f"{step}_at", "physicalName": step} for step in ("opened", "due", "resolved", "extracted")),
    ],
}
USAGE = {
    "feed": "service_usage",
    "properties": [
        {"name": "agency_id", "constant": "a03"},
        {"name": "service_id", "constant": "a03-s1"},
        *(
            {"name": column, "physicalName": column}
            for column in ("used_on", "channel", "started", "completed", "failed")
        ),
    ],
}
MATURITY = {
    "feed": "maturity_assessments",
    "properties": [
        {"name": "agency_id", "constant": "a03"},
        {"name": "model_id", "constant": "digital_experience"},
        {"name": "adoption_max", "constant": 3},
        {"name": "assessed_on", "constant": "2025-12-01"},
        *(
            {"name": column, "physicalName": column}
            for column in ("assessment_id", "practice_id", "dimension", "adoption")
        ),
    ],
}
CONTRACTS = [
    *((key, SURVEY) for key in ("a01", "a02", "a04")),
    ("portal", COMPLAINTS),
    ("a03", USAGE),
    ("a03", MATURITY),
]
# A redelivered slice (the first two), an upsert feed in two extracts, and one file that a test withdraws.
FIRST_Q3, SECOND_Q3 = "a01/survey_responses/2025Q3_2025-10-05.csv", "a01/survey_responses/2025Q3_2025-10-15.csv"
A01_Q4, A02_Q4 = "a01/survey_responses/2025Q4_2026-01-05.csv", "a02/survey_responses/2025Q4_2026-01-06.csv"
A04_Q4 = "a04/survey_responses/2025Q4_2026-01-08.csv"
FIRST_CASES, SECOND_CASES = "portal/complaints/2025-11-30.csv", "portal/complaints/2026-01-10.csv"


def survey_rows(agency: str, quarter: int, count: int, level: float) -> list[dict[str, Any]]:
    """Answers drawn from a seed per agency and quarter; 9 is don't know."""
    stream = random.Random(f"{agency} {quarter} {count}")
    codes = [1, 2, 3, 4, 5, 9]
    weights = [5 - level, 6 - level, 4, 1 + level, level, 0.3]
    return [
        {
            "agency": AGENCIES[agency][stream.randrange(2)],
            "id": f"{agency}-{quarter}-{number}",
            "answered": f"2025-{3 * quarter - stream.randrange(3):02}-{1 + stream.randrange(28):02}T10:30:00",
            "channel": stream.choice(["branch", "website", "app"]),
            "overall": stream.choices(codes, weights)[0],
            "trust": stream.choices(codes, weights)[0],
        }
        for number in range(count)
    ]


def case_rows(extracted: str, first: int, last: int) -> list[dict[str, Any]]:
    """Cases first..last-1 as one extract shows them; those due before it are mostly resolved."""
    rows = []
    for number in range(first, last):
        stream = random.Random(f"case {number}")
        day = 1 + stream.randrange(80)
        opened, due = (datetime.fromordinal(datetime(2025, 10, 1).toordinal() + day + plus) for plus in (0, 7))
        resolved = datetime.fromordinal(opened.toordinal() + 1 + stream.randrange(10))
        is_known = resolved.date().isoformat() < extracted
        rows.append(
            {
                "agency": AGENCIES[("a01", "a02", "a03")[number % 3]][0],
                "case": f"c{number}",
                "opened": opened.isoformat(),
                "due": due.isoformat(),
                "resolved": resolved.isoformat() if is_known else "",
                "extracted": f"{extracted}T00:00:00",
            }
        )
    return [row for row in rows if row["opened"][:10] < extracted]


def usage_rows() -> list[dict[str, Any]]:
    return [
        {
            "used_on": f"2025-{month}-01",
            "channel": channel,
            "started": 400 + month,
            "completed": 300 + month,
            "failed": month,
        }
        for month in (10, 11, 12)
        for channel in ("branch", "website")
    ]


def maturity_rows() -> list[dict[str, Any]]:
    dimensions = ("satisfaction", "user_experience", "complaints_handling", "technologies")
    return [
        {
            "assessment_id": "x1",
            "practice_id": f"{name}-{number}",
            "dimension": name,
            "adoption": (number + workspace) % 4,
        }
        for workspace, name in enumerate(dimensions)
        for number in range(5)
    ]


def all_rows() -> dict[str, list[dict[str, Any]]]:
    """Every delivery: path below landing/ -> its rows, in order of delivery."""
    return {
        FIRST_Q3: survey_rows("a01", 3, 60, 2.0),
        SECOND_Q3: survey_rows("a01", 3, 80, 3.0),
        FIRST_CASES: case_rows("2025-11-30", 0, 90),
        A01_Q4: survey_rows("a01", 4, 70, 3.5),
        A02_Q4: survey_rows("a02", 4, 64, 1.5),
        "a03/service_usage/2025Q4_2026-01-07.csv": usage_rows(),
        A04_Q4: survey_rows("a04", 4, 50, 4.0),
        SECOND_CASES: case_rows("2026-01-10", 20, 130),
        "a03/maturity_assessments/2025Q4_2026-01-09.csv": maturity_rows(),
    }


def as_csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@dataclass
class Micro:
    """One centre and what tests do with it."""

    root: Path
    moment = MOMENT
    # Paths of the deliveries that tests name.
    first_q3 = FIRST_Q3
    second_q3 = SECOND_Q3
    a01_q4 = A01_Q4
    a02_q4 = A02_Q4
    a04_q4 = A04_Q4
    first_cases = FIRST_CASES
    second_cases = SECOND_CASES
    deliveries = tuple(all_rows())
    survey = SURVEY
    usage = USAGE

    @staticmethod
    def rows(path: str) -> list[dict[str, Any]]:
        return all_rows()[path]

    @staticmethod
    def as_csv(rows: list[dict[str, Any]]) -> str:
        return as_csv(rows)

    @property
    def workspace(self) -> Workspace:
        return Workspace.open(self.root)

    def contract(self, provider: str, base: dict[str, Any], **changes: Any) -> None:
        content = {
            "id": f"{provider}-{base['feed']}",
            "provider": provider,
            "covers": "all",
            "format": {"type": "csv"},
            "delivered": {"fileName": r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.csv$"},
            **base,
            **changes,
        }
        path = self.root / "registry" / "contracts" / provider / f"{base['feed']}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")

    def land(self, paths: Iterable[str] | None = None, *, shuffle: int | None = None) -> None:
        """Put deliveries into the landing zone in this order; `shuffle` seeds another order of the rows in each."""
        every = all_rows()
        for path in every if paths is None else paths:
            rows = every[path]
            if shuffle is not None:
                random.Random(shuffle).shuffle(rows)
            self.write(path, as_csv(rows))

    def write(self, path: str, content: str | bytes) -> None:
        target = self.root / "landing" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)

    def receive(self) -> Any:
        """Receive what is new in the landing zone."""
        from expectations.intake import receive_all
        from ingestion.contract import load_contracts
        from ingestion.lake import write_empty_files
        from ingestion.submission_ledger import read_accounts

        workspace = self.workspace
        with workspace.lock():
            write_empty_files(workspace)
            return receive_all(
                workspace,
                with_known_names(load_registry(workspace.registry), methodology_of(workspace)),
                load_contracts(workspace.registry),
                read_accounts(workspace),
            )

    def build(self, select: list[str] | None = None) -> None:
        """Build the models as a run does, without the seconds that Dagster's events and dbt's data tests take.

        The data tests run with the whole pipeline: in `built_workspace`, in `run`, and where one should fail.
        """
        from ingestion.slices import write_slices
        from warehouse.dbt_runner import run_dbt
        from warehouse.inputs import Inputs
        from warehouse.snapshots import write_snapshots

        workspace = self.workspace
        with workspace.lock():
            inputs = Inputs.read(workspace)
            write_slices(workspace, inputs.accounts, inputs.contracts)
            write_snapshots(inputs)
            failed = [
                (result.unique_id, result.message) for result in run_dbt(workspace, select, "run") if result.failed
            ]
            assert failed == []

    def publish(self, moment: datetime = MOMENT, reason: str = "test") -> Any:
        from publication.editions import publish
        from warehouse.inputs import Inputs

        workspace = self.workspace
        with workspace.lock():
            inputs = Inputs.read(workspace)
            known = {"methodology": inputs.methodology, "accounts": inputs.accounts}
            return publish(workspace, inputs.origin, moment, reason=reason, **known)

    def withdraw(self, path: str) -> None:
        from ingestion.submission_ledger import withdraw

        withdraw(self.workspace, self.submission(path), "test")

    def run(self, moment: datetime = MOMENT, **options: Any) -> Any:
        """Run the whole pipeline through Dagster, as `miyar run` does."""
        from dagster_project.pipeline import run_pipeline

        return run_pipeline(self.root, moment, **options)

    def content_hash(self) -> str:
        from publication.manifest import read_manifest

        return read_manifest(self.workspace.editions / "current").content_hash

    def submission(self, path: str) -> str:
        from ingestion.submission_ledger import read_accounts

        (found,) = [one.submission_id for one in read_accounts(self.workspace) if one.path == path]
        return found

    def last_run(self, job: str) -> tuple[Any, list[Any]]:
        """A job's newest stored run and its Dagster events, from the workspace's instance."""
        import dagster as dg

        from dagster_project.instance import open_instance

        with open_instance(self.root) as instance:
            (run,) = instance.get_runs(dg.RunsFilter(job_name=job), limit=1)
            return run, [entry.dagster_event for entry in instance.all_logs(run.run_id) if entry.dagster_event]

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """Query the warehouse."""
        with duckdb.connect(str(self.workspace.warehouse), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def edition(self, query: str, name: str = "current") -> list[tuple[Any, ...]]:
        """Query an edition, opened as a reader opens it."""
        database = (self.workspace.editions / name / "benchmarks.duckdb").resolve()
        with duckdb.connect(str(database), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def cells(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every table of cells, with its rows sorted."""
        tables = self.sql(
            "select table_name from information_schema.tables where table_schema = 'intermediate' "
            "and table_name like '%\\_\\_cells' escape '\\' order by 1"
        )
        assert len(tables) == 19
        return {name: self.sql(f"from intermediate.{name} order by all") for (name,) in tables}


def make(root: Path, threads: int = 2) -> Micro:
    """Write the centre's registry and contracts; nothing is delivered yet."""
    registry = root / "registry"
    registry.mkdir(parents=True)
    (root / "landing").mkdir()
    (root / "miyar.yml").write_text(SETTINGS.format(threads=threads), "utf-8")
    for table, (columns, _, _) in TABLES.items():
        with (registry / f"{table}.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows([columns, *REGISTRY.get(table, [])])
    micro = Micro(root)
    for provider, base in CONTRACTS:
        micro.contract(provider, base)
    return micro


@pytest.fixture
def micro(tmp_path: Path) -> Micro:
    return make(tmp_path / "centre")


@pytest.fixture
def make_micro(tmp_path: Path) -> Callable[..., Micro]:
    """Several centres in one test, by name."""
    return lambda name, threads=2: make(tmp_path / name, threads)


@pytest.fixture(scope="session")
def _built(made_once: Callable[..., Path]) -> Micro:
    def built(root: Path) -> None:
        micro = make(root)
        micro.land()
        assert micro.run().is_published

    return Micro(made_once("micro", built))


@pytest.fixture
def built(_built: Micro, tmp_path: Path) -> Micro:
    """A copy of the centre after one run over all nine files."""
    shutil.copytree(_built.root, tmp_path / "built", symlinks=True)
    return Micro(tmp_path / "built")


@pytest.fixture(scope="session")
def expected_hash(_built: Micro) -> str:
    """The content hash after one undisturbed run over all nine files."""
    return _built.content_hash()


@pytest.fixture(scope="module")
def micro_factory(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Micro]:
    """A centre that the tests of one module share."""
    return lambda name: make(tmp_path_factory.mktemp(name) / "centre")


@pytest.fixture(scope="module")
def shared(_built: Micro, tmp_path_factory: pytest.TempPathFactory) -> Micro:
    """One copy of the built centre for the tests of a module that only read it."""
    root = tmp_path_factory.mktemp("shared") / "centre"
    shutil.copytree(_built.root, root, symlinks=True)
    return Micro(root)
