"""A login against the serving copy: nobody who may only read holds up a publication, or learns of others from the planner.

Belongs here: attacks on `publication.postgres`. Does not belong here: rows (`test_postgres`), grants (`test_postgres_walk`).
"""

import re
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from miyar.errors import MiyarError
from miyar.workspace import Workspace
from publication.access import access_rules
from publication.postgres import role_of, serve
from tests.publication.centre import Centre
from tests.publication.server import Server, private_server

HOLDING = ["bench_lineage", "bench_peer_positions", "bench_scores", "dim_agencies", "dim_metrics", "dim_units"]
psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed (extra postgres)")


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    """A server whose publisher is no superuser, as in docs/operations.md, with a reader and a stranger."""
    with private_server() as server:
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute("create role publisher login createrole")
            connection.execute("alter database postgres owner to publisher")
            connection.execute("grant pg_signal_backend to publisher")
            connection.execute("create role stranger login")
        yield server


@pytest.fixture
def edition(own: Server, centre: Centre) -> Path:
    """An edition that is served, and that `huda` of agency a01 may read."""
    made = centre.publish().path
    serve(made, own.dsn("publisher"))
    with psycopg.connect(own.dsn(), autocommit=True) as connection:
        if not connection.execute("select 1 from pg_roles where rolname = 'huda'").fetchone():
            connection.execute("create role huda login")
            connection.execute(f"grant {role_of('a01')} to huda")
        connection.execute("alter role huda connection limit -1")
    return made


def test_no_lock_that_a_login_can_take_holds_up_a_publication(own: Server, edition: Path) -> None:
    """The publisher's lock was a number that anybody could take."""
    with psycopg.connect(own.dsn("stranger"), autocommit=True) as stranger:
        for text in ("miyar.serve", "miyar", "miyar_publication.turn", "benchmarks"):
            stranger.execute("select pg_advisory_lock(hashtext(%s))", [text])
        for table in ("pg_class", "pg_namespace", "pg_authid", "pg_roles"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), stranger.transaction():
                stranger.execute(f"lock table {table} in share row exclusive mode")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), stranger.transaction():
            stranger.execute("lock table miyar_publication.turn in access share mode")
        assert serve(edition, own.dsn("publisher")).rows > 0


def test_two_publishers_do_not_meet(own: Server, edition: Path) -> None:
    with psycopg.connect(own.dsn("publisher")) as other:
        other.execute("lock table miyar_publication.turn in exclusive mode")
        with pytest.raises(MiyarError, match="postgres_busy"):
            serve(edition, own.dsn("publisher"))


@pytest.mark.parametrize(
    "holding", ["select count(*) from benchmarks.bench_scores", "lock table benchmarks.dim_units in access share mode"]
)
def test_a_reader_who_does_not_end_is_ended(own: Server, edition: Path, holding: str) -> None:
    with psycopg.connect(own.dsn("huda")) as reader:
        # What a role is set to by us, it can set back; so this is not what is relied on.
        reader.execute("set idle_in_transaction_session_timeout = 0")
        reader.execute(holding)
        assert serve(edition, own.dsn("publisher"), wait_seconds=1).rows > 0
        with pytest.raises(psycopg.Error, match="terminating connection"):
            reader.execute("select 1")
    with psycopg.connect(own.dsn("huda")) as reader:
        assert reader.execute("select count(*) from benchmarks.bench_scores").fetchone() == (2,)


def test_readers_who_come_back_at_once_are_no_obstacle(own: Server, edition: Path) -> None:
    """Somebody with connections in reserve, who opens the next transaction in the moment a session is ended."""
    ends, ended, held = threading.Event(), [], []
    with psycopg.connect(own.dsn(), autocommit=True) as admin:
        admin.execute("alter role huda connection limit 70")

    def hold(number: int) -> None:
        reserve = [psycopg.connect(own.dsn("huda")) for _ in range(10)]
        for reader in reserve:
            try:
                for table in HOLDING[number % 2 :: 2]:
                    reader.execute(f"select 1 from benchmarks.{table} limit 1")
                held.append(number)
                while not ends.is_set():
                    reader.execute("select 1")
                    time.sleep(0.001)
            except psycopg.Error:
                ended.append(number)
        for reader in reserve:
            reader.close()

    readers = [threading.Thread(target=hold, args=(number,)) for number in range(6)]
    for reader in readers:
        reader.start()
    try:
        while len(set(held)) < len(readers):
            time.sleep(0.01)
        assert serve(edition, own.dsn("publisher"), wait_seconds=1).rows > 0
    finally:
        ends.set()
        for reader in readers:
            reader.join()
    assert set(ended) == set(range(6))


def test_who_may_not_be_ended_is_named(own: Server, edition: Path) -> None:
    with psycopg.connect(own.dsn(), autocommit=True) as admin, psycopg.connect(own.dsn("huda")) as reader:
        reader.execute("select count(*) from benchmarks.bench_scores")
        pid = reader.info.backend_pid
        admin.execute("revoke pg_signal_backend from publisher")
        try:
            with pytest.raises(MiyarError) as caught:
                serve(edition, own.dsn("publisher"), wait_seconds=1)
        finally:
            admin.execute("grant pg_signal_backend to publisher")
        (problem,) = caught.value.problems
        assert problem.rule == "readers_busy"
        assert f"huda (process {pid})" in problem.message and "pg_signal_backend" in str(problem)
        assert reader.execute("select count(*) from benchmarks.bench_scores").fetchone() == (2,), "and reads on"


TEMPORARY = [
    "create temp view mine as select * from benchmarks.bench_scores",
    "create temp table mine (row benchmarks.bench_scores)",
    "create function pg_temp.mine() returns bigint language sql begin atomic select count(*) from benchmarks.bench_scores; end",
]


@pytest.mark.parametrize("statement", TEMPORARY)
def test_nothing_temporary_holds_up_a_publication(own: Server, edition: Path, statement: str) -> None:
    with (
        psycopg.connect(own.dsn("huda"), autocommit=True) as reader,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        reader.execute(statement)
    with psycopg.connect(own.dsn(), autocommit=True) as admin:
        admin.execute("grant temporary on database postgres to huda")
        try:
            with psycopg.connect(own.dsn("huda"), autocommit=True) as reader:
                reader.execute(statement)
                assert serve(edition, own.dsn("publisher"), wait_seconds=1).rows > 0
        finally:
            admin.execute("revoke temporary on database postgres from huda")


def test_what_stays_of_a_person_is_not_dropped_but_named(own: Server, edition: Path) -> None:
    with psycopg.connect(own.dsn(), autocommit=True) as admin:
        admin.execute("create schema desk authorization huda")
        with psycopg.connect(own.dsn("huda"), autocommit=True) as reader:
            reader.execute("create view desk.mine as select * from benchmarks.bench_scores")
        try:
            with pytest.raises(MiyarError, match=r"tables_in_use.*desk\.mine"):
                serve(edition, own.dsn("publisher"))
            assert admin.execute("select count(*) from desk.mine").fetchone() is not None
        finally:
            admin.execute("drop schema desk cascade")


def test_a_superuser_closes_what_every_database_leaves_open(centre: Centre) -> None:
    edition = centre.publish().path
    with private_server() as server:
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute("create role huda login")
            admin.execute("create role publisher login createrole")
            admin.execute("grant create on database postgres to publisher")
            left = serve(edition, server.dsn("publisher")).left_open
            assert any("revoke temporary on database" in one for one in left)
            assert any("pg_advisory_lock" in one for one in left) and any("lo_create" in one for one in left)
            # What is told is what an administrator may run as it stands.
            for statement in left:
                admin.execute(statement)
            assert serve(edition, server.dsn("publisher")).left_open == []
            admin.execute("drop schema benchmarks cascade; drop schema miyar_publication cascade")
        assert serve(edition, server.dsn()).left_open == []
        with psycopg.connect(server.dsn("huda"), autocommit=True) as reader:
            for call in (
                "pg_advisory_lock(1)",
                "pg_try_advisory_xact_lock_shared(1, 2)",
                "lo_create(0)",
                "lo_from_bytea(0, 'x')",
                "lo_creat(-1)",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    reader.execute(f"select {call}")


def test_a_reader_has_limits_of_time_and_connections(own: Server, edition: Path) -> None:
    serve(edition, own.dsn("publisher"))
    with psycopg.connect(own.dsn("huda")) as reader:
        for name in ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout"):
            assert reader.execute(f"select current_setting('{name}')").fetchone() != ("0",), name
        limit = "select rolconnlimit from pg_roles where rolname = 'huda'"
        assert reader.execute(limit).fetchone() == (30,)
    with psycopg.connect(own.dsn(), autocommit=True) as admin:
        admin.execute("alter role huda connection limit 70")
        serve(edition, own.dsn("publisher"))
        assert admin.execute(limit).fetchone() == (70,), "a number that somebody chose stays"


@pytest.fixture(scope="module")
def large(server: Server, built_workspace: Workspace) -> Iterator[tuple[str, str]]:
    """The built workspace's edition; a login of one agency, and another one's id."""
    serve(built_workspace.editions / "current", server.dsn())
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        rows = admin.execute("select agency_id from benchmarks.dim_agencies order by 1 limit 2").fetchall()
        admin.execute("create role planner login")
        admin.execute(f'grant "{role_of(rows[0][0])}" to planner')
        # As whoever looks after the server does, or its own processes.
        admin.execute("analyze")
        admin.execute("vacuum analyze")
        yield rows[0][0], rows[1][0]


def _plan(connection: Any, query: str) -> str:
    """The plan with everything it tells but time, which no rule can hide."""
    connection.execute("set max_parallel_workers_per_gather = 0")
    lines = connection.execute(f"explain (analyze, verbose, buffers off, timing off, summary off) {query}").fetchall()
    return "\n".join(line for (line,) in lines)


SHUFFLED = ["bench_lineage", "bench_peer_positions", "bench_scores", "bench_trends", "fct_slices"]


def _order(connection: Any, table: str) -> list[str]:
    """Whose rows lie one after another on the server."""
    found = connection.execute(f"select agency_id from benchmarks.{table} order by ctid").fetchall()
    return [str(one) for (one,) in found]


@pytest.mark.parametrize("table", SHUFFLED)
def test_where_a_row_lies_tells_nothing_of_others(server: Server, large: tuple[str, str], table: str) -> None:
    """Between two rows of one's own lie so many of others: EXPLAIN counts them before a limit, and `ctid` says it outright.

    In published order they are those of the next agencies. In an order drawn anew they are anybody's: of n rows of which
    an agency has m, one in n / m at any place. Of as many runs as chance makes, a tenth less has no chance to happen.
    """
    with psycopg.connect(server.dsn()) as admin:
        order = _order(admin, table)
    n = len(order)
    runs = 1 + sum(before != after for before, after in pairwise(order))
    expected = 1 + n - sum(order.count(one) ** 2 for one in set(order)) / n
    assert n > 100 and runs > 0.9 * expected, (runs, expected)


def test_the_order_is_drawn_anew_each_time(server: Server, built_workspace: Workspace) -> None:
    """Whoever knows an edition's published order, or its tables, knows nothing of the server's."""
    orders = []
    for _ in range(2):
        serve(built_workspace.editions / "current", server.dsn())
        with psycopg.connect(server.dsn()) as admin:
            orders.append(admin.execute("select score_id from benchmarks.bench_scores order by ctid").fetchall())
    assert sorted(orders[0]) == sorted(orders[1]) and orders[0] != orders[1]


def test_what_is_removed_before_a_limit_is_no_count_of_another(server: Server, large: tuple[str, str]) -> None:
    """The attack itself: rows that the rule takes away before each of one's own rows."""
    own, _ = large
    with psycopg.connect(server.dsn("planner"), autocommit=True) as reader:
        gaps = []
        for limit in range(1, 13):
            plan = _plan(reader, f"select 1 from benchmarks.bench_scores where agency_id = '{own}' limit {limit}")
            gaps.append(sum(int(n) for n in re.findall(r"Rows Removed by Filter: (\d+)", plan)))
    # In published order an agency's rows of a period lie together, so that nothing is removed between them.
    assert gaps == sorted(gaps) and len(set(gaps)) > 1


@pytest.mark.parametrize("ask", ["=", "<>", ">="])
def test_the_planner_tells_of_another_what_it_tells_of_nobody(server: Server, large: tuple[str, str], ask: str) -> None:
    """Estimates and counts of filtered rows told how many rows of each kind another agency has."""
    _, other = large
    nobody = "~" * len(other) if ask == ">=" else "n" * len(other)
    tried = 0
    with psycopg.connect(server.dsn("planner"), autocommit=True) as reader:
        for table, rule in access_rules().items():
            if rule == "everyone":
                continue
            columns = reader.execute(f"select * from benchmarks.{table} limit 0").description
            names = {column.name for column in columns}
            for more in ("", *(f" and {name} = 'suppressed'" for name in names & {"status", "verdict", "screen"})):
                if "agency_id" not in names:
                    continue
                plans = [
                    _plan(reader, f"select 1 from benchmarks.{table} where agency_id {ask} '{who}'{more}").replace(
                        who, "?"
                    )
                    for who in ((other, nobody) if ask == "=" else (other, other))
                ]
                assert plans[0] == plans[1], table
                told = [int(n) for n in re.findall(r"Rows Removed by \w+: (\d+)", plans[0])]
                asked = f"select count(*) from benchmarks.{table} where agency_id {ask} '{other}'{more}"
                (shown,) = reader.execute(asked).fetchone() or (0,)
                with psycopg.connect(server.dsn()) as admin:
                    (whole,) = admin.execute(f"select count(*) from benchmarks.{table}").fetchone() or (0,)
                # All that is told is how many rows the table has.
                assert told in ([], [whole - shown]), (table, plans[0])
                tried += 1
    assert tried > 30


def test_the_server_keeps_no_statistics_of_columns(server: Server, large: tuple[str, str]) -> None:
    with psycopg.connect(server.dsn()) as admin:
        told = admin.execute("select tablename, attname from pg_stats where schemaname = 'benchmarks'").fetchall()
        assert told == []
        off = admin.execute(
            "select relname from pg_class where relnamespace = 'benchmarks'::regnamespace and relkind = 'r' "
            "and not coalesce(reloptions, '{}') @> '{autovacuum_enabled=false}'"
        ).fetchall()
        assert off == []
    for person in ("planner", "postgres"):
        with psycopg.connect(server.dsn(person)) as reader:
            assert reader.execute("select 1 from pg_indexes where schemaname = 'benchmarks'").fetchall() == []
