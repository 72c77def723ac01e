"""The serving copy as other programs see it: psql, SQLAlchemy, ODBC, JDBC and R, each as three readers.

Belongs here: clients of the server. Does not belong here: the rules themselves (`test_postgres`).
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy

from miyar.workspace import Workspace
from publication.postgres import CENTRE, role_of, serve
from publication.reading import open_edition
from tests.publication.server import Server

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed (extra postgres)")

# One published number, and the number of rows the reader sees.
QUERY = (
    "select coalesce(max(case when score_id = '{}' then cast(score as varchar) end), '-') as score, count(*) as n "
    "from benchmarks.bench_scores"
)
JDBC_JAR = Path("/usr/share/java/postgresql.jar")
ODBC_DRIVER = "PostgreSQL Unicode"
JAVA = """
import java.sql.*;
class Read {
    public static void main(String[] words) throws Exception {
        String address = "jdbc:postgresql://127.0.0.1:" + words[0] + "/postgres?user=" + words[1];
        try (Connection connection = DriverManager.getConnection(address);
             ResultSet found = connection.createStatement().executeQuery(words[2])) {
            found.next();
            System.out.println(found.getString(1) + "|" + found.getLong(2));
        }
    }
}
"""
R = """
words <- commandArgs(TRUE)
suppressMessages(library(RPostgreSQL))
connection <- dbConnect(PostgreSQL(), host = "127.0.0.1", port = as.integer(words[1]), user = words[2], dbname = "postgres")
found <- dbGetQuery(connection, words[3])
cat(paste(found$score, found$n, sep = "|"))
"""


@pytest.fixture(scope="module")
def expected(server: Server, built_workspace: Workspace) -> Iterator[dict[str, str]]:
    """Return reader -> what they must see; the numbers come from the edition's files."""
    edition = built_workspace.editions / "current"
    serve(edition, server.dsn())
    with open_edition(edition) as source:
        row = source.execute(
            "select score_id, agency_id, cast(score as varchar) from bench_scores "
            "where status = 'reported' and unit_type = 'agency' order by all limit 1"
        ).fetchone()
        assert row
        score_id, agency, score = row
        counted = source.execute(
            "select count(*), count(*) filter (agency_id = ? or is_shared) from bench_scores", [agency]
        ).fetchone()
        assert counted and counted[1] < counted[0]
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        for person, role in (("bi_agency", role_of(agency)), ("bi_centre", CENTRE), ("bi_stranger", None)):
            connection.execute(f"create role {person} login")
            if role:
                connection.execute(f'grant "{role}" to {person}')
        connection.execute("grant usage on schema benchmarks to bi_stranger")
        connection.execute("grant select on all tables in schema benchmarks to bi_stranger")
    yield {
        "query": QUERY.format(score_id),
        "bi_centre": f"{score}|{counted[0]}",
        "bi_agency": f"{score}|{counted[1]}",
        "bi_stranger": "-|0",
    }


def _psql(server: Server, user: str, query: str, folder: Path) -> str:
    return _run([server.programs / "psql", "-XAtc", query, server.dsn(user)])


def _psycopg(server: Server, user: str, query: str, folder: Path) -> str:
    with psycopg.connect(server.dsn(user)) as connection:
        return "|".join(map(str, connection.execute(query).fetchone()))


def _sqlalchemy(server: Server, user: str, query: str, folder: Path) -> str:
    engine = sqlalchemy.create_engine(f"postgresql+psycopg://{user}@127.0.0.1:{server.port}/postgres")
    with engine.connect() as connection:
        assert "bench_scores" in sqlalchemy.inspect(connection).get_table_names("benchmarks")
        about = sqlalchemy.inspect(connection).get_table_comment("bench_scores", "benchmarks")["text"]
        assert about and "Must not be used" in about
        found = connection.execute(sqlalchemy.text(query)).one()
    engine.dispose()
    return "|".join(map(str, found))


def _odbc(server: Server, user: str, query: str, folder: Path) -> str:
    pyodbc = pytest.importorskip(
        "pyodbc", reason="pyodbc or unixODBC is not installed (Debian: unixodbc)", exc_type=ImportError
    )
    if ODBC_DRIVER not in pyodbc.drivers():
        pytest.skip("PostgreSQL's ODBC driver is not installed (Debian: odbc-postgresql)")
    words = f"DRIVER={{{ODBC_DRIVER}}};SERVER=127.0.0.1;PORT={server.port};DATABASE=postgres;UID={user}"
    connection = pyodbc.connect(words, readonly=True)
    try:
        return "|".join(map(str, connection.execute(query).fetchone()))
    finally:
        connection.close()


def _jdbc(server: Server, user: str, query: str, folder: Path) -> str:
    if not shutil.which("java") or not JDBC_JAR.is_file():
        pytest.skip("Java or its driver is not installed (Debian: default-jdk-headless, libpostgresql-jdbc-java)")
    program = folder / "Read.java"
    program.write_text(JAVA, "utf-8")
    return _run(["java", "-cp", JDBC_JAR, program, str(server.port), user, query])


def _r(server: Server, user: str, query: str, folder: Path) -> str:
    if not shutil.which("Rscript"):
        pytest.skip("R is not installed (Debian: r-cran-rpostgresql)")
    program = folder / "read.R"
    program.write_text(R, "utf-8")
    return _run(["Rscript", program, str(server.port), user, query])


def _run(command: list[str | Path]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize(
    "client", [_psql, _psycopg, _sqlalchemy, _odbc, _jdbc, _r], ids=lambda client: client.__name__.strip("_")
)
def test_three_readers(
    client: Callable[[Server, str, str, Path], str], server: Server, expected: dict[str, str], tmp_path: Path
) -> None:
    for reader in ("bi_centre", "bi_agency", "bi_stranger"):
        assert client(server, reader, expected["query"], tmp_path) == expected[reader]
