"""Running the portal for a workspace: the server, and the one-time link that opens the demo.

Belongs here: starting. Does not belong here: what is served (`app`).
"""

import gc
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn

from miyar.errors import MiyarError, Problem
from miyar.workspace import Workspace
from portal.app import create_app
from portal.connections import server_settings
from portal.sessions import Clock
from portal.settings import FILE as SETTINGS_FILE
from portal.settings import PortalSettings, load_settings
from portal.state import Portal, make_portal
from portal.users import FILE, User, folded, load_users


def serve(workspace_path: Path, port: int, user: str, clock: Clock, report: Callable[[str], None]) -> None:
    """Serve until interrupted, on `port`.

    If `portal.yml` names no address, `port` is part of the address too.
    """
    workspace = Workspace.open(workspace_path)
    settings = load_settings(workspace.root)
    if port and settings.base_url == PortalSettings().base_url:
        settings = settings.model_copy(update={"base_url": f"http://127.0.0.1:{port}"})
    require_tls(settings)
    portal = make_portal(workspace, clock, settings)
    users = load_users(workspace.registry)
    chosen = _chosen(portal, users, user)
    if chosen is not None:
        who = chosen.agency_id or "centre"
        report(f"sign in as {chosen.key} ({who}), once, within {settings.sessions.link_minutes} minutes:")
        report(f"  {sign_in_link(portal, chosen)}")
        report("other users (--user): " + ", ".join(key for key in users if key != chosen.key))
    run(portal, port or urlsplit(settings.base_url).port or 8080)


def require_tls(settings: PortalSettings) -> None:
    """Raise MiyarError if readers on other machines would reach the portal without TLS."""
    if not settings.is_https and urlsplit(settings.base_url).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise MiyarError(
            Problem(
                "portal_in_clear",
                "base_url begins with http://: cookies and figures would cross the network for all to read",
                file=SETTINGS_FILE,
                column="base_url",
                next_step="Put a proxy with TLS before the portal, and write the https:// address by which readers reach it.",
            )
        )


def run(portal: Portal, port: int) -> None:
    """Serve a portal until interrupted."""
    app = create_app(portal)
    # Objects made at start-up stay: searching them for garbage would now and then stop every page for a tenth of a
    # second.
    gc.collect()
    gc.freeze()
    uvicorn.run(app, **server_settings(portal.settings, port))


def sign_in_link(portal: Portal, user: User) -> str:
    return f"{portal.settings.base_url}/signin/link/{portal.links.issue(user.key)}"


def _chosen(portal: Portal, users: dict[str, User], asked: str) -> User | None:
    """Return the user to print a link for: the one asked for, or without a provider the first user of the centre."""
    if asked:
        found = portal.users.get(folded(asked))
        if found is None:
            raise MiyarError(
                Problem(
                    "user_unknown",
                    f"{asked!r} is no user",
                    file=FILE,
                    next_step=f"Choose one of: {', '.join(users)}",
                )
            )
        return found
    if portal.oauth is not None:
        return None
    first = next((one for one in users.values() if one.role == "centre"), next(iter(users.values()), None))
    if first is None:
        raise MiyarError(
            Problem("no_users", "nobody may read", file=FILE, next_step="Add a line to registry/users.csv.")
        )
    return first
