"""Every practice of a maturity model per unit and period: as assessed, as shown, as observed by the warehouse, and as counted.

Belongs here: which tables it is computed from. Does not belong here: which adoption counts
(`methodology.maturity_practices`) and levels (`int_maturity__assessed`).
"""

from functools import partial

import pyarrow as pa

from methodology.maturity_models import models_of_tables
from methodology.maturity_practices import COLUMNS, practices_counted
from miyar.relations import Dbt, by_period, read, thresholds_of
from miyar.unit_types import columns_by_type


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    listed = read(dbt.ref("stg_methodology__maturity_practices"))
    models = models_of_tables(
        dimensions=read(dbt.ref("stg_methodology__maturity_dimensions")),
        levels=read(dbt.ref("stg_methodology__maturity_levels")),
        practices=listed,
        gates=read(dbt.ref("stg_methodology__maturity_gates")),
        models=read(dbt.ref("stg_methodology__maturity_models")),
    )
    steps_apart = thresholds_of(dbt.ref("stg_methodology__thresholds"))["contradiction_steps"]
    units = columns_by_type()
    metrics = read(dbt.ref("stg_methodology__metrics"))
    made = partial(
        practices_counted, listed=listed, metrics=metrics, models=models, units=units, steps_apart=steps_apart
    )
    tables = {"cells": dbt.ref("int_maturity__cells"), "seen": dbt.ref("int_maturity__observed")}
    return by_period(dbt.ref("int_periods__pending"), tables, made, COLUMNS)
