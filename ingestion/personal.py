"""Personal data in a file's columns: free texts that hold some, and keyed pseudonyms.

Belongs here: everything that decides which part of a personal value may be stored. Does not belong here: which columns
are personal (the contract says so), finding and hiding personal data in one text (`patterns`).
"""

import hashlib
import hmac
import os
import stat
from dataclasses import dataclass

import duckdb

from ingestion.contract import Contract
from ingestion.labels import Lookup, make_lookup
from ingestion.pattern_checks import source
from ingestion.patterns import found_in, personal_texts
from ingestion.values import clean, fold_digits
from miyar import sql
from miyar.errors import MiyarError, Problem
from miyar.workspace import Workspace

_HMAC_BLOCK = 64  # bytes of a SHA-256 block (RFC 2104)
PSEUDONYM_LENGTH = 32  # hex digits: 128 bits, enough to rule out collisions for any number of people


def personal_lookups(connection: duckdb.DuckDBPyConnection, free: list[str]) -> dict[str, Lookup]:
    """For each free text column a map whose keys are the distinct texts with personal data; clean columns are left out."""
    lookups = {}
    for name in free:
        hits = personal_texts(connection, "texts", f"t_{name}")
        if hits:
            lookups[name] = make_lookup(connection, f"personal_{name}", dict.fromkeys(hits, ("hit", None)))
    return lookups


def find_unusual(connection: duckdb.DuckDBPyConnection, columns: list[str], typed: str, typed_count: int) -> None:
    """Add to the table `faults` the rows with personal data in columns that are no free text.

    Words of dimensions may be published: there every text counts. Of an id of an event nobody can say it, for a number of
    ten digits may be a case: there it counts where it is most of the column, which is no chance.

    Args:
        columns: the columns of ids and words that were delivered.
        typed: SQL relation of the typed rows, and their number.
    """
    if not columns:
        return
    limits = source()["unusual"]
    looked_at = f"(select * from {typed} limit {limits['looked_at']:d})"
    found = connection.execute(
        f"select {', '.join(f'list(distinct {name})' for name in columns)} from {looked_at}"
    ).fetchone()
    for name, texts in zip(columns, found or (), strict=True):
        own = [text for text in texts or () if text is not None]
        if name in source()["numbered"] and not _is_mostly_personal(sorted(own)[: limits["sampled"]]):
            continue
        if typed_count > limits["looked_at"]:
            personal = list(personal_texts(connection, typed, name))
        else:
            personal = sorted(text for text in own if found_in(text))
        if personal:
            connection.execute(
                f"insert into faults select row_id, 'personal_data', {sql.text(name)}, '' from {typed} "
                f"where list_contains(?::varchar[], {name})",
                [personal],
            )


def _is_mostly_personal(texts: list[str]) -> bool:
    limits = source()["unusual"]
    return len(texts) >= limits["least"] and bool(sum(map(bool, map(found_in, texts))) >= limits["share"] * len(texts))


def counts(connection: duckdb.DuckDBPyConnection, relation: str, column: str) -> dict[str, int]:
    """Number of rows of a column that hold each kind of personal data; values are never returned."""
    total: dict[str, int] = {}
    for text, rows in personal_texts(connection, relation, column).items():
        for pattern in found_in(text):
            total[pattern] = total.get(pattern, 0) + rows
    return dict(sorted(total.items()))


def pseudonym(key: bytes, value: str) -> str:
    """The keyed pseudonym of one value; under one key the same person always gets the same text."""
    plain = clean(fold_digits(value))
    return hmac.new(key, plain.encode(), hashlib.sha256).hexdigest()[:PSEUDONYM_LENGTH]


@dataclass(frozen=True)
class Pseudonyms:
    """The workspace's key; never shown, never written."""

    key: bytes

    def __repr__(self) -> str:
        return "Pseudonyms(key=hidden)"

    def install(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Give a connection what `pseudonym_sql` needs, in variables so that no SQL text ever contains the key."""
        key = hashlib.sha256(self.key).digest() if len(self.key) > _HMAC_BLOCK else self.key
        key = key.ljust(_HMAC_BLOCK, b"\0")
        connection.execute("set variable pseudonym_inner = ?", [bytes(byte ^ 0x36 for byte in key)])
        connection.execute("set variable pseudonym_outer = ?", [bytes(byte ^ 0x5C for byte in key)])


def pseudonym_sql(value: str) -> str:
    """SQL: the same as `pseudonym`, for a text already cleaned and folded; HMAC built from two hashes as in RFC 2104."""
    inner = f"unhex(sha256(getvariable('pseudonym_inner') || encode({value})))"
    return f"left(sha256(getvariable('pseudonym_outer') || {inner}), {PSEUDONYM_LENGTH})"


@dataclass(frozen=True)
class KeyRing:
    """All versions of the key, the first one first; never shown, never written."""

    versions: tuple[Pseudonyms, ...]

    def of(self, contract: Contract) -> Pseudonyms | None:
        """The version a contract makes pseudonyms with: the newest, unless people are to be known again under an earlier one.

        None where the contract names a version that there is not.
        """
        linked = contract.link_pseudonyms
        if linked is None:
            return self.versions[-1]
        return self.versions[linked.key_version - 1] if linked.key_version <= len(self.versions) else None


def load_keys(workspace: Workspace) -> KeyRing | None:
    """Load the key from the environment, else from `pseudonym.key` with mode 0600; None if there is neither.

    Each line is a version of the key, and the last is in force; an older line stays for contracts that link and for erasure.
    Raises MiyarError if the file is readable by others, or empty.
    """
    given = os.environ.get(workspace.settings.pseudonym_key_variable, "")
    if given:
        return _ring(given.encode())
    path = workspace.root / "pseudonym.key"
    if not path.is_file():
        return None
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise MiyarError(
            Problem(
                "pseudonym_key_open",
                f"others may read the key (mode {mode:04o})",
                file=path.name,
                next_step="Run chmod 600 on it, and make a new key if others could have read it.",
            )
        )
    ring = _ring(path.read_bytes())
    if not ring.versions:
        raise MiyarError(
            Problem(
                "pseudonym_key_missing", "the key is empty", file=path.name, next_step="Write a random key into it."
            )
        )
    return ring


def _ring(content: bytes) -> KeyRing:
    return KeyRing(tuple(Pseudonyms(line.strip()) for line in content.split(b"\n") if line.strip()))
