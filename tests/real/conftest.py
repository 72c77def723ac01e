"""Running the real sets: a temporary copy of a set's workspace, its files in the landing zone, the pipeline, SQL on it.

Belongs here: what the tests of all sets share. Does not belong here: expected figures, which each test computes itself.
"""

import csv
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from expectations.intake import Intake, receive_all
from ingestion.contract import load_contracts
from ingestion.lake import write_empty_files
from ingestion.submission_ledger import Account, read_accounts
from miyar.registry import load_registry
from miyar.workspace import Workspace
from publication.method import methodology_of, with_known_names
from tests.reached import differences
from warehouse.dbt_runner import run_dbt
from warehouse.inputs import Inputs
from warehouse.snapshots import write_snapshots

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = REPOSITORY.parent / "shared" / "data"


class RealSet:
    """One set in a temporary workspace."""

    def __init__(self, name: str, folder: str, root: Path) -> None:
        self.source = Path(__file__).parent / name
        self.data = DATA / name
        shutil.copytree(self.source / folder, root)
        self.workspace = Workspace.open(root)

    def land(self, batch: str = "all") -> int:
        """Copy the files of a batch of `landing.csv` to the landing zone; returns their number."""
        with (self.source / "landing.csv").open(encoding="utf-8", newline="") as stream:
            rows = [row for row in csv.DictReader(stream) if row["batch"] == batch]
        for row in rows:
            target = self.workspace.landing / row["landing"]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(DATA / row["source"], target)
        return len(rows)

    def receive(self) -> Intake:
        """Receive what is new in the landing zone, as a run does; the counts of every account must add up."""
        registry = with_known_names(load_registry(self.workspace.registry), methodology_of(self.workspace))
        contracts = load_contracts(self.workspace.registry)
        with self.workspace.lock():
            intake = receive_all(self.workspace, registry, contracts, read_accounts(self.workspace))
        for account in intake.accounts:
            _assert_conserved(account)
        return intake

    def build(self) -> None:
        """Build the warehouse from the lake; all models and tests must pass, and accepted rows be in a figure or listed."""
        with self.workspace.lock():
            write_empty_files(self.workspace)
            write_snapshots(Inputs.read(self.workspace))
            results = list(run_dbt(self.workspace))
        assert results
        assert not [(result.unique_id, result.message) for result in results if result.failed]
        assert differences(self.workspace) == []

    def publish(self) -> Any:
        """Do all that `miyar run` does: receive new files from the landing zone, build the warehouse, publish an edition."""
        # Imported here because Dagster takes seconds to import, and only one set goes this far.
        from dagster_project.pipeline import run_pipeline

        return run_pipeline(self.workspace.root, datetime(2026, 1, 20, tzinfo=UTC))

    def scores(self, unit_type: str, metric_id: str) -> pd.DataFrame:
        """Return the benchmark table's rows of a metric that are reported, suppressed or refused, by unit and period."""
        with duckdb.connect(str(self.workspace.warehouse), read_only=True) as connection:
            return (
                connection.execute(
                    """select unit_id, period_id, status, status_reason, n, score::double as score,
                        ci_low::double as ci_low, ci_high::double as ci_high
                    from benchmarks.bench_scores
                    where unit_type = ? and metric_id = ? and status in ('reported', 'suppressed', 'refused')""",
                    [unit_type, metric_id],
                )
                .df()
                .set_index(["unit_id", "period_id"])
                .sort_index()
            )

    def warehouse(self, query: str) -> pd.DataFrame:
        with duckdb.connect(str(self.workspace.warehouse), read_only=True) as connection:
            return connection.execute(query).df()

    def lake(self, feed: str) -> str:
        """Return an SQL relation of the accepted rows that count: those of submissions live in their slice."""
        folder = self.workspace.lake
        return (
            f"(select accepted.* from read_parquet('{folder}/{feed}/*/*.parquet', hive_partitioning = false) accepted "
            f"semi join (from read_parquet('{folder}/slices.parquet') where status = 'live') live "
            "using (slice_id, submission_id))"
        )

    def quarantined(self, feed: str) -> str:
        """Return an SQL relation of the refused rows of a feed."""
        return f"read_parquet('{self.workspace.quarantine}/{feed}/*.parquet')"

    def sql(self, query: str) -> pd.DataFrame:
        with duckdb.connect() as connection:
            return connection.execute(query).df()

    def one(self, query: str) -> Any:
        """Return the single value of a query."""
        with duckdb.connect() as connection:
            row = connection.execute(query).fetchone()
        assert row is not None and len(row) == 1
        return row[0]


def _assert_conserved(account: Account) -> None:
    assert account.status == "accepted", account.problems
    assert account.records == account.accepted + account.quarantined + account.duplicates


@pytest.fixture(scope="module")
def open_set(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., RealSet]]:
    """Open a set by the name of its folder under the shared data, or skip the test."""

    def open_one(name: str, folder: str = "workspace") -> RealSet:
        if not (DATA / name).is_dir():
            pytest.skip(f"the shared data set {name} is not beside the repository; nothing to run on")
        return RealSet(name, folder, tmp_path_factory.mktemp(name) / "centre")

    yield open_one
