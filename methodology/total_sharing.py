"""Totals of agencies beside what else readers have: earlier editions, totals of other figures, the means of their peers.

Belongs here: which totals are withheld for that. Does not belong here: totals of few agencies (`panels`), beside regions and
journeys (`total_attacks`), the algebra of means (`mean_attacks`).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.changed_sums import differing
from methodology.contributors import TABLE, UNIT, apart, revised
from methodology.panels import MEAN, POOLED
from methodology.total_attacks import resting_on_few

Mask = npt.NDArray[np.bool_]
COLUMNS = dict.fromkeys([*UNIT, "score_kind"], "string")
KINDS = (MEAN, POOLED)


def withheld_totals(
    members: pd.DataFrame,
    before: pd.DataFrame,
    shown: pd.DataFrame,
    places: pd.DataFrame,
    *,
    metrics: pd.DataFrame,
    thresholds: Mapping[str, float],
) -> pd.DataFrame:
    """Totals of one period that nobody is shown, a row with COLUMNS each.

    members: UNIT, contributor_id, n and total of the agencies in each total; before: the same, of totals as readers were shown
    them, by version (`contributors.revised`). Totals in which few answers or few agencies changed since are withheld, the mean
    and the pooled one, and the nation's where they did outside the groups that are shown; then pooled ones whose n differs by
    few agencies' alone from that of another figure (`contributors.apart`; the n of a mean counts agencies, a metric of base
    `index` has no pooled total); then means that, beside those of the classes of peers, rest on `minimum_contributors` agencies
    or fewer, first those that leave the fewest. shown:
    agency_id, TABLE, comparison_class, national_class, is_native, in_group and in_nation, whether it passed the gate of the
    class. Means of neighbours are not looked at: they are chosen beside the classes' (`neighbour_positions`).
    """
    size = members.groupby(UNIT)["contributor_id"].transform("size") if len(members) else members["n"]
    members = members[size > thresholds["minimum_peers"]].reset_index(drop=True)
    if members.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    made = members[UNIT].drop_duplicates(ignore_index=True).assign(is_shared=True)
    made = revised(members, before, made, UNIT, thresholds)
    made = _less_groups(members, before, made, thresholds)
    counted = members[~members["metric_id"].isin(set(metrics.loc[metrics["base"] == "index", "metric_id"]))]
    pooled = apart(counted, made, ["unit_type", "unit_id", "period_id"], thresholds)
    hidden = [made.loc[~made["is_shared"], UNIT].assign(score_kind=kind) for kind in KINDS]
    hidden.append(pooled.loc[made["is_shared"] & ~pooled["is_shared"], UNIT].assign(score_kind=POOLED))
    left = members.merge(made.loc[made["is_shared"], UNIT], on=UNIT)
    told = differing(left, places, before, thresholds)
    hidden.append(told.assign(score_kind=POOLED))
    readers = dict(iter(shown.groupby(TABLE, sort=True)))
    means: list[tuple[object, ...]] = []
    for table, totals in left.groupby(TABLE, sort=True):
        if table in readers:
            means += [(*name, *table) for name in _telling(totals, readers[table], thresholds)]
    hidden.append(pd.DataFrame(means, columns=UNIT).assign(score_kind=MEAN))
    return pd.concat(hidden, ignore_index=True)[list(COLUMNS)]


def _less_groups(
    members: pd.DataFrame, before: pd.DataFrame, made: pd.DataFrame, thresholds: Mapping[str, float]
) -> pd.DataFrame:
    """`made` without totals of the nation that, less those of groups shown in both editions, tell what changed in the others."""
    shown = made.loc[made["is_shared"] & (made["unit_type"] == "peer_group"), UNIT].merge(
        before[UNIT].drop_duplicates()
    )
    if shown.empty:
        return made
    in_groups = pd.concat([rows.merge(shown, on=UNIT) for rows in (members, before)])
    inside = in_groups[[*TABLE, "contributor_id"]].drop_duplicates().assign(is_inside=True)

    def outside(rows: pd.DataFrame) -> pd.DataFrame:
        own = rows[rows["unit_type"] == "national"]
        if own.empty:
            return own
        own = own.merge(inside, on=[*TABLE, "contributor_id"], how="left")
        return own[~own["is_inside"].eq(True).to_numpy(bool)].drop(columns="is_inside")

    return revised(outside(members), outside(before), made, UNIT, thresholds)


def _telling(
    totals: pd.DataFrame, shown: pd.DataFrame, thresholds: Mapping[str, float]
) -> Iterator[tuple[object, ...]]:
    """unit_type and unit_id of means to take out until no combination with the classes' means rests on few, or none is left."""
    agencies = sorted({*totals["contributor_id"], *shown["agency_id"]})
    of_total = defaultdict[tuple[object, ...], set[str]](set)
    for *name, agency in zip(*(totals[column] for column in ("unit_type", "unit_id", "contributor_id")), strict=True):
        of_total[tuple(name)].add(agency)
    groups = {name: of_total[name] for name in sorted(of_total) if not _is_left_over(name, of_total, thresholds)}
    public = {name: np.array([one in own for one in agencies]) for name, own in groups.items()}
    classes = _classes(shown, agencies)
    left = list(public)

    def telling(names: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
        rows = np.array([*(public[name] for name in names), *classes]).reshape(-1, len(agencies))
        found = resting_on_few(rows, np.arange(len(agencies)), int(thresholds["minimum_contributors"]))
        return [name for name, tells in zip(names, found, strict=False) if tells]

    tells = telling(left)
    while tells:
        without = {name: telling([one for one in left if one != name]) for name in tells}
        chosen = min(tells, key=lambda name: (len(without[name]), len(groups[name]), name))
        left.remove(chosen)
        tells = without[chosen]
        yield chosen


def _is_left_over(
    name: tuple[object, ...], groups: Mapping[tuple[object, ...], set[str]], thresholds: Mapping[str, float]
) -> bool:
    """Whether the nation's total is withheld already for those in no peer group with a total (`panels.totals`)."""
    inside = set().union(*(own for (kind, _), own in groups.items() if kind == "peer_group"))
    return name[0] == "national" and 0 < len(groups[name] - inside) <= thresholds["minimum_peers"]


def _classes(shown: pd.DataFrame, agencies: list[str]) -> list[Mask]:
    """The agencies whose mean somebody is shown: a reader's own score and the mean of its peers are the mean of its class."""
    native, agency = _flags(shown, "is_native"), np.searchsorted(agencies, shown["agency_id"].to_numpy(str))
    rows: list[Mask] = []
    for name, passed in (("comparison_class", "in_group"), ("national_class", "in_nation")):
        own = native & _flags(shown, passed) & shown[name].notna().to_numpy(bool)
        classes, number = np.unique(shown[name].to_numpy(object)[own], return_inverse=True)
        inside = np.zeros((classes.size, len(agencies)), bool)
        inside[number, agency[own]] = True
        rows += list(inside)
    return rows


def _flags(shown: pd.DataFrame, name: str) -> Mask:
    return shown[name].astype("boolean").fillna(False).to_numpy(bool)
