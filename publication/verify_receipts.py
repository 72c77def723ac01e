"""Holding receipts of destruction against editions, which name how many there were and the last one's hash.

Editions' manifests stand in the release ledger and its checkpoints, so that receipts of before an edition cannot be rewritten
without it. Those since the last edition are held by their chain alone, and by the head that `miyar verify` prints.

Belongs here: what is wrong with receipts. Does not belong here: writing them (`ingestion.receipts`).
"""

from collections.abc import Iterable

from ingestion.erased import FILE as LIST
from ingestion.erased import list_hash
from ingestion.receipts import FILE, RESTORE, Receipt, chain_problems, read_receipts
from miyar.errors import MiyarError, Problem
from miyar.workspace import Workspace
from publication.manifest import Manifest, readable_manifests


def verify_receipts(workspace: Workspace, manifests: Iterable[Manifest]) -> list[Problem]:
    """Return what is wrong with the receipts, in themselves, against editions, and against the list of the erased."""
    try:
        receipts = read_receipts(workspace)
    except MiyarError as error:
        return error.problems
    problems = chain_problems(receipts)
    problems += [one for manifest in manifests if (one := _against_edition(receipts, manifest))]
    if not problems:
        problems += _against_list(receipts, list_hash(workspace))
    return problems


def sound_receipts(workspace: Workspace) -> list[Receipt]:
    """Return the receipts if they hold together; those that were changed excuse nothing."""
    try:
        receipts = read_receipts(workspace)
    except MiyarError:
        return []
    return [] if chain_problems(receipts) else receipts


def receipts_now(workspace: Workspace) -> tuple[int, str]:
    """Return how many receipts there are and the last one's hash; raises MiyarError if they were tampered with."""
    if problems := verify_receipts(workspace, readable_manifests(workspace.editions)):
        raise MiyarError(problems)
    receipts = read_receipts(workspace)
    return len(receipts), receipts[-1].receipt_hash if receipts else ""


def told_of_receipts(workspace: Workspace, manifests: Iterable[Manifest]) -> str:
    """Return the line that `miyar verify` prints of sound receipts; empty without any."""
    receipts = sound_receipts(workspace)
    if not receipts:
        return ""
    since = len(receipts) - max((one.receipts for one in manifests), default=0)
    told = f", the last {since} in no edition yet" if since > 0 else ""
    return f"receipts of destruction: {len(receipts)}{told}; head {receipts[-1].receipt_hash}"


def _against_edition(receipts: list[Receipt], manifest: Manifest) -> Problem | None:
    count = manifest.receipts
    if count > len(receipts):
        told = f"{count - len(receipts)} of the {count} receipts there were at {manifest.edition_id} are gone"
        return Problem("receipts_shortened", told, file=FILE, row=len(receipts), next_step=RESTORE)
    if count and receipts[count - 1].receipt_hash != manifest.receipts_head:
        told = f"the first {count} receipts are not those there were at {manifest.edition_id}"
        return Problem("receipts_rewritten", told, file=FILE, row=count, next_step=RESTORE)
    return None


def _against_list(receipts: list[Receipt], digest: str) -> list[Problem]:
    told = [one.destroyed.after for one in receipts if one.destroyed.path == LIST]
    if digest == (told[-1] if told else ""):
        return []
    step = "If `miyar erase` or `miyar retain` was interrupted, give it again. Else restore it from backup."
    return [Problem("erased_list_changed", "it is not what the last receipt of it says", file=LIST, next_step=step)]
