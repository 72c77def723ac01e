"""The workspace as a Dagster resource.

Belongs here: resources. Does not belong here: what is done with them (`assets`).
"""

from pathlib import Path

import dagster as dg

from ingestion.contract import Contract, load_contracts
from miyar.registry import Registry, load_registry
from miyar.workspace import Workspace


class WorkspaceResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """One centre's workspace, by its folder; registry and contracts are read anew for every run."""

    root: str

    def open(self) -> Workspace:
        return Workspace.open(Path(self.root))

    def registry(self) -> Registry:
        return load_registry(self.open().registry)

    def contracts(self) -> list[Contract]:
        return load_contracts(self.open().registry)
