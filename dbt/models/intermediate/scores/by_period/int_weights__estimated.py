"""Factors that make each draw of respondents agree with the population frame, by `methodology.frame_weights`.

Belongs here: which margins are declared. Does not belong here: the weighting (`methodology`) and means under the factors
(`int_scores__weighted`).
"""

from functools import partial

import pyarrow as pa

from methodology.frame_weights import COLUMNS, frame_weights
from miyar.relations import Dbt, by_period, read, thresholds_of


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    declared = read(dbt.ref("stg_methodology__margins"))
    limits = thresholds_of(dbt.ref("stg_methodology__thresholds"))
    margins = dict(zip(declared["margin"], declared["must_be_known"], strict=True))
    made = partial(frame_weights, margins=margins, thresholds=limits)
    tables = {"drawn": dbt.ref("int_survey_samples__counted"), "frames": dbt.ref("int_frames__counted")}
    return by_period(dbt.ref("int_periods__pending"), tables, made, COLUMNS)
