"""The level each unit is said to hold in every cycle of assessment: it follows the level found when the change is sure, or lasts.

Belongs here: cycles of a unit in order. Does not belong here: levels and their chances (`int_maturity__assessed`) and the rule
(`methodology.maturity_uncertainty`).
"""

import numpy as np
import pandas as pd

from methodology.maturity_uncertainty import announced_levels
from miyar.relations import Dbt, equal, read

UNIT = ["unit_type", "unit_id", "model_id"]
COLUMNS = {
    **dict.fromkeys([*UNIT, "period_id"], "string"),
    "announced_level": "int64",
    "announced_probability": "float64",
}


def model(dbt: Dbt, session: object) -> pd.DataFrame:
    dbt.config(materialized="table")
    parameters = read(dbt.ref("stg_methodology__thresholds"))
    announced_at = float(parameters.set_index("name")["value"]["announced_at"])
    wholes = read(equal(dbt.ref("int_maturity__assessed"), "part", "whole"))
    wholes = wholes.sort_values([*UNIT, "period_id"], kind="stable")
    tables = [pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)]
    for _, cycles in wholes.groupby(UNIT, sort=True):
        chances = np.array([text.split(";") for text in cycles["level_probabilities"]], float)
        announced = announced_levels([int(level) for level in cycles["level"]], chances, announced_at)
        own = chances[np.arange(len(cycles)), np.array(announced) - 1]
        made = cycles[[*UNIT, "period_id"]].assign(announced_level=announced, announced_probability=own)
        tables.append(made.astype(COLUMNS))
    return pd.concat(tables, ignore_index=True)
