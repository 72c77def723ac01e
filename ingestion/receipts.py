"""Receipts of what was destroyed: `lake/receipts.jsonl`, a line per file, each bound to the line before by its hash.

A line has paths, hashes and counts, who and why, and never a value. It is written before its file changes: after a kill in
between the same command, given again, finds the file as it was. Editions name the last line there was
(`publication.manifest`), so that with their ledger's checkpoints nobody can take back what was destroyed or why.

Belongs here: writing, reading and checking receipts. Does not belong here: changing the files (`destruction`, `erased`).
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from ingestion.submission_ledger import require_reason
from miyar.errors import MiyarError, Problem
from miyar.workspace import Workspace

FILE = "lake/receipts.jsonl"
BEGINNING = "0" * 64
RESTORE = "Find out who did it, and restore lake/receipts.jsonl from backup."


@dataclass(frozen=True)
class Destroyed:
    """One file that lost rows, a column, or itself: its hash before and (unless it is gone) after, and the rows concerned.

    Of the list of what may not come back (`erased`) it is who or what was put on it, and how many.
    """

    what: str  # rows | column | quarantine | landing | vintage | people | clocks
    path: str
    rows: int
    before: str
    after: str = ""


@dataclass(frozen=True)
class Decision:
    """Who destroys, when and why; raises MiyarError without a reason."""

    reason: str
    by: str
    at: datetime

    def __post_init__(self) -> None:
        require_reason(self.reason)


@dataclass(frozen=True)
class Receipt:
    """One line; `receipt_hash` covers all other fields."""

    number: int
    kind: str  # erasure | retention
    at: str
    by: str
    reason: str
    destroyed: Destroyed
    previous_hash: str
    receipt_hash: str

    @property
    def computed(self) -> str:
        """Return the hash that the line should have."""
        fields = {name: value for name, value in asdict(self).items() if name != "receipt_hash"}
        return hashlib.sha256(json.dumps(fields, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


_RECEIPT = TypeAdapter(Receipt)


class Receipts:
    """The receipts of one command; raises MiyarError if those before were changed."""

    def __init__(self, workspace: Workspace, kind: str, decision: Decision) -> None:
        _drop_torn_line(workspace.root / FILE)
        before = read_receipts(workspace)
        if problems := chain_problems(before):
            raise MiyarError(problems)
        self.workspace = workspace
        self.destroyed = list[Destroyed]()
        self.number, self.head = len(before), before[-1].receipt_hash if before else BEGINNING
        self._kind, self._decision = kind, decision

    def note(self, destroyed: Destroyed) -> None:
        """Write the receipt of one file, on the disk when this returns; the file is changed after it."""
        at = self._decision.at.astimezone(UTC).isoformat(timespec="seconds")
        reason, number = self._decision.reason.strip(), self.number + 1
        line = Receipt(number, self._kind, at, self._decision.by, reason, destroyed, self.head, "")
        sealed = asdict(line) | {"receipt_hash": line.computed}
        path = self.workspace.root / FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(sealed, ensure_ascii=False) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        self.number, self.head = number, sealed["receipt_hash"]
        self.destroyed.append(destroyed)


def read_receipts(workspace: Workspace) -> list[Receipt]:
    """Return all receipts, oldest first; raises MiyarError naming a line that is none."""
    path = workspace.root / FILE
    lines = path.read_bytes().split(b"\n") if path.is_file() else [b""]
    found = [_read(number, line) for number, line in enumerate(lines[:-1], start=1)]
    if lines[-1]:
        told = "the line was not finished; a command that destroys takes it away"
        raise MiyarError(_problem("receipt_unreadable", told, len(lines)))
    return found


def _read(number: int, line: bytes) -> Receipt:
    try:
        return _RECEIPT.validate_json(line, strict=True, extra="forbid")
    except ValueError:
        raise MiyarError(_problem("receipt_unreadable", "the line is no receipt", number)) from None


def chain_problems(receipts: list[Receipt]) -> list[Problem]:
    """Return what is wrong with receipts in themselves: edited, removed or moved."""
    problems, previous = [], BEGINNING
    for line, one in enumerate(receipts, start=1):
        if one.receipt_hash != one.computed:
            told = f"the receipt of {one.destroyed.path} was edited"
            problems.append(_problem("receipt_changed", told, line))
        if (one.number, one.previous_hash) != (line, previous):
            told = f"a receipt before that of {one.destroyed.path} is gone or moved"
            problems.append(_problem("receipt_chain_broken", told, line))
        previous = one.receipt_hash
    return problems


def removed_by_receipt(receipts: list[Receipt]) -> set[str]:
    """Return the hashes of the kept inputs that were destroyed."""
    return {one.destroyed.before for one in receipts if one.destroyed.what == "vintage"}


def after_receipts(receipts: list[Receipt], files: Mapping[str, str]) -> dict[str, str]:
    """Return the hashes of lake files by path as they are after what was destroyed."""
    steps = {(one.destroyed.path, one.destroyed.before): one.destroyed.after for one in receipts}
    return dict(_after(steps, files))


def _after(steps: dict[tuple[str, str], str], files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, digest in files.items():
        while (step := (f"lake/{name}", digest)) in steps:
            digest = steps.pop(step)
        if digest:
            yield name, digest


def _drop_torn_line(path: Path) -> None:
    """Take away a last line that a kill cut short; its file was not changed yet."""
    content = path.read_bytes() if path.is_file() else b""
    if content and not content.endswith(b"\n"):
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(content[: content.rfind(b"\n") + 1])
        part.replace(path)


def _problem(rule: str, message: str, line: int) -> Problem:
    return Problem(rule, message, file=FILE, row=line, next_step=RESTORE)
