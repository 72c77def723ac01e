"""Agencies' survey scores like for like: respondent mix by pooled regression, survey mode by overlap studies.

Belongs here: who is pooled with whom and which adjusters apply. Does not belong here: the regression (`methodology.adjustment`)
and which score is compared (`int_scores__chosen`).
"""

from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import stats

from methodology.adjustment import CrossProducts, casemix_adjusted, impute_by_unit, mix_adjusted, mode_adjusted
from miyar.relations import Dbt, by_period, read

UNIT = ["agency_id", "metric_id", "period_id", "instrument_id"]
BASE = ["score", "standard_error", "ci_low", "ci_high"]
COLUMNS = {
    **dict.fromkeys(UNIT, "string"),
    "adjustments": "string",
    **dict.fromkeys(["score", "standard_error", "ci_low", "ci_high"], "float64"),
}


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    parameters = read(dbt.ref("stg_methodology__thresholds"))
    adjusted = partial(
        _adjusted,
        agencies=read(dbt.ref("stg_registry__agencies")),
        declared=read(dbt.ref("stg_methodology__adjusters")),
        studies=read(dbt.ref("stg_registry__overlap_studies")),
        thresholds=dict(zip(parameters["name"], parameters["value"], strict=True)),
    )
    tables = {
        "answers": dbt.ref("int_respondents__by_mix"),
        "raw": dbt.ref("int_scores__estimated").filter("unit_type = 'agency'"),
        "weighted": dbt.ref("int_scores__weighted").filter("unit_type = 'agency'"),
    }
    return by_period(dbt.ref("int_periods__pending"), tables, adjusted, COLUMNS)


def _adjusted(answers, raw, weighted, agencies, declared, studies, thresholds):
    """All scores of one period."""
    answers = answers.merge(agencies[["agency_id", "peer_group"]], on="agency_id").sort_values(
        [*UNIT, "mode", "age_band", "gender", "nationality_class", "region_id"], kind="stable"
    )
    # Each unit weighs as much as it has answers, whatever population its weights add up to.
    answers["share"] = answers["n"].groupby([answers[name] for name in UNIT]).transform("sum") / answers["w"].groupby(
        [answers[name] for name in UNIT]
    ).transform("sum")
    base = _base(raw, weighted)
    moved = [
        _adjusted_mix(group, declared, thresholds["unknown_share"])
        for _, group in answers.groupby(["metric_id", "period_id", "peer_group"], sort=True)
    ]
    mixes = pd.concat(moved) if moved else pd.DataFrame(columns=[*UNIT, "mix", "mix_error"])
    rows = base.merge(mixes, on=UNIT, how="left").merge(_mode_effects(answers, studies), on=UNIT, how="left")
    return _combined(rows, thresholds["interval_level"]).sort_values(UNIT, kind="stable")


def _base(raw, weighted):
    """Weighted scores where there are, else raw ones, of agencies."""
    both = pd.concat([weighted, raw], ignore_index=True)
    both = both.drop_duplicates(UNIT, keep="first")
    return both[[*UNIT, *BASE]]


def _adjusted_mix(group, declared, unknown_share):
    """What the mix adds to each unit's score, and its error; units that do not record an adjuster are left out."""
    w = (group["w"] * group["share"]).to_numpy(float)
    unit = group.groupby(["agency_id", "instrument_id"], sort=True).ngroup().to_numpy()
    size = np.bincount(unit, w)
    adjusters = list(declared.loc[declared["role"] == "adjuster", "adjuster"])
    kept = np.ones(size.size, bool)
    for name in adjusters:
        kept &= np.bincount(unit, w * group[name].isna().to_numpy()) <= unknown_share * size
    group, w, unit = group[kept[unit]], w[kept[unit]], unit[kept[unit]]
    codes, unit = np.unique(unit, return_inverse=True)
    nothing = pd.DataFrame(columns=[*UNIT, "mix", "mix_error"])
    if codes.size < 2 or not adjusters:
        return nothing
    columns, own = [], []
    for name in [*adjusters, *declared.loc[declared["role"] == "control", "adjuster"]]:
        text = group[name].to_numpy(object)
        known = ~group[name].isna().to_numpy()
        for level in sorted(set(text[known]))[1:]:
            filled = impute_by_unit(np.where(known, text == level, np.nan).astype(float), unit, w)
            within = np.bincount(unit, w * filled**2) - np.bincount(unit, w * filled) ** 2 / np.bincount(unit, w)
            if within.sum() > 1e-9 * w.sum():
                columns.append(filled)
                own.append(name in adjusters)
    if not any(own):
        return nothing
    share = group["share"].to_numpy(float)
    products = CrossProducts.of_cells(
        unit, np.column_stack(columns), group["n"], w, share * group["wy"], share * group["wyy"], codes.size
    )
    try:
        found = casemix_adjusted(products)
    except ValueError:  # too few answers, or adjusters that repeat each other: nothing can be told apart
        return nothing
    own = np.array(own)
    means = products.wx[:, own] / products.w[:, None]
    centre = products.wx[:, own].sum(axis=0) / products.w.sum()
    names = group.assign(unit=unit).drop_duplicates("unit").sort_values("unit")[UNIT]
    off = means - centre
    error = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", off, found.covariance[np.ix_(own, own)], off), 0))
    mix = mix_adjusted(np.zeros(codes.size), found.coefficients[own], means, centre)
    return names.assign(mix=mix, mix_error=error).reset_index(drop=True)


def _mode_effects(answers, studies):
    """What modes add to a unit's score, and its error, where a study measured every mode the unit used."""
    columns = [*UNIT, "mode_effect", "mode_error"]
    measured = answers[answers["metric_id"].isin(studies["metric_id"])]
    if measured.empty:
        return pd.DataFrame(columns=columns)
    used = measured.groupby([*UNIT, "mode"], sort=True, dropna=False)["w"].sum().reset_index()
    used["share"] = used["w"] / used.groupby(UNIT)["w"].transform("sum")
    used = used.merge(studies[["metric_id", "mode", "effect", "standard_error"]], on=["metric_id", "mode"], how="left")
    covered = used.groupby(UNIT)["effect"].transform(lambda effects: effects.notna().all())
    found = []
    for key, rows in used[covered.astype(bool)].groupby(UNIT, sort=True):
        covariance = np.diag(rows["standard_error"].to_numpy(float) ** 2)
        shift, error = mode_adjusted(
            0.0, 0.0, rows["share"].to_numpy(float), rows["effect"].to_numpy(float), covariance
        )
        found.append([*key, float(shift), float(error)])
    return pd.DataFrame(found, columns=columns)


def _combined(rows, level):
    """Base plus adjustments; the interval by the method of variance estimates recovery (Zou & Donner 2008)."""
    parts = rows[["mix", "mix_error", "mode_effect", "mode_error"]].astype(float)
    has_mix, has_mode = parts["mix"].notna(), parts["mode_effect"].notna()
    parts = parts.fillna(0.0)
    extra = np.hypot(parts["mix_error"], parts["mode_error"])
    # An adjustment is linear and may leave the scale; what is published is cut at its ends.
    score = (rows["score"] + parts["mix"] + parts["mode_effect"]).clip(0, 100)
    z = stats.norm.ppf(0.5 + level / 2)
    made = rows[UNIT].assign(
        adjustments=np.select([has_mix & has_mode, has_mix, has_mode], ["mix;mode", "mix", "mode"], ""),
        score=score,
        standard_error=np.hypot(rows["standard_error"], extra),
        ci_low=(score - np.hypot(rows["score"] - rows["ci_low"], z * extra)).clip(0, 100),
        ci_high=(score + np.hypot(rows["ci_high"] - rows["score"], z * extra)).clip(0, 100),
    )
    return made[has_mix | has_mode]
