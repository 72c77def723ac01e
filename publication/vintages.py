"""Vintages: the inputs of every edition, kept so that it can be reproduced after registry and lake have changed.

    vintages/<inputs_hash>.json   path in the workspace -> SHA-256 of the file as it was
    vintages/objects/<SHA-256>    the files, each content once: settings, registry, accounts, accepted rows that counted
    vintages/published.parquet    what earlier editions showed and hid (`published`), an input like the others

Belongs here: keeping and restoring those files. Does not belong here: making an edition from them
(`warehouse.reproduction`).
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import duckdb

from miyar import atomic_files, sql
from miyar.errors import MiyarError, Problem
from miyar.workspace import Workspace
from publication.hashing import combined_hash, file_hash
from publication.published import FILE


def inputs_now(workspace: Workspace) -> dict[str, str]:
    """Return the hash of each of today's inputs by its path in the workspace."""
    paths = {*_rows_that_count(workspace), *_small_files(workspace)}
    return {path.relative_to(workspace.root).as_posix(): file_hash(path) for path in sorted(paths)}


def keep(workspace: Workspace, found: Mapping[str, str]) -> str:
    """Keep inputs, as `inputs_now` found them, and return their hash. Inputs already kept cost nothing."""
    objects = workspace.root / "vintages" / "objects"
    objects.mkdir(parents=True, exist_ok=True)
    rows = set(_rows_that_count(workspace))
    for name, digest in found.items():
        if not (objects / digest).is_file():
            path = workspace.root / name
            # Files of the lake are replaced by rename, never rewritten, so a hard link keeps them at no cost in space.
            _place(path, objects / digest, is_linked=path in rows)
    inputs_hash = combined_hash(found)
    atomic_files.write_text(
        workspace.root / "vintages" / f"{inputs_hash}.json", json.dumps(found, indent=0, sort_keys=True) + "\n"
    )
    return inputs_hash


def restore(workspace: Workspace, inputs_hash: str, folder: Path) -> None:
    """Restore the inputs into an empty folder; raises MiyarError listing what is gone or was changed."""
    index = workspace.root / "vintages" / f"{inputs_hash}.json"
    source = _read(index)
    problems = []
    if combined_hash(source) != inputs_hash:
        problems.append(_problem("vintage_missing", "the list of inputs is gone or was changed", index.name))
    for path, digest in source.items():
        kept = workspace.root / "vintages" / "objects" / digest
        if not kept.is_file():
            problems.append(_problem("vintage_missing", "an input is gone", path))
        elif file_hash(kept) != digest:
            problems.append(_problem("vintage_changed", "an input was changed since", path))
    if problems:
        raise MiyarError(problems)
    for path, digest in source.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(workspace.root / "vintages" / "objects" / digest, target)


def _read(index: Path) -> dict[str, str]:
    """A kept list of inputs; empty if it is gone or is none."""
    try:
        source = json.loads(index.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(path): str(digest) for path, digest in source.items()} if isinstance(source, dict) else {}


def _small_files(workspace: Workspace) -> list[Path]:
    registry = [path for path in workspace.registry.rglob("*") if path.is_file()]
    noted = [path for path in [workspace.root / FILE] if path.is_file()]
    return [workspace.root / "miyar.yml", *registry, *workspace.submissions.glob("*.json"), *noted]


def _rows_that_count(workspace: Workspace) -> list[Path]:
    """Return the accepted rows of every submission that counts for some slice."""
    slices = workspace.lake / "slices.parquet"
    if not slices.is_file():
        return []
    with duckdb.connect() as connection:
        live = connection.execute(
            f"select distinct feed, period_id, submission_id from {sql.parquet(slices)} where status = 'live'"
        ).fetchall()
    paths = [workspace.lake / feed / f"period={period}" / f"{submission}.parquet" for feed, period, submission in live]
    return [path for path in paths if path.is_file()]


def _place(path: Path, target: Path, *, is_linked: bool) -> None:
    part = atomic_files.part_of(target)
    part.unlink(missing_ok=True)
    if is_linked:
        try:
            os.link(path, part)
        except OSError:  # another disk, or a file system without links
            shutil.copyfile(path, part)
    else:
        shutil.copyfile(path, part)
    atomic_files.finish(target)


def _problem(rule: str, message: str, name: str) -> Problem:
    return Problem(rule, message, file=name, next_step="Restore the folder vintages from backup.")
