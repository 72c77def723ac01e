"""Which scores of no single agency every reader may have: those that rest on enough agencies, by `methodology.total_attacks`.

Belongs here: which tables the decision uses. Does not belong here: the decision (`methodology`), and who may read what is not
shared (`publication/access.yml`).
"""

from functools import partial

import pyarrow as pa

from methodology.contributors import TABLE, UNIT
from methodology.total_attacks import shared_beside_totals
from miyar.relations import Dbt, by_period, read, thresholds_of

# What the population of an agency's part weighs in its region.
WEIGHTS = f"""
    'region' as unit_type, split_part(unit_id, '/', -1) as unit_id, {", ".join(TABLE)}, agency_id as contributor_id,
    weight_sum as n"""
# The sum of an agency's answers, each 0 to 1, and that of their squares, as `int_members__counted` has them.
SUMS = f"""
    unit_id, {", ".join(TABLE)},
    coalesce(cast(sum(numerator) as double), cast(sum(sum_x) as double) / max(scale_range)) as total,
    cast(sum(sum_x2) as double) / (max(scale_range) * max(scale_range)) as squares"""
COUNTS = ", ".join([*(f"counts.{name}" for name in ("unit_id", *TABLE)), "n", "respondents", "total", "squares"])
COLUMNS = {**dict.fromkeys(UNIT, "string"), "contributors_count": "int64", "is_shared": "boolean"}


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    agencies = dbt.ref("int_scores__estimated").filter("unit_type = 'agency'").set_alias("counts")
    sums = dbt.ref("int_statistics__by_unit").filter("unit_type = 'agency'").aggregate(SUMS).set_alias("sums")
    same = " and ".join(f"counts.{name} = sums.{name}" for name in ("unit_id", *TABLE))
    tables = {
        "contributions": dbt.ref("int_contributors__counted"),
        "before": dbt.ref("stg_ledger__contributed"),
        "weights": dbt.ref("int_scores__weighted").filter("unit_type = 'agency_region'").project(WEIGHTS),
        "crossed": dbt.ref("int_contributors__crossed"),
        "counts": agencies.join(sums, same, how="left").project(COUNTS),
    }
    decided = partial(
        shared_beside_totals,
        agencies=read(dbt.ref("stg_registry__agencies")),
        thresholds=thresholds_of(dbt.ref("stg_methodology__thresholds")),
    )
    return by_period(dbt.ref("int_periods__pending"), tables, decided, COLUMNS, protects=True)
