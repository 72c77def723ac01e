"""The centre's OpenID Connect provider, as Authlib asks it, and what is believed of its answers.

Belongs here: the client and its settings that no centre may change. Does not belong here: the steps of signing in
(`pages.signin`), who is a user (`users`).
"""

import os
from typing import Any

from authlib.integrations.starlette_client import OAuth, StarletteOAuth2App

from miyar.errors import MiyarError, Problem
from portal.settings import FILE, Oidc

# Signatures by a key that only the provider has (RFC 7518, section 3.1, and RFC 8037). Never `none`, and never one by a
# secret: whoever knows what it is checked with could sign as well.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")


class _Client(StarletteOAuth2App):  # type: ignore[misc]
    """Authlib takes what discovery offers for what is allowed, and checks a token's issuer by it; here we say both."""

    async def load_server_metadata(self) -> dict[str, Any]:
        """Return what discovery says; raises ValueError if it speaks for another issuer than the one asked."""
        found: dict[str, Any] = await super().load_server_metadata()
        asked = self._server_metadata_url.removesuffix(_DISCOVERY)
        if str(found.get("issuer")).rstrip("/") != asked:
            raise ValueError("discovery speaks for another issuer")
        found["id_token_signing_alg_values_supported"] = list(ALGORITHMS)
        return found


class _OAuth(OAuth):  # type: ignore[misc]
    oauth2_client_cls = _Client


_DISCOVERY = "/.well-known/openid-configuration"


def provider_of(settings: Oidc) -> OAuth:
    """Return the provider's client: authorisation code with PKCE; Authlib keeps state and nonce in our sessions.

    Raises MiyarError without the client's secret.
    """
    secret = os.environ.get(settings.client_secret_variable)
    if not secret:
        raise MiyarError(
            Problem(
                "oidc_secret_missing",
                f"the environment variable {settings.client_secret_variable} is empty",
                file=FILE,
                next_step="Set it to the client's secret.",
            )
        )
    oauth = _OAuth()
    oauth.register(
        name="provider",
        server_metadata_url=f"{settings.issuer.rstrip('/')}{_DISCOVERY}",
        client_id=settings.client_id,
        client_secret=secret,
        client_kwargs={"scope": settings.scope, "code_challenge_method": "S256", "timeout": 10},
    )
    return oauth
