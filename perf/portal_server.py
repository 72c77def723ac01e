"""The portal in a separate process for the benchmark: `python -m perf.portal_server WORKSPACE PORT`.

Belongs here: what the benchmark measures as a process. Does not belong here: the measuring (`portal`).
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from miyar.workspace import Workspace
from portal.serve import run
from portal.settings import Limits, PortalSettings
from portal.state import make_portal
from portal.users import load_users

_MANY = Limits(reader_per_minute=10**6, address_per_minute=10**6, sign_ins_per_minute=10**6)


def serve(workspace: Path, port: int) -> None:
    """Serve as `miyar portal` does, but without rate limits, and print a sign-in link for every reader."""
    base = f"http://127.0.0.1:{port}"
    centre = Workspace.open(workspace)
    portal = make_portal(centre, lambda: datetime.now(tz=UTC), PortalSettings(base_url=base, limits=_MANY))
    for key in load_users(centre.registry):
        print(f"{base}/signin/link/{portal.links.issue(key)}", flush=True)
    run(portal, port)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
