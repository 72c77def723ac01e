"""What those who never answered could make of a score, judged by those who answered late.

Belongs here: the difference of late from early respondents and the range of a pattern mixture. Does not belong here: how far
non-respondents must be for a verdict to turn (`tipping_gap` in `positions`), weights for known groups (`frame_weights`).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

KEY = ["agency_id", "metric_id", "period_id", "instrument_id"]
COLUMNS = {
    **dict.fromkeys(KEY, "string"),
    **dict.fromkeys(["late_gap", "late_gap_low", "late_gap_high", "nonresponse_low", "nonresponse_high"], "float64"),
    "turns_with_nonresponse": "boolean",
}


def late_answers(
    answers: pd.DataFrame, scores: pd.DataFrame, positions: pd.DataFrame, *, thresholds: Mapping[str, float]
) -> pd.DataFrame:
    """COLUMNS of one period's reported survey scores whose answers' delays are known.

    answers: n, sum_x, sum_x2 on 0-100 by KEY and is_late, of the slower half and the others; scores: KEY, score, design_effect,
    response_rate r; positions: KEY, difference, tipping_gap. late_gap = late less early mean, its interval with the score's
    design effect. Where opinion moves in a straight line from who answers first to who never does, the two halves are r/2 apart
    on that line and non-respondents 1/2 from respondents, by gap / r: the score could be (1 - r) gap / r off. The range reaches
    from non-respondents like respondents to those on the line, with the gap at the ends of its interval; there is none where r is
    not known. `turns_with_nonresponse` says that the line, where the gap's interval excludes zero, reaches `tipping_gap` on the
    side that loses the direction told; it is missing where none is. Nothing is said where fewer than `minimum_n` answered early
    or late: of so few a reader who knows the score would learn the mean. Source: Little 1993 (pattern mixtures); Lin & Schaeffer
    1995, Public Opinion Quarterly 59 (continuum of resistance).
    """
    rows = scores[[*KEY, "score", "design_effect", "response_rate"]].merge(_halves(answers), on=KEY)
    rows = rows.merge(positions[[*KEY, "difference", "tipping_gap"]], on=KEY, how="left")
    rows = rows[(rows[["n_early", "n_late"]] >= thresholds["minimum_n"]).all(axis=1)].sort_values(KEY, kind="stable")
    effect = np.maximum(rows["design_effect"].astype(float).fillna(1.0), 1.0)
    gap = rows["mean_late"] - rows["mean_early"]
    error = np.sqrt(effect * (rows["error2_early"] + rows["error2_late"]))
    half = stats.norm.ppf(0.5 + thresholds["interval_level"] / 2) * error
    low, high = gap - half, gap + half
    rate = rows["response_rate"].astype(float)
    score = rows["score"].astype(float)
    made = rows[KEY].assign(late_gap=gap, late_gap_low=low, late_gap_high=high)
    made["nonresponse_low"] = np.clip(score + (1 - rate) / rate * np.minimum(low, 0), 0, 100)
    made["nonresponse_high"] = np.clip(score + (1 - rate) / rate * np.maximum(high, 0), 0, 100)
    tipping, difference = rows["tipping_gap"].astype(float), rows["difference"].astype(float)
    # A score above its peers is lost to non-respondents below the others.
    against = np.where(difference > 0, -gap, gap) / rate
    is_told = np.where(difference > 0, high < 0, low > 0)
    turns = pd.Series(is_told & (against >= tipping), index=rows.index).astype("boolean")
    made["turns_with_nonresponse"] = turns.where(tipping.gt(0) & rate.notna())
    return made


def _halves(answers: pd.DataFrame) -> pd.DataFrame:
    """n, mean and squared standard error of early and late answers, one row by KEY with both."""
    n = answers["n"].astype(float)
    mean = answers["sum_x"] / n
    with np.errstate(divide="ignore", invalid="ignore"):
        error2 = np.maximum(answers["sum_x2"] / n - mean**2, 0) / (n - 1)
    told = answers[KEY].assign(n=n, mean=mean, error2=error2)
    late = answers["is_late"].astype(bool)
    return told[~late].merge(told[late], on=KEY, suffixes=("_early", "_late"))
