"""Hashes that depend on content alone: not on row order, threads, file layout or the day.

A table's hash is the root of a Merkle tree over its rows:

    row     JSON list of the row's values as text, in the order of the columns, null as null
    leaf    SHA-256(0x00 || SHA-256(row)); leaves are in ascending order of SHA-256(row)
    node    SHA-256(0x01 || left || right); a last node without a neighbour moves up unchanged (as in RFC 6962)
    table   SHA-256(JSON list of [column names, column types, number of rows, root of the rows])
    edition SHA-256 over the lines `table=hash`, in the order of their names

So that one published number can be proved without telling of the rest, a table whose rows are proved has a second tree, in
which a leaf is SHA-256(0x00 || salt || SHA-256(row)), and leaves are in ascending order. A salt is secret, of one row, and
told in that row's own proof: who does not have it cannot try values of a row until a hash fits.

Belongs here: hash of a table, of a file, of an edition, and the path from one row to its table's root. Does not belong here:
which of them is computed when (`editions`), proofs as documents (`proofs`), salts (`proof_secrets`).
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb

# A step of a proof: the side the neighbour is on, and its hash.
Step = tuple[str, str]
# The secret salt of a row, by the hash of the row.
Salt = Callable[[str], bytes]


def row_text(columns: list[str]) -> str:
    """Return SQL for the text of a row that is hashed."""
    quoted = ", ".join('cast("{}" as varchar)'.format(name.replace('"', '""')) for name in columns)
    return f"cast(to_json([{quoted}]) as varchar)"


def table_hash(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    """Return the Merkle root of a table or query; column names, their order and types count."""
    names, kinds = _columns(connection, relation)
    rows = _row_hashes(connection, relation, names)
    return head_hash(names, kinds, len(rows), merkle_root([leaf_of(row) for row in rows]))


def salted_hash(connection: duckdb.DuckDBPyConnection, relation: str, salt: Salt) -> str:
    """Return the root of a table's second tree; `salt` gives each row's by the hash of the row."""
    names, kinds = _columns(connection, relation)
    leaves = sorted(salted_leaf(salt(row), row) for row in _row_hashes(connection, relation, names))
    return head_hash(names, kinds, len(leaves), merkle_root(leaves))


def row_path(
    connection: duckdb.DuckDBPyConnection, relation: str, row: str, salt: Salt
) -> tuple[list[str], list[str], int, list[Step]]:
    """Return columns, types, number of rows, and the steps from one row's text up to the root of the second tree.

    Raises ValueError if the row is not there.
    """
    names, kinds = _columns(connection, relation)
    own = hashlib.sha256(row.encode()).hexdigest()
    level = sorted(salted_leaf(salt(one), one) for one in _row_hashes(connection, relation, names))
    rows, position = len(level), level.index(salted_leaf(salt(own), own))
    steps: list[Step] = []
    while len(level) > 1:
        neighbour = position ^ 1
        if neighbour < len(level):
            steps.append(("left" if neighbour < position else "right", level[neighbour].hex()))
        level, position = _level_above(level), position // 2
    return names, kinds, rows, steps


def salted_leaf(salt: bytes, row_hash: str) -> bytes:
    return hashlib.sha256(b"\x00" + salt + bytes.fromhex(row_hash)).digest()


def leaf_of(row_hash: str) -> bytes:
    return hashlib.sha256(b"\x00" + bytes.fromhex(row_hash)).digest()


def node_of(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def merkle_root(level: list[bytes]) -> str:
    """Return the root over leaves in their order; without leaves, the hash of nothing."""
    while len(level) > 1:
        level = _level_above(level)
    return (level[0] if level else hashlib.sha256(b"").digest()).hex()


def head_hash(columns: list[str], kinds: list[str], rows: int, root: str) -> str:
    """Return a table's hash from its columns, their types, its number of rows and the root over them."""
    return hashlib.sha256(json.dumps([columns, kinds, rows, root], ensure_ascii=False).encode()).hexdigest()


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def combined_hash(parts: Mapping[str, str]) -> str:
    """Return the SHA-256 over named hashes, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(parts):
        digest.update(f"{name}={parts[name]}\n".encode())
    return digest.hexdigest()


def _level_above(level: list[bytes]) -> list[bytes]:
    pairs = [node_of(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return pairs + level[len(pairs) * 2 :]


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> tuple[list[str], list[str]]:
    described = connection.execute(f"describe select * from {relation}").fetchall()
    return [str(row[0]) for row in described], [str(row[1]) for row in described]


def _row_hashes(connection: duckdb.DuckDBPyConnection, relation: str, columns: list[str]) -> list[str]:
    query = f"select sha256({row_text(columns)}) as row_hash from {relation} order by row_hash"
    return [str(row[0]) for row in connection.execute(query).fetchall()]
