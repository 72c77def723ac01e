"""A proof that one row was part of a published table; checking it needs only SHA-256 and reveals no other row.

Belongs here: making and checking the document. Does not belong here: the tree (`hashing`), the chain of entries
(`release_ledger`).
"""

import hashlib
from pathlib import Path
from typing import Any

import duckdb

from miyar import sql
from miyar.errors import MiyarError, Problem
from publication.hashing import combined_hash, head_hash, leaf_of, node_of, row_path, row_text
from publication.manifest import read_manifest
from publication.release_ledger import read_entries

TABLE = "bench_scores"


def prove(edition: Path, score_id: str) -> dict[str, Any]:
    """Return the row of a score, its path up to the root of the edition, and the ledger's entry with that root."""
    manifest = read_manifest(edition)
    entries = [entry for entry in read_entries(edition.resolve().parent) if entry.edition_id == manifest.edition_id]
    with duckdb.connect() as connection:
        published = sql.parquet(edition / "tables" / f"{TABLE}.parquet")
        row = connection.execute(
            f"select {row_text(manifest.tables[TABLE].columns)} from {published} where score_id = ?", [score_id]
        ).fetchone()
        if row is None or not entries:
            raise MiyarError(
                Problem(
                    "score_unknown" if row is None else "edition_unrecorded",
                    f"{manifest.edition_id} has no such score" if row is None else "the ledger has no entry of it",
                    file=manifest.edition_id,
                    next_step="Take score_id from bench_scores of this edition; run `miyar verify` if it is there.",
                )
            )
        columns, kinds, rows, steps = row_path(connection, published, str(row[0]))
    return {
        "edition_id": manifest.edition_id,
        "table": TABLE,
        "columns": columns,
        "types": kinds,
        "rows": rows,
        "row": str(row[0]),
        "steps": [list(step) for step in steps],
        "tables": {name: entry.hash for name, entry in sorted(manifest.tables.items())},
        "entry": entries[0].head,
    }


def is_proved(proof: dict[str, Any]) -> bool:
    """Return whether the row leads to the root the entry names; whether the ledger has that entry, the reader checks."""
    node = leaf_of(hashlib.sha256(proof["row"].encode()).hexdigest())
    for side, neighbour in proof["steps"]:
        other = bytes.fromhex(neighbour)
        node = node_of(other, node) if side == "left" else node_of(node, other)
    table = head_hash(proof["columns"], proof["types"], proof["rows"], node.hex())
    root = combined_hash({**proof["tables"], proof["table"]: table})
    return bool(root == proof["entry"]["root_hash"])
