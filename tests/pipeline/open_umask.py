"""A centre run in a process of its own whose umask keeps nothing private and that is offline, for the tests of what a run writes.

Run as `python -m tests.pipeline.open_umask FOLDER`. Belongs here: that process. Does not belong here: what is expected of its
files.
"""

import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

ASKED = "asked for the network:"


def _offline() -> None:
    """Refuse every connection and every question to a name server that does not stay on this machine, and say so."""
    connecting, asking = socket.socket.connect, socket.getaddrinfo

    def refused(what: object) -> NoReturn:
        print(ASKED, what, file=sys.stderr, flush=True)
        raise OSError("this process is offline")

    def connect(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            refused(address)
        connecting(self, address)

    def getaddrinfo(host: Any, *rest: Any, **more: Any) -> Any:
        return asking(host, *rest, **more) if host in (None, "localhost", "127.0.0.1", "::1") else refused(host)

    socket.socket.connect = connect  # type: ignore[method-assign, assignment]
    socket.getaddrinfo = getaddrinfo


def main(folder: str) -> None:
    """Run what lies there, and publish."""
    os.umask(0)
    _offline()
    from dagster_project.pipeline import run_pipeline

    outcome = run_pipeline(Path(folder), datetime(2026, 1, 20, 6, tzinfo=UTC))
    print(outcome)


if __name__ == "__main__":
    main(sys.argv[1])
