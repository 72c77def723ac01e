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
from publication.hashing import combined_hash, head_hash, node_of, row_path, row_text, salted_leaf
from publication.manifest import read_manifest
from publication.proof_secrets import TABLE, read_secret, row_salt
from publication.release_ledger import read_entries


def prove(edition: Path, score_id: str) -> dict[str, Any]:
    """Return the row of a score with its salt, its path up to the root of the edition, and the ledger's entry with that root.

    Raises MiyarError for a score or an edition that is not there, and where the edition's secret is lost.
    """
    manifest = read_manifest(edition)
    entries = [entry for entry in read_entries(edition.resolve().parent) if entry.edition_id == manifest.edition_id]
    if not manifest.proof_roots:
        step = "Take a later edition: it has the same figure, unless it was corrected."
        told = "it was published before proofs hid other rows, and a proof would tell of them"
        raise MiyarError(Problem("proof_unsalted", told, file=manifest.edition_id, next_step=step))
    salt = row_salt(read_secret(edition))
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
        columns, kinds, rows, steps = row_path(connection, published, str(row[0]), salt)
    return {
        "edition_id": manifest.edition_id,
        "table": TABLE,
        "columns": columns,
        "types": kinds,
        "rows": rows,
        "row": str(row[0]),
        "salt": salt(hashlib.sha256(str(row[0]).encode()).hexdigest()).hex(),
        "steps": [list(step) for step in steps],
        "tables": dict(sorted(manifest.proof_roots.items())),
        "entry": entries[0].head,
    }


def is_proved(proof: dict[str, Any]) -> bool:
    """Return whether the row leads to the root the entry names; whether the ledger has that entry, the reader checks."""
    node = salted_leaf(bytes.fromhex(proof["salt"]), hashlib.sha256(proof["row"].encode()).hexdigest())
    for side, neighbour in proof["steps"]:
        other = bytes.fromhex(neighbour)
        node = node_of(other, node) if side == "left" else node_of(node, other)
    table = head_hash(proof["columns"], proof["types"], proof["rows"], node.hex())
    root = combined_hash({**proof["tables"], proof["table"]: table})
    return bool(root == proof["entry"]["root_hash"])
