"""Publishing the current warehouse, shared by the asset and `miyar publish`.

Belongs here: the preconditions, and the origin that an edition records. Does not belong here: how editions are made
(`publication.editions`).
"""

import tempfile
from datetime import datetime
from pathlib import Path

from publication.editions import Published, publish
from publication.signing_keys import key_of
from warehouse.counterfactual import same_method
from warehouse.inputs import Inputs
from warehouse.marks import require_built


def publish_warehouse(
    inputs: Inputs, published_at: datetime, *, period: str = "", reason: str = "", by: str
) -> Published:
    """Publish the warehouse, which the caller holds; raises MiyarError unless it was built from exactly these inputs."""
    require_built(inputs)
    workspace = inputs.workspace
    workspace.scratch.mkdir(exist_ok=True)
    # In scratch, so that the next run deletes the copied warehouse if this one is killed.
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
            key=key_of(workspace),
        )
