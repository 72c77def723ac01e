"""Identity tokens that a provider, or somebody in its place, could hand us: only a signature by its key counts.

Belongs here: what is believed of a token. Does not belong here: the way to a real provider and back (`test_oidc`).
"""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey
from starlette.testclient import TestClient

from miyar.workspace import Workspace
from portal.app import create_app
from portal.settings import Oidc, PortalSettings
from portal.state import make_portal
from tests.portal.conftest import BASE, CENTRE, OWN, Clock, reader_of

KEY = RSAKey.generate_key(2048, {"kid": "ours", "use": "sig"})
CURVE = ECKey.generate_key("P-256", {"kid": "curve", "use": "sig"})
STRANGER = RSAKey.generate_key(2048, {"kid": "ours", "use": "sig"})
SECRET = "a secret for tests, nowhere else"  # noqa: S105
# What a provider that is not to be trusted offers: everything there is.
ALL = ["none", "HS256", "HS512", "RS256", "ES256", "RSA1_5", "RS1"]
Token = Callable[[dict[str, Any]], str]


class Provider:
    """A provider as discovery, keys and a token endpoint; the test says which token it hands out."""

    def __init__(self) -> None:
        self.token: Token = signed()
        self.offered: list[str] | None = ALL
        self.keys: list[dict[str, Any]] = [KEY.as_dict(private=False), CURVE.as_dict(private=False)]
        self.nonce, self.named = "", ""
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/keys":
                    self.answer({"keys": provider.keys})
                elif self.path == "/userinfo":
                    self.answer({"sub": "somebody", "email": CENTRE, "email_verified": True})
                else:
                    self.answer(provider.metadata())

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self.answer(
                    {"access_token": "a", "token_type": "bearer", "id_token": provider.token(provider.claims())}
                )

            def answer(self, body: object) -> None:
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, format: str, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def metadata(self) -> dict[str, Any]:
        offered = {} if self.offered is None else {"id_token_signing_alg_values_supported": self.offered}
        places = {name: f"{self.issuer}/{name}" for name in ("authorize", "token", "userinfo")}
        return {
            "issuer": self.named or self.issuer,
            "authorization_endpoint": places["authorize"],
            "token_endpoint": places["token"],
            "userinfo_endpoint": places["userinfo"],
            "jwks_uri": f"{self.issuer}/keys",
            **offered,
        }

    def claims(self) -> dict[str, Any]:
        now = int(time.time())
        who = {"sub": "somebody", "email": reader_of(OWN), "email_verified": True}
        return {
            "iss": self.named or self.issuer,
            "aud": "portal",
            "exp": now + 60,
            "iat": now,
            "nonce": self.nonce,
            **who,
        }


def signed(key: Any = KEY, **header: Any) -> Token:
    head = {"alg": "RS256", "kid": "ours"} | header

    def token(claims: dict[str, Any]) -> str:
        registry = jws.JWSRegistry(algorithms=["RS256", "ES256", "PS256", "HS256"], strict_check_header=False)
        return jws.serialize_compact(head, json.dumps(claims), key, registry=registry)

    return token


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(**header: Any) -> Token:
    return lambda claims: f"{_part(header)}.{_part(claims)}."


def mac(secret: bytes, **header: Any) -> Token:
    """A token whose key is something an attacker knows."""

    def token(claims: dict[str, Any]) -> str:
        text = f"{_part({'alg': 'HS256', **header})}.{_part(claims)}"
        tag = hmac.new(secret, text.encode(), hashlib.sha256).digest()
        return f"{text}.{base64.urlsafe_b64encode(tag).rstrip(b'=').decode()}"

    return token


def other(**changed: Any) -> Token:
    def token(claims: dict[str, Any]) -> str:
        return signed()({name: value for name, value in (claims | changed).items() if value is not None})

    return token


def altered(claims: dict[str, Any]) -> str:
    head, _, signature = signed()(claims).split(".")
    return f"{head}.{_part(claims | {'email': CENTRE})}.{signature}"


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setenv("MIYAR_OIDC_SECRET", SECRET)
    found = Provider()
    yield found
    found.server.shutdown()
    found.server.server_close()


def sign_in(centre: Workspace, clock: Clock, provider: Provider) -> tuple[int, str]:
    """Status of the callback, and who is then signed in."""
    settings = PortalSettings(base_url=BASE, oidc=Oidc(issuer=provider.issuer, client_id="portal"))
    portal = make_portal(centre, clock, settings)
    with TestClient(create_app(portal), base_url=BASE, follow_redirects=False) as browser:
        query = parse_qs(urlsplit(browser.get("/signin/provider").headers["location"]).query)
        provider.nonce = query["nonce"][0]
        answer = browser.get("/signin/callback", params={"code": "c", "state": query["state"][0]})
        session = portal.sessions.find(browser.cookies.get("miyar", ""))
    return answer.status_code, session.user_key if session else ""


@pytest.mark.parametrize("token", [signed(), signed(CURVE, alg="ES256", kid="curve"), signed(alg="PS256")])
@pytest.mark.parametrize("offered", [ALL, ["RS256", "ES256", "PS256"]])
def test_a_signature_by_the_providers_key_counts(
    centre: Workspace, clock: Clock, provider: Provider, token: Token, offered: list[str]
) -> None:
    provider.token, provider.offered = token, offered
    assert sign_in(centre, clock, provider) == (303, reader_of(OWN))


FORGED = {
    "no signature": unsigned(alg="none"),
    "no signature, with the key's name": unsigned(alg="none", kid="ours"),
    "no signature, in capitals": unsigned(alg="NoNe"),
    "no algorithm": unsigned(kid="ours"),
    "no algorithm, null": unsigned(alg=None),
    "algorithms": unsigned(alg=["RS256", "none"]),
    "an unknown algorithm": unsigned(alg="RS1"),
    "the public key as a secret": mac(KEY.as_pem(private=False), kid="ours"),
    "the public key's numbers as a secret": mac(json.dumps(KEY.as_dict(private=False)).encode(), kid="ours"),
    "the client's secret": mac(SECRET.encode()),
    "an empty secret": mac(b""),
    "an extension that must be understood": signed(crit=["new"], new=1),
    "an extension that must be understood, unknown and absent": signed(crit=["new"]),
    "a body that is not encoded": signed(crit=["b64"], b64=False),
    "another key under the same name": signed(STRANGER),
    "another key's name": signed(kid="curve"),
    "a name nobody has": signed(kid="nobody"),
    "a key it brings along": signed(STRANGER, jwk=STRANGER.as_dict(private=False)),
    "changed after signing": altered,
    "another issuer": other(iss="https://elsewhere.invalid"),
    "for somebody else": other(aud="another"),
    "for several, and not meant for us": other(aud=["portal", "another"], azp="another"),
    "another sign-in": other(nonce="x" * 20),
    "no sign-in": other(nonce=None),
    "too old": other(exp=1),
    "without an end": other(exp=None),
    "without a subject": other(sub=None),
}


@pytest.mark.parametrize("name", FORGED)
@pytest.mark.parametrize("offered", [ALL, None])
def test_nothing_else_does_whatever_discovery_offers(
    centre: Workspace, clock: Clock, provider: Provider, name: str, offered: list[str] | None
) -> None:
    """Discovery offered `none`, and a token without a signature signed anybody in."""
    provider.token, provider.offered = FORGED[name], offered
    assert sign_in(centre, clock, provider) == (400, "")


def test_discovery_that_speaks_for_another_issuer_is_refused(
    centre: Workspace, clock: Clock, provider: Provider
) -> None:
    """OpenID Connect Discovery, section 4.3: both must be the same."""
    provider.named = "https://elsewhere.invalid"
    settings = PortalSettings(base_url=BASE, oidc=Oidc(issuer=provider.issuer, client_id="portal"))
    with TestClient(create_app(make_portal(centre, clock, settings)), base_url=BASE, follow_redirects=False) as browser:
        assert browser.get("/signin/provider").status_code == 400


@pytest.mark.parametrize("keys", [[], [OctKey.import_key(SECRET).as_dict()]])
def test_a_secret_among_the_keys_signs_nothing(
    centre: Workspace, clock: Clock, provider: Provider, keys: list[dict[str, Any]]
) -> None:
    provider.keys, provider.token = keys, mac(SECRET.encode())
    assert sign_in(centre, clock, provider) == (400, "")


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": None},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": 1},
        {"email": [reader_of(OWN)]},
        {"email": f" {reader_of(OWN)}"},
        {"email": None, "sub": reader_of(OWN)},
        {"email": None, "preferred_username": reader_of(OWN), "upn": reader_of(OWN)},
    ],
)
def test_only_an_email_the_provider_verified_is_somebodys(
    centre: Workspace, clock: Clock, provider: Provider, claims: dict[str, Any]
) -> None:
    provider.token = other(**claims)
    status, user = sign_in(centre, clock, provider)
    # Without an email in its token, the provider is asked at its own endpoint, about the same subject only.
    same = claims.get("email", "") is None and "sub" not in claims
    assert (status, user) == ((303, CENTRE) if same else (403, ""))
