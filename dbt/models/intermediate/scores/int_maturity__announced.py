"""The level announced for each unit in every cycle of assessment: it follows the level found once the change is sure or lasts.

Belongs here: which tables announcements are computed from. Does not belong here: the rule (`methodology.maturity_parts`) and
levels with their probabilities (`int_maturity__assessed`).
"""

import pandas as pd

from methodology.maturity_parts import announcements
from miyar.relations import Dbt, equal, read, thresholds_of


def model(dbt: Dbt, session: object) -> pd.DataFrame:
    dbt.config(materialized="table")
    announced_at = thresholds_of(dbt.ref("stg_methodology__thresholds"))["announced_at"]
    wholes = read(equal(dbt.ref("int_maturity__assessed"), "part", "whole"))
    return announcements(wholes, announced_at=announced_at)
