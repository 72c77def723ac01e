"""Everything a running portal holds, made once from a workspace.

Belongs here: assembling the parts. Does not belong here: routes, behaviour of the parts.
"""

from dataclasses import dataclass

from authlib.integrations.starlette_client import OAuth

from miyar.workspace import Workspace
from portal.audit import Audit
from portal.checks import Checks
from portal.edition_cache import EditionCache
from portal.provider import provider_of
from portal.rate_limits import RateLimits
from portal.sessions import Clock, Links, SessionStore
from portal.settings import PortalSettings, load_settings
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
        oauth=provider_of(chosen.oidc) if chosen.oidc else None,
    )
