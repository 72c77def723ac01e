"""What a small centre's stored runs record: tags that identify code and registry, and sizes of the results."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from publication.manifest import read_manifest

JOBS = ("ingest", "build", "publish")


def _made(micro, job: str) -> dict[tuple[str, str | None], dict[str, Any]]:
    """(asset, partition) -> metadata of the newest run's materialisations."""
    _, events = micro.last_run(job)
    return {
        (event.asset_key.to_user_string(), event.partition): {
            name: entry.value for name, entry in event.step_materialization_data.materialization.metadata.items()
        }
        for event in events
        if event.event_type_value == "ASSET_MATERIALIZATION"
    }


@pytest.mark.parametrize("job", JOBS)
def test_a_run_carries_the_hashes_the_edition_names(shared, job: str) -> None:
    run, _ = shared.last_run(job)
    assert run.status.value == "SUCCESS"
    manifest = read_manifest(shared.workspace.editions / "current")
    assert run.tags["miyar/code"] == manifest.code_hash[:16]
    assert run.tags["miyar/registry"] == manifest.registry_hash[:16]
    assert run.tags["miyar/started_by"] == "miyar run"


def test_runs_over_partitions_name_their_range(shared) -> None:
    def ends(job: str) -> tuple[str | None, str | None]:
        tags = shared.last_run(job)[0].tags
        return tags.get("dagster/asset_partition_range_start"), tags.get("dagster/asset_partition_range_end")

    assert [ends(job) for job in JOBS] == [("a01", "portal"), (None, None), (None, None)]


@pytest.mark.parametrize(
    ("feed", "provider"), [("complaints", "portal"), ("service_usage", "a03"), ("maturity_assessments", "a03")]
)
def test_a_feed_tells_its_rows_and_bytes(shared, feed: str, provider: str) -> None:
    """For feeds that one provider delivers, counted in the files in the landing zone and in the lake."""
    delivered = [path for path in shared.deliveries if path.startswith(f"{provider}/{feed}/")]
    stored = sorted((shared.workspace.lake / feed).glob("period=20*/*.parquet"))
    made = _made(shared, "ingest")[f"lake/{feed}", provider]
    assert made["dagster/row_count"] == sum(len(shared.rows(path)) for path in delivered)
    ((in_lake,),) = duckdb.sql(f"select count(*) from read_parquet({[str(path) for path in stored]})").fetchall()
    assert made["dagster/row_count"] == in_lake > 0
    assert made["bytes_in_lake"] == sum(path.stat().st_size for path in stored)
    assert (made["submissions_new"], made["submissions_known"]) == (len(delivered), 0)
    assert (made["rows_quarantined"], made["exact_duplicates"]) == (0, 0)


def test_every_model_of_the_warehouse_was_made_and_timed(shared) -> None:
    made = _made(shared, "build")
    tables = shared.sql(
        "select table_schema || '/' || table_name from information_schema.tables where table_schema <> 'failures'"
    )
    assert {asset for asset, _ in made} == {name for (name,) in tables}
    assert all(metadata["seconds"] >= 0 and metadata["dbt"] == "OK" for metadata in made.values())
    rows = shared.sql("select count(*) from intermediate.int_survey__cells")
    assert [(made["intermediate/int_survey__cells", None]["dagster/row_count"],)] == rows


def test_the_edition_tells_what_it_is_and_how_large(shared) -> None:
    made = _made(shared, "publish")["editions/current", None]
    folder: Path = (shared.workspace.editions / "current").resolve()
    assert made["edition"] == folder.name and made["is_new"] is True
    assert made["content_hash"] == read_manifest(folder).content_hash
    assert made["bytes"] == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
