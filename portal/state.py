"""Everything a running portal holds, made once from a workspace.

Belongs here: assembling the parts. Does not belong here: routes, behaviour of the parts.
"""

import os
from dataclasses import dataclass

from authlib.integrations.starlette_client import OAuth

from miyar.errors import MiyarError, Problem
from miyar.workspace import Workspace
from portal.audit import Audit
from portal.checks import Checks
from portal.edition_cache import EditionCache
from portal.rate_limits import RateLimits
from portal.sessions import Clock, Links, SessionStore
from portal.settings import FILE, PortalSettings, load_settings
from portal.users import Users


@dataclass(frozen=True)
class Portal:
    """The parts of a portal. Routes get them from `context.portal_of`."""

    workspace: Workspace
    settings: PortalSettings
    clock: Clock
    users: Users
    sessions: SessionStore
    links: Links
    rate_limits: RateLimits
    audit: Audit
    edition_cache: EditionCache
    checks: Checks
    oauth: OAuth | None


def make_portal(workspace: Workspace, clock: Clock, settings: PortalSettings | None = None) -> Portal:
    """Make the parts for a workspace; `settings` default to its `portal.yml`."""
    chosen = settings or load_settings(workspace.root)
    return Portal(
        workspace=workspace,
        settings=chosen,
        clock=clock,
        users=Users(workspace.registry),
        sessions=SessionStore(chosen.sessions, clock),
        links=Links(chosen.sessions, clock),
        rate_limits=RateLimits(clock),
        audit=Audit(workspace.root / "portal" / "audit.jsonl", clock),
        edition_cache=EditionCache(workspace.editions),
        checks=Checks(workspace, chosen, clock),
        oauth=_oauth(chosen),
    )


def _oauth(settings: PortalSettings) -> OAuth | None:
    """Return the provider's client: authorisation code with PKCE; Authlib keeps state and nonce in our sessions."""
    if settings.oidc is None:
        return None
    secret = os.environ.get(settings.oidc.client_secret_variable)
    if not secret:
        raise MiyarError(
            Problem(
                "oidc_secret_missing",
                f"the environment variable {settings.oidc.client_secret_variable} is empty",
                file=FILE,
                next_step="Set it to the client's secret.",
            )
        )
    oauth = OAuth()
    oauth.register(
        name="provider",
        server_metadata_url=f"{settings.oidc.issuer.rstrip('/')}/.well-known/openid-configuration",
        client_id=settings.oidc.client_id,
        client_secret=secret,
        client_kwargs={"scope": settings.oidc.scope, "code_challenge_method": "S256", "timeout": 10},
    )
    return oauth
