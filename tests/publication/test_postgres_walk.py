"""Everything on the PostgreSQL server that a login could reach, from its own catalog: what nobody decided on fails here.

Belongs here: relations, columns, rights, rules, functions and whatever else a database holds. Does not belong here: attacks by
waiting and planning (`test_postgres_attacks`).
"""

from collections.abc import Iterator
from typing import Any

import pytest

from miyar.workspace import Workspace
from publication.access import Agency, Centre, access_rules, column_rules, row_condition
from publication.postgres import CENTRE, role_of, serve
from publication.reading import open_edition
from tests.publication.server import Server, private_server

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed (extra postgres)")

OURS = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
Found = set[tuple[str, ...]]
# Every kind of thing in the catalog that gives somebody something. Of each, what is there beyond what the server brings.
EVERYTHING = {
    "relation": f"""select n.nspname, c.relname, c.relkind::text from pg_class c
        join pg_namespace n on n.oid = c.relnamespace where {OURS}""",
    "column": f"""select c.relname, a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid
        join pg_namespace n on n.oid = c.relnamespace where a.attnum > 0 and {OURS}""",
    "right to a relation": f"""select c.relname, coalesce(r.rolname, 'public'), x.privilege_type from pg_class c
        join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) x left join pg_roles r on r.oid = x.grantee
        where {OURS} and x.grantee <> c.relowner""",
    "right to a column": f"""select c.relname, a.attname, coalesce(r.rolname, 'public') from pg_attribute a
        join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace, aclexplode(a.attacl) x
        left join pg_roles r on r.oid = x.grantee where {OURS}""",
    "right to a schema": """select n.nspname, coalesce(r.rolname, 'public'), x.privilege_type from pg_namespace n,
        aclexplode(n.nspacl) x left join pg_roles r on r.oid = x.grantee
        where n.nspname not in ('pg_catalog', 'information_schema') and x.grantee <> n.nspowner""",
    "right to the database": """select coalesce(r.rolname, 'public'), x.privilege_type from pg_database d, aclexplode(d.datacl) x
        left join pg_roles r on r.oid = x.grantee where d.datname = current_database() and x.grantee <> d.datdba""",
    "right for what comes": "select defaclobjtype::text, defaclacl::text from pg_default_acl",
    "rule": """select p.tablename, p.policyname, p.cmd, array_to_string(p.roles, ','), p.permissive from pg_policies p""",
    "table without rules": f"""select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where {OURS} and c.relkind in ('r', 'p') and not (c.relrowsecurity and c.relforcerowsecurity)""",
    "function": f"select n.nspname, p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace where {OURS}",
    "extension": "select extname from pg_extension",
    "trigger of events": "select evtname from pg_event_trigger",
    "publication": "select pubname from pg_publication",
    "server elsewhere": "select srvname from pg_foreign_server",
    "large object": "select oid::text from pg_largeobject_metadata",
    "role above the rules": "select rolname from pg_roles where (rolsuper or rolbypassrls) and rolname <> 'postgres'",
    "member": """select g.rolname, m.rolname from pg_auth_members a join pg_roles g on g.oid = a.roleid
        join pg_roles m on m.oid = a.member""",
}


@pytest.fixture(scope="module")
def own(built_workspace: Workspace) -> Iterator[Server]:
    """A server of its own: other tests put things on the shared one."""
    with private_server() as server:
        serve(built_workspace.editions / "current", server.dsn())
        yield server


@pytest.fixture(scope="module")
def agencies(built_workspace: Workspace) -> list[str]:
    with open_edition(built_workspace.editions / "current") as source:
        return [str(row[0]) for row in source.execute("select agency_id from dim_agencies order by 1").fetchall()]


def there(server: Server) -> dict[str, Found]:
    with psycopg.connect(server.dsn()) as connection:
        return {kind: {tuple(map(str, row)) for row in connection.execute(query)} for kind, query in EVERYTHING.items()}


def decided(agencies: list[str]) -> dict[str, Found]:
    """What should be there, from the access rules alone."""
    readers = {role_of(agency): Agency(agency) for agency in agencies} | {CENTRE: Centre()}
    tables = list(access_rules())
    found: dict[str, Found] = {kind: set() for kind in EVERYTHING}
    found["relation"] = {("benchmarks", table, "r") for table in tables} | {("miyar_publication", "turn", "r")}
    found["right to a relation"] = {(table, role, "SELECT") for table in tables for role in readers}
    found["right to a schema"] = {("benchmarks", role, "USAGE") for role in readers} | {("public", "public", "USAGE")}
    found["right to the database"] = {("public", "CONNECT")}
    found["rule"] = {
        (table, role, "SELECT", role, "PERMISSIVE")
        for table in tables
        for role, viewer in readers.items()
        if row_condition(table, viewer)[0] != "false"
    }
    found["table without rules"] = {("miyar_publication", "turn")}  # nobody has a right to it, and it holds nothing
    found["extension"] = {("plpgsql",)}
    # Members of a group of ours are people, whom an administrator chooses; the server's own groups have their own.
    found["member"] = {
        ("pg_read_all_settings", "pg_monitor"),
        ("pg_read_all_stats", "pg_monitor"),
        ("pg_stat_scan_tables", "pg_monitor"),
    }
    return found


def undecided(server: Server, agencies: list[str]) -> dict[str, Found]:
    expected = decided(agencies)
    surplus = {kind: found - expected[kind] for kind, found in there(server).items() if kind != "column"}
    surplus["column"] = {(table, column) for table, column in there(server)["column"] if column not in column_rules()}
    return {kind: found for kind, found in surplus.items() if found}


def test_all_that_is_there_was_decided(own: Server, agencies: list[str]) -> None:
    assert undecided(own, agencies) == {}
    found, expected = there(own), decided(agencies)
    for kind in ("relation", "right to a relation", "rule", "right to a schema"):
        assert expected[kind] - found[kind] == set(), kind


NEW = {
    "create view benchmarks.new as select * from benchmarks.bench_scores": {"relation"},
    "create materialized view public.new as select * from benchmarks.bench_scores": {"relation"},
    "create table benchmarks.new (new_column int)": {"relation", "column", "table without rules"},
    "alter table benchmarks.bench_scores add column new_column int": {"column"},
    "alter table benchmarks.bench_scores disable row level security": {"table without rules"},
    "alter table benchmarks.bench_scores no force row level security": {"table without rules"},
    "create policy new on benchmarks.bench_scores using (true)": {"rule"},
    "grant select on benchmarks.bench_lineage to public": {"right to a relation"},
    f"grant insert on benchmarks.bench_lineage to {CENTRE}": {"right to a relation"},
    "grant select (agency_id) on benchmarks.bench_lineage to public": {"right to a column"},
    "grant create on schema public to public": {"right to a schema"},
    "grant usage on schema miyar_publication to public": {"right to a schema"},
    "grant temporary on database postgres to public": {"right to the database"},
    "alter default privileges grant select on tables to public": {"right for what comes"},
    "create function public.new() returns int language sql security definer begin atomic select 1; end": {"function"},
    "create role new bypassrls": {"role above the rules"},
    "select lo_create(0)": {"large object"},
    "create publication new for all tables": {"publication"},
}


@pytest.mark.parametrize("statement", NEW)
def test_what_is_new_is_noticed(own: Server, agencies: list[str], statement: str) -> None:
    """In a transaction that nobody else sees, and that is taken back."""
    expected = decided(agencies)
    with psycopg.connect(own.dsn()) as connection:
        connection.execute(statement)
        noticed = set()
        for kind, query in EVERYTHING.items():
            found = {tuple(map(str, row)) for row in connection.execute(query)}
            surplus = (
                {row for row in found if row[1] not in column_rules()} if kind == "column" else found - expected[kind]
            )
            noticed |= {kind} if surplus else set()
        connection.rollback()
    assert NEW[statement] <= noticed
    assert undecided(own, agencies) == {}


def test_two_agencies_together_see_what_each_sees(own: Server, agencies: list[str]) -> None:
    """A login with two roles, and two logins that lay their rows side by side: no row beyond what either has."""
    first, second = agencies[:2]
    with psycopg.connect(own.dsn(), autocommit=True) as admin:
        for login, members in (
            ("one", [first]),
            ("two", [second]),
            ("pair", [first, second]),
            ("all_of_it", ["centre"]),
        ):
            admin.execute(f"create role {login} login")
            for member in members:
                admin.execute(f'grant "{CENTRE if member == "centre" else role_of(member)}" to {login}')
        try:
            seen: dict[str, Any] = {}
            for table in access_rules():
                for login in ("one", "two", "pair", "all_of_it"):
                    with psycopg.connect(own.dsn(login)) as reader:
                        seen[login] = set(map(repr, reader.execute(f"select * from benchmarks.{table}")))
                assert seen["pair"] == seen["one"] | seen["two"] <= seen["all_of_it"], table
        finally:
            for login in ("one", "two", "pair", "all_of_it"):
                admin.execute(f"drop role {login}")
