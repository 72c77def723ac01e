"""Rebuilding an edition from its kept inputs, to check that the result is the same.

Belongs here: one build of a restored workspace and the comparison. Does not belong here: keeping inputs (`publication.vintages`).
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ingestion.lake import write_empty_files
from ingestion.slices import write_slices
from miyar.errors import MiyarError, Problem
from miyar.workspace import Workspace
from publication.editions import publish
from publication.manifest import OF_HISTORY, Manifest, read_manifest
from publication.vintages import restore
from warehouse.dbt_runner import run_dbt
from warehouse.inputs import Inputs
from warehouse.snapshots import write_snapshots
from warehouse.source_code import code_hash


@dataclass(frozen=True)
class Reproduction:
    """Content hashes of the published and the rebuilt edition, and the tables and packs that differ."""

    published: str
    again: str
    differing: list[str]

    @property
    def is_same(self) -> bool:
        return self.published == self.again


def reproduce(workspace: Workspace, edition_id: str, folder: Path, *, anyway: bool = False) -> Reproduction:
    """Rebuild an edition in the empty folder `folder`; the workspace is only read.

    Raises MiyarError when the inputs are missing, or when the code differs and `anyway` is false.
    """
    manifest = read_manifest(workspace.editions / edition_id)
    if manifest.inputs_hash is None:
        raise MiyarError(
            Problem(
                "vintage_missing",
                "the edition was published before inputs were kept",
                file=edition_id,
                next_step="Editions published from now on can be made again.",
            )
        )
    if manifest.code_hash != code_hash() and not anyway:
        raise _differs(edition_id, manifest, "code", manifest.code_hash, code_hash())
    restore(workspace, manifest.inputs_hash, folder)
    aside = Workspace.open(folder)
    inputs = Inputs.read(aside)
    if manifest.methodology_hash != inputs.methodology.hash and not anyway:
        # Words of levels and practices stand in published tables, though code means the same by any.
        raise _differs(edition_id, manifest, "methodology", manifest.methodology_hash, inputs.methodology.hash)
    write_empty_files(aside)
    write_slices(aside, inputs.accounts, inputs.contracts)
    write_snapshots(inputs)
    failures = [f"{result.unique_id}: {result.message}" for result in run_dbt(aside, command="run") if result.failed]
    if failures:
        raise RuntimeError(f"{edition_id} could not be built again: {'; '.join(failures)}")
    made = publish(
        aside,
        inputs.origin,
        datetime.fromisoformat(manifest.published_at),
        methodology=inputs.methodology,
        accounts=inputs.accounts,
        period=manifest.period_id,
    )
    return Reproduction(manifest.content_hash, made.content_hash, _differing(manifest, read_manifest(made.path)))


def _differing(published: Manifest, again: Manifest) -> list[str]:
    """The parts of the content hash that differ."""
    tables = sorted((published.tables.keys() | again.tables.keys()) - OF_HISTORY)
    packs = sorted(published.packs.keys() | again.packs.keys())
    return [
        *(name for name in tables if published.tables.get(name) != again.tables.get(name)),
        *(f"packs/{agency}" for agency in packs if published.packs.get(agency) != again.packs.get(agency)),
        *(["access"] if published.access_hash != again.access_hash else []),
    ]


def _differs(edition_id: str, manifest: Manifest, what: str, then: str, now: str) -> MiyarError:
    return MiyarError(
        Problem(
            "code_differs",
            f"the edition was made by Miyar {manifest.code_version}, {what} {then[:16]}; this is {what} {now[:16]}",
            file=edition_id,
            next_step="Check out the code of that day, or pass --anyway to see what today's code makes of its inputs.",
        )
    )
