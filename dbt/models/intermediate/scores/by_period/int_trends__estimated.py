"""Change of each reported score, by `methodology.trends`.

Belongs here: what is read of scores and mixes. Does not belong here: which scores are compared with which (`methodology`) and the
published columns (`bench_trends`).
"""

from functools import partial

import pyarrow as pa

from methodology.additive_tables import CELL
from methodology.contributors import TABLE as SUMMED
from methodology.score_series import KEYS, SCORE, SERIES, rarely_measured
from methodology.trends import COLUMNS, trends
from miyar.lookback import QUARTER, Batches, Reading, inner_join, number_of, since_pending
from miyar.relations import Dbt, read, thresholds_of
from miyar.sql import texts

FIGURES = [
    "unit_type",
    "metric_id",
    "status",
    *SCORE,
    QUARTER,
    *(f"{number_of(*names)} as {key}" for key, names in KEYS.items()),
]
TOLD = ["score_id", "unit_id", "instrument_id", "agency_id", "period_id", "status_reason", "slice_ids", *FIGURES]
MEMBER = [
    *SERIES,
    "period_id",
    QUARTER,
    "score",
    "standard_error",
    "n",
    "n_effective",
    "degrees_of_freedom",
    "shared_errors",
    "slice_ids",
]
OTHER_QUARTER = QUARTER.replace("period_id", "other_period_id").replace("as quarter", "as other_quarter")
OF_PANELS = "(unit_type = 'agency' or unit_type = 'agency_region' and (period_id >= '{year}' or metric_id in (RARE)))"
# Sums of floats depend on the order of groups: use that of their names, since a hash may change with the version.
ANSWERS = [QUARTER, "dense_rank() over (order by group_id) as group_of", "n", "100 * total / scale_range / n as rate"]
OF_UNIT, OF_REGION = (
    [f"{number_of(*unit, 'metric_id', 'instrument_id')} as instrument", *ANSWERS]
    for unit in (("unit_type", "unit_id"), ("'region'", "split_part(unit_id, '/', -1)"))
)


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    scores, mix = dbt.ref("bench_scores"), dbt.ref("int_mix__by_unit")
    # What everybody reads of regions and journeys, of all quarters: an earlier total must stay withheld beside a later one.
    located = inner_join(
        dbt.ref("int_contributors__counted"),
        dbt.ref("int_sharing__decided").filter("is_shared"),
        CELL,
        {"left": ["unit_type", *SUMMED, "unit_id as place", "contributor_id as agency_id", "n"], "right": []},
    )
    metrics = read(dbt.ref("stg_methodology__metrics"))
    rare = texts(["", *rarely_measured(metrics)])
    of_panels = OF_PANELS.replace("RARE", rare)
    readings = {
        "now": Reading(scores, TOLD, "period_id >= '{pending}'"),
        # Whether a score was withheld is read a year back, or however far where it is rarely measured; reported ones always.
        "before": Reading(
            scores,
            FIGURES,
            "period_id < '{pending}' and (status = 'reported' or period_id >= '{year}' or metric_id in (" + rare + "))",
        ),
        # A total of agencies has a series of its own; the panel of a region is compared with quarters up to a year back.
        "members": Reading(scores, MEMBER, "status = 'reported' and " + of_panels),
        "frames": Reading(dbt.ref("int_scores__weighted"), [*SERIES, "period_id", "weight_sum"], of_panels),
        "mix": Reading(mix, OF_UNIT, "period_id >= '{before}'"),
        # A region consists of all the groups of its agencies there.
        "people": Reading(
            dbt.ref("int_people__correlated"),
            [*SERIES, QUARTER, OTHER_QUARTER, "correlation"],
            "period_id >= '{pending}' and other_period_id < period_id",
        ),
        "withheld": Reading(dbt.ref("int_totals__withheld"), [*SERIES, "period_id", "score_kind"], "true"),
        "located": Reading(located, ["unit_type", *SUMMED, "place", "agency_id", "n"], "true"),
        "regions": Reading(mix, OF_REGION, "unit_type = 'agency_region' and period_id >= '{before}'"),
    }
    made = partial(
        trends,
        agencies=read(dbt.ref("stg_registry__agencies")),
        metrics=metrics,
        seasons=read(dbt.ref("int_periods__seasons").project(f"season, share, {QUARTER}")),
        thresholds=thresholds_of(dbt.ref("stg_methodology__thresholds")),
    )
    # A change never involves two metrics.
    batches = Batches("metric_id", 500_000, ["now", "mix"])
    return since_pending(dbt.ref("int_periods__pending"), readings, made, COLUMNS, batches)
