"""Estimates of branches too small for a score of their own, by `methodology.small_units`.

Belongs here: the quarters that are read. Does not belong here: which answers make an estimate, and the model (`methodology`).
"""

from functools import partial

import pyarrow as pa

from methodology.small_units import COLUMNS, KEY, small_units
from miyar.lookback import QUARTER, Batches, Reading, since_pending
from miyar.relations import Dbt, read, thresholds_of


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    statistics = dbt.ref("int_statistics__by_unit").filter("unit_type = 'branch'")
    persons = dbt.ref("int_scores__estimated").filter("unit_type = 'branch'")
    # Answers wait until enough persons gave some, counted from a unit's first quarter on.
    readings = {
        "statistics": Reading(statistics, ["*", QUARTER], "true"),
        "persons": Reading(persons, [*KEY, "respondents"], "true"),
    }
    made = partial(
        small_units,
        metrics=read(dbt.ref("stg_methodology__metrics")),
        thresholds=thresholds_of(dbt.ref("stg_methodology__thresholds")),
    )
    batches = Batches("agency_id", rows=400_000, counted=["statistics"])
    return since_pending(dbt.ref("int_periods__pending"), readings, made, COLUMNS, batches)
