"""Each unit's score, gated level and probabilities of levels by model, its dimensions and its gates.

Belongs here: which tables they are computed from. Does not belong here: levels themselves (`methodology.maturity_parts`), which
adoption counts (`int_maturity__practices`) and what is announced after several cycles (`int_maturity__announced`).
"""

from functools import partial

import pyarrow as pa

from methodology.maturity_models import models_of_tables
from methodology.maturity_parts import COLUMNS, maturity_parts
from miyar.relations import Dbt, by_period, read, thresholds_of


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    models = models_of_tables(
        dimensions=read(dbt.ref("stg_methodology__maturity_dimensions")),
        levels=read(dbt.ref("stg_methodology__maturity_levels")),
        practices=read(dbt.ref("stg_methodology__maturity_practices")),
        gates=read(dbt.ref("stg_methodology__maturity_gates")),
        models=read(dbt.ref("stg_methodology__maturity_models")),
    )
    made = partial(
        maturity_parts,
        models=models,
        errors=read(dbt.ref("stg_methodology__adoption_errors")),
        thresholds=thresholds_of(dbt.ref("stg_methodology__thresholds")),
    )
    return by_period(dbt.ref("int_periods__pending"), {"practices": dbt.ref("int_maturity__practices")}, made, COLUMNS)
