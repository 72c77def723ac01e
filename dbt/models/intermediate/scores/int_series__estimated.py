"""Survey modes of each agency and period, and the period in which its present series began, by `methodology.series`.

Belongs here: which counts are read. Does not belong here: mode sets and breaks (`methodology`), mode effects
(`int_scores__adjusted`).
"""

import pandas as pd

from methodology.series import mode_series
from miyar.relations import Dbt, read, thresholds_of


def model(dbt: Dbt, session: object) -> pd.DataFrame:
    dbt.config(materialized="table")
    limits = thresholds_of(dbt.ref("stg_methodology__thresholds"))
    return mode_series(read(dbt.ref("int_modes__counted")), thresholds=limits)
