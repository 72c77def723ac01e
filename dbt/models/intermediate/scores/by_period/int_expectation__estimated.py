"""Account of each agency's change in overall satisfaction, by `methodology.expectation_accounts`.

Belongs here: the quarters that are read. Does not belong here: which of them are compared, and the account
(`methodology`).
"""

from functools import partial

import pyarrow as pa

from methodology.expectation_accounts import COLUMNS, expectation_accounts
from miyar.lookback import QUARTER, Reading, since_pending
from miyar.relations import Dbt, thresholds_of


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    # Each period is compared with the one before it.
    readings = {
        "cells": Reading(dbt.ref("int_expectation__cells"), ["*", QUARTER], "period_id >= '{before}'"),
        "completion": Reading(dbt.ref("int_usage__completion"), ["*", QUARTER], "period_id >= '{before}'"),
    }
    made = partial(expectation_accounts, thresholds=thresholds_of(dbt.ref("stg_methodology__thresholds")))
    return since_pending(dbt.ref("int_periods__pending"), readings, made, COLUMNS)
