"""The release ledger: `editions/ledger.jsonl`, one line per edition, each bound to the line before by its hash.

An entry names the edition's root hash and the hash of its manifest, who published it and why, and every published
figure that it corrects, before and after. With a copy of the head (the last entry's hash) kept elsewhere, anybody can
tell that nothing before it was edited, removed or reordered.

Belongs here: writing, reading and checking the ledger. Does not belong here: hashes of tables (`hashing`), recomputing
what an edition's manifest claims (`verify`).
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from miyar.errors import MiyarError, Problem
from publication.difference import COMPARED, compare
from publication.hashing import combined_hash, file_hash
from publication.manifest import Manifest, list_editions, read_manifest

FILE = "ledger.jsonl"
BEGINNING = "0" * 64
RESTORE = "Restore the ledger and the editions from backup; a correction is a new revision, never an edit."


@dataclass(frozen=True)
class Entry:
    """One publication. `entry_hash` covers all other fields, the corrections through their own hash."""

    number: int
    edition_id: str
    published_at: str
    by: str
    reason: str
    root_hash: str
    manifest_hash: str
    corrections_hash: str
    previous_hash: str
    entry_hash: str
    corrections: dict[str, Any]

    @property
    def head(self) -> dict[str, Any]:
        """Return the entry without its corrections: the input of `entry_hash`, and `entry_hash` itself."""
        return {name: value for name, value in asdict(self).items() if name != "corrections"}

    @property
    def hashed(self) -> bytes:
        """Return the bytes under `entry_hash`, which are also the entry's leaf in the ledger's tree (`checkpoints`)."""
        return _canonical({name: value for name, value in self.head.items() if name != "entry_hash"})


_ENTRY = TypeAdapter(Entry)


def root_hash(manifest: Manifest) -> str:
    """Return one hash over all tables of an edition; it tells nothing of a row, even to who knows all others.

    Editions of before there were secrets have the hash over the tables' own.
    """
    return combined_hash(manifest.proof_roots or {name: entry.hash for name, entry in manifest.tables.items()})


def record_unrecorded(editions: Path) -> None:
    """Append an entry for every edition that has none, in the order of publication.

    Such an edition was just renamed into place, or its publishing was killed before this step. A line cut short by a
    kill is dropped, and its edition is recorded again.
    """
    path = editions / FILE
    drop_torn_line(editions)
    entries = read_entries(editions)
    recorded = {entry.edition_id for entry in entries}
    manifests = [read_manifest(editions / name) for name in list_editions(editions) if name not in recorded]
    previous = entries[-1].entry_hash if entries else BEGINNING
    for number, manifest in enumerate(sorted(manifests, key=lambda one: one.published_at), start=len(entries) + 1):
        entry = _entry(editions, number, manifest, previous)
        with path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(entry), ensure_ascii=False) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        previous = entry.entry_hash


def read_entries(editions: Path) -> list[Entry]:
    """Return all entries, oldest first; raises MiyarError naming a line that is no entry."""
    path = editions / FILE
    lines = path.read_bytes().splitlines() if path.is_file() else []
    entries = []
    for number, line in enumerate(lines, start=1):
        try:
            entries.append(_ENTRY.validate_json(line, strict=True, extra="forbid"))
        except ValueError:
            raise MiyarError(_problem("ledger_unreadable", "the line is no entry", number)) from None
    return entries


def moment_behind(editions: Path, moment: str) -> Problem | None:
    """Return what is wrong with publishing at a moment (ISO 8601, UTC): it may not be before the last entry's."""
    entries = read_entries(editions)
    if not entries or moment >= entries[-1].published_at:
        return None
    return Problem(
        "moment_before_ledger",
        f"{moment} is before {entries[-1].published_at}, when {entries[-1].edition_id} was published",
        file=FILE,
        next_step="Publish at the moment that it is; set the machine's clock right if it shows an earlier one.",
    )


def check(editions: Path, head: str = "") -> list[Problem]:
    """Return what is wrong with the ledger, in itself and against the editions present; `head` is one noted earlier."""
    path = editions / FILE
    if path.is_file() and not path.read_bytes().endswith(b"\n"):
        return [
            Problem(
                "ledger_torn",
                "the last line was not finished",
                file=FILE,
                next_step="Run `miyar publish`; it heals this.",
            )
        ]
    try:
        entries = read_entries(editions)
    except MiyarError as error:
        return error.problems
    problems = chain_problems(entries)
    for line, entry in enumerate(entries, start=1):
        problems += _against_edition(editions, entry, line)
    named = [entry.edition_id for entry in entries]
    problems += [
        _problem("ledger_entry_twice", f"{name} is recorded twice", named.index(name) + 1)
        for name in sorted(set(named))
        if named.count(name) > 1
    ]
    problems += [
        Problem(
            "edition_unrecorded",
            "the edition stands in no entry of the ledger",
            file=name,
            next_step="If publishing was interrupted, run `miyar publish`: it records the edition. Else restore the ledger.",
        )
        for name in list_editions(editions)
        if name not in named
    ]
    if head and head not in {entry.entry_hash for entry in entries}:
        problems.append(
            Problem("ledger_head_missing", "no entry has the hash noted as head", file=FILE, next_step=RESTORE)
        )
    return problems


def chain_problems(entries: Sequence[Entry]) -> list[Problem]:
    """Return what is wrong with the entries in themselves: edited, removed, moved, or dated back."""
    problems = []
    previous, moment = BEGINNING, ""
    for line, entry in enumerate(entries, start=1):
        if entry.entry_hash != _entry_hash(entry.head) or entry.corrections_hash != _hash(entry.corrections):
            problems.append(_problem("ledger_entry_changed", f"the entry of {entry.edition_id} was edited", line))
        if entry.number != line or entry.previous_hash != previous:
            problems.append(
                _problem("ledger_chain_broken", f"an entry before that of {entry.edition_id} is gone or moved", line)
            )
        if entry.published_at < moment:
            problems.append(_problem("ledger_moment_back", f"{entry.edition_id} is dated before the entry above", line))
        previous, moment = entry.entry_hash, max(moment, entry.published_at)
    return problems


def _against_edition(editions: Path, entry: Entry, line: int) -> list[Problem]:
    path = editions / entry.edition_id / "manifest.json"
    if not path.is_file():
        return [_problem("edition_missing", f"{entry.edition_id} was published and is gone", line)]
    if file_hash(path) != entry.manifest_hash:
        return [_problem("manifest_changed", f"the manifest of {entry.edition_id} is not the one published", line)]
    if root_hash(read_manifest(path.parent)) != entry.root_hash:
        return [_problem("ledger_entry_changed", f"the root hash is not that of {entry.edition_id}", line)]
    return []


def _entry(editions: Path, number: int, manifest: Manifest, previous: str) -> Entry:
    corrections = _corrections(editions, manifest)
    head: dict[str, Any] = {
        "number": number,
        "edition_id": manifest.edition_id,
        "published_at": manifest.published_at,
        "by": manifest.by,
        "reason": manifest.reason,
        "root_hash": root_hash(manifest),
        "manifest_hash": file_hash(editions / manifest.edition_id / "manifest.json"),
        "corrections_hash": _hash(corrections),
        "previous_hash": previous,
    }
    return Entry(**head, entry_hash=_entry_hash(head), corrections=corrections)


def _corrections(editions: Path, manifest: Manifest) -> dict[str, Any]:
    """Return where the edition differs from the one it corrects: its earlier revision, or else the previous edition."""
    base = f"{manifest.period_id}-r{manifest.revision - 1}" if manifest.revision > 1 else manifest.previous_edition_id
    if base is None or not (editions / base / "manifest.json").is_file():  # nothing before it, or it was lost
        return {}
    older = read_manifest(editions / base)
    told: dict[str, Any] = {"base": base, "methodology_before": older.methodology_version, "figures": []}
    # A hash over two figures could be guessed; readers of a proof see it, and not the manifest.
    told |= {"salt": manifest.salt} if manifest.salt else {}
    if older.methodology_version != manifest.methodology_version:
        # Under another methodology every figure has a new id; bench_restatements of the edition lists each change, with
        # method and data apart.
        return told
    for row in compare(editions / base, editions / manifest.edition_id).rows:
        if row["period_id"] > older.period_id:
            continue
        changed = [name for name in COMPARED if row[f"{name}_before"] != row[f"{name}_after"]]
        told["figures"].append(
            {name: row[name] for name in ("score_id", "unit_id", "metric_id", "period_id", "change")}
            | {
                "before": {name: row[f"{name}_before"] for name in changed},
                "after": {name: row[f"{name}_after"] for name in changed},
            }
        )
    return told


def _entry_hash(head: dict[str, Any]) -> str:
    return _hash({name: value for name, value in head.items() if name != "entry_hash"})


def _hash(value: dict[str, Any]) -> str:
    return hashlib.sha256(_canonical(value)).hexdigest()


def _canonical(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode()


def drop_torn_line(editions: Path) -> None:
    """Take away a last line that a kill cut short."""
    path = editions / FILE
    content = path.read_bytes() if path.is_file() else b""
    if content and not content.endswith(b"\n"):
        part = path.with_name(f".{FILE}.part")
        part.write_bytes(content[: content.rfind(b"\n") + 1])
        part.replace(path)


def _problem(rule: str, message: str, line: int) -> Problem:
    return Problem(rule, message, file=FILE, row=line, next_step=RESTORE)
