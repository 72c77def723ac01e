"""Partitions of the lake by provider, always run as ranges so that many partitions are one run.

The warehouse has none: the pending slices decide what is recomputed, not what a person selects.

Belongs here: partition definitions, the tags that select a range, and those that every run carries. Does not belong here: assets.
"""

from collections.abc import Sequence

import dagster as dg

from ingestion.contract import Contract
from miyar.registry import Registry
from warehouse.source_code import code_hash

# Starting a process costs more than a quarter's work, so a backfill of any number of partitions is one run.
SINGLE_RUN = dg.BackfillPolicy.single_run()


def provider_partitions(contracts: list[Contract]) -> dg.StaticPartitionsDefinition:
    """One partition per provider, because every file comes from one."""
    return dg.StaticPartitionsDefinition(sorted({contract.provider for contract in contracts}))


def range_tags(keys: Sequence[str]) -> dict[str, str]:
    """Run tags that select all partitions from the first key to the last."""
    return {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]}


def run_tags(registry: Registry) -> dict[str, str]:
    """Tags of every run: short hashes of code and registry."""
    return {"miyar/code": code_hash()[:16], "miyar/registry": registry.hash[:16]}
