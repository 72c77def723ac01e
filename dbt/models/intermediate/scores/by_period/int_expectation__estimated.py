"""Account of each agency's change in overall satisfaction, by `methodology.expectation_accounts`.

Belongs here: the quarters that are read. Does not belong here: which of them are set against each other, and the account
(`methodology`).
"""

import pandas as pd
import pyarrow as pa

from methodology.expectation_accounts import COLUMNS, expectation_accounts
from miyar.periods import index_of, shift
from miyar.relations import Dbt, first_of, quarter_of, read, thresholds, written


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    pending = first_of(dbt.ref("int_periods__pending"))
    if not pending:
        return written(pd.DataFrame(columns=list(COLUMNS)), COLUMNS)
    # Each period is held against the one before it.
    tables = [
        read(table.filter(f"period_id >= '{shift(pending, -1)}'").project(f"*, {quarter_of('period_id')} as quarter"))
        for table in (dbt.ref("int_expectation__cells"), dbt.ref("int_usage__completion"))
    ]
    limits = thresholds(dbt.ref("stg_methodology__thresholds"))
    return written(expectation_accounts(*tables, thresholds=limits, since=index_of(pending)), COLUMNS)
