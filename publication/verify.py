"""Verifying editions: every file, every table, the chain of manifests and the release ledger.

Belongs here: recomputing what a manifest claims. Does not belong here: making manifests (`editions`), the ledger's own
rules (`release_ledger`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from miyar import sql
from miyar.errors import MiyarError, Problem
from publication.checkpoints import FOLDER as CHECKPOINTS
from publication.checkpoints import check_checkpoints, check_witness
from publication.differing_rows import locate, locate_known
from publication.hashing import file_hash, table_hash
from publication.manifest import EDITION, Manifest, content_hash, list_editions, read_manifest
from publication.notes import Verifier
from publication.packs import pack_hash
from publication.places import misplaced, strangers
from publication.release_ledger import FILE, RESTORE, check
from publication.signing_keys import KeyFile

UNREADABLE = "unreadable"


def verify(editions: Path, edition_id: str) -> list[Problem]:
    """Recompute all hashes of one edition and its link to the previous one; an empty list means nothing was touched."""
    folder = editions / edition_id
    try:
        manifest = read_manifest(folder)
    except MiyarError as error:
        return error.problems
    problems = []
    if content_hash(manifest.tables, manifest.packs, manifest.access_hash) != manifest.content_hash:
        problems.append(
            _problem("manifest_changed", "its content hash is not that of its parts", edition_id, "manifest.json")
        )
    if folder.is_symlink():
        problems.append(
            replace(_problem("file_linked", "the edition is a link to a folder elsewhere", "", ""), file=edition_id)
        )
    if manifest.edition_id != edition_id:
        told = f"its manifest is that of {manifest.edition_id}"
        problems.append(_problem("edition_misnamed", told, edition_id, "manifest.json"))
    misplaced_files = misplaced(folder, manifest)
    problems += [_problem(rule, message, edition_id, name) for rule, message, name in misplaced_files]
    if any(rule == "path_outside" for rule, _, _ in misplaced_files):
        return problems  # nothing is opened that such a manifest leads to
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {"manifest.json"}
    for name in sorted(present | set(manifest.files)):
        if name not in manifest.files:
            problems.append(_problem("file_added", "the file is not in the manifest", edition_id, name))
        elif name not in present:
            problems.append(_problem("file_missing", "the file is gone", edition_id, name))
        elif file_hash(folder / name) != manifest.files[name]:
            problems.append(_problem("file_changed", "the file was changed after publication", edition_id, name))
    problems += _check_tables(folder, manifest)
    if manifest.previous_edition_id and EDITION.fullmatch(manifest.previous_edition_id):
        before = editions / manifest.previous_edition_id / "manifest.json"
        if not before.is_file() or file_hash(before) != manifest.previous_manifest_hash:
            problems.append(
                _problem(
                    "chain_broken",
                    "the edition before was changed or is gone",
                    edition_id,
                    manifest.previous_edition_id,
                )
            )
    return problems


@dataclass(frozen=True)
class Anchors:
    """What stands outside the disk, and cannot be rewritten with it: noted heads, keys and kept checkpoints."""

    head: str = ""  # of the ledger, noted earlier
    verifier: Verifier | None = None  # of the key that signs checkpoints
    key: KeyFile | None = None  # that key itself, which remembers what it signed last
    witnesses: Mapping[str, str] = field(default_factory=dict)  # name of a file -> the checkpoint kept in it


def verify_all(editions: Path, head: str = "", anchors: Anchors | None = None) -> dict[str, list[Problem]]:
    """Return problems per edition, oldest first, and of the release ledger, held against what stands outside the disk."""
    anchors = anchors or Anchors(head)
    found = {edition_id: verify(editions, edition_id) for edition_id in list_editions(editions)}
    beside = check(editions, anchors.head) + _check_anchors(editions, anchors) + _check_folder(editions)
    return {**found, FILE: beside + _check_current(editions)}


def _check_folder(editions: Path) -> list[Problem]:
    problems = [
        Problem("file_added", "it is no edition, nor of the ledger", file=name, next_step="Find out who put it there.")
        for name in strangers(editions)
    ]
    if (editions / FILE).is_symlink() or (editions / CHECKPOINTS).is_symlink():
        problems.append(Problem("file_linked", "ledger or checkpoints are a link", file=FILE, next_step=RESTORE))
    return problems


def _check_anchors(editions: Path, anchors: Anchors) -> list[Problem]:
    try:
        verifier = anchors.verifier or (anchors.key.signer.verifier() if anchors.key else None)
        problems = check_checkpoints(editions, verifier, anchors.key)
        for name, content in anchors.witnesses.items():
            problems += check_witness(editions, content, name, verifier)
    except MiyarError:  # the ledger cannot be read, which `check` has told
        return []
    return problems


def _check_current(editions: Path) -> list[Problem]:
    """Whether `current`, which readers open, is a link to the newest edition beside it."""
    current, known = editions / "current", list_editions(editions)
    if not known or (current.is_symlink() and current.readlink() == Path(known[-1])):
        return []
    step = f"Find out who moved it, then let it lead to {known[-1]} again: `miyar publish` does it where it is a link."
    return [Problem("current_astray", f"it does not lead to {known[-1]}", file="current", next_step=step)]


def _check_tables(folder: Path, manifest: Manifest) -> list[Problem]:
    """Recompute every table of both copies; differences are named by row and column if the other copy is intact."""
    problems = []
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        database = folder / "benchmarks.duckdb"
        if database.is_file():
            try:
                connection.execute(f"attach {sql.text(str(database.resolve()))} as edition (read_only)")
            except duckdb.Error:
                problems.append(
                    _problem("database_unreadable", "the database cannot be opened", folder.name, database.name)
                )
                database = folder / "none"
        for name, entry in manifest.tables.items():
            parquet = folder / "tables" / f"{name}.parquet"
            copies = {"Parquet": sql.parquet(parquet)} if parquet.is_file() else {}
            if database.is_file():
                copies["database"] = f"edition.{sql.name(name)}"
            hashes = {kind: _table_hash(connection, copy) for kind, copy in copies.items()}
            intact = [copy for kind, copy in copies.items() if hashes[kind] == entry.hash]
            for kind, copy in copies.items():
                if hashes[kind] != entry.hash:
                    is_readable = hashes[kind] != UNREADABLE
                    where = ""
                    if is_readable and intact:
                        where = locate(connection, copy, intact[0], entry.columns)
                    elif is_readable and (shares := _shares(folder, manifest, name)):
                        where = locate_known(connection, copy, sql.parquet(*shares), entry.columns)
                    message = f"the {kind} table differs from the manifest{where}"
                    problems.append(_problem("table_changed", message, folder.name, name))
        for agency, digest in manifest.packs.items():
            if _pack_hash(connection, folder / "packs" / agency) != digest:
                problems.append(_problem("pack_changed", "the pack differs from the manifest", folder.name, agency))
    return problems


def _shares(folder: Path, manifest: Manifest, table: str) -> list[Path]:
    """The copies of a table's rows in the packs of their owners, as far as those are as they were."""
    paths = [folder / "packs" / agency / "tables" / f"{table}.parquet" for agency in manifest.packs]
    known = {path: manifest.files.get(path.relative_to(folder).as_posix()) for path in paths if path.is_file()}
    return [path for path, digest in known.items() if digest == file_hash(path)]


def _pack_hash(connection: duckdb.DuckDBPyConnection, folder: Path) -> str:
    try:
        return pack_hash(connection, folder)
    except (duckdb.Error, OSError):
        return UNREADABLE


def _table_hash(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    try:
        return table_hash(connection, relation)
    except duckdb.Error:
        return UNREADABLE


def _problem(rule: str, message: str, edition_id: str, name: str) -> Problem:
    return Problem(
        rule,
        message,
        file=f"{edition_id}/{name}",
        next_step="Restore the edition from backup; a correction is a new revision, never an edit.",
    )
