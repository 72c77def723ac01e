"""The secret of an edition, by which its proofs tell of one row only.

    vintages/proofs/<edition>.key    32 random bytes in hex, never in an edition; without it no proof can be made

Belongs here: keeping the secret, the salts made from it (HMAC-SHA-256), and hashes that hide what they are of. Does not
belong here: the trees (`hashing`), proofs (`proofs`).
"""

import hashlib
import hmac
import os
from collections.abc import Mapping
from pathlib import Path

import duckdb

from miyar import sql
from miyar.errors import MiyarError, Problem
from publication.hashing import Salt, salted_hash
from publication.manifest import Manifest, TableEntry

TABLE = "bench_scores"  # whose rows are proved; of other tables only a hash is hidden
FOLDER = "vintages/proofs"
RESTORE = "Restore the folder vintages from backup; without the secret, verification stays possible and proofs do not."


def salt_of(secret: bytes, label: str) -> bytes:
    """Return a salt for something named."""
    return hmac.digest(secret, label.encode(), "sha256")


def row_salt(secret: bytes) -> Salt:
    """Return the salt of each row, by its hash."""
    return lambda row_hash: salt_of(secret, f"row {row_hash}")


def hidden_roots(folder: Path, tables: Mapping[str, TableEntry], secret: bytes) -> dict[str, str]:
    """Return per table of an edition a hash that cannot be guessed from rows: the root of the second tree, or a salted hash."""
    found = {
        name: hashlib.sha256(salt_of(secret, f"table {name}") + bytes.fromhex(entry.hash)).hexdigest()
        for name, entry in tables.items()
    }
    with duckdb.connect() as connection:
        found[TABLE] = salted_hash(connection, sql.parquet(folder / "tables" / f"{TABLE}.parquet"), row_salt(secret))
    return found


def secret_path(edition: Path) -> Path:
    return edition.parent.parent / FOLDER / f"{edition.name}.key"


def write_secret(edition: Path, secret: bytes) -> None:
    """Keep an edition's secret for its owner alone, in place of that of a publishing that was killed."""
    path = secret_path(edition)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as stream:
        stream.write(secret.hex() + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def read_secret(edition: Path) -> bytes:
    """Return an edition's secret; raises MiyarError if it is lost or is none."""
    try:
        secret = bytes.fromhex(secret_path(edition).read_text("ascii"))
    except (OSError, ValueError):
        secret = b""
    if len(secret) != 32:
        raise MiyarError(Problem("proof_secret_missing", "its secret is lost", file=edition.name, next_step=RESTORE))
    return secret


def check_secret(edition: Path, manifest: Manifest) -> list[Problem]:
    """Return what is wrong between an edition, its secret and the hidden hashes in its manifest."""
    if not manifest.proof_roots:
        return []  # of before there were secrets
    try:
        found = hidden_roots(edition, manifest.tables, read_secret(edition))
    except MiyarError as error:
        return error.problems
    except (duckdb.Error, ValueError):
        return []  # the table or its hash cannot be read, which `verify` tells
    if found == manifest.proof_roots:
        return []
    told = "its secret is not the one it was published with"
    return [Problem("proof_secret_changed", told, file=edition.name, next_step=RESTORE)]
