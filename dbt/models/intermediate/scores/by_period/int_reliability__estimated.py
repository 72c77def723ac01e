"""Reliability of each reported score: how much of the spread among units like it is signal.

Belongs here: which scores are read. Does not belong here: which units are alike, and the formula
(`methodology.reliability`).
"""

from functools import partial

import pyarrow as pa

from methodology.reliability import COLUMNS, reliabilities
from miyar.relations import Dbt, by_period, read, thresholds_of


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    minimum_peers = thresholds_of(dbt.ref("stg_methodology__thresholds"))["minimum_peers"]
    reported = dbt.ref("int_scores__judged").filter("status = 'reported' and n is not null")
    agencies = read(dbt.ref("stg_registry__agencies"))
    estimated = partial(reliabilities, agencies=agencies, minimum_peers=minimum_peers)
    tables = {"scores": reported, "mixes": dbt.ref("int_modes__grouped"), "links": dbt.ref("int_scores__linked")}
    return by_period(dbt.ref("int_periods__pending"), tables, estimated, COLUMNS)
