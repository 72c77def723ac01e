"""The inputs of a run's steps: the held workspace and everything read from it.

Belongs here: what steps are given. Does not belong here: what is done with it (the assets), and Dagster, which only a job
needs: starting it takes longer than finding that nothing is new.
"""

import os
import pwd
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

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


def publisher() -> str:
    """Who publishes by the daemon: the name in its environment (`MIYAR_PUBLISHER`), else its account on this machine."""
    named = os.environ.get("MIYAR_PUBLISHER", "").strip()
    if named:
        return named
    try:
        # Not `getpass`, which believes variables that any program sets.
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container's account may have no entry
        return f"account {os.geteuid()}"


class RunInputs:
    """The inputs of one run's steps.

    A step of the daemon reads them after it gets the workspace, because another run may have changed them since the
    last step. `miyar run` holds the workspace throughout and passes its own inputs to every step. By `clock` files that
    were just written wait; without a moment none does. An edition is dated by `publish_clock` and published by `by`.
    """

    def __init__(
        self,
        root: Path,
        held: Inputs | None = None,
        clock: Clock = lambda: None,
        *,
        publish_clock: Callable[[], datetime] = utc_now,
        by: str = "",
    ) -> None:
        self.root = root
        self.clock, self.publish_clock = clock, publish_clock
        self.by = by or publisher()
        self.told: list[Problem] = []  # by the intakes of this run
        self._held = held

    def read(self) -> Inputs:
        """Return the current inputs."""
        return self._held or Inputs.read(Workspace.open(self.root))

    @contextmanager
    def hold(self) -> Iterator[Inputs]:
        """Yield the inputs while holding the workspace: the daemon's jobs wait for `miyar run`, and the reverse."""
        import dagster as dg

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
