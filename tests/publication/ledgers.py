"""Editions with a signed ledger, and a forger who may write everything beside them.

Belongs here: making and rewriting them. Does not belong here: any expectation.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from miyar import sql
from publication.checkpoints import Checkpoint, checkpoint_path, leaves_of, read_checkpoint
from publication.hashing import file_hash, table_hash
from publication.log_tree import log_root
from publication.manifest import Manifest, content_hash, list_editions, read_manifest
from publication.packs import pack_hash
from publication.release_ledger import FILE, read_entries, record_unrecorded
from publication.signing_keys import KeyFile, make_key
from tests.publication.centre import ORIGIN, Centre, publish_as_it_stands
from tests.publication.conftest import unsealed

SEED = bytes(range(32))
NAMES = ["2026Q1-r1", "2026Q1-r2", "2026Q1-r3"]


def publish_on(centre: Centre, day: int, key: KeyFile | None) -> None:
    """Publish a changed figure on a day of April 2026."""
    centre.change(f"update benchmarks.bench_scores set score = {day} where score_id = 's3'")
    moment = datetime(2026, 4, day, 9, tzinfo=UTC)
    publish_as_it_stands(centre.workspace, ORIGIN, moment, reason="a corrected file", by="Huda", key=key)


def three_editions(folder: Path) -> Path:
    """Publish three editions with a key; returns the folder, with the centre and the key in it."""
    centre = Centre(folder / "centre")
    key = make_key(folder / "key", "centre.example/ledger", SEED)
    for day in (20, 21, 22):
        publish_on(centre, day, key)
    return folder


@contextmanager
def unlocked(folder: Path) -> Iterator[Path]:
    """Let a whole edition be written, and seal it again as it was."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755)
    yield folder
    for path in folder.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)


def remove(editions: Path, edition_id: str) -> None:
    """Take an edition and its checkpoint away."""
    for path in [editions / edition_id, *(editions / edition_id).rglob("*")]:
        path.chmod(0o755)
    shutil.rmtree(editions / edition_id)
    checkpoint_path(editions, edition_id).unlink()


def change_table(copy: Path, name: str, statement: str) -> None:
    """Run a statement on a table `t` that is written anew: a Parquet file, or the table of that name in a database."""
    with unsealed(copy) as path, duckdb.connect() as connection:
        if copy.suffix == ".duckdb":
            connection.execute(f"attach {sql.text(str(path))} as e")
            connection.execute(f"use e; {statement.replace(' t ', f' {name} ')}")
        else:
            connection.execute(f"create table t as from {sql.parquet(path)}; {statement}")
            connection.execute(f"copy t to {sql.text(str(path))} (format parquet)")


def another_publisher(edition: Path) -> None:
    """Change who published, in the manifest alone."""
    with unsealed(edition / "manifest.json") as path:
        path.write_text(path.read_text("utf-8").replace('"by": "Huda"', '"by": "Noura"'), "utf-8")


def rewrite(
    editions: Path, *, keep: int = 3, change: Callable[[Path], object] = another_publisher, of: int = 0
) -> None:
    """Forge as somebody who may write everything on the disk: change one edition, then every hash, line and checkpoint."""
    for name in NAMES[keep:]:
        remove(editions, name)
    change(editions / NAMES[of])
    for name in list_editions(editions):
        _recompute(editions / name)
    reseal(editions)
    entries = read_entries(editions)
    for entry in entries:
        path = checkpoint_path(editions, entry.edition_id)
        checkpoint, note = read_checkpoint(path.read_text("utf-8"))
        forged = Checkpoint(checkpoint.origin, checkpoint.size, log_root(leaves_of(entries[: entry.number])))
        path.write_text(str(note).replace(note.text, str(forged)), "utf-8")


def reseal(editions: Path) -> None:
    """Let manifests name the files as they are now, and the ledger the manifests."""
    (editions / FILE).unlink()
    for name in list_editions(editions):
        manifest = read_manifest(editions / name)
        before = manifest.previous_edition_id
        files = {one: file_hash(editions / name / one) for one in manifest.files}
        link = file_hash(editions / before / "manifest.json") if before else None
        _write(editions / name, replace(manifest, files=files, previous_manifest_hash=link))
    record_unrecorded(editions)


def _recompute(folder: Path) -> None:
    """Let a manifest name tables and packs as they are now."""
    manifest = read_manifest(folder)
    with duckdb.connect() as connection:
        tables = {
            name: replace(entry, hash=table_hash(connection, sql.parquet(folder / "tables" / f"{name}.parquet")))
            for name, entry in manifest.tables.items()
        }
        packs = {agency: pack_hash(connection, folder / "packs" / agency) for agency in manifest.packs}
    digest = content_hash(tables, packs, manifest.access_hash)
    _write(folder, replace(manifest, tables=tables, packs=packs, content_hash=digest))


def _write(folder: Path, manifest: Manifest) -> None:
    with unsealed(folder / "manifest.json") as path:
        path.write_text(manifest.as_json(), "utf-8")
