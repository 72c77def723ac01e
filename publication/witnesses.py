"""Witnesses: somebody else signs what the ledger's checkpoint was on a day, and never signs one that contradicts it.

A request is that of https://c2sp.org/tlog-witness: `old N`, the proof that the first N entries still stand there, a blank
line, and the checkpoint. A witness's key remembers the last checkpoint it cosigned.

Belongs here: asking a witness, and being one. Does not belong here: holding a ledger against checkpoints (`checkpoints`).
"""

import base64
from pathlib import Path

from miyar.errors import MiyarError, Problem
from publication.checkpoints import MOST_DIGITS, leaves_of, newest_checkpoint, read_checkpoint
from publication.log_tree import consistency, is_consistent
from publication.notes import Note, NoteError, Verifier
from publication.release_ledger import read_entries
from publication.signing_keys import KeyFile
from publication.strict_base64 import read_base64

OLD = "old "


def request(editions: Path, since: int = 0) -> str:
    """Return the newest checkpoint; with `since`, as a request to a witness that has seen that many entries.

    Raises MiyarError if nothing is published, or the ledger never had that many entries.
    """
    leaves, content = leaves_of(read_entries(editions)), newest_checkpoint(editions)
    if not content:
        raise MiyarError(Problem("nothing_published", "there is no checkpoint", next_step="Publish an edition first."))
    if since <= 0:
        return content
    if since > len(leaves):
        told = f"the ledger has {len(leaves)} entries, and the witness saw {since}"
        raise MiyarError(Problem("ledger_shortened", told, next_step="Find out who removed them; run `miyar verify`."))
    proof = "".join(f"{base64.b64encode(one).decode()}\n" for one in consistency(leaves, since))
    return f"{OLD}{since}\n{proof}\n{content}"


def cosign(content: str, key: KeyFile, moment: int, ledger: Verifier | None = None) -> str:
    """Return a checkpoint with the witness's signature added, made at `moment` (seconds since 1970), and remember it.

    Raises MiyarError, and signs nothing, if it is no checkpoint, does not continue what the key cosigned before, or is
    not signed by the ledger's key where that is known.
    """
    key.require_memory()
    try:
        since, proof, note_text = _read_request(content)
        checkpoint, note = read_checkpoint(note_text)
        before = read_checkpoint(key.memory())[0] if key.memory() else None
    except (NoteError, ValueError) as error:
        step = "Take checkpoint.txt of a pack, or the answer of `miyar checkpoint`."
        raise MiyarError(Problem("checkpoint_unreadable", str(error), next_step=step)) from None
    if ledger is not None and not _is_signed(note, ledger):
        raise _refused(
            "checkpoint_forged", "it is not signed by the ledger's key", "Ask the centre for its checkpoint."
        )
    if before is not None:
        if before.origin != checkpoint.origin:
            raise _refused("witness_other_ledger", "the key witnesses another ledger", "Make a key for each ledger.")
        is_known = before.size == since or before.size == checkpoint.size
        if not is_known and before.size < checkpoint.size:
            step = f"Ask for the proof: `miyar checkpoint --since {before.size}`."
            raise _refused("witness_unproved", f"what is between {before.size} entries and these is unproved", step)
        if not is_consistent(before.size, before.root, checkpoint.size, checkpoint.root, proof):
            step = "Keep both checkpoints, tell others, and ask the centre: entries were changed or removed."
            raise _refused("ledger_rewritten", "the checkpoint contradicts the one cosigned before", step)
    own = key.signer.cosign(note.text, moment)
    others = [one for one in note.signatures if (one.name, one.key_id) != (own.name, own.key_id)]
    signed = str(Note(note.text, [*others, own]))
    key.remember(signed)
    return signed


def _is_signed(note: Note, ledger: Verifier) -> bool:
    try:
        return ledger.made(note) is not None and note.text.startswith(f"{ledger.name}\n")
    except NoteError:
        return False


def _read_request(content: str) -> tuple[int, list[bytes], str]:
    if not content.startswith(OLD):
        return 0, [], content
    head, _, note = content.partition("\n\n")
    first, *lines = head.split("\n")
    number = first.removeprefix(OLD)
    if not (number.isascii() and number.isdecimal() and len(number) <= MOST_DIGITS):
        raise NoteError("the request does not say how many entries were seen")
    try:
        return int(number), [read_base64(line) for line in lines], note
    except ValueError:
        raise NoteError("the proof is not base64") from None


def _refused(rule: str, message: str, step: str) -> MiyarError:
    return MiyarError(Problem(rule, message, next_step=step))
