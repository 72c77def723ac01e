"""The code location: definitions of the workspace named by `MIYAR_WORKSPACE`.

Belongs here: combining the definitions. Does not belong here: the definitions themselves.
"""

import os
import warnings
from pathlib import Path

import dagster as dg

from dagster_project.edition_asset import edition
from dagster_project.jobs import automation
from dagster_project.lake_assets import lake_assets, ledger_specs
from dagster_project.partitions import provider_partitions
from dagster_project.resources import RunInputs, utc_now
from dagster_project.warehouse_assets import warehouse_assets
from warehouse.dbt_runner import prepare_manifest

# The beta policy does exactly what this flow needs; without the filter dagster 1.13 warns once per asset.
warnings.filterwarnings("ignore", message="Parameter `backfill_policy`", category=dg.BetaWarning)


# Assets hand each other nothing but by the lake and the warehouse; Dagster's own manager of such values would write
# wherever a run says.
_NOTHING_HANDED_ON = dg.IOManagerDefinition(lambda _: dg.InMemoryIOManager(), config_schema={})  # type: ignore[no-untyped-call]


def define(inputs: RunInputs) -> dg.Definitions:
    """Return all definitions of one workspace. A new provider or period takes effect when the code location is reloaded."""
    root, current = inputs.root, inputs.read()
    providers = provider_partitions(current.contracts)
    assets = dg.Definitions(
        assets=[*lake_assets(providers), *ledger_specs(), *warehouse_assets(prepare_manifest()), edition],
        resources={"inputs": _inputs_resource(inputs), "io_manager": _NOTHING_HANDED_ON},
        # A second process costs seconds of imports, and the warehouse has one writer anyway.
        executor=dg.in_process_executor,
    )
    return dg.Definitions.merge(assets, automation(root, providers, inputs.clock))


@dg.definitions
def defs() -> dg.Definitions:
    """Entry point of `dagster dev` and of the daemon."""
    return define(RunInputs(Path(os.environ.get("MIYAR_WORKSPACE", "demo")), clock=utc_now))


def _inputs_resource(given: RunInputs) -> dg.ResourceDefinition:
    """Return the resource `inputs` of every asset."""
    about = "The workspace and all that its warehouse is made from"
    # Without configuration: a hardcoded resource of Dagster takes any.
    return dg.ResourceDefinition(lambda _: given, config_schema={}, description=about)
