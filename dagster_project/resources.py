"""A run's inputs as a Dagster resource: the workspace, held, and all that was read of it.

Belongs here: resources. Does not belong here: what is done with them (the assets).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from ingestion.submission_ledger import Account, with_received
from miyar.workspace import Workspace
from warehouse.inputs import Inputs

# Longer than any run at sizes measured so far; a run that waits longer fails and is retried.
WAIT_SECONDS = 3600


class RunInputs:
    """The inputs of the steps of one run.

    A step of the daemon's job reads them when it has the workspace, for another run may have worked since the step before.
    `miyar run` holds the workspace all the time and hands its own to every step.
    """

    def __init__(self, root: Path, held: Inputs | None = None) -> None:
        self.root = root
        self._held = held

    def read(self) -> Inputs:
        """The inputs as they are now."""
        return self._held or Inputs.read(Workspace.open(self.root))

    @contextmanager
    def hold(self) -> Iterator[Inputs]:
        """The inputs, with the workspace held against other runs: a job of the daemon waits for `miyar run`, and the reverse."""
        workspace = self._held.workspace if self._held else Workspace.open(self.root)
        with workspace.lock(WAIT_SECONDS):
            try:
                yield self._held or Inputs.read(workspace)
            except (dg.DagsterExecutionInterruptedError, KeyboardInterrupt):
                # Dagster tries an interrupted step again; whoever stopped it wants it stopped.
                raise dg.Failure("the run was stopped by its user or the system", allow_retries=False) from None

    def received(self, accounts: list[Account]) -> None:
        """Note what an intake added, for the steps that follow."""
        if self._held:
            self._held = self._held.with_accounts(with_received(self._held.accounts, accounts))


def inputs_resource(given: RunInputs) -> dg.ResourceDefinition:
    """The resource `inputs` of every asset."""
    return dg.ResourceDefinition.hardcoded_resource(given, "The workspace and all that its warehouse is made from")
