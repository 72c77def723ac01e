"""Publishing: the content of an edition, when there is a new one, and what a reader may do with it.

Belongs here: `editions`, `difference`, `packs`, `reading`. Does not belong here: detection of changes (`test_verify`).
"""

import csv
import json
import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import pytest

from miyar.errors import MiyarError
from publication.asof import in_force
from publication.editions import Published
from publication.manifest import list_editions, read_manifest
from publication.reading import benchmark_rows, headline_metrics, last_period, open_edition
from tests.publication.centre import NOW, ORIGIN, publish_as_it_stands

RESTATED = "update benchmarks.bench_scores set score = 72 where score_id = 's3'"


def _pack(published: Published, agency: str) -> list[dict[str, str]]:
    with (published.path / "packs" / agency / "tables" / "owner_scores.csv").open(
        encoding="utf-8-sig", newline=""
    ) as stream:
        return list(csv.DictReader(stream))


def _inside(centre: Any) -> list[str]:
    return sorted(path.name for path in centre.workspace.editions.iterdir())


def test_an_edition_holds_its_period_and_those_before(centre: Any) -> None:
    published = centre.publish()
    # Q2 has no reported score, so the edition is that of Q1 and leaves Q2 out.
    assert (published.edition_id, published.is_new) == ("2026Q1-r1", True)
    with open_edition(published.path) as connection:
        found = connection.execute("select score_id from bench_scores order by 1").fetchall()
        assert found == [("s1",), ("s2",), ("s3",), ("s4",)]
        assert connection.execute("select score_id from bench_lineage order by 1").fetchall() == [
            ("s1",),
            ("s3",),
            ("s4",),
        ]
        tables = connection.execute(
            "select table_name, table_type from information_schema.tables order by 1"
        ).fetchall()
    names = ["bench_lineage", "bench_peer_positions", "bench_scores", "dim_agencies", "dim_metrics", "dim_units"]
    # Tables only: neither views nor the warehouse's internal schemas are published.
    assert tables == [(name, "BASE TABLE") for name in names]
    assert sorted(path.stem for path in (published.path / "tables").iterdir()) == names
    for name in names:
        with duckdb.connect() as connection:
            connection.execute(f"attach '{published.path / 'benchmarks.duckdb'}' as e (read_only)")
            parquet = f"from read_parquet('{published.path}/tables/{name}.parquet')"
            assert connection.execute(f"(from e.{name} except all {parquet})").fetchall() == []
            assert connection.execute(f"({parquet} except all from e.{name})").fetchall() == []


def test_the_manifest_says_what_it_was_made_from(centre: Any) -> None:
    published = centre.publish()
    manifest = read_manifest(published.path)
    assert manifest.edition_id == "2026Q1-r1"
    assert (manifest.published_at, manifest.period_id, manifest.revision) == ("2026-04-20T09:00:00+00:00", "2026Q1", 1)
    assert (manifest.methodology_hash, manifest.code_hash) == ("m" * 64, "k" * 64)
    assert list(manifest.submissions) == ["sub-a", "sub-b"]
    assert manifest.tables["bench_scores"].rows == 4
    assert manifest.tables["bench_scores"].columns[:2] == ["score_id", "unit_type"]
    inside = {path.relative_to(published.path).as_posix() for path in published.path.rglob("*") if path.is_file()}
    assert set(manifest.files) == inside - {"manifest.json"}
    assert manifest.previous_edition_id is None


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        (datetime(2026, 4, 20, 2, tzinfo=timezone(timedelta(hours=3))), "2026-04-19T23:00:00+00:00"),
        (datetime(2026, 4, 20, 2), "2026-04-20T02:00:00+00:00"),  # a form without a zone gives this
    ],
)
def test_moments_are_told_in_utc(centre: Any, moment: datetime, told: str) -> None:
    """The ledger orders editions by these texts, and finds by them which were in force on a day."""
    published = publish_as_it_stands(centre.workspace, ORIGIN, moment)
    assert read_manifest(published.path).published_at == told
    assert [entry.edition_id for entry in in_force(centre.workspace.editions, "2026-04-20")] == ["2026Q1-r1"]


def test_documentation_travels_along(centre: Any) -> None:
    with open_edition(centre.publish().path) as connection:
        table = connection.execute("select comment from duckdb_tables() where table_name = 'dim_agencies'").fetchone()
        column = connection.execute(
            "select comment from duckdb_columns() where table_name = 'dim_agencies' and column_name = 'name_ar'"
        ).fetchone()
    assert table == ("Who is measured; one row per agency's id.",)
    assert column == ("Arabic name.",)


def test_older_drivers_can_read_it(centre: Any) -> None:
    path = centre.publish().path / "benchmarks.duckdb"
    # DuckDB's file format: bytes 8-11 are "DUCK", the next eight the storage version; 64 is that of 1.0.0 and before.
    head = path.read_bytes()[8:20]
    assert head[:4] == b"DUCK"
    assert int.from_bytes(head[4:12], "little") == 64
    with duckdb.connect() as connection:
        connection.execute(f"attach '{path}' as edition (read_only)")
        tags = connection.execute("select tags from duckdb_databases() where database_name = 'edition'").fetchone()
    assert tags is not None and "v1.0.0" in tags[0]["storage_version"]


def test_an_edition_is_read_only(centre: Any) -> None:
    published = centre.publish()
    for path in published.path.rglob("*"):
        assert not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH), path


def test_current_is_a_relative_link(centre: Any) -> None:
    published = centre.publish()
    current = centre.workspace.editions / "current"
    # The link is relative, so that the folder of editions may be mounted or moved as a whole.
    assert current.readlink() == Path(published.edition_id)
    assert current.resolve() == published.path.resolve()


def test_same_content_is_no_new_edition(centre: Any) -> None:
    first = centre.publish()
    centre.change(
        "create table t as from benchmarks.bench_scores order by score_id desc; drop table benchmarks.bench_scores;"
        "create table benchmarks.bench_scores as from t"
    )
    again = centre.publish()
    assert (again.edition_id, again.is_new, again.content_hash) == (first.edition_id, False, first.content_hash)
    assert sorted(path.name for path in centre.workspace.editions.iterdir()) == [
        "2026Q1-r1",
        "checkpoints",
        "current",
        "ledger.jsonl",
    ]


def test_a_correction_needs_a_reason(centre: Any) -> None:
    centre.publish()
    centre.change(RESTATED)
    for reason in ("", "   "):
        with pytest.raises(MiyarError, match="2026Q1-r1 is published") as caught:
            centre.publish(reason=reason)
        assert [problem.rule for problem in caught.value.problems] == ["reason_missing"]
    assert sorted(path.name for path in centre.workspace.editions.iterdir()) == [
        "2026Q1-r1",
        "checkpoints",
        "current",
        "ledger.jsonl",
    ]
    second = centre.publish(reason="Noor sent a corrected file")
    assert (second.edition_id, second.is_new) == ("2026Q1-r2", True)
    manifest = read_manifest(second.path)
    assert (manifest.reason, manifest.previous_edition_id) == ("Noor sent a corrected file", "2026Q1-r1")
    assert (centre.workspace.editions / "current").resolve() == second.path.resolve()
    # The first edition is unchanged.
    with open_edition(centre.workspace.editions / "2026Q1-r1") as connection:
        assert connection.execute("select score::double from bench_scores where score_id = 's3'").fetchone() == (71.25,)


def test_a_revision_that_is_gone_is_not_given_again(centre: Any) -> None:
    centre.publish()
    centre.change(RESTATED)
    centre.publish(reason="a corrected file")
    (centre.workspace.editions / "2026Q1-r1").rename(centre.workspace.root / "moved away")
    centre.change(RESTATED.replace("72", "73"))
    assert centre.publish(reason="another one").edition_id == "2026Q1-r3"


def test_a_new_period_needs_no_reason_and_old_ones_do_not_take_over(centre: Any) -> None:
    centre.publish(period="2025Q4")
    newer = centre.publish()
    assert list_editions(centre.workspace.editions) == ["2025Q4-r1", "2026Q1-r1"]
    assert read_manifest(newer.path).previous_edition_id == "2025Q4-r1"
    centre.change("update benchmarks.bench_scores set score = 1 where score_id = 's1'")
    older = centre.publish(period="2025Q4", reason="late correction")
    assert older.edition_id == "2025Q4-r2"
    assert (centre.workspace.editions / "current").readlink().name == "2026Q1-r1"


@pytest.mark.parametrize("period", ["2019Q4", "soon", "../../elsewhere", "2026Q1' or true --"])
def test_a_period_the_warehouse_does_not_have_is_refused(centre: Any, period: str) -> None:
    with pytest.raises(MiyarError) as caught:
        centre.publish(period=period)
    assert [problem.rule for problem in caught.value.problems] == ["period_unknown"]
    assert list(centre.workspace.editions.iterdir()) == []


def test_the_difference_names_every_score(centre: Any) -> None:
    centre.publish()
    centre.change(
        f"{RESTATED}; delete from benchmarks.bench_scores where score_id = 's4';"
        "update benchmarks.bench_scores set status = 'reported', status_reason = null, score = 50, n = 31 "
        "where score_id = 's2';"
        "insert into benchmarks.bench_scores (score_id, unit_type, unit_id, agency_id, metric_id, period_id, status) "
        "values ('s9', 'agency', 'a02', 'a02', 'speed', '2026Q1', 'missing')"
    )
    second = centre.publish(reason="corrections")
    told = json.loads((second.path / "difference.json").read_text("utf-8"))
    assert told["summary"] == {
        "older": "2026Q1-r1",
        "added": 1,
        "removed": 1,
        "changed": 2,
        "restated_periods": ["2025Q4", "2026Q1"],
    }
    rows = {row["score_id"]: row for row in told["scores"]}
    assert {score: row["change"] for score, row in rows.items()} == {
        "s2": "changed",
        "s3": "changed",
        "s4": "removed",
        "s9": "added",
    }
    assert (rows["s3"]["score_before"], rows["s3"]["score_after"]) == (71.25, 72.0)
    assert (rows["s2"]["status_before"], rows["s2"]["status_after"]) == ("suppressed", "reported")
    assert (rows["s2"]["n_before"], rows["s2"]["n_after"]) == (None, 31)
    assert (rows["s4"]["score_before"], rows["s4"]["score_after"]) == (64.0, None)
    assert "s1" not in rows


def test_what_a_killed_run_left_is_swept(centre: Any) -> None:
    left = centre.workspace.editions / ".building-2026Q1"
    (left / "tables").mkdir(parents=True)
    (left / "tables" / "half.parquet").write_bytes(b"PAR1")
    (left / "tables").chmod(0o555)
    other = centre.workspace.editions / ".building-2025Q4"
    other.mkdir()
    published = centre.publish()
    assert published.is_new
    assert not left.exists() and not other.exists()
    assert not (published.path / "tables" / "half.parquet").exists()


def test_nothing_to_publish_is_said(centre: Any) -> None:
    centre.change("update benchmarks.bench_scores set status = 'missing'")
    with pytest.raises(MiyarError, match="nothing_to_publish"):
        centre.publish()
    centre.workspace.warehouse.unlink()
    with pytest.raises(MiyarError, match="no_warehouse"):
        centre.publish()


def test_a_pack_holds_nothing_of_another_agency(centre: Any) -> None:
    published = centre.publish()
    for agency, other in (("a01", "a02"), ("a02", "a01")):
        rows = _pack(published, agency)
        assert len(rows) == 2
        assert {row["unit_id"] for row in rows} == {agency}
        for path in (published.path / "packs" / agency).rglob("*.*"):
            # Everybody may know who is measured (access.yml); nothing else of the other agency is there.
            if path.suffix in (".csv", ".json", ".html") and path.stem != "dim_agencies":
                text = path.read_text("utf-8-sig")
                text = text[text.find("<body>") :] if path.suffix == ".html" else text
                assert other not in text, path.name
                assert {"a01": "Nada", "a02": "Noor"}[agency] not in text, path.name


def test_the_owner_sees_what_the_public_does_not(centre: Any) -> None:
    published = centre.publish()
    hidden = next(row for row in _pack(published, "a02") if row["period_id"] == "2025Q4")
    assert (hidden["status"], hidden["score"], hidden["n"]) == ("owner_only", "55.1250", "12")
    centre.change(
        "update intermediate.int_scores__judged set owner_reason = 'n_below_owner_minimum', n = 3 "
        "where agency_id = 'a02' and period_id = '2025Q4'"
    )
    second = centre.publish(reason="fewer answers than thought")
    hidden = next(row for row in _pack(second, "a02") if row["period_id"] == "2025Q4")
    assert (hidden["status"], hidden["score"], hidden["n"]) == ("suppressed", "", "")


def test_a_refused_stray_row_shows_no_agency_the_file_of_another(centre: Any) -> None:
    rows = [("a01", 7), ("a02", 0)]
    slices = [{"agency_id": agency, "period_id": "2026Q1", "rows": count} for agency, count in rows]
    centre._account("sub-c", slices, {"agency_not_covered": 1})
    packs = centre.publish().path / "packs"
    files = {
        agency: [line["submission_id"] for line in json.loads((packs / agency / "quality.json").read_text("utf-8"))]
        for agency in ("a01", "a02")
    }
    assert "sub-c" in files["a01"] and "sub-c" not in files["a02"]


def test_a_shared_file_tells_each_agency_only_its_own_rows(centre: Any) -> None:
    published = centre.publish()
    quality = json.loads((published.path / "packs" / "a01" / "quality.json").read_text("utf-8"))
    own, shared = quality
    assert own["rules"] == {"value_in_scale": 2}
    assert own["records"] == 7777
    # The platform's file is about two agencies, so neither of them gets its totals and rules.
    assert "rules" not in shared and "records" not in shared
    assert shared["accepted"] == 7


def test_a_reader_reads_no_other_file_and_sets_nothing(centre: Any, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n", "utf-8")
    with open_edition(centre.publish().path) as connection:
        assert connection.execute("select count(*) from bench_scores").fetchone() == (4,)
        for refused in (
            f"select * from read_csv('{secret}')",
            f"select * from '{secret}'",
            f"attach '{centre.workspace.warehouse}' as w",
            f"copy bench_scores to '{tmp_path / 'out.csv'}'",
            "set enable_external_access = true",
            "set threads = 1",
            "create table t (a int)",
            "delete from bench_scores",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(refused)
    assert not (tmp_path / "out.csv").exists()


def test_a_missing_edition_is_said(centre: Any) -> None:
    with pytest.raises(MiyarError, match="edition_missing"):
        open_edition(centre.workspace.editions / "2031Q1-r1")
    with pytest.raises(MiyarError, match="edition_missing"):
        read_manifest(centre.workspace.editions / "2031Q1-r1")


def test_what_the_benchmark_table_shows(centre: Any) -> None:
    with open_edition(centre.publish().path) as connection:
        assert headline_metrics(connection) == [("speed", "السرعة", "Speed")]
        assert last_period(connection) == "2026Q1"
        rows = benchmark_rows(connection, "speed", "2026Q1")
        assert [(row["name_en"], float(row["score"]), row["comparability_reason"]) for row in rows] == [
            ("Noor Authority", 71.25, "too_few_peers"),
            ("Nada", 64.0, "too_few_peers"),
        ]
        with pytest.raises(MiyarError, match="Try one of speed"):
            benchmark_rows(connection, "haste", "2026Q1")


def test_editions_are_ordered_by_period_then_revision(tmp_path: Path) -> None:
    for name in ("2026Q1-r10", "2026Q1-r9", "2025Q4-r1", "2026Q10-r1", "current", ".building-2026Q1", "2026Q1-r0"):
        (tmp_path / name).mkdir()
    assert list_editions(tmp_path) == ["2025Q4-r1", "2026Q1-r9", "2026Q1-r10"]
    assert list_editions(tmp_path / "absent") == []


def test_a_moment_before_the_last_publication_is_refused(centre: Any) -> None:
    """The ledger tells what was in force on a day by these moments: a publication cannot be dated behind another."""
    centre.publish()
    centre.change(RESTATED)
    before = sorted(path.name for path in centre.workspace.editions.iterdir())
    for moment in (
        datetime(2020, 1, 1, tzinfo=UTC),
        datetime(2026, 4, 20, 11, 59, tzinfo=timezone(timedelta(hours=3))),
    ):
        with pytest.raises(MiyarError) as caught:
            publish_as_it_stands(centre.workspace, ORIGIN, moment, reason="a corrected file")
        [problem] = caught.value.problems
        assert (problem.rule, bool(problem.next_step)) == ("moment_before_ledger", True)
        assert sorted(path.name for path in centre.workspace.editions.iterdir()) == before
    # The same moment is none before it.
    assert publish_as_it_stands(centre.workspace, ORIGIN, NOW, reason="a corrected file").is_new
