"""Every practice of a maturity model per unit and period: as assessed, as shown, as observed by the warehouse, and as counted.

Belongs here: bringing the assessment, its evidence and the warehouse's own answers together. Does not belong here: levels
(`maturity_parts`) and the rules of adoption (`maturity`).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.lineage import joined
from methodology.maturity import observed_adoption, shown_adoption
from methodology.maturity_models import HIGHEST_ADOPTION, MaturityModel

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


def practices_counted(
    cells: pd.DataFrame,
    seen: pd.DataFrame,
    *,
    listed: pd.DataFrame,
    metrics: pd.DataFrame,
    models: Mapping[str, MaturityModel],
    units: Mapping[str, Sequence[str]],
    steps_apart: float,
) -> pd.DataFrame:
    """All practices of one period, a row per unit and practice with COLUMNS.

    cells: assessed practices by slice, with sum_share and mean_share (0-100; of the last assessment and of all), values_count and
    last_values_count (different shares among each), practices_count, evidenced_count and expires_on. metrics: measure_id and
    repeats. seen: hits and
    base of each measure by which the warehouse answers a practice of an agency. listed: the practices of the models. units: the
    columns of each type's ids.
    `assessed`, `observed` and `counted` are adoption on 0-3; `is_known` says whether the model asks for the practice,
    `is_contradicted` whether what was assessed lies `steps_apart` or more from what is observed.
    """
    if cells.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    cells = cells.assign(share=_declared_share(cells, metrics))
    rows = _with_absent(_by_unit(cells, units), listed)
    rows["observed"] = _observed(rows, models, seen)
    every = pd.Series({name: model.unshown_adoption for name, model in models.items()}, dtype=float)
    unshown = rows["model_id"].map(every).fillna(float(HIGHEST_ADOPTION)).to_numpy(float)
    shown = shown_adoption(rows["assessed"], rows["has_evidence"].eq(True), rows["is_expired"].eq(True), unshown)
    # Where the warehouse observes a practice itself, no claim is needed.
    rows["counted"] = np.where(rows["observed"].notna(), rows["observed"], np.where(rows["is_known"], shown, np.nan))
    rows["is_contradicted"] = (rows["assessed"] - rows["observed"]).abs() >= steps_apart
    return rows.sort_values([*KEY, "practice_id"], kind="stable")


def _declared_share(cells: pd.DataFrame, metrics: pd.DataFrame) -> npt.NDArray[np.float64]:
    """What counts of a practice assessed more than once, as declared with the model's metric; NaN where assessments disagree."""
    declared = metrics.drop_duplicates("measure_id").set_index("measure_id")["repeats"]
    repeats = ("maturity." + cells["model_id"]).map(declared).fillna("conflict").to_numpy(object)
    last, mean, values, last_values = (
        cells[name].to_numpy(float) for name in ("sum_share", "mean_share", "values_count", "last_values_count")
    )
    disagree = np.where(repeats == "latest", last_values > 1, values > 1)
    return np.where(repeats == "mean", mean, np.where(disagree, np.nan, last))


def _by_unit(cells: pd.DataFrame, units: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """One row per unit and practice. Assessed service by service, an agency's adoption is the mean of its services'."""
    cells = cells.sort_values(["slice_id", "practice_id", "service_id", "branch_id"], kind="stable")
    cells["assessed"] = HIGHEST_ADOPTION * cells["share"].astype(float) / 100
    made = []
    for unit_type, columns in units.items():
        rows = cells.dropna(subset=list(columns)).copy()
        rows["unit_type"] = unit_type
        rows["unit_id"] = rows[columns[0]]
        for name in columns[1:]:
            rows["unit_id"] = rows["unit_id"] + "/" + rows[name]
        rows["agency_id"] = rows["agency_id"] if "agency_id" in columns else None
        made.append(rows)
    grouped = pd.concat(made).groupby([*KEY, "practice_id"], sort=True, as_index=False)
    rows = grouped.agg(
        agency_id=("agency_id", "first"),
        dimension=("dimension", "first"),
        assessed=("assessed", lambda shares: shares.sum(skipna=False)),
        times=("practices_count", "sum"),
        evidenced=("evidenced_count", "sum"),
        expires_on=("expires_on", "min"),
        slice_ids=("slice_id", joined),
    )
    rows["assessed"] = rows["assessed"] / rows["times"].astype(float)
    rows["has_evidence"] = rows["evidenced"] == rows["times"]
    ends = pd.PeriodIndex(rows["period_id"], freq="Q").end_time.normalize()
    rows["is_expired"] = pd.to_datetime(rows["expires_on"]).to_numpy() < ends.to_numpy()
    return rows.drop(columns=["times", "evidenced", "expires_on"])


def _with_absent(rows: pd.DataFrame, listed: pd.DataFrame) -> pd.DataFrame:
    """Add rows for practices the model knows and nobody assessed, because gaps must be listed."""
    units = rows.groupby(KEY, sort=True, as_index=False).agg(
        agency_id=("agency_id", "first"), unit_slice_ids=("slice_ids", joined)
    )
    practices = listed[["model_id", "practice_id", "dimension", "level", "is_mandatory"]].rename(
        columns={"level": "practice_level", "dimension": "own_dimension"}
    )
    every = units.merge(practices, on="model_id")
    rows = rows.drop(columns="agency_id").merge(every, on=[*KEY, "practice_id"], how="outer", indicator=True)
    rows = rows.drop(columns=["agency_id", "unit_slice_ids"]).merge(units, on=KEY)
    rows["slice_ids"] = rows["slice_ids"].fillna(rows["unit_slice_ids"])
    # A model that lists no practices accepts any; one that lists them cannot be met by an assessor's own practices.
    rows["is_known"] = (rows["_merge"] != "left_only") | ~rows["model_id"].isin(listed["model_id"])
    rows["dimension"] = rows["own_dimension"].fillna(rows["dimension"])
    return rows


def _observed(rows: pd.DataFrame, models: Mapping[str, MaturityModel], seen: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Adoption of agencies' practices that the warehouse answers; NaN elsewhere."""
    keys = zip(seen["agency_id"], seen["period_id"], seen["measure"], strict=True)
    value = dict(zip(keys, seen["hits"].astype(float) / seen["base"].astype(float), strict=True))
    answered = {
        (name, practice.practice_id): (practice, practice.observed.measure)
        for name, model in models.items()
        for practice in model.practices
        if practice.observed is not None
    }
    found = np.full(len(rows), np.nan)
    columns = (rows[name] for name in ("unit_type", "agency_id", "period_id", "model_id", "practice_id"))
    for position, (unit_type, agency, period, model, practice_id) in enumerate(zip(*columns, strict=True)):
        if unit_type == "agency" and (model, practice_id) in answered:
            practice, measure = answered[model, practice_id]
            found[position] = observed_adoption(practice, value.get((agency, period, measure)))
    return found
