"""The warehouse published as it stands: what the asset and `miyar publish` do alike.

Belongs here: what has to hold before, and what an edition is told of its origin. Does not belong here: how editions are made
(`publication.editions`).
"""

import tempfile
from datetime import datetime
from pathlib import Path

from ingestion.contract import load_contracts
from miyar.registry import load_registry
from miyar.workspace import Workspace
from publication.editions import Published, publish
from warehouse.counterfactual import same_method
from warehouse.origin import origin_of
from warehouse.state import require_built


def publish_warehouse(
    workspace: Workspace, published_at: datetime, *, period: str = "", reason: str = "", by: str
) -> Published:
    """Publish the warehouse, which the caller holds; raises MiyarError unless it was built from exactly today's inputs."""
    registry, contracts = load_registry(workspace.registry), load_contracts(workspace.registry)
    require_built(workspace, registry, contracts)
    workspace.scratch.mkdir(exist_ok=True)
    # In scratch, so that what a killed run leaves of the copied warehouse is gone with the next one.
    with tempfile.TemporaryDirectory(dir=workspace.scratch) as aside:
        return publish(
            workspace,
            origin_of(workspace, registry, contracts),
            published_at,
            period=period or None,
            reason=reason,
            by=by,
            same_method=same_method(workspace, registry, Path(aside)),
        )
