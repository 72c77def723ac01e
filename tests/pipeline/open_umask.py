"""A centre made and run in a process of its own whose umask keeps nothing private; for the tests of what a run writes.

Run as `python -m tests.pipeline.open_umask demo|run FOLDER`. Belongs here: that process. Does not belong here: what is expected
of its files.
"""

import os
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import simulation.workspace
from simulation.world import Size


def main(what: str, folder: str) -> None:
    """Make the smallest demo, or run what lies there."""
    os.umask(0)
    if what == "demo":
        from cli.main import app

        simulation.workspace.write_workspace = partial(simulation.workspace.write_workspace, size=Size.tiny())
        app(["demo", folder], standalone_mode=False)
    else:
        from dagster_project.pipeline import run_pipeline

        outcome = run_pipeline(Path(folder), datetime(2026, 1, 20, tzinfo=UTC))
        print(outcome)


if __name__ == "__main__":
    main(*sys.argv[1:])
