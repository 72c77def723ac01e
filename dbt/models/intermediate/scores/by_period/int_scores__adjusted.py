"""Agencies' survey scores adjusted for respondent mix and survey mode, by `methodology.adjusted_scores`.

Belongs here: which scores and answers are read. Does not belong here: the adjustments (`methodology`) and which score is compared
(`int_scores__chosen`).
"""

from functools import partial

import pyarrow as pa

from methodology.adjusted_scores import COLUMNS, adjusted_scores
from miyar.relations import Dbt, by_period, read, thresholds_of


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    made = partial(
        adjusted_scores,
        agencies=read(dbt.ref("stg_registry__agencies")),
        declared=read(dbt.ref("stg_methodology__adjusters")),
        studies=read(dbt.ref("stg_registry__overlap_studies")),
        thresholds=thresholds_of(dbt.ref("stg_methodology__thresholds")),
    )
    tables = {
        "answers": dbt.ref("int_respondents__by_mix"),
        "raw": dbt.ref("int_scores__estimated").filter("unit_type = 'agency'"),
        "weighted": dbt.ref("int_scores__weighted").filter("unit_type = 'agency'"),
    }
    return by_period(dbt.ref("int_periods__pending"), tables, made, COLUMNS)
