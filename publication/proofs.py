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
from publication.checkpoints import leaves_of, newest_checkpoint, read_checkpoint
from publication.hashing import combined_hash, head_hash, node_of, row_path, row_text, salted_leaf
from publication.log_tree import inclusion, is_included, log_leaf
from publication.manifest import read_manifest
from publication.proof_secrets import TABLE, read_secret, row_salt
from publication.release_ledger import Entry, read_entries


def prove(edition: Path, score_id: str) -> dict[str, Any]:
    """Return the row of a score with its salt, its path up to the edition's root, and the entry with that root in the ledger.

    The entry's own path leads up to the newest checkpoint, which a reader holds against one that was kept, or its key.

    Raises MiyarError for a score or an edition that is not there, and where the edition's secret is lost.
    """
    manifest = read_manifest(edition)
    folder = edition.resolve().parent
    ledger = read_entries(folder)
    entries = [entry for entry in ledger if entry.edition_id == manifest.edition_id]
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
        "inclusion": [step.hex() for step in inclusion(leaves_of(ledger), entries[0].number - 1)],
        "checkpoint": newest_checkpoint(folder),
    }


def is_proved(proof: dict[str, Any]) -> bool:
    """Return whether the row leads to the root the entry names, and the entry into the tree of the proof's checkpoint.

    Whether that checkpoint is the centre's, the reader checks: by its signature, or against one that was kept.
    """
    node = salted_leaf(bytes.fromhex(proof["salt"]), hashlib.sha256(proof["row"].encode()).hexdigest())
    for side, neighbour in proof["steps"]:
        other = bytes.fromhex(neighbour)
        node = node_of(other, node) if side == "left" else node_of(node, other)
    table = head_hash(proof["columns"], proof["types"], proof["rows"], node.hex())
    root = combined_hash({**proof["tables"], proof["table"]: table})
    entry = Entry(**proof["entry"], corrections={})
    checkpoint, _ = read_checkpoint(proof["checkpoint"])
    steps = [bytes.fromhex(step) for step in proof["inclusion"]]
    return bool(
        root == entry.root_hash
        and hashlib.sha256(entry.hashed).hexdigest() == entry.entry_hash
        and is_included(log_leaf(entry.hashed), entry.number - 1, checkpoint.size, checkpoint.root, steps)
    )
