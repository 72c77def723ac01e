"""Editions without an entry in the ledger: left by a publishing that was killed, or put there by somebody.

The next publishing writes their entry and signs it, so it has to know its own from a stranger's.

Belongs here: telling them apart. Does not belong here: writing entries (`release_ledger`).
"""

from pathlib import Path

from miyar.errors import MiyarError, Problem
from publication.manifest import list_editions, read_manifest
from publication.proof_secrets import check_secret
from publication.release_ledger import drop_torn_line, read_entries
from publication.verify import verify


def require_ours(editions: Path) -> None:
    """Raise MiyarError for an edition without an entry that is not whole, or not made with a secret this workspace keeps."""
    drop_torn_line(editions)
    recorded = {entry.edition_id for entry in read_entries(editions)}
    for name in list_editions(editions):
        if name not in recorded and (why := _strange(editions, name)):
            step = "Find out who put it there, and move it away; it is not published, and readers are not given it."
            raise MiyarError(Problem("edition_not_ours", why, file=name, next_step=step))


def _strange(editions: Path, name: str) -> str:
    """Why an edition is none that a publishing here left; empty if it is."""
    problems = verify(editions, name)
    if problems:
        return f"it is not whole: {problems[0].message}"
    manifest = read_manifest(editions / name)
    if not manifest.proof_roots or check_secret(editions / name, manifest):
        return "it was not made with a secret that this workspace keeps"
    return ""
