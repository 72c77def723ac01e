"""Verifying editions: every file, every table and the chain of manifests.

Belongs here: recomputing what a manifest claims. Does not belong here: making manifests (`editions`).
"""

from pathlib import Path

import duckdb

from miyar.errors import Problem
from publication.hashing import file_hash, table_hash
from publication.manifest import content_hash, list_editions, read_manifest
from publication.packs import pack_hash


def verify(editions: Path, edition_id: str) -> list[Problem]:
    """Recompute all hashes of one edition and its link to the one before; an empty list means nothing was touched."""
    folder = editions / edition_id
    manifest = read_manifest(folder)
    problems = []
    if content_hash(manifest.tables, manifest.packs, manifest.access_hash) != manifest.content_hash:
        problems.append(
            _problem("manifest_changed", "its content hash is not that of its parts", edition_id, "manifest.json")
        )
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {"manifest.json"}
    for name in sorted(present | set(manifest.files)):
        if name not in manifest.files:
            problems.append(_problem("file_added", "the file is not in the manifest", edition_id, name))
        elif name not in present:
            problems.append(_problem("file_missing", "the file is gone", edition_id, name))
        elif file_hash(folder / name) != manifest.files[name]:
            problems.append(_problem("file_changed", "the file was changed after publication", edition_id, name))
    with duckdb.connect() as connection:
        for name, entry in manifest.tables.items():
            parquet = folder / "tables" / f"{name}.parquet"
            if parquet.is_file():
                source = str(parquet).replace("'", "''")
                if _table_hash(connection, f"read_parquet('{source}')") != entry.hash:
                    problems.append(
                        _problem("table_changed", "the Parquet table differs from the manifest", edition_id, name)
                    )
        for agency, digest in manifest.packs.items():
            if _pack_hash(connection, folder / "packs" / agency) != digest:
                problems.append(_problem("pack_changed", "the pack differs from the manifest", edition_id, agency))
        database = folder / "benchmarks.duckdb"
        if database.is_file():
            try:
                connection.execute(
                    f"attach '{str(database.resolve()).replace(chr(39), chr(39) * 2)}' as edition (read_only)"
                )
            except duckdb.Error:
                problems.append(
                    _problem("database_unreadable", "the database cannot be opened", edition_id, database.name)
                )
            else:
                for name, entry in manifest.tables.items():
                    if _table_hash(connection, f"edition.{name}") != entry.hash:
                        problems.append(
                            _problem("table_changed", "the database table differs from the manifest", edition_id, name)
                        )
    if manifest.previous_edition_id:
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


def verify_all(editions: Path) -> dict[str, list[Problem]]:
    """Problems per edition, oldest first."""
    return {edition_id: verify(editions, edition_id) for edition_id in list_editions(editions)}


def _pack_hash(connection: duckdb.DuckDBPyConnection, folder: Path) -> str:
    try:
        return pack_hash(connection, folder)
    except (duckdb.Error, OSError):
        return "unreadable"


def _table_hash(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    try:
        return table_hash(connection, relation)
    except duckdb.Error:
        return "unreadable"


def _problem(rule: str, message: str, edition_id: str, name: str) -> Problem:
    return Problem(
        rule,
        message,
        file=f"{edition_id}/{name}",
        next_step="Restore the edition from backup; a correction is a new revision, never an edit.",
    )
