"""The published edition as an asset.

Belongs here: the wiring of `warehouse.publishing`. Does not belong here: how editions are made.
"""

import dagster as dg

from dagster_project.resources import RunInputs
from warehouse.dbt_runner import DBT
from warehouse.publishing import publish_warehouse

# Every mart is published, so an edition is made after the last of them.
_MARTS = DBT / "models" / "marts"
MARTS = sorted((path.relative_to(_MARTS).parts[0], path.stem) for path in _MARTS.rglob("*.sql"))


class PublishConfig(dg.Config):
    """`period` defaults to the last reported one. Who publishes, and when, is the process's: no run can be told it."""

    period: str = ""
    reason: str = ""


@dg.asset(
    key=dg.AssetKey(["editions", "current"]),
    deps=[dg.AssetKey([schema, table]) for schema, table in MARTS],
    group_name="editions",
    owners=["team:measurement-centre"],
    kinds={"duckdb", "parquet"},
    description="The immutable publication readers use; a correction is a new revision with a reason.",
    pool="warehouse",
)
def edition(
    context: dg.AssetExecutionContext, config: PublishConfig, inputs: dg.ResourceParam[RunInputs]
) -> dg.MaterializeResult[None]:
    with inputs.hold() as held:
        published = publish_warehouse(
            held, inputs.publish_clock(), period=config.period, reason=config.reason, by=inputs.by
        )
    size = sum(path.stat().st_size for path in published.path.rglob("*") if path.is_file())
    return dg.MaterializeResult(
        metadata={
            "edition": published.edition_id,
            "is_new": published.is_new,
            "content_hash": published.content_hash,
            "bytes": size,
        }
    )
