"""Dagster's web server and daemon for one workspace, on this machine only, behind the guard.

Belongs here: starting and ending both. Does not belong here: who is let in (`guard`), what runs there (`jobs`).
"""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from dagster_webserver.app import create_app_from_workspace_process_context

from dagster_project.guard import Guard
from dagster_project.instance import open_instance

DEFINITIONS = "dagster_project.definitions"


def run_ui(root: Path, port: int, report: Callable[[str], None]) -> None:
    """Serve Dagster on `port` of 127.0.0.1 until interrupted, and report the address that opens it.

    Its token holds until this ends. Sensors and schedules run in a process beside it.
    """
    open_instance(root).dispose()
    os.environ |= {"MIYAR_WORKSPACE": str(root), "DAGSTER_HOME": str(root / "dagster")}
    token = secrets.token_urlsafe(32)
    target = ModuleTarget(module_name=DEFINITIONS, attribute=None, working_directory=None, location_name=None)
    daemon = subprocess.Popen([sys.executable, "-m", "dagster._daemon", "run", "-m", DEFINITIONS])  # noqa: S603 - fixed words
    try:
        with (
            dg.DagsterInstance.get() as instance,
            WorkspaceProcessContext(instance, version=dg.__version__, workspace_load_target=target) as workspace,
        ):
            app = Guard(create_app_from_workspace_process_context(workspace), port, token)
            report(f"Dagster, for whoever has this address: http://127.0.0.1:{port}/?token={token}")
            # An access log would hold the token.
            uvicorn.run(app, host="127.0.0.1", port=port, access_log=False, log_level="warning", proxy_headers=False)
    finally:
        daemon.terminate()
        daemon.wait()
