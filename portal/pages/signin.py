"""Signing in and out through the centre's OpenID provider or a one-time link; and the choice of digits.

Belongs here: the steps of signing in. Does not belong here: who is a user (`users`), how long sessions live
(`sessions`).
"""

from typing import Any

from authlib.common.errors import AuthlibBaseError
from fastapi import APIRouter
from httpx2 import HTTPError
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.context import form_of, own_path, portal_of, visit_of
from portal.problems import ReaderProblem, not_found
from portal.rendering import DIGITS, Writing, page_response

router = APIRouter()


@router.get("/")
def start(request: Request) -> Response:
    """Redirect to the Arabic page; every page has a switch to English."""
    return RedirectResponse("/ar/" if visit_of(request).user else "/signin", 303)


@router.get("/signin")
def sign_in(request: Request) -> Response:
    return _sign_in_page(request, link_token="")


@router.get("/signin/link/{token}")
def link(request: Request, token: str) -> Response:
    """Show a button. Fetching the address, as mail scanners and previews do, must not spend the link."""
    session = visit_of(request).begin()
    return _sign_in_page(request, link_token=token, csrf=session.csrf)


@router.post("/signin/link")
def take_link(request: Request) -> Response:
    form = form_of(request)
    portal, visit = portal_of(request), visit_of(request)
    key = portal.links.take(str(form.get("link_token")))
    user = portal.users.get(key) if key else None
    if user is None:
        raise ReaderProblem("link_spent")
    visit.sign_in(user)
    return RedirectResponse("/", 303)


@router.get("/signin/provider")
async def to_provider(request: Request) -> Response:
    """Redirect to the provider, with state, nonce and a PKCE challenge."""
    client = _client(request)
    request.scope["session"] = visit_of(request).begin().kept
    try:
        response: Response = await client.authorize_redirect(request, _callback_url(request))
    except (AuthlibBaseError, HTTPError, ValueError, KeyError):
        raise ReaderProblem("sign_in_failed") from None
    return response


@router.get("/signin/callback")
async def callback(request: Request) -> Response:
    """Exchange the provider's code for a token; Authlib checks its signature, issuer, audience, expiry and nonce."""
    client, portal, visit = _client(request), portal_of(request), visit_of(request)
    try:
        token = await client.authorize_access_token(request)
        claims = dict(token["userinfo"])
        user = portal.users.by_claims(claims)
        if user is None and "email" not in claims:
            # Providers may give the email only at their own endpoint; the answer must be about the same person.
            more = dict(await client.userinfo(token=token))
            if more.get("sub") == claims.get("sub"):
                user = portal.users.by_claims(more)
    except (AuthlibBaseError, JoseError, HTTPError, ValueError, KeyError):
        # Whatever the cause, a half-finished sign-in must not be tried again.
        visit.leave()
        raise ReaderProblem("sign_in_failed") from None
    if user is None:
        visit.leave()
        raise ReaderProblem("not_a_reader")
    visit.sign_in(user)
    return RedirectResponse("/", 303)


@router.post("/signout")
def sign_out(request: Request) -> Response:
    visit = visit_of(request)
    visit.event = "signed_out"
    visit.leave()
    return RedirectResponse("/signin", 303)


@router.post("/digits")
def choose_digits(request: Request) -> Response:
    form = form_of(request)
    session, chosen = visit_of(request).session, [known for known in DIGITS if known == form.get("digits")]
    if session is None or not chosen:
        raise ReaderProblem("not_understood")
    session.digits = chosen[0]
    return RedirectResponse(own_path(form.get("here")), 303)


def _client(request: Request) -> Any:
    oauth = portal_of(request).oauth
    if oauth is None:
        raise not_found()
    return oauth.create_client("provider")


def _callback_url(request: Request) -> str:
    # Taken from the settings, never from the request's host.
    return f"{portal_of(request).settings.base_url}/signin/callback"


def _sign_in_page(request: Request, link_token: str, csrf: str = "") -> Response:
    portal = portal_of(request)
    context = {
        "writings": [Writing("ar"), Writing("en")],
        "writing": Writing("ar"),
        "centre": portal.workspace.settings.name.model_dump(),
        "link_token": link_token,
        "csrf": csrf,
        "has_provider": portal.oauth is not None,
    }
    return page_response("signin.html", context)
