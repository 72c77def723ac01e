"""The manifest of an edition: its content, what it was made from, and its hashes.

Belongs here: the manifest's model, reading and finding editions. Does not belong here: making editions (`editions`).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from miyar.errors import MiyarError, Problem
from miyar.periods import index_of
from publication.hashing import combined_hash

# Tables about the previous edition. They stay out of the content hash, so that the same inputs always give the same
# hash.
OF_HISTORY = {"bench_restatements"}
EDITION = re.compile(r"([0-9]{4}Q[1-4])-r([1-9][0-9]*)")


@dataclass(frozen=True)
class Origin:
    """Hashes of what an edition was made from: methodology, registry, contracts, code and submissions."""

    methodology_version: str
    methodology_hash: str
    registry_hash: str
    contracts_hash: str
    code_hash: str
    submissions: Mapping[str, str]
    code_version: str = ""


@dataclass(frozen=True)
class TableEntry:
    """One published table: rows, columns and content hash."""

    rows: int
    columns: list[str]
    hash: str


@dataclass(frozen=True)
class Manifest:
    """`manifest.json`. `content_hash` covers the tables, the packs' own content and the access rules.

    It covers neither the day nor any rendering: a new PDF compiler writes other files, but does not make a new edition.
    """

    edition_id: str
    period_id: str
    revision: int
    reason: str
    published_at: str
    content_hash: str
    previous_edition_id: str | None
    previous_manifest_hash: str | None
    methodology_version: str
    methodology_hash: str
    registry_hash: str
    contracts_hash: str
    code_hash: str
    storage_version: str
    tables: dict[str, TableEntry] = field(default_factory=dict)
    packs: dict[str, str] = field(default_factory=dict)  # agency -> hash of what its pack holds beyond the tables
    access_hash: str = ""
    files: dict[str, str] = field(default_factory=dict)
    submissions: dict[str, str] = field(default_factory=dict)
    code_version: str = ""
    by: str = ""
    roles: dict[str, str] = field(default_factory=dict)  # role -> the metric that has it
    inputs_hash: str | None = None  # of `vintages/`; an edition without it cannot be reproduced
    proof_roots: dict[str, str] = field(
        default_factory=dict
    )  # table -> hash that tells nothing of its rows (`proof_secrets`)
    salt: str = ""  # so that the manifest's own hash tells nothing either
    published_hash: str = ""  # of what editions up to this one showed and hid (`published`)
    receipts: int = 0  # of destruction (`ingestion.receipts`) there were before it
    receipts_head: str = ""  # hash of the last of them

    def as_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


_MANIFEST = TypeAdapter(Manifest)


def content_hash(tables: Mapping[str, TableEntry], packs: Mapping[str, str], access_hash: str) -> str:
    """Return the hash over what the inputs determine, which leaves out what was published before."""
    parts = {name: entry.hash for name, entry in tables.items() if name not in OF_HISTORY}
    parts |= {f"packs/{agency}": digest for agency, digest in packs.items()}
    return combined_hash(parts | {"access": access_hash})


def read_manifest(edition: Path) -> Manifest:
    """Return the manifest of an edition's folder; raises MiyarError if there is none, or none that can be read."""
    path = edition / "manifest.json"
    if not path.is_file():
        raise MiyarError(
            Problem(
                "edition_missing",
                "there is no such edition",
                file=edition.name,
                next_step="List the editions folder, or publish one.",
            )
        )
    try:
        return _MANIFEST.validate_json(path.read_bytes(), strict=True, extra="forbid")
    except ValueError:
        raise MiyarError(
            Problem(
                "manifest_unreadable",
                "the file is no manifest",
                file=f"{edition.name}/{path.name}",
                next_step="Restore the edition from backup; a correction is a new revision, never an edit.",
            )
        ) from None


def list_editions(folder: Path) -> list[str]:
    """Return the ids of all editions, oldest first: by period, then revision."""
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    found = [(index_of(m.group(1)), int(m.group(2)), name) for name in names if (m := EDITION.fullmatch(name))]
    return [name for _, _, name in sorted(found)]


def readable_manifests(editions: Path) -> Iterator[Manifest]:
    """Return the manifests of all editions that can be read."""
    for name in list_editions(editions):
        try:
            yield read_manifest(editions / name)
        except MiyarError:
            continue  # `verify` tells of it


def last_published(manifests: Iterable[Manifest]) -> list[Manifest]:
    """Return those of the latest moment, which is told to the second: mostly one, none if there are none."""
    found = list(manifests)
    latest = max((one.published_at for one in found), default="")
    return [one for one in found if one.published_at == latest]
