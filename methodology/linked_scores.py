"""Scores of agencies that ask on a scale of their own, expressed on that of the others by a study of people who answered both.

Belongs here: which scores are linked, to which scale, and with which error. Does not belong here: the formula (`crosswalk`), who
is compared then (the comparability gate, in the warehouse).

Only the comparison is linked: an agency's own score stays what its people answered.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from methodology.crosswalk import LinearCrosswalk, linear_crosswalk
from methodology.peers import usable_error
from methodology.shared_errors import as_text, loadings_by_factor

KEY = ["agency_id", "metric_id", "period_id", "instrument_id"]
FIGURES = ["score", "standard_error", "ci_low", "ci_high"]
COLUMNS = {
    **dict.fromkeys([*KEY, "linked_instrument_id"], "string"),
    **dict.fromkeys(FIGURES, "float64"),
    "shared_errors": "string",
}
Links = dict[str, tuple[str, LinearCrosswalk]]


def linked_scores(scores: pd.DataFrame, studies: pd.DataFrame, *, thresholds: Mapping[str, float]) -> pd.DataFrame:
    """COLUMNS of one period's scores that are compared on another scale.

    scores: KEY, FIGURES and shared_errors of agencies' reported scores, on 0-100. studies: people by metric_id, instrument_id and
    level, linked_instrument_id and linked_level, levels on 0-100. Linked are the scores of an instrument on which too few
    agencies of the nation answer to be compared among themselves (`minimum_peers` others). y = mean_y + slope (x - mean_x), cut
    at the ends of the scale; the interval by variance recovery (Zou & Donner 2008) from that of the score, times the slope, and
    the link's error, which all scores of one link share. Where a study cannot be used nothing is linked.
    """
    rows = scores.sort_values(KEY, kind="stable")
    z = float(stats.norm.ppf(0.5 + thresholds["interval_level"] / 2))
    made = [pd.DataFrame(columns=list(COLUMNS))]
    for metric, own in studies.groupby("metric_id", sort=True):
        measured = rows[rows["metric_id"] == metric]
        sizes = measured.groupby("instrument_id")["agency_id"].nunique()
        for instrument, (target, link) in _links(own, sizes, thresholds).items():
            # Who also asked on the others' scale is there already.
            there = set(measured.loc[measured["instrument_id"] == target, "agency_id"])
            asked = (measured["instrument_id"] == instrument) & ~measured["agency_id"].isin(there)
            made.append(_linked(measured[asked], target, link, z))
    return pd.concat(made).astype(COLUMNS).reset_index(drop=True)


def as_compared(scores: pd.DataFrame, links: pd.DataFrame) -> pd.DataFrame:
    """Scores with those of COLUMNS that are linked in their place, and the instrument they are compared on.

    The result has `compared_instrument_id`; a score of another type of unit than an agency is never linked.
    """
    found = scores[KEY].merge(links, on=KEY, how="left").set_axis(scores.index)
    is_linked = found["linked_instrument_id"].notna()
    if "unit_type" in scores:
        is_linked &= scores["unit_type"] == "agency"
    compared = found["linked_instrument_id"].where(is_linked, scores["instrument_id"])
    figures = {name: found[name].where(is_linked, scores[name]) for name in FIGURES if name in scores}
    return scores.assign(compared_instrument_id=compared, **figures)


def _links(studies: pd.DataFrame, sizes: "pd.Series[int]", thresholds: Mapping[str, float]) -> Links:
    """The scale and the link of each instrument with too few agencies: the most used scale that stays its own.

    Scales on which enough agencies ask come first; those with too few are then linked to each other.
    """
    found: Links = {}
    few = sizes[sizes <= thresholds["minimum_peers"]]
    sources = sorted(few.index, key=lambda name: (int(few[name]), str(name)))
    for among in (set(sizes.index) - set(few.index), set(few.index)):
        for instrument in sources:
            if instrument in found or instrument in {target for target, _ in found.values()}:
                continue
            own = studies[studies["instrument_id"] == instrument]
            targets = [one for one in own["linked_instrument_id"].unique() if one in among and one not in found]
            for target in sorted(targets, key=lambda name: (-int(sizes[name]), str(name))):
                link = _link(own[own["linked_instrument_id"] == target], thresholds["minimum_n"])
                if link is not None and target != instrument:
                    found[str(instrument)] = (str(target), link)
                    break
    return found


def _link(study: pd.DataFrame, least: float) -> LinearCrosswalk | None:
    """The link; None where fewer than `least` people answered: its error is as little known as that of a score of so few."""
    counts = study.pivot_table("people", "level", "linked_level", "sum", fill_value=0.0)
    levels = np.append(counts.index.to_numpy(float), counts.columns.to_numpy(float))
    if not (counts.to_numpy().sum() >= least and np.all((levels >= 0) & (levels <= 100))):
        return None
    try:
        return linear_crosswalk(counts, counts.index.to_numpy(float), counts.columns.to_numpy(float))
    except ValueError:  # nobody, or all answered alike: such a study links nothing
        return None


def _linked(rows: pd.DataFrame, target: str, link: LinearCrosswalk, z: float) -> pd.DataFrame:
    score, error, low, high = (rows[name].to_numpy(float) for name in FIGURES)
    # Equal answers have an interval and no error; beside the link's it would no longer be seen that theirs is missing.
    error = usable_error(error, low, high)
    value, total = link.convert(score, error)
    beside = link.loadings(score)
    extra = z * np.sqrt((beside**2).sum(axis=1))
    source = str(rows["instrument_id"].iloc[0]) if len(rows) else ""
    shared = [
        as_text(
            {name: link.slope * loading for name, loading in own.items()}
            | {
                f"scale:{source}>{target}:{part}": float(one)
                for part, one in zip(("level", "slope"), added, strict=True)
            }
        )
        for own, added in zip(loadings_by_factor(rows["shared_errors"]), beside, strict=True)
    ]
    value = np.clip(value, 0, 100)
    return rows[KEY].assign(
        linked_instrument_id=target,
        score=value,
        standard_error=total,
        ci_low=np.clip(value - np.hypot(link.slope * (score - low), extra), 0, 100),
        ci_high=np.clip(value + np.hypot(link.slope * (high - score), extra), 0, 100),
        shared_errors=shared,
    )
