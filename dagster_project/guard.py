"""Before Dagster's web server, which asks nobody who they are: only who holds this start's token reaches it.

Belongs here: host, origin, method and token of a request. Does not belong here: the web server (`control`), logins of a
centre (a proxy before it).
"""

import hmac
import re
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE = "miyar_dagster"
_METHODS = frozenset({"GET", "HEAD", "POST"})


class Guard:
    """ASGI middleware around everything, sockets too.

    The token comes once in the address that was printed, and then in a cookie that no other site's request carries.
    """

    def __init__(self, app: ASGIApp, port: int, token: str) -> None:
        self._app, self._token = app, token
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        status = self._refused(scope)
        if scope["type"] == "websocket":
            if status:
                return await send({"type": "websocket.close", "code": 1008})
            return await self._app(scope, receive, send)
        if status is None and self._is_token(_asked(scope)):
            answer = RedirectResponse("/", 303, {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"})
            answer.set_cookie(COOKIE, self._token, path="/", httponly=True, samesite="strict")
            return await answer(scope, receive, send)
        if status is None:
            return await self._app(scope, receive, send)
        text = "Open the address that `miyar ui` printed.\n" if status == 403 else "not answered here\n"
        return await PlainTextResponse(text, status)(scope, receive, send)

    def _refused(self, scope: Scope) -> int | None:
        """Return the status with which a request is refused, or None."""
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        # Another name for this address is a page elsewhere that had its own name lead here.
        if host not in self._hosts or len(headers.getlist("host")) > 1 or origin not in (None, f"http://{host}"):
            return 403
        if not self._is_token(_kept(headers)) and not self._is_token(_asked(scope)):
            return 403
        if scope["type"] == "websocket":
            return None
        if scope["method"] not in _METHODS:
            return 405
        if scope["path"].rstrip("/").endswith("/graphql"):
            # Dagster also takes what a link or a form of another site can send.
            if scope["method"] != "POST":
                return 405
            if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
                return 415
        return None

    def _is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(), self._token.encode())


def _kept(headers: Headers) -> str:
    """Return the token of our cookie. Python's own reader of cookies takes long over escapes, of which a token has none."""
    found = re.search(rf"(?:^|;)\s*{COOKIE}=([\w-]+)\s*(?:;|$)", headers.get("cookie", ""), re.ASCII)
    return found[1] if found else ""


def _asked(scope: Scope) -> str:
    """Return the token of the printed address, which is the start page's."""
    if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] != "/":
        return ""
    query: bytes = scope["query_string"]
    return parse_qs(query.decode("latin-1")).get("token", [""])[0]
