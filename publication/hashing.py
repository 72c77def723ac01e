"""Hashes that depend on content alone: not on row order, threads, file layout or the day.

Belongs here: hash of a table, of a file, of an edition. Does not belong here: what is hashed when (`editions`).
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import duckdb


def table_hash(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    """SHA-256 over the sorted row hashes of a table or query; column names and order count.

    A row hash is the MD5 of its values as text, separated by a unit separator, with null told apart from empty text.
    """
    described = connection.execute(f"describe select * from {relation}").fetchall()
    columns = [row[0] for row in described]
    parts = ", ".join(f"coalesce('=' || cast(\"{name}\" as varchar), '~')" for name in columns)
    row = connection.execute(
        f"select count(*), sha256(coalesce(string_agg(row_hash, '' order by row_hash), '')) "
        f"from (select md5(concat_ws(chr(31), {parts})) as row_hash from {relation})"
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate without grouping always gives one row
    head = hashlib.sha256(chr(31).join(f"{name}:{kind}" for name, kind, *_ in described).encode())
    head.update(f"{row[0]}:{row[1]}".encode())
    return head.hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def combined_hash(parts: Mapping[str, str]) -> str:
    """SHA-256 over named hashes in name order."""
    digest = hashlib.sha256()
    for name in sorted(parts):
        digest.update(f"{name}={parts[name]}\n".encode())
    return digest.hexdigest()
