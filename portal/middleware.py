"""What every request passes on every route: host, size, rates, session, form token, security headers, the audit line.

Belongs here: the one middleware. Does not belong here: answers of routes, who may read which rows (`view`).
"""

import asyncio
import re
from typing import Any

from starlette.datastructures import FormData, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.addresses import address_of, bucket_of
from portal.audit import Audit
from portal.problems import ReaderProblem
from portal.rendering import problem_response
from portal.state import Portal
from portal.visits import Visit

_HEADERS = {
    # No script at all; styles, fonts and pictures only from this host, none inline.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
# Methods that change nothing (RFC 9110, section 9.2.1). Every other one must carry a form token, on every route.
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_SIGN_IN = re.compile(r"/signin(/|$)")
# All that anybody may open: the steps of signing in, and what is the same for everybody. Every other route is for
# readers, also one that forgets to ask who they are.
_OPEN = re.compile(r"/|/signin(/.*)?|/static/.*")
# Browsers say none. Python knows codecs that take minutes for a form, and answers nobody meanwhile.
_CHARSET = re.compile(r'charset(?!="?utf-8"?\s*(;|$))', re.IGNORECASE)
_UPLOAD = re.compile(r"/(ar|en)/check")


def _require_ours(request: Request, visit: Visit, form: FormData) -> None:
    """Raise unless the form carries its session's token and, if the browser sends an origin, comes from a page of ours."""
    token, origin = form.get("form_token"), request.headers.get("origin")
    is_ours = origin in (None, "null", visit.portal.settings.base_url)
    if visit.session is None or not isinstance(token, str) or token != visit.session.csrf or not is_ours:
        raise ReaderProblem("form_not_ours")


class _LeftError(Exception):
    """Whoever asked takes no more of the answer."""


class _Noting:
    """The one line a request has in the audit: the route's pattern and its parameters, never a query, a form or a token."""

    def __init__(self, audit: Audit, scope: Scope, visit: Visit) -> None:
        self._audit, self._scope, self._visit = audit, scope, visit
        self._is_done = scope["path"].startswith("/static/")

    def note(self, status: int) -> None:
        """Write the line, the first time this is called."""
        if self._is_done:
            return
        scope, visit = self._scope, self._visit
        route: Any = scope.get("route")
        # A form that was refused never reached a route; its path has no secret, unlike that of a sign-in link.
        unreached = "none" if scope["method"] in _SAFE else scope["path"][:200]
        shown: dict[str, Any] = {"route": getattr(route, "path", "") or unreached}
        if not _SIGN_IN.match(scope["path"]):
            shown["parameters"] = {name: str(value)[:200] for name, value in scope.get("path_params", {}).items()}
        self._audit.write(
            user=visit.user.key if visit.user else None,
            role=visit.user.role if visit.user else None,
            agency_id=(visit.user.agency_id or None) if visit.user else None,
            address=visit.address or None,
            method=scope["method"],
            **shown,
            edition_id=visit.edition_id or None,
            status=status,
            event=visit.event or None,
        )
        self._is_done = True


class Middleware:
    """ASGI middleware around all routes."""

    def __init__(self, app: ASGIApp, portal: Portal) -> None:
        self._app, self._portal, self._proxies = app, portal, portal.settings.networks
        # Browsers accept a __Host- cookie only with Secure, for this host alone and for every path.
        self._cookie = "__Host-miyar" if portal.settings.is_https else "miyar"
        self._token = re.compile(rf"(?:^|;)\s*{self._cookie}=([\w-]+)\s*(?:;|$)", re.ASCII)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":
            # What is below holds for requests only, so nothing else gets in.
            return await send({"type": "websocket.close", "code": 1008})
        request = Request(scope)
        visit = self._visit(request)
        scope.setdefault("state", {})["visit"] = visit
        # No route needs a cookie, and FastAPI reads them before any route with dependencies.
        scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"cookie"]
        # Authlib keeps state, nonce and the PKCE verifier here, on the server, never in a cookie.
        scope["session"] = visit.session.kept if visit.session else {}
        noting = _Noting(self._portal.audit, scope, visit)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_headers(MutableHeaders(scope=message), scope["path"], visit)
                # Before the answer leaves: nobody gets one that is not in the audit, whatever ends this process.
                noting.note(message["status"])
            try:
                async with asyncio.timeout(self._portal.settings.limits.taking_seconds):
                    await send(message)
            except TimeoutError:
                raise _LeftError from None

        try:
            await self._answer(request, visit, receive, sending)
        except (ClientDisconnect, _LeftError):
            return None
        finally:
            noting.note(500)

    async def _answer(self, request: Request, visit: Visit, receive: Receive, send: Send) -> None:
        scope = request.scope
        problem = self._stopped(request, visit)
        receiving = self._measured(scope, receive, visit)
        try:
            if problem is None and scope["method"] not in _SAFE:
                if visit.session is None:
                    # Nothing of the body is read for somebody who has no session.
                    raise ReaderProblem("session_over" if visit.had_token else "sign_in_needed")
                async with Request(scope, receiving).form(max_files=1, max_fields=8) as form:
                    _require_ours(request, visit, form)
                    request.state.form = form
                    return await self._app(scope, receiving, send)
        except ReaderProblem as refused:
            problem = refused
        except (HTTPException, ValueError, KeyError):
            problem = ReaderProblem("not_understood")
        if problem is None:
            return await self._app(scope, receiving, send)
        visit.event = problem.kind
        return await problem_response(request, problem)(scope, receive, send)

    def _visit(self, request: Request) -> Visit:
        # Not by Python's own reader of cookies: it undoes escapes, some versions in a time that is the square of their
        # number, and a token has none.
        found = self._token.search(request.headers.get("cookie", ""))
        token = found[1] if found else ""
        session = self._portal.sessions.find(token) if token else None
        peer = request.client.host if request.client else ""
        address = address_of(peer, request.headers.getlist("x-forwarded-for"), self._proxies)
        visit = Visit(self._portal, token, session, address)
        # A length and pieces: a proxy that goes by the other would take the rest for a further request (RFC 9112, 6.1).
        visit.is_ambiguous = {"content-length", "transfer-encoding"} <= set(request.headers)
        return visit

    def _stopped(self, request: Request, visit: Visit) -> ReaderProblem | None:
        """Return why this request is stopped here, or None."""
        settings, rates = self._portal.settings, self._portal.rate_limits
        if request.headers.get("host", "") != settings.host:
            return ReaderProblem("not_found")
        address = bucket_of(visit.address)
        waits = [rates.seconds_to_wait(f"address {address}", settings.limits.address_per_minute)]
        if _SIGN_IN.match(request.url.path):
            waits.append(rates.seconds_to_wait(f"sign-in {address}", settings.limits.sign_ins_per_minute))
        if visit.user and not request.url.path.startswith("/static/"):
            waits.append(rates.seconds_to_wait(f"reader {visit.user.key}", settings.limits.reader_per_minute))
        if max(waits):
            return ReaderProblem("too_many", retry_after=max(waits))
        if visit.is_ambiguous or _CHARSET.search(request.headers.get("content-type", "")):
            return ReaderProblem("not_understood")
        length = request.headers.get("content-length", "0")
        # No longer text than any size we take: Python refuses to read some thousand digits, and takes `²` for one.
        if not re.fullmatch(r"[0-9]{1,15}", length) or int(length) > self._largest(request.scope, visit):
            return ReaderProblem("too_large")
        if visit.user is None and not _OPEN.fullmatch(request.url.path) and request.method in _SAFE:
            return ReaderProblem("session_over" if visit.had_token else "sign_in_needed")
        return None

    def _largest(self, scope: Scope, visit: Visit) -> int:
        limits = self._portal.settings.limits
        # The other parts of the form are small compared with the file.
        is_upload = visit.user is not None and _UPLOAD.fullmatch(scope["path"])
        return limits.upload_bytes + limits.body_bytes if is_upload else limits.body_bytes

    def _measured(self, scope: Scope, receive: Receive, visit: Visit) -> Receive:
        """Count the body and its time while it arrives, so that one without a stated length or an end is cut off too."""
        largest, seen, limits = self._largest(scope, visit), 0, self._portal.settings.limits
        seconds = limits.body_seconds if largest == limits.body_bytes else limits.upload_seconds
        until = asyncio.get_running_loop().time() + seconds

        async def receiving() -> Message:
            nonlocal seen
            try:
                async with asyncio.timeout_at(until if scope["method"] not in _SAFE else None):
                    message = await receive()
            except TimeoutError:
                raise ReaderProblem("too_slow") from None
            seen += len(message.get("body", b""))
            if seen > largest:
                raise ReaderProblem("too_large")
            return message

        return receiving

    def _add_headers(self, headers: MutableHeaders, path: str, visit: Visit) -> None:
        for name, value in _HEADERS.items():
            headers[name] = value
        if self._portal.settings.is_https:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        if not path.startswith("/static/"):
            headers["Cache-Control"] = "no-store"
        if visit.is_ambiguous:
            headers["Connection"] = "close"
        secure = "; Secure" if self._portal.settings.is_https else ""
        if visit.session is not None:
            headers.append("Set-Cookie", f"{self._cookie}={visit.token}; Path=/; HttpOnly; SameSite=Lax{secure}")
        elif visit.had_token:
            headers.append("Set-Cookie", f"{self._cookie}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}")
