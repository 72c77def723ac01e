"""The serving copy on a real PostgreSQL: what is copied, who sees what, and what readers see while it is replaced.

Belongs here: `publication.postgres`. Does not belong here: other programs as clients (`test_postgres_clients`).
"""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from miyar.errors import MiyarError
from miyar.workspace import Workspace
from publication.access import Agency, Centre, access_rules, row_condition
from publication.postgres import CENTRE, role_of, serve
from publication.reading import open_edition
from tests.publication.server import Server, private_server

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed (extra postgres)")

HAND_MADE = {"bench_lineage", "bench_peer_positions", "bench_scores", "dim_agencies", "dim_metrics", "dim_units"}


@pytest.fixture(scope="module")
def served(server: Server, built_workspace: Workspace) -> Iterator[Path]:
    """Put an edition of the built workspace on the server, with a person per role."""
    edition = built_workspace.editions / "current"
    serve(edition, server.dsn())
    with open_edition(edition) as connection:
        agency = connection.execute("select min(agency_id) from dim_agencies").fetchone()
    assert agency
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        for person, role in (("analyst", role_of(agency[0])), ("director", CENTRE), ("visitor", None)):
            connection.execute(f"create role {person} login")
            if role:
                connection.execute(f'grant "{role}" to {person}')
        # Somebody granted the visitor access by mistake; without a rule there is still nothing to see.
        connection.execute("grant usage on schema benchmarks to visitor")
        connection.execute("grant select on all tables in schema benchmarks to visitor")
    yield edition


def _all(server: Server, query: str, user: str = "postgres") -> list[tuple[Any, ...]]:
    with psycopg.connect(server.dsn(user)) as connection:
        rows: list[tuple[Any, ...]] = connection.execute(query).fetchall()
        return rows


def test_every_row_and_comment_is_there_with_its_type(served: Path, server: Server) -> None:
    with open_edition(served) as source:
        tables = [row[0] for row in source.execute("select table_name from duckdb_tables() order by 1").fetchall()]
        for table in tables:
            result = source.execute(f"from {table} order by all")
            names = [column[0] for column in result.description]
            # The slices behind a row of no single agency would reveal who delivered, so they are left out for
            # everybody.
            expected = [
                tuple(
                    None
                    if name == "slice_ids" and dict(zip(names, row, strict=True)).get("agency_id") is None
                    else value
                    for name, value in zip(names, row, strict=True)
                )
                for row in result.fetchall()
            ]
            # Read as the database's own administrator, to whom the rules do not apply.
            found = _all(server, f"select * from benchmarks.{table}")
            assert sorted(found, key=repr) == sorted(expected, key=repr), table
        comments = source.execute(
            "select table_name, column_name, comment from duckdb_columns() where not internal order by all"
        ).fetchall()
    told = _all(
        server,
        "select c.relname, a.attname, col_description(c.oid, a.attnum) from pg_class c "
        "join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 "
        "where c.relnamespace = 'benchmarks'::regnamespace and c.relkind = 'r'",
    )
    assert sorted(told, key=repr) == sorted(comments, key=repr)
    assert all(comment for _, _, comment in told)
    kinds = _all(
        server,
        "select format_type(atttypid, atttypmod) from pg_attribute "
        "where attrelid = 'benchmarks.bench_scores'::regclass and attname in ('score', 'n', 'score_id') order by attname",
    )
    assert kinds == [("bigint",), ("numeric(12,4)",), ("text",)]
    described = _all(server, "select obj_description('benchmarks'::regnamespace, 'pg_namespace')")[0][0]
    assert described.startswith("Miyar edition 2025Q4-r1, published 2026-01-20T00:00:00+00:00, root ")


def test_each_reader_sees_what_access_says_and_no_more(served: Path, server: Server) -> None:
    with open_edition(served) as source:
        row = source.execute("select min(agency_id) from dim_agencies").fetchone()
        assert row
        seen_by_agency = 0
        for table in access_rules():
            for person, viewer in (("analyst", Agency(row[0])), ("director", Centre())):
                condition, values = row_condition(table, viewer)
                expected = source.execute(f"select count(*) from {table} where {condition}", values).fetchone()
                assert _all(server, f"select count(*) from benchmarks.{table}", person) == [expected], (table, person)
                seen_by_agency += expected[0] if isinstance(viewer, Agency) and expected else 0
            assert _all(server, f"select count(*) from benchmarks.{table}", "visitor") == [(0,)]
    assert seen_by_agency > 0
    shared = "select count(*), count(slice_ids) from benchmarks.bench_scores where agency_id is null"
    for person in ("analyst", "director"):
        rows, told = _all(server, shared, person)[0]
        assert rows > 0 and told == 0, "slices of a shared row name the agencies that delivered"
    assert _all(server, "select count(slice_ids) from benchmarks.bench_scores", "analyst")[0][0] > 0
    others = f"select count(*) from benchmarks.bench_peer_positions where agency_id <> '{row[0]}'"
    assert _all(server, others, "analyst") == [(0,)]
    assert _all(server, others, "director")[0][0] > 0


def test_nobody_may_write_or_leave_the_rules(served: Path, server: Server) -> None:
    for person in ("analyst", "director", "visitor"):
        for statement in (
            "delete from benchmarks.bench_scores",
            "update benchmarks.dim_agencies set name_en = ''",
            "create table benchmarks.mine (a text)",
            "alter table benchmarks.bench_scores disable row level security",
            f"set role {CENTRE if person != 'director' else role_of('x')}",
        ):
            with pytest.raises(psycopg.Error, match=r"permission denied|must be owner|does not exist"):
                _all(server, statement, person)
    with psycopg.connect(server.dsn("visitor")) as connection:
        connection.execute("set row_security = off")
        # This must be an error; it must not return the rows without the rules.
        with pytest.raises(psycopg.Error, match="row-level security"):
            connection.execute("select * from benchmarks.bench_scores")


def test_a_publisher_without_privileges_is_under_the_rules_too(centre: Any) -> None:
    """The owner of the tables is no superuser, and FORCE ROW LEVEL SECURITY binds it as well."""
    with private_server() as own, psycopg.connect(own.dsn(), autocommit=True) as connection:
        connection.execute("create role publisher login createrole")
        connection.execute("grant create on database postgres to publisher")
        edition = centre.publish().path
        assert serve(edition, own.dsn("publisher")).rows > 0
        assert serve(edition, own.dsn("publisher")).edition_id == "2026Q1-r1"
        assert _all(own, "select count(*) from benchmarks.bench_scores", "publisher") == [(0,)]
        assert _all(own, "select count(*) from benchmarks.bench_scores") == [(4,)]
        own.control("-m", "immediate", "stop")
        with pytest.raises(MiyarError, match="postgres_failed"):
            serve(edition, own.dsn("publisher"))


NAUGHTY = ['a"; drop schema benchmarks cascade; --', "a'; drop schema benchmarks cascade; --", "%s {} $1", "الميناء"]


def test_ids_are_never_read_as_sql(centre: Any) -> None:
    values = ", ".join(f"('{agency.replace(chr(39), chr(39) * 2)}', 'ا', 'A', 'g')" for agency in NAUGHTY)
    centre.change(f"insert into core.dim_agencies values {values}")
    scores = ", ".join(
        f"('n{i}', 'agency', $a${a}$a$, $a${a}$a$, 'speed', '2026Q1', 'missing')" for i, a in enumerate(NAUGHTY)
    )
    centre.change(
        "insert into benchmarks.bench_scores (score_id, unit_type, unit_id, agency_id, metric_id, period_id, status) "
        f"values {scores}"
    )
    edition = centre.publish().path
    with private_server() as own:
        assert serve(edition, own.dsn()).rows > 0
        for agency in NAUGHTY:
            with psycopg.connect(own.dsn()) as connection:
                connection.execute(psycopg.sql.SQL("set role {}").format(psycopg.sql.Identifier(role_of(agency))))
                found = connection.execute("select distinct agency_id from benchmarks.bench_scores").fetchall()
            assert found == [(agency,)]
    with pytest.raises(MiyarError, match="role_name_invalid"):
        role_of("ع" * 40)


def test_a_table_nobody_decided_on_is_not_served(server: Server, centre: Any) -> None:
    centre.change(
        "create table benchmarks.bench_new (agency_id varchar); insert into benchmarks.bench_new values ('a01')"
    )
    with pytest.raises(MiyarError, match=r"access_undecided.*bench_new"):
        serve(centre.publish().path, server.dsn())


def _figures(connection: Any) -> list[Any]:
    """Return two tables of one edition, in two statements of one transaction."""
    with connection.transaction():
        score = connection.execute("select score from benchmarks.bench_scores where score_id = 's3'").fetchone()
        time.sleep(0.02)  # long enough for another edition to replace this one
        peers = connection.execute("select distinct peers_count from benchmarks.bench_peer_positions").fetchall()
        return [float(score[0]), *[row[0] for row in peers]]


def test_readers_never_see_a_mixture(centre: Any) -> None:
    first = centre.publish().path
    centre.change(
        "update benchmarks.bench_scores set score = 72 where score_id = 's3';"
        "update benchmarks.bench_peer_positions set peers_count = 2"
    )
    second = centre.publish(reason="correction").path
    with private_server() as own:
        serve(first, own.dsn())
        seen: list[list[Any]] = []
        failed: list[BaseException] = []
        ends = threading.Event()

        def read() -> None:
            try:
                with psycopg.connect(own.dsn(), autocommit=True) as connection:
                    while not ends.is_set():
                        seen.append(_figures(connection))
                        time.sleep(0.002)
            except psycopg.Error as error:
                failed.append(error)

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        for edition in [second, first] * 3:
            serve(edition, own.dsn())
        ends.set()
        for reader in readers:
            reader.join()
        assert failed == []
        kinds = {tuple(figures) for figures in seen}
        assert kinds == {(71.25, 1), (72.0, 2)}


def test_a_reader_keeps_its_edition_and_holds_off_the_next(centre: Any) -> None:
    first = centre.publish().path
    centre.change("update benchmarks.bench_scores set score = 72 where score_id = 's3'")
    second = centre.publish(reason="correction").path
    query = "select score::float from benchmarks.bench_scores where score_id = 's3'"
    with private_server() as own:
        serve(first, own.dsn())
        with psycopg.connect(own.dsn()) as reader:
            assert reader.execute(query).fetchone() == (71.25,)
            publication = threading.Thread(target=serve, args=(second, own.dsn()))
            publication.start()
            publication.join(1)
            assert publication.is_alive()
            assert reader.execute(query).fetchone() == (71.25,)
            assert reader.execute("select count(*) from benchmarks.bench_lineage").fetchone() == (3,)
            reader.commit()
            publication.join()
            assert reader.execute(query).fetchone() == (72.0,)
        with psycopg.connect(own.dsn(), autocommit=True) as connection:
            connection.execute("create view public.mine as select * from benchmarks.bench_scores")
        # What a person built on the tables is not dropped without asking.
        with pytest.raises(MiyarError, match=r"tables_in_use.*public\.mine"):
            serve(first, own.dsn())
        assert _all(own, "select count(*) from public.mine") == [(4,)]


def test_a_server_that_dies_midway_keeps_the_edition_it_had(centre: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = centre.publish().path
    centre.change("update benchmarks.bench_scores set score = 72 where score_id = 's3'")
    second = centre.publish(reason="correction").path
    import publication.postgres as postgres

    with private_server() as own:
        serve(first, own.dsn())
        copy = postgres._copy

        def copy_then_die(connection: Any, source: duckdb.DuckDBPyConnection, table: str, *rest: Any) -> int:
            if table == "dim_metrics":
                own.control("-m", "immediate", "stop")
            return copy(connection, source, table, *rest)

        monkeypatch.setattr(postgres, "_copy", copy_then_die)
        with pytest.raises(MiyarError) as caught:
            serve(second, own.dsn())
        assert [problem.rule for problem in caught.value.problems] == ["postgres_failed"]
        monkeypatch.undo()
        own.start()
        there = _all(
            own,
            "select nspname, count(*) from pg_namespace n join pg_class c on c.relnamespace = n.oid "
            "where nspname like 'benchmarks%' and relkind = 'r' group by 1",
        )
        assert there == [("benchmarks", len(HAND_MADE))]
        assert _all(own, "select score::float from benchmarks.bench_scores where score_id = 's3'") == [(71.25,)]
        serve(second, own.dsn())
        assert _all(own, "select score::float from benchmarks.bench_scores where score_id = 's3'") == [(72.0,)]
