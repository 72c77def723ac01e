"""Every practice of a maturity model per unit and period: as assessed, as shown, as the warehouse sees it, and what counts.

Belongs here: bringing the assessment, its evidence and the warehouse's own answers together. Does not belong here: levels
(`int_maturity__assessed`) and the rules themselves (`methodology.maturity`).
"""

from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa

from methodology.maturity import observed_adoption, shown_adoption
from methodology.maturity_models import HIGHEST_ADOPTION, models_of_rows
from miyar.relations import Dbt, by_period, read

UNIT_TYPES = {
    "agency": ["agency_id"],
    "service": ["agency_id", "service_id"],
    "branch": ["agency_id", "branch_id"],
    "agency_region": ["agency_id", "region_id"],
    "region": ["region_id"],
    "journey": ["journey_id"],
}
KEY = ["unit_type", "unit_id", "model_id", "period_id"]
COLUMNS = {
    "unit_type": "string",
    "unit_id": "string",
    "agency_id": "string",
    "model_id": "string",
    "period_id": "string",
    "practice_id": "string",
    "dimension": "string",
    "practice_level": "Int64",
    "is_mandatory": "boolean",
    "assessed": "float64",
    "has_evidence": "boolean",
    "is_expired": "boolean",
    "observed": "float64",
    "counted": "float64",
    "is_known": "boolean",
    "is_contradicted": "boolean",
    "slice_ids": "string",
}


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    dimensions = read(dbt.ref("stg_methodology__maturity_dimensions"))
    levels = read(dbt.ref("stg_methodology__maturity_levels"))
    practices = read(dbt.ref("stg_methodology__maturity_practices"))
    gates = read(dbt.ref("stg_methodology__maturity_gates"))
    caps = read(dbt.ref("stg_methodology__maturity_models"))
    thresholds = read(dbt.ref("stg_methodology__thresholds"))
    tables = [table.to_dict("records") for table in (dimensions, levels, practices, gates)]
    models = models_of_rows(*tables, dict(zip(caps["model_id"], caps["unshown"], strict=True)))
    steps_apart = float(thresholds.set_index("name")["value"]["contradiction_steps"])
    tables = {"cells": dbt.ref("int_maturity__cells"), "seen": dbt.ref("int_maturity__observed")}
    made = partial(_practices, practices=practices, models=models, steps_apart=steps_apart)
    return by_period(dbt.ref("int_periods__pending"), tables, made, COLUMNS)


def _practices(cells, seen, practices, models, steps_apart):
    """All practices of one period."""
    if cells.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    rows = _counted(_by_unit(cells), seen, practices, models, steps_apart)
    return rows.sort_values([*KEY, "practice_id"], kind="stable")


def _by_unit(cells):
    """One row per unit and practice. Assessed service by service, an agency's adoption is the mean of its services'."""
    cells = cells.sort_values(["slice_id", "practice_id", "service_id", "branch_id"], kind="stable")
    cells["assessed"] = HIGHEST_ADOPTION * cells["sum_share"].astype(float) / 100
    made = []
    for unit_type, columns in UNIT_TYPES.items():
        rows = cells.dropna(subset=columns).copy()
        rows["unit_type"] = unit_type
        rows["unit_id"] = rows[columns[0]].str.cat([rows[name] for name in columns[1:]], sep="/")
        rows["agency_id"] = rows["agency_id"] if "agency_id" in columns else None
        made.append(rows)
    grouped = pd.concat(made).groupby([*KEY, "practice_id"], sort=True, as_index=False)
    return grouped.agg(
        agency_id=("agency_id", "first"),
        dimension=("dimension", "first"),
        assessed=("assessed", "sum"),
        times=("practices_count", "sum"),
        evidenced=("evidenced_count", "sum"),
        expires_on=("expires_on", "min"),
        slice_ids=("slice_id", lambda ids: ";".join(sorted(set(ids)))),
    )


def _counted(rows, seen, practices, models, steps_apart):
    rows["assessed"] = rows["assessed"] / rows["times"].astype(float)
    rows["has_evidence"] = rows["evidenced"] == rows["times"]
    ends = pd.PeriodIndex(rows["period_id"], freq="Q").end_time.normalize()
    rows["is_expired"] = pd.to_datetime(rows["expires_on"]).to_numpy() < ends.to_numpy()
    rows = _with_absent(rows.drop(columns=["times", "evidenced", "expires_on"]), practices)
    value = {(a, p, m): h / b for a, p, m, h, b in seen[["agency_id", "period_id", "measure", "hits", "base"]].values}
    rows["observed"] = _observed(rows, models, value)
    unshown = np.array(
        [models[name].unshown_adoption if name in models else HIGHEST_ADOPTION for name in rows["model_id"]]
    )
    shown = shown_adoption(rows["assessed"], rows["has_evidence"].eq(True), rows["is_expired"].eq(True), unshown)
    # Where the warehouse answers a practice itself, nobody's word is needed.
    rows["counted"] = np.where(rows["observed"].notna(), rows["observed"], np.where(rows["is_known"], shown, np.nan))
    rows["is_contradicted"] = (rows["assessed"] - rows["observed"]).abs() >= steps_apart
    return rows


def _with_absent(rows, practices):
    """Practices the model knows and nobody assessed are rows too: what is missing must be listed."""
    units = rows.groupby(KEY, sort=True, as_index=False).agg(
        agency_id=("agency_id", "first"), unit_slice_ids=("slice_ids", lambda ids: ";".join(sorted(set(ids))))
    )
    known = practices[["model_id", "practice_id", "dimension", "level", "is_mandatory"]].rename(
        columns={"level": "practice_level", "dimension": "own_dimension"}
    )
    every = units.merge(known, on="model_id")
    rows = rows.drop(columns="agency_id").merge(every, on=[*KEY, "practice_id"], how="outer", indicator=True)
    rows = rows.drop(columns=["agency_id", "unit_slice_ids"]).merge(units, on=KEY)
    rows["slice_ids"] = rows["slice_ids"].fillna(rows["unit_slice_ids"])
    # A model that lists no practices takes any; one that does cannot be met by practices of the assessor's own.
    listed = rows["model_id"].isin(practices["model_id"])
    rows["is_known"] = (rows["_merge"] != "left_only") | ~listed
    rows["dimension"] = rows["own_dimension"].fillna(rows["dimension"])
    return rows


def _observed(rows, models, value):
    known = {name: {practice.practice_id: practice for practice in model.practices} for name, model in models.items()}
    found = np.full(len(rows), np.nan)
    columns = ["unit_type", "agency_id", "period_id", "model_id", "practice_id"]
    for place, (unit_type, agency, period, model_id, practice_id) in enumerate(rows[columns].itertuples(index=False)):
        practice = known.get(model_id, {}).get(practice_id)
        if unit_type == "agency" and practice is not None and practice.observed is not None:
            found[place] = observed_adoption(practice, value.get((agency, period, practice.observed.measure)))
    return found
