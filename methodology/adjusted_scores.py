"""Agencies' survey scores adjusted for respondent mix (pooled regression) and survey mode (overlap studies).

Belongs here: who is pooled with whom, which adjusters apply, the interval of an adjusted score. Does not belong here: the
regression (`adjustment`) and which score is compared (later, in SQL).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from methodology.adjustment import CrossProducts, casemix_adjusted, impute_by_unit, mix_adjusted, mode_adjusted
from methodology.frames import Ints, Texts, numbers_by
from methodology.peers import usable_error
from methodology.shared_errors import as_text

Floats = npt.NDArray[np.float64]

UNIT = ["agency_id", "metric_id", "period_id", "instrument_id"]
BASE = ["score", "standard_error", "ci_low", "ci_high", "design_effect"]
STUDIED = ["effect", "standard_error", "reference_error"]
MIX, MODE = ["mix", "mix_error"], ["mode_effect", "mode_error"]
SHARED = "shared_errors"
COLUMNS = {
    **dict.fromkeys(UNIT, "string"),
    "adjustments": "string",
    **dict.fromkeys(["score", "standard_error", "ci_low", "ci_high"], "float64"),
    SHARED: "string",
}


def adjusted_scores(
    answers: pd.DataFrame,
    raw: pd.DataFrame,
    weighted: pd.DataFrame,
    *,
    agencies: pd.DataFrame,
    declared: pd.DataFrame,
    studies: pd.DataFrame,
    thresholds: Mapping[str, float],
) -> pd.DataFrame:
    """Return COLUMNS of the scores of one period to which an adjustment applies.

    answers: sums of scores by UNIT and every adjuster; raw, weighted: scores of agencies; the weighted one is adjusted where
    there is one; agencies: peer group of each; declared: role of each adjuster; studies: effect of a mode by metric.
    """
    answers = answers.merge(agencies[["agency_id", "peer_group"]], on="agency_id").sort_values(
        [*UNIT, "mode", "age_band", "gender", "nationality_class", "region_id"], kind="stable"
    )
    # A unit counts by its number of answers, whatever population its weights add up to.
    unit = [answers[name] for name in UNIT]
    answers["share"] = answers["n"].groupby(unit).transform("sum") / answers["w"].groupby(unit).transform("sum")
    base = _base(raw, weighted)
    answers = answers.merge(base[[*UNIT, "design_effect"]], on=UNIT, how="left")
    moved = [
        mix_effects(group, declared, thresholds["unknown_share"])
        for _, group in answers.groupby(["metric_id", "period_id", "peer_group"], sort=True)
    ]
    mixes = pd.concat(moved) if moved else pd.DataFrame(columns=[*UNIT, *MIX])
    rows = base.merge(mixes, on=UNIT, how="left")
    rows = rows.merge(mode_effects(answers, studies), on=UNIT, how="left")
    return with_adjustments(rows, thresholds["interval_level"]).sort_values(UNIT, kind="stable")


def _base(raw: pd.DataFrame, weighted: pd.DataFrame) -> pd.DataFrame:
    """Agencies' weighted scores, or raw ones where there are none."""
    both = pd.concat([weighted, raw], ignore_index=True)
    both = both.drop_duplicates(UNIT, keep="first")
    return both[[*UNIT, *BASE]]


@dataclass(frozen=True)
class _Drivers:
    """Columns of a pooled regression (rows, drivers), and which of them are adjusters rather than controls."""

    columns: Floats
    adjusting: npt.NDArray[np.bool_]


def mix_effects(group: pd.DataFrame, declared: pd.DataFrame, unknown_share: float) -> pd.DataFrame:
    """Return what the mix adds to each unit's score, and its error, from the rows of one metric, period and peer group.

    The regression's variance takes answers for drawn alone and is multiplied by the units' mean design effect (not below one):
    where an adjuster is the same in all answers of a bunch, as a person's age is, that is its cluster-robust size, and more
    than that where it varies (Moulton 1986).
    Units that do not record an adjuster for more than `unknown_share` of their answers are left out; the result is empty where
    fewer than two remain or no effect can be estimated.
    """
    nothing = pd.DataFrame(columns=[*UNIT, *MIX])
    adjusters = list(declared.loc[declared["role"] == "adjuster", "adjuster"])
    controls = list(declared.loc[declared["role"] == "control", "adjuster"])
    texts = {name: group[name].to_numpy(object) for name in [*adjusters, *controls]}
    share, n, effect, w, wy, wyy = (
        group[name].to_numpy(float) for name in ("share", "n", "design_effect", "w", "wy", "wyy")
    )
    w, wy, wyy = w * share, share * wy, share * wyy
    unit = numbers_by(group, ["agency_id", "instrument_id"])
    size = np.bincount(unit, w)
    kept = np.ones(size.size, bool)
    for name in adjusters:
        kept &= np.bincount(unit, w * pd.isna(texts[name])) <= unknown_share * size
    rows = np.flatnonzero(kept[unit])
    codes, first, unit = np.unique(unit[rows], return_index=True, return_inverse=True)
    if codes.size < 2 or not adjusters:
        return nothing
    w, n = w[rows], n[rows]
    drivers = _drivers({name: values[rows] for name, values in texts.items()}, unit, w, adjusters)
    if drivers is None:
        return nothing
    products = CrossProducts.of_cells(unit, drivers.columns, n, w, wy[rows], wyy[rows], codes.size)
    try:
        found = casemix_adjusted(products)
    except ValueError:  # too few answers or collinear adjusters: no effect can be estimated
        return nothing
    own = drivers.adjusting
    means = products.wx[:, own] / products.w[:, None]
    centre = products.wx[:, own].sum(axis=0) / products.w.sum()
    names = group[UNIT].iloc[rows[first]]
    off = means - centre
    covariance = found.covariance[np.ix_(own, own)] * _mean_design_effect(effect[rows], n)
    error = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", off, covariance, off), 0))
    mix = mix_adjusted(np.zeros(codes.size), found.coefficients[own], means, centre)
    return names.assign(mix=mix, mix_error=error).reset_index(drop=True)


def _mean_design_effect(effect: Floats, n: Floats) -> float:
    """Mean over the answers of the units' design effects, those below one taken as one; a unit without one is left out."""
    known = np.isfinite(effect)
    return float(np.average(np.maximum(effect[known], 1), weights=n[known])) if known.any() else 1.0


def _drivers(texts: Mapping[str, Texts], unit: Ints, w: Floats, adjusters: list[str]) -> _Drivers | None:
    """Indicators of every level but the first that varies within units; None where no adjuster does."""
    columns, adjusting = [], []
    for name, text in texts.items():
        is_known = ~pd.isna(text)
        for level in sorted(set(text[is_known]))[1:]:
            filled = impute_by_unit(np.where(is_known, text == level, np.nan).astype(float), unit, w)
            within = np.bincount(unit, w * filled**2) - np.bincount(unit, w * filled) ** 2 / np.bincount(unit, w)
            if within.sum() > 1e-9 * w.sum():
                columns.append(filled)
                adjusting.append(name in adjusters)
    return _Drivers(np.column_stack(columns), np.array(adjusting)) if any(adjusting) else None


def mode_effects(answers: pd.DataFrame, studies: pd.DataFrame) -> pd.DataFrame:
    """Return what modes add to a unit's score, and its error, where a study measured every mode the unit used.

    Effects of one study share its reference: the covariance of any two is the square of the reference's own error. All agencies
    share the study: `shared_errors` loads the reference's error and that of each mode by the share of answers that came so.
    """
    columns = [*UNIT, *MODE, SHARED]
    measured = answers[answers["metric_id"].isin(studies["metric_id"])]
    if measured.empty:
        return pd.DataFrame(columns=columns)
    used = measured.groupby([*UNIT, "mode"], sort=True, dropna=False)["w"].sum().reset_index()
    used["share"] = used["w"] / used.groupby(UNIT)["w"].transform("sum")
    used = used.merge(studies[["metric_id", "mode", *STUDIED]], on=["metric_id", "mode"], how="left")
    covered = used.groupby(UNIT)["effect"].transform(lambda effects: effects.notna().all())
    found = []
    for key, rows in used[covered.astype(bool)].groupby(UNIT, sort=True):
        errors = rows["standard_error"].to_numpy(float)
        # The reference itself has no effect, so nothing to share; an effect shares no more than its error.
        shared = np.minimum(rows["reference_error"].to_numpy(float), errors)
        covariance = np.outer(shared, shared)
        np.fill_diagonal(covariance, errors**2)
        shift, error = mode_adjusted(
            0.0, 0.0, rows["share"].to_numpy(float), rows["effect"].to_numpy(float), covariance
        )
        loadings = dict(
            zip("mode:" + rows["mode"].astype(str), rows["share"] * np.sqrt(errors**2 - shared**2), strict=True)
        )
        loadings["mode"] = float(rows["share"].to_numpy(float) @ shared)
        found.append([*key, float(shift), float(error), as_text(loadings)])
    return pd.DataFrame(found, columns=columns)


def with_adjustments(rows: pd.DataFrame, level: float) -> pd.DataFrame:
    """Return base plus adjustments, with an interval by the method of variance estimates recovery (Zou & Donner 2008)."""
    parts = rows[[*MIX, *MODE]].astype(float)
    has_mix, has_mode = parts["mix"].notna().to_numpy(), parts["mode_effect"].notna().to_numpy()
    parts = parts.fillna(0.0)
    extra = np.hypot(parts["mix_error"].to_numpy(), parts["mode_error"].to_numpy())
    # An adjustment is linear and may leave the scale; the published score is clipped to it.
    score = (rows["score"] + parts["mix"] + parts["mode_effect"]).clip(0, 100)
    z = stats.norm.ppf(0.5 + level / 2)
    made = rows[UNIT].assign(
        adjustments=np.select([has_mix & has_mode, has_mix, has_mode], ["mix;mode", "mix", "mode"], ""),
        score=score,
        # Equal answers have an interval and no error; beside the adjustments' it would no longer be seen that theirs is missing.
        standard_error=np.hypot(usable_error(rows["standard_error"], rows["ci_low"], rows["ci_high"]), extra),
        ci_low=(score - np.hypot(rows["score"] - rows["ci_low"], z * extra)).clip(0, 100),
        ci_high=(score + np.hypot(rows["ci_high"] - rows["score"], z * extra)).clip(0, 100),
        shared_errors=rows[SHARED].fillna("").astype(str),
    )
    return made[has_mix | has_mode]
