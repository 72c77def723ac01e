"""The warehouse published as it stands: what the asset and `miyar publish` do alike.

Belongs here: what has to hold before, and what an edition is told of its origin. Does not belong here: how editions are made
(`publication.editions`).
"""

import tempfile
from datetime import datetime
from pathlib import Path

from publication.editions import Published, publish
from warehouse.counterfactual import same_method
from warehouse.inputs import Inputs
from warehouse.state import require_built


def publish_warehouse(
    inputs: Inputs, published_at: datetime, *, period: str = "", reason: str = "", by: str
) -> Published:
    """Publish the warehouse, which the caller holds; raises MiyarError unless it was built from exactly these inputs."""
    require_built(inputs)
    workspace = inputs.workspace
    workspace.scratch.mkdir(exist_ok=True)
    # In scratch, so that what a killed run leaves of the copied warehouse is gone with the next one.
    with tempfile.TemporaryDirectory(dir=workspace.scratch) as aside:
        return publish(
            workspace,
            inputs.origin,
            published_at,
            methodology=inputs.methodology,
            accounts=inputs.accounts,
            period=period or None,
            reason=reason,
            by=by,
            same_method=same_method(inputs, Path(aside)),
        )
