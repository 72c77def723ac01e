"""Who may sign in: `registry/users.csv`, and which of its lines a signed-in person has.

Belongs here: users and finding one by claims. Does not belong here: what a user may read (`publication.access`), how
somebody signs in (`pages.signin`).
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from miyar.errors import MiyarError, Problem
from publication.access import Agency, Centre

COLUMNS = ("subject_or_email", "role", "agency_id")
ROLES = ("centre", "agency")
FILE = "users.csv"
FORMER_FILE = "readers.csv"  # until 0.1.0 was renamed; nobody is signed in from it


@dataclass(frozen=True)
class User:
    """One line of `users.csv`: a person, and the viewer this person reads as."""

    key: str
    viewer: Centre | Agency

    @property
    def role(self) -> str:
        return "centre" if isinstance(self.viewer, Centre) else "agency"

    @property
    def agency_id(self) -> str:
        """Return the user's agency, empty for the centre: for words and file names, as access depends on the viewer."""
        return self.viewer.agency_id if isinstance(self.viewer, Agency) else ""


def load_users(registry: Path) -> dict[str, User]:
    """Return users by subject or (lower-case) email, none without a file; raises MiyarError with every problem."""
    path = registry / FILE
    if not path.is_file():
        if (registry / FORMER_FILE).is_file():
            step = f"Rename it to {FILE}; nothing in it changed."
            raise MiyarError(
                Problem("users_renamed", "users are read from another file now", file=FORMER_FILE, next_step=step)
            )
        return {}
    # Only a line feed ends a line: `splitlines` also cuts at separators that a cell may hold.
    rows = list(csv.reader(path.read_text("utf-8-sig").split("\n")))
    if not rows or tuple(rows[0]) != COLUMNS:
        raise MiyarError(
            Problem("users_header", "the header is not as agreed", file=FILE, next_step=f"Write {','.join(COLUMNS)}.")
        )
    found: dict[str, User] = {}
    problems = []
    for number, cells in enumerate(rows[1:], start=2):
        if not cells:
            continue
        texts = [cell.strip() for cell in cells]
        fault = _fault(texts, found)
        if fault:
            problems.append(Problem("users_row", fault, file=FILE, row=number, next_step="Correct the line."))
            continue
        key = folded(texts[0])
        found[key] = User(key, Agency(texts[2]) if texts[1] == "agency" else Centre())
    if problems:
        raise MiyarError(problems)
    return found


def _fault(texts: list[str], found: dict[str, User]) -> str:
    if len(texts) != len(COLUMNS):
        return f"{len(texts)} cells, {len(COLUMNS)} expected"
    key, role, agency = texts
    if not key:
        return "the subject or email is empty"
    if folded(key) in found:
        return "this subject or email stands twice"
    if role not in ROLES:
        return f"the role is none of {', '.join(ROLES)}"
    if (role == "agency") != bool(agency):
        return "an agency's user needs agency_id, the centre's has none"
    return ""


def folded(key: str) -> str:
    """The key as users are found by: an email in small letters of ASCII, anything else as it is.

    Unicode's folding makes other people's addresses equal: `ſ` becomes `s`, the Kelvin sign `k`, `ß` `ss`.
    """
    return "".join(letter.lower() if letter.isascii() else letter for letter in key) if "@" in key else key


class Users:
    """The users as the file has them now: removing a line ends its user's access with the next request."""

    def __init__(self, registry: Path) -> None:
        self._registry = registry
        self._stamp: tuple[int, int] | None = None
        self._found: dict[str, User] = {}

    def get(self, key: str) -> User | None:
        """Return the user of that key; None while the file is broken, so that a typing error gives nobody access."""
        try:
            state = (self._registry / FILE).stat()
            stamp = (state.st_mtime_ns, state.st_size)
            if stamp != self._stamp:
                self._found, self._stamp = load_users(self._registry), stamp
        except (OSError, UnicodeDecodeError, MiyarError):
            self._found, self._stamp = {}, None
        return self._found.get(key)

    def by_claims(self, claims: dict[str, object]) -> User | None:
        """Return the user an identity provider describes, by subject or by an email it has verified.

        A line with `@` only ever matches an email and one without only a subject, so neither can pass for the other.
        """
        subject, email = claims.get("sub"), claims.get("email")
        if isinstance(subject, str) and "@" not in subject and (user := self.get(subject)):
            return user
        if isinstance(email, str) and "@" in email and claims.get("email_verified") is True:
            return self.get(folded(email))
        return None
