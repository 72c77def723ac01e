"""Share of each quarter's days that fall in Ramadan, Hajj and Eid, by `methodology.seasons`.

Belongs here: the days of the workspace's periods. Does not belong here: seasons and their calendar (`methodology`).
"""

import pandas as pd

from methodology.seasons import seasons_of
from miyar.periods import first_day, last_day
from miyar.relations import Dbt, read


def model(dbt: Dbt, session: object) -> pd.DataFrame:
    dbt.config(materialized="table")
    periods = read(dbt.ref("stg_workspace__periods"))
    quarters = {period: (first_day(period), last_day(period)) for period in sorted(periods["period_id"])}
    return seasons_of(quarters, read(dbt.ref("stg_methodology__seasons")))
