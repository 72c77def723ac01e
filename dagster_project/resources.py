"""The inputs of a run as a Dagster resource: the held workspace and everything read from it.

Belongs here: resources. Does not belong here: what is done with them (the assets).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from ingestion.submission_ledger import Account, with_received
from miyar.errors import Problem
from miyar.workspace import Workspace
from warehouse.inputs import Inputs

# Longer than any run at the sizes measured so far; a run that waits longer fails and is retried.
WAIT_SECONDS = 3600


Clock = Callable[[], datetime | None]


def utc_now() -> datetime:
    """The clock of the daemon."""
    return datetime.now(tz=UTC)


class RunInputs:
    """The inputs of one run's steps.

    A step of the daemon reads them after it gets the workspace, because another run may have changed them since the
    last step. `miyar run` holds the workspace throughout and passes its own inputs to every step. By `clock` files that
    were just written wait; without a moment none does.
    """

    def __init__(self, root: Path, held: Inputs | None = None, clock: Clock = lambda: None) -> None:
        self.root = root
        self.clock = clock
        self.told: list[Problem] = []  # by the intakes of this run
        self._held = held

    def read(self) -> Inputs:
        """Return the current inputs."""
        return self._held or Inputs.read(Workspace.open(self.root))

    @contextmanager
    def hold(self) -> Iterator[Inputs]:
        """Yield the inputs while holding the workspace: the daemon's jobs wait for `miyar run`, and the reverse."""
        workspace = self._held.workspace if self._held else Workspace.open(self.root)
        with workspace.lock(WAIT_SECONDS):
            try:
                yield self._held or Inputs.read(workspace)
            except (dg.DagsterExecutionInterruptedError, KeyboardInterrupt):
                # Dagster retries an interrupted step, but whoever interrupted it wants it stopped.
                raise dg.Failure("the run was stopped by its user or the system", allow_retries=False) from None

    def received(self, accounts: list[Account]) -> None:
        """Add an intake's accounts to the inputs of the steps that follow."""
        if self._held:
            self._held = self._held.with_accounts(with_received(self._held.accounts, accounts))


def inputs_resource(given: RunInputs) -> dg.ResourceDefinition:
    """Return the resource `inputs` of every asset."""
    return dg.ResourceDefinition.hardcoded_resource(given, "The workspace and all that its warehouse is made from")
