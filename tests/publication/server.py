"""A private PostgreSQL server for a test session: own folder, own port, no service of the machine touched.

Belongs here: starting and stopping it. Does not belong here: any expectation.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Server:
    """The server's address and the folder of its programs."""

    port: int
    programs: Path
    folder: Path
    account: str | None

    def dsn(self, user: str = "postgres") -> str:
        return f"host=127.0.0.1 port={self.port} dbname=postgres user={user}"

    def control(self, *words: str) -> None:
        # Not captured: the server inherits the streams and would keep a pipe open.
        subprocess.run(
            [self.programs / "pg_ctl", "-D", self.folder / "data", "-w", *words],
            check=True,
            user=self.account,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder} -F"
        self.control("-l", str(self.folder / "log"), "-o", options, "start")


def programs() -> Path:
    """Return the folder of PostgreSQL's programs, or skip the test."""
    found = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found and not debian:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    return Path(found).resolve().parent if found else debian[-1].parent


@contextmanager
def private_server() -> Iterator[Server]:
    """Start a fresh cluster as an unprivileged user, because the server refuses root; it is removed afterwards."""
    account = None
    if os.geteuid() == 0:
        names = {entry.pw_name for entry in pwd.getpwall()}
        account = "postgres" if "postgres" in names else "nobody"
    folder = Path(tempfile.mkdtemp(prefix="miyar-postgres-"))
    if account:
        shutil.chown(folder, account)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = Server(port, programs(), folder, account)
    try:
        server_options = ["-D", folder / "data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-N"]
        subprocess.run(
            [server.programs / "initdb", *server_options], check=True, user=account, capture_output=True, cwd="/"
        )
        server.start()
        yield server
    finally:
        if (folder / "data" / "postmaster.pid").is_file():
            server.control("-m", "immediate", "stop")
        shutil.rmtree(folder)
