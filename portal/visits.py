"""One request's session, user and address.

Belongs here: what a request is while it lasts, and how its session begins and ends. Does not belong here: the store of
sessions (`sessions`), cookies (`middleware`).
"""

from portal.sessions import Session
from portal.state import Portal
from portal.users import User


class Visit:
    """One request's session and user, as `request.state.visit`."""

    def __init__(self, portal: Portal, token: str, session: Session | None, address: str) -> None:
        self.portal, self.address = portal, address
        self.token, self.session = token, session
        self.had_token = bool(token)
        # Whether it is unclear where the request ends; the connection then ends with its answer.
        self.is_ambiguous = False
        # For the audit line: the edition the answer was made from, and what was refused.
        self.edition_id = ""
        self.event = ""
        key = session.user_key if session else ""
        self.user: User | None = portal.users.get(key) if key else None
        if key and self.user is None:
            self.leave()

    def begin(self) -> Session:
        """Return a session for somebody who is about to sign in."""
        if self.session is None:
            self.token, self.session = self.portal.sessions.open()
        return self.session

    def sign_in(self, user: User) -> None:
        """Issue a new token for the signed-in user; the old one stops being valid."""
        digits = self.session.digits if self.session else "latin"
        self.portal.sessions.end(self.token)
        self.token, self.session = self.portal.sessions.open(user.key, digits)
        self.user, self.event = user, "signed_in"

    def leave(self) -> None:
        self.portal.sessions.end(self.token)
        self.token, self.session, self.user = "", None, None
