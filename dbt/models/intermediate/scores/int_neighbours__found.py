"""Each agency's statistical neighbours and what makes them near, by `methodology.neighbours`.

Belongs here: which tables are read. Does not belong here: distances (`methodology`), the verdict (`int_neighbours__estimated`).
"""

import pandas as pd

from methodology.neighbours import neighbours
from miyar.relations import Dbt, read, thresholds_of


def model(dbt: Dbt, session: object) -> pd.DataFrame:
    dbt.config(materialized="table")
    thresholds = thresholds_of(dbt.ref("stg_methodology__thresholds"))
    return neighbours(
        read(dbt.ref("stg_registry__context")),
        agencies=read(dbt.ref("stg_registry__agencies")),
        variables=read(dbt.ref("stg_methodology__neighbours")),
        count=thresholds["neighbours_count"],
    )
