"""Who may read: `registry/readers.csv`, and which of its lines a signed-in person is.

Belongs here: readers and finding one by claims. Does not belong here: what a reader may read (`publication.access`), how
somebody signs in (`pages.signin`).
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from miyar.errors import MiyarError, Problem

COLUMNS = ("subject_or_email", "role", "agency_id")
ROLES = ("centre", "agency")
FILE = "readers.csv"


@dataclass(frozen=True)
class Reader:
    """One line of `readers.csv`. `agency_id` is None for the centre, which is how `publication.access` writes it."""

    key: str
    agency_id: str | None

    @property
    def role(self) -> str:
        return "centre" if self.agency_id is None else "agency"


def load_readers(registry: Path) -> dict[str, Reader]:
    """Readers by subject or (lower-case) email; raises MiyarError with every problem. No file: nobody reads."""
    path = registry / FILE
    if not path.is_file():
        return {}
    rows = list(csv.reader(path.read_text("utf-8-sig").splitlines()))
    if not rows or tuple(rows[0]) != COLUMNS:
        raise MiyarError(
            Problem("readers_header", "the header is not as agreed", file=FILE, next_step=f"Write {','.join(COLUMNS)}.")
        )
    found: dict[str, Reader] = {}
    problems = []
    for number, cells in enumerate(rows[1:], start=2):
        if not cells:
            continue
        texts = [cell.strip() for cell in cells]
        fault = _fault(texts, found)
        if fault:
            problems.append(Problem("readers_row", fault, file=FILE, row=number, next_step="Correct the line."))
            continue
        key = _folded(texts[0])
        found[key] = Reader(key, texts[2] or None)
    if problems:
        raise MiyarError(problems)
    return found


def _fault(texts: list[str], found: dict[str, Reader]) -> str:
    if len(texts) != len(COLUMNS):
        return f"{len(texts)} cells, {len(COLUMNS)} expected"
    key, role, agency = texts
    if not key:
        return "the subject or email is empty"
    if _folded(key) in found:
        return "this subject or email stands twice"
    if role not in ROLES:
        return f"the role is none of {', '.join(ROLES)}"
    if (role == "agency") != bool(agency):
        return "an agency's reader needs agency_id, the centre's has none"
    return ""


def _folded(key: str) -> str:
    return key.casefold() if "@" in key else key


class Users:
    """The readers as the file says now: a line taken away ends its reader's access with the next request."""

    def __init__(self, registry: Path) -> None:
        self._registry = registry
        self._stamp: tuple[int, int] | None = None
        self._found: dict[str, Reader] = {}

    def get(self, key: str) -> Reader | None:
        """The reader of that key; nobody while the file is broken, so that a slip of the pen opens nothing."""
        try:
            state = (self._registry / FILE).stat()
            stamp = (state.st_mtime_ns, state.st_size)
            if stamp != self._stamp:
                self._found, self._stamp = load_readers(self._registry), stamp
        except (OSError, UnicodeDecodeError, MiyarError):
            self._found, self._stamp = {}, None
        return self._found.get(key)

    def by_claims(self, claims: dict[str, object]) -> Reader | None:
        """The reader an identity provider speaks of: by subject, or by an email it has verified.

        A line with `@` is only ever an email and one without only ever a subject, so neither can pass for the other.
        """
        subject, email = claims.get("sub"), claims.get("email")
        if isinstance(subject, str) and "@" not in subject and (reader := self.get(subject)):
            return reader
        if isinstance(email, str) and "@" in email and claims.get("email_verified") is True:
            return self.get(email.casefold())
        return None
