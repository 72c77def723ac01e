"""The workspace as a Dagster resource.

Belongs here: resources. Does not belong here: what is done with them (`assets`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from ingestion.contract import Contract, load_contracts
from miyar.registry import Registry, load_registry
from miyar.workspace import Workspace

# Longer than any run at sizes measured so far; a run that waits longer fails and is retried.
WAIT_SECONDS = 3600


class WorkspaceResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """One centre's workspace, by its folder; registry and contracts are read anew for every run."""

    root: str

    def open(self) -> Workspace:
        return Workspace.open(Path(self.root))

    @contextmanager
    def hold(self) -> Iterator[Workspace]:
        """The workspace, held against other runs: a job of the daemon waits for `miyar run`, and the reverse."""
        workspace = self.open()
        with workspace.lock(WAIT_SECONDS):
            try:
                yield workspace
            except (dg.DagsterExecutionInterruptedError, KeyboardInterrupt):
                # Dagster tries an interrupted step again; whoever stopped it wants it stopped.
                raise dg.Failure("the run was stopped by its user or the system", allow_retries=False) from None

    def registry(self) -> Registry:
        return load_registry(self.open().registry)

    def contracts(self) -> list[Contract]:
        return load_contracts(self.open().registry)
