"""A table's hash depends on its content and on nothing else.

Belongs here: `publication.hashing`. Does not belong here: which tables are hashed (`test_editions`).
"""

import hashlib
from pathlib import Path

import duckdb
import pytest

from publication.hashing import combined_hash, file_hash, table_hash

ROWS = "select i as id, 'name ' || (i % 7) as name, cast(i / 3.0 as decimal(12, 4)) as score from range(20000) r(i)"


def _hash(query: str, threads: int = 1) -> str:
    with duckdb.connect(config={"threads": threads}) as connection:
        return table_hash(connection, f"({query})")


def _stored(query: str, threads: int) -> str:
    with duckdb.connect(config={"threads": threads}) as connection:
        connection.execute(f"create table t as {query}")
        return table_hash(connection, "t")


def test_order_and_threads_do_not_count() -> None:
    expected = _hash(ROWS)
    assert _hash(f"{ROWS} order by id desc") == expected
    assert _hash(f"{ROWS} order by md5(name || id)") == expected
    for threads in (1, 2, 4):
        assert _stored(f"{ROWS} order by md5(id::varchar)", threads) == expected


@pytest.mark.parametrize(
    "change",
    [
        f"select * replace (case when id = 777 then score + 0.0001 else score end as score) from ({ROWS})",
        f"select * replace (case when id = 777 then null else name end as name) from ({ROWS})",
        f"select * replace (case when id = 777 then '' else name end as name) from ({ROWS})",
        f"{ROWS} where i <> 777",
        f"{ROWS} union all ({ROWS} limit 1)",
        f"select id, name, score as score2 from ({ROWS})",
        f"select id, score, name from ({ROWS})",
        f"select id::integer as id, name, score from ({ROWS})",
    ],
)
def test_one_change_counts(change: str) -> None:
    assert _hash(change) != _hash(ROWS)


def test_null_empty_and_markers_differ() -> None:
    values = ["null", "''", "'~'", "'='", "'=~'", "'NULL'"]
    hashes = {_hash(f"select cast({value} as varchar) as a") for value in values}
    assert len(hashes) == len(values)
    # The border between two columns counts: 'ab' + 'c' is not 'a' + 'bc'.
    assert _hash("select 'ab' as a, 'c' as b") != _hash("select 'a' as a, 'bc' as b")
    assert _hash("select 'x' as a, null as b") != _hash("select null as a, 'x' as b")


def test_an_empty_table_has_a_hash_of_its_columns() -> None:
    assert _hash("select 1 as a where false") != _hash("select 1 as b where false")


def test_file_and_combined(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    # FIPS 180 publishes the SHA-256 of "abc".
    assert file_hash(tmp_path / "f") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert combined_hash({"b": "2", "a": "1"}) == hashlib.sha256(b"a=1\nb=2\n").hexdigest()
