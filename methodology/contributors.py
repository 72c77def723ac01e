"""How many agencies a figure rests on, and whether agencies that know their own part could work out another's.

Belongs here: the rules for figures of several agencies (regions, journeys) as each of those agencies reads them. Does not belong
here: counts of persons hidden from everybody (`suppression`), and totals of agencies (`panels`), which ask for more of them.

A reader takes its own part off, and so does a second one that works with it. What is left must rest on others, must not be
nearly one agency's, and must leave the others' counts as much room as a hidden count needs.
Source: Hundepool et al., Handbook on Statistical Disclosure Control (2010), chapter 4 (threshold rule, p % rule).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.disclosure import p_percent
from methodology.frames import numbers_by, rows_by

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
TABLE = ["metric_id", "instrument_id", "period_id"]
UNIT = ["unit_type", "unit_id", *TABLE]
# Types of places of several agencies: an answer is in one of each at most.
KINDS = ["region", "journey"]
# What is noted of answers: one answer changes each by one at most, and n, mean and error tell of no more.
AMOUNTS = ("n", "total", "squares")
# Totals are quotients of whole numbers: what differs by less is the same.
ROUNDING = 1e-9


def sharing(contributions: pd.DataFrame, key: Sequence[str], thresholds: Mapping[str, float]) -> pd.DataFrame:
    """Whether every agency may read a figure: a row per `key` with `contributors_count` and `is_shared`.

    contributions: `key`, contributor_id and n, what the agency adds to the figure. Shared is a figure to which at least
    `minimum_contributors` agencies contribute beside any reader, of which the largest is not `dominated`, and in which all but
    the two largest count 2 x `owner_n` at least.
    """
    summed = (
        contributions.astype({"n": "float64"}).groupby([*key, "contributor_id"], dropna=False, sort=True)["n"].sum()
    )
    rows = summed[summed > 0].reset_index()
    made = rows.groupby(list(key), dropna=False, sort=True).agg(contributors_count=("n", "size")).reset_index()
    n, group = rows["n"].to_numpy(float), numbers_by(rows, list(key))
    largest, second = two_largest(n, group, len(made))
    left = np.bincount(group, n, len(made)) - largest - second
    enough = made["contributors_count"].to_numpy() > thresholds["minimum_contributors"]
    near = dominated(n, group, len(made), thresholds)
    return made.assign(is_shared=enough & ~near & (left >= 2 * thresholds["owner_n"]))


def undominated(
    weights: pd.DataFrame, made: pd.DataFrame, key: Sequence[str], thresholds: Mapping[str, float]
) -> pd.DataFrame:
    """`made` (of `sharing`) without figures in which one agency weighs so much that the second largest works out its score.

    weights: `key`, contributor_id and n, by which the figure weighs the agency instead of by its answers; not above 0 where it is
    not weighed.
    """
    weights = weights[weights["n"].astype(float) > 0].reset_index(drop=True)
    if weights.empty:
        return made
    groups = weights[list(key)].drop_duplicates(ignore_index=True).sort_values(list(key), ignore_index=True)
    near = dominated(weights["n"].to_numpy(float), numbers_by(weights, list(key)), len(groups), thresholds)
    is_near = made[list(key)].merge(groups[near].assign(is_near=True), on=list(key), how="left")["is_near"]
    return made.assign(is_shared=made["is_shared"].to_numpy(bool) & ~is_near.eq(True).to_numpy(bool))


def revised(
    contributions: pd.DataFrame,
    before: pd.DataFrame,
    made: pd.DataFrame,
    key: Sequence[str],
    thresholds: Mapping[str, float],
) -> pd.DataFrame:
    """`made` (of `sharing`) without figures of which two editions tell a few answers or one agency.

    contributions and before: `key`, contributor_id, n, now and as every reader was shown it, in each `version`: what came in
    between and was taken back is in neither the first nor the last; AMOUNTS too where answers may be corrected: their sum and
    that of their squares, each 0 to 1. Of a figure shown twice readers take one off the other, and two agencies take off what is
    their own change: what is left must be nothing, or `owner_n` answers at least. A count that fell
    and one that rose are both changes, and a sum that moved is as many answers at least. Nor may `minimum_contributors` or fewer
    change, one of them from nothing or to nothing: the others would have its score. Until then readers keep the figure they have.
    """
    for _, shown in before.groupby("version", dropna=False, sort=True):
        made = _revised(contributions, shown, made, key, thresholds)
    return made


def _revised(
    contributions: pd.DataFrame,
    before: pd.DataFrame,
    made: pd.DataFrame,
    key: Sequence[str],
    thresholds: Mapping[str, float],
) -> pd.DataFrame:
    """The same beside one version that was shown."""
    if contributions.empty:
        return made
    names = [*key, "contributor_id"]
    amounts = [name for name in AMOUNTS if name in contributions and name in before]
    own = contributions.merge(before[list(key)].drop_duplicates(), on=list(key))
    both = own[[*names, *amounts]].merge(before[[*names, *amounts]], on=names, how="outer", suffixes=("", "_before"))
    change = np.zeros(len(both))
    for name in amounts:
        now, then = both[name].astype(float), both[f"{name}_before"].astype(float)
        # An agency that is not there adds nothing; a sum that nobody noted says nothing.
        now, then = now.mask(both["n"].isna(), 0.0), then.mask(both["n_before"].isna(), 0.0)
        change = np.fmax(change, (now - then).abs().to_numpy())
    is_whole = (both["n"].isna() | both["n_before"].isna()).to_numpy(bool)
    moved = both.assign(change=change, is_whole=is_whole)[change > ROUNDING].reset_index(drop=True)
    if moved.empty:
        return made
    groups = moved[list(key)].drop_duplicates().sort_values(list(key), ignore_index=True)
    agency, agencies = pd.factorize(moved["contributor_id"])
    at, shape = (numbers_by(moved, list(key)), agency), (len(groups), len(agencies))
    dense, whole = np.zeros(shape), np.zeros(shape, bool)
    dense[at], whole[at] = moved["change"].to_numpy(float), moved["is_whole"].to_numpy(bool)
    hidden = groups[tells_of_few(dense, whole, thresholds)].assign(is_gone=True)
    is_gone = made[list(key)].merge(hidden, on=list(key), how="left")["is_gone"].eq(True).to_numpy(bool)
    return made.assign(is_shared=made["is_shared"].to_numpy(bool) & ~is_gone)


def tells_of_few(change: Floats, is_whole: Mask, thresholds: Mapping[str, float]) -> Mask:
    """Whether differences (differences,) of figures in two editions tell of few answers or of one agency, as `revised` says it.

    change: (differences, agencies), how many answers of the agency came, went or were corrected at least; is_whole: the same
    shape, whether it came or went as a whole.
    """
    moved = np.where(change > ROUNDING, change, 0.0)
    size = (moved > 0).sum(axis=1)
    largest = -np.partition(-moved, min(1, moved.shape[1] - 1), axis=1)[:, :2].sum(axis=1)
    smallest = np.where(moved > 0, moved, np.inf).min(axis=1, initial=np.inf)
    # Of two agencies either may take its change off and look at the other's; of more the two largest leave the least.
    least = np.where(size > 2, moved.sum(axis=1) - largest, smallest)
    alone = (is_whole & (moved > 0)).any(axis=1) & (size <= thresholds["minimum_contributors"])
    told: Mask = (size > 0) & ((least < thresholds["owner_n"]) | alone)
    return told


def apart(
    contributions: pd.DataFrame, made: pd.DataFrame, unit: Sequence[str], thresholds: Mapping[str, float]
) -> pd.DataFrame:
    """`made` (of `sharing`) with fewer shared figures: the counts of two of one unit must not differ by a few agencies' alone.

    unit: the columns of the key that two figures must share for a reader to take one count off the other. A difference tells if
    `minimum_contributors` agencies or fewer have other counts in the two figures. The figure with most such differences is not
    shared, of equals the one of fewest answers, until none is left.
    """
    key = [str(name) for name in made if name not in ("contributors_count", "is_shared")]
    rows = contributions.merge(made.loc[made["is_shared"], key], on=key)
    if rows.empty:
        return made
    n, number = rows["n"].to_numpy(float), numbers_by(rows, key)
    agency = pd.factorize(rows["contributor_id"])[0]
    gone: set[int] = set()
    for own in rows_by(rows, list(unit)).values():
        figures, figure = np.unique(number[own], return_inverse=True)
        agencies, column = np.unique(agency[own], return_inverse=True)
        counts = np.zeros((figures.size, agencies.size))
        np.add.at(counts, (figure, column), n[own])
        gone |= _telling(figures, counts, int(thresholds["minimum_contributors"]))
    hidden = rows.loc[np.isin(number, list(gone)), key].drop_duplicates().assign(is_gone=True)
    is_gone = made[key].merge(hidden, on=key, how="left")["is_gone"].eq(True).to_numpy(bool)
    return made.assign(is_shared=made["is_shared"].to_numpy(bool) & ~is_gone)


def _telling(figures: npt.NDArray[np.int64], counts: Floats, few: int) -> set[int]:
    """Figures to take out until no two of `counts` (figures, agencies) differ in 1 to `few` agencies."""
    differing = (counts[:, None, :] != counts[None, :, :]).sum(axis=2)
    tells = (differing > 0) & (differing <= few)
    answers = counts.sum(axis=1)
    gone: set[int] = set()
    while tells.any():
        often = tells.sum(axis=1)
        worst = min(range(len(figures)), key=lambda one: (-often[one], answers[one], figures[one]))
        gone.add(int(figures[worst]))
        tells[worst], tells[:, worst] = False, False
    return gone


def two_largest(weight: Floats, group: npt.NDArray[np.int64], groups: int) -> tuple[Floats, Floats]:
    """The largest and the second largest weight of each group (groups,), 0 where there is none.

    `weight` and `group` (0 to `groups` - 1) are (members,).
    """
    order = np.lexsort((-weight, group))
    sizes = np.bincount(group, minlength=groups)
    first = np.cumsum(sizes) - sizes
    ordered = np.append(weight[order], 0.0)
    largest = np.where(sizes > 0, ordered[np.minimum(first, weight.size)], 0.0)
    return largest, np.where(sizes > 1, ordered[np.minimum(first + 1, weight.size)], 0.0)


def dominated(weight: Floats, group: npt.NDArray[np.int64], groups: int, thresholds: Mapping[str, float]) -> Mask:
    """Whether the second largest member of a group (groups,) could work out the largest one's score from the total.

    `weight` and `group` (0 to `groups` - 1) are (members,). All the second does not know is the others' part: where their weight
    is under `dominance_margin` % of the largest one's, it comes too near (p % rule, `p_percent`). A margin of 25 also hides every
    total of which one agency holds more than four fifths. False for a group with a weight that is not known.
    """
    largest, second = two_largest(weight, group, groups)
    total = np.bincount(group, weight, groups)
    known = np.isfinite(total) & (largest > 0)
    # Rounding must not make the two more than the whole.
    total = np.maximum(total, largest + second)
    found = np.zeros(groups, bool)
    found[known] = ~p_percent(total[known], largest[known], second[known], thresholds["dominance_margin"])[1]
    return found
