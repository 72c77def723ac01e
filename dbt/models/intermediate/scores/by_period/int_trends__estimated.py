"""Change of each reported score, by `methodology.trends`.

Belongs here: what is read of scores and mixes, some metrics at a time. Does not belong here: which scores are compared with which
(`methodology`) and the published columns (`bench_trends`).
"""

import duckdb
import pandas as pd
import pyarrow as pa

from methodology.score_series import KEYS, SCORE, SERIES
from methodology.trends import COLUMNS, SPANS, trends
from miyar.periods import index_of, shift
from miyar.relations import Dbt, batches, first_of, number_of, one_of, quarter_of, read, thresholds, written

# Rows of both tables in memory at once, as near as whole metrics allow: a country's would not fit, and each reading looks
# through all of them.
ROWS = 500_000
QUARTER = f"{quarter_of('period_id')} as quarter"


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    pending = first_of(dbt.ref("int_periods__pending"))
    parts = [written(pd.DataFrame(columns=list(COLUMNS)), COLUMNS)]
    if not pending:
        return parts[0]
    tables = {
        "agencies": read(dbt.ref("stg_registry__agencies")),
        "metrics": read(dbt.ref("stg_methodology__metrics")),
    }
    limits = thresholds(dbt.ref("stg_methodology__thresholds"))
    scores = dbt.ref("bench_scores")
    mix = dbt.ref("int_mix__by_unit").filter(f"period_id >= '{shift(pending, -1)}'")
    # No change is of two metrics.
    for metrics in batches([scores.filter(f"period_id >= '{pending}'"), mix], "metric_id", ROWS):
        own = _scores(one_of(scores, "metric_id", metrics), pending)
        answers = _by_group(one_of(mix, "metric_id", metrics))
        parts.append(written(trends(*own, answers, **tables, thresholds=limits, since=index_of(pending)), COLUMNS))
    return pa.concat_tables(parts)


def _scores(scores: duckdb.DuckDBPyRelation, pending: str) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Scores from the pending period on, what of earlier ones these are held against, and the members of panels."""
    year, before = (shift(pending, -quarters) for quarters in (max(SPANS.values()), 1))
    figures = ["status", *SCORE, QUARTER, *(f"{number_of(*names)} as {key}" for key, names in KEYS.items())]
    told = ["score_id", *SERIES, "agency_id", "period_id", "status_reason", "slice_ids"]
    now = scores.filter(f"period_id >= '{pending}'").project(", ".join([*told, *figures]))
    # That a score was withheld is asked a year back, what was reported in all of its series.
    earlier = scores.filter(f"period_id < '{pending}' and (status = 'reported' or period_id >= '{year}')")
    # A pooled score has a series of its own, the panel of a region is held against the period before.
    kinds = f"unit_type = 'agency' or unit_type = 'agency_region' and period_id >= '{before}'"
    members = scores.filter(f"status = 'reported' and ({kinds})")
    members = members.project(", ".join([*SERIES, "period_id", QUARTER, "score", "standard_error", "slice_ids"]))
    return read(now), read(earlier.project(", ".join(figures))), read(members)


def _by_group(mix: duckdb.DuckDBPyRelation) -> pd.DataFrame:
    """Answers of each unit by service and channel; a region is made of all groups that its agencies are made of there."""
    # Sums of floats follow the order of groups: that of their names, for a hash is another in another version.
    order = mix.aggregate("group_id").project("group_id, row_number() over (order by group_id) as group_of")
    mix = mix.join(order.set_alias("places"), "group_id")
    regions = mix.filter("unit_type = 'agency_region'")
    parts = [("unit_type", "unit_id", mix), ("'region'", "split_part(unit_id, '/', -1)", regions)]
    sums = f"{QUARTER}, group_of, n, 100 * total / scale_range / n as rate"
    tables = [
        table.project(f"{number_of(kind, name, 'metric_id', 'instrument_id')} as instrument, {sums}")
        for kind, name, table in parts
    ]
    return read(tables[0].union(tables[1]))
