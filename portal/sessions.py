"""Sessions and one-time sign-in links, held on the server; the browser has an opaque token only.

Belongs here: creating, finding, rotating and ending them. Does not belong here: cookies (`middleware`), who a user is
(`users`).

They live in the memory of one process, so nothing can be stolen from disk, and a restart signs everybody out.
"""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from portal.settings import Sessions
from publication.phrasing import Digits

Clock = Callable[[], datetime]
# How long a person who is not signed in yet has to complete the provider's pages.
_UNSIGNED = timedelta(minutes=10)


@dataclass
class Session:
    """One browser. `user_key` is empty until somebody has signed in; `kept` holds the states of a sign-in in progress."""

    created_at: datetime
    seen_at: datetime
    user_key: str = ""
    digits: Digits = "latin"
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    kept: dict[str, Any] = field(default_factory=dict)


class SessionStore:
    """Sessions by the hash of their token, oldest first."""

    def __init__(self, settings: Sessions, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._held: OrderedDict[str, Session] = OrderedDict()
        self._lock = Lock()

    def open(self, user_key: str = "", digits: Digits = "latin") -> tuple[str, Session]:
        """Open a session; return its token and the session."""
        now = self._clock()
        token, session = secrets.token_urlsafe(32), Session(now, now, user_key, digits)
        with self._lock:
            self._sweep(now)
            self._held[_hash(token)] = session
        return token, session

    def find(self, token: str) -> Session | None:
        """Return the live session of a token; finding it counts as use."""
        now = self._clock()
        with self._lock:
            session = self._held.get(_hash(token))
            if session is None or self._is_over(session, now):
                self._held.pop(_hash(token), None)
                return None
            session.seen_at = now
            return session

    def end(self, token: str) -> None:
        with self._lock:
            self._held.pop(_hash(token), None)

    def _is_over(self, session: Session, now: datetime) -> bool:
        if not session.user_key:
            return now - session.created_at > _UNSIGNED
        return now - session.seen_at > timedelta(
            minutes=self._settings.idle_minutes
        ) or now - session.created_at > timedelta(hours=self._settings.absolute_hours)

    def _sweep(self, now: datetime) -> None:
        """Drop expired sessions; if too many are left, sessions of nobody signed in are dropped first."""
        for key in [key for key, session in self._held.items() if self._is_over(session, now)]:
            del self._held[key]
        while len(self._held) >= self._settings.most:
            unsigned = next((key for key, session in self._held.items() if not session.user_key), None)
            del self._held[unsigned or next(iter(self._held))]


class Links:
    """One-time links: each signs one chosen reader in, once, for a short time."""

    def __init__(self, settings: Sessions, clock: Clock) -> None:
        self._life, self._clock = timedelta(minutes=settings.link_minutes), clock
        self._held: dict[str, tuple[str, datetime]] = {}
        self._lock = Lock()

    def issue(self, user_key: str) -> str:
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._held[_hash(token)] = (user_key, self._clock() + self._life)
        return token

    def take(self, token: str) -> str | None:
        """Return the reader's key, the first time only and before the link expires."""
        with self._lock:
            key, expires_at = self._held.pop(_hash(token), ("", self._clock()))
        return key if key and self._clock() < expires_at else None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
