"""Publishing: from the warehouse's marts to an immutable edition.

Belongs here: the steps of publishing and their safety (built in a temporary folder, hashed, read-only, renamed,
`current` swapped). Does not belong here: copying tables (`marts`), hashes (`hashing`), differences (`difference`), what
an agency gets (`packs`).
"""

import os
import secrets
import shutil
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from ingestion.lake_files import differing
from ingestion.submission_ledger import Account
from methodology.parameters import Methodology
from miyar.errors import MiyarError, Problem
from miyar.workspace import Workspace
from publication.access import decisions
from publication.checkpoints import checkpoint_path, write_checkpoints
from publication.difference import write_difference
from publication.hashing import combined_hash, file_hash
from publication.manifest import Manifest, Origin, TableEntry, content_hash, list_editions, read_manifest
from publication.marts import STORAGE_VERSION, known_period, last_reported_period, reading, write_tables
from publication.packs import write_owner_files, write_packs
from publication.proof_secrets import hidden_roots, salt_of, write_secret
from publication.published import counts_to_publish, note_published, settle_noted
from publication.release_ledger import moment_behind, read_entries, record_unrecorded
from publication.reports import write_reports
from publication.restatements import TABLE as RESTATED
from publication.restatements import fill_restatements
from publication.shares import open_shares
from publication.signing_keys import KeyFile
from publication.standing import point_current
from publication.unrecorded import require_ours
from publication.verify_receipts import receipts_now
from publication.vintages import inputs_now, keep

WITNESS = "checkpoint.txt"
VERIFIER = "verify_edition.py"  # without Miyar, for whoever holds an edition


@dataclass(frozen=True)
class Published:
    """The edition that is now current, and whether this call made it."""

    edition_id: str
    path: Path
    content_hash: str
    is_new: bool


def publish(
    workspace: Workspace,
    origin: Origin,
    published_at: datetime,
    *,
    methodology: Methodology,
    accounts: list[Account],
    period: str | None = None,
    reason: str = "",
    by: str = "",
    same_method: Path | None = None,
    key: KeyFile | None = None,
) -> Published:
    """Publish the warehouse as the next edition of a period (default: the last period with a reported score).

    `same_method` is Parquet of the scores under the previous edition's methodology, given if that differs; `by` is who
    publishes, `key` signs the checkpoint. Nothing changes if the content equals that of the period's latest edition. A
    further edition of a published period needs a reason; raises MiyarError without one, for a moment before the
    ledger's last, and if the ledger is not what its checkpoints say or receipts were tampered with.
    """
    editions = workspace.editions
    editions.mkdir(parents=True, exist_ok=True)
    _sweep(editions)
    require_ours(editions)
    record_unrecorded(editions)
    # Before anything is made: a ledger that contradicts its checkpoints is not continued.
    write_checkpoints(editions, key)
    settle_noted(workspace)
    receipts, receipts_head = receipts_now(workspace)
    inputs = _inputs(workspace, accounts)
    draft = _draft(workspace, period, accounts)
    everything = list_editions(editions)
    earlier = [name for name in everything if name.startswith(f"{draft.period_id}-r")]
    moment = _in_utc(published_at).isoformat(timespec="seconds")
    if earlier and read_manifest(editions / earlier[-1]).content_hash == draft.content_hash:
        _remove(draft.folder)
        point_current(editions)
        return Published(earlier[-1], editions / earlier[-1], draft.content_hash, False)
    if (behind := moment_behind(editions, moment)) is not None:
        _remove(draft.folder)
        raise MiyarError(behind)
    if earlier and not reason.strip():
        _remove(draft.folder)
        raise MiyarError(
            Problem(
                "reason_missing",
                f"{earlier[-1]} is published and its content would change",
                file=earlier[-1],
                next_step="Publish with --reason: readers must learn why a figure moved.",
            )
        )
    previous = everything[-1] if everything else None
    if previous:
        before = editions / previous
        write_difference(before, draft.folder)
        if RESTATED in draft.tables:
            draft.tables[RESTATED] = fill_restatements(
                draft.folder, before, read_manifest(before), origin.methodology_version, same_method
            )
    revision = _next_revision(editions, draft.period_id, earlier)
    edition_id = f"{draft.period_id}-r{revision}"
    # Written only now: packs and reports show restatements, and unchanged content needs neither.
    with open_shares(draft.folder / "benchmarks.duckdb") as shares:
        write_packs(shares, draft.folder, edition_id, draft.period_id, methodology)
        write_reports(shares, draft.folder, edition_id, draft.period_id, methodology)
    _witnessed(draft.folder, editions)
    shutil.copyfile(Path(__file__).parent / VERIFIER, draft.folder / VERIFIER)
    inputs_hash = keep(workspace, inputs)
    # They count from the rename on, by which the edition is published: neither earlier nor later.
    published_hash = note_published(workspace, draft.counts, draft.period_id)
    secret = secrets.token_bytes(32)
    manifest = Manifest(
        edition_id=edition_id,
        period_id=draft.period_id,
        revision=revision,
        reason=reason,
        published_at=moment,
        content_hash=draft.content_hash,
        previous_edition_id=previous,
        previous_manifest_hash=file_hash(editions / previous / "manifest.json") if previous else None,
        storage_version=STORAGE_VERSION,
        tables=draft.tables,
        packs=draft.packs,
        access_hash=draft.access_hash,
        files=_file_hashes(draft.folder),
        by=by,
        roles=methodology.roles,
        inputs_hash=inputs_hash,
        proof_roots=hidden_roots(draft.folder, draft.tables, secret),
        salt=salt_of(secret, "manifest").hex(),
        published_hash=published_hash,
        receipts=receipts,
        receipts_head=receipts_head,
        **vars(origin),
    )
    write_secret(editions / edition_id, secret)
    made = _release(draft, manifest, editions, key)
    settle_noted(workspace)
    return made


def _inputs(workspace: Workspace, accounts: list[Account]) -> dict[str, str]:
    """Today's inputs with their hashes; raises MiyarError if a file of the lake is not what its account wrote."""
    found = inputs_now(workspace)
    lake = f"{workspace.lake.relative_to(workspace.root).as_posix()}/"
    if problems := differing(accounts, {name.removeprefix(lake): digest for name, digest in found.items()}):
        raise MiyarError(problems)
    return found


@dataclass(frozen=True)
class _Draft:
    """An edition under construction: its folder, and the hashes of what it takes from the warehouse."""

    period_id: str
    folder: Path
    tables: dict[str, TableEntry]
    packs: dict[str, str]
    access_hash: str
    content_hash: str
    counts: pa.Table


def _draft(workspace: Workspace, period: str | None, accounts: list[Account]) -> _Draft:
    """Copy what is published from the warehouse into a temporary folder."""
    with reading(workspace.warehouse) as connection:
        chosen = known_period(connection, period) if period else last_reported_period(connection)
        folder = workspace.editions / f".building-{chosen}"
        folder.mkdir()
        tables = write_tables(connection, folder, chosen)
        packs = write_owner_files(connection, accounts, folder, chosen)
        counts = counts_to_publish(connection, chosen)
    access = combined_hash(decisions())
    return _Draft(chosen, folder, tables, packs, access, content_hash(tables, packs, access), counts)


def _release(draft: _Draft, manifest: Manifest, editions: Path, key: KeyFile | None) -> Published:
    """Seal the finished edition, rename it into place, record it in the ledger and make it the current one."""
    (draft.folder / "manifest.json").write_text(manifest.as_json(), "utf-8")
    _seal(draft.folder)
    final = editions / manifest.edition_id
    draft.folder.rename(final)
    _sync(editions)
    record_unrecorded(editions)
    write_checkpoints(editions, key)
    point_current(editions)
    return Published(manifest.edition_id, final, manifest.content_hash, True)


def _witnessed(folder: Path, editions: Path) -> None:
    """Give every pack the newest checkpoint there is: that of the edition before, for this one's is made when it is sealed.

    Whoever keeps a pack so keeps a witness of all editions before it.
    """
    entries = read_entries(editions)
    if entries:
        for pack in (folder / "packs").iterdir():
            shutil.copyfile(checkpoint_path(editions, entries[-1].edition_id), pack / WITNESS)


def _in_utc(moment: datetime) -> datetime:
    """Convert to UTC, because the ledger compares moments as text; a moment without zone is UTC."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _file_hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_hash(path) for path in files}


def _seal(folder: Path) -> None:
    """Flush every file to disk and remove write permission: an edition is never edited."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
            path.chmod(0o444)
        else:
            _sync(path)
            path.chmod(0o555)
    # The folder itself stays writable so that it can be renamed; who may read its files may enter it.
    folder.chmod(0o755)
    _sync(folder)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _next_revision(editions: Path, period: str, earlier: list[str]) -> int:
    """One more than the last of the period that is there or that the ledger names: an edition that is lost keeps its name."""
    named = [entry.edition_id for entry in read_entries(editions)]
    numbers = [int(name.rpartition("-r")[2]) for name in [*earlier, *named] if name.startswith(f"{period}-r")]
    return max(numbers, default=0) + 1


def _sweep(editions: Path) -> None:
    """Remove half-built editions left by a killed run."""
    for path in editions.glob(".building-*"):
        _remove(path)


def _remove(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            path.chmod(stat.S_IRWXU)
    shutil.rmtree(folder)
