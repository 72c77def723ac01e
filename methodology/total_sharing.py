"""Totals of agencies beside what else readers have: earlier editions, totals of other figures, the means of their peers.

Belongs here: which totals are withheld for that. Does not belong here: totals of few agencies (`panels`), beside regions and
journeys (`total_attacks`), the algebra of means (`mean_attacks`).
"""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.contributors import apart, revised
from methodology.mean_attacks import told_by_two
from methodology.panels import MEAN, POOLED
from methodology.total_attacks import TABLE, UNIT, resting_on_few

Mask = npt.NDArray[np.bool_]
COLUMNS = dict.fromkeys([*UNIT, "score_kind"], "string")
KINDS = (MEAN, POOLED)


def withheld_totals(
    members: pd.DataFrame,
    before: pd.DataFrame,
    shown: pd.DataFrame,
    *,
    neighbours: pd.DataFrame,
    metrics: pd.DataFrame,
    thresholds: Mapping[str, float],
) -> pd.DataFrame:
    """Totals of one period that nobody is shown, a row with COLUMNS each.

    members: UNIT, contributor_id, n and total of the agencies in each total; before: the same, of totals as readers were last
    shown them (`contributors.revised`). Totals in which few answers or few agencies changed since are withheld, the mean and the
    pooled one; then pooled ones whose n differs by few agencies' alone from that of another figure (`contributors.apart`; the
    n of a mean counts agencies, and a metric of base `index` has no pooled total); then means beside those that readers are shown
    of their peers: shown has agency_id, TABLE, comparison_class, national_class, is_native, in_group, in_nation, peer_frame and
    whether each mean is shown; neighbours: agency_id, neighbour_id. Of totals that tell two readers of a third agency those go
    first that leave the fewest readers told.
    """
    size = members.groupby(UNIT)["contributor_id"].transform("size") if len(members) else members["n"]
    members = members[size > thresholds["minimum_peers"]].reset_index(drop=True)
    if members.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    made = members[UNIT].drop_duplicates(ignore_index=True).assign(is_shared=True)
    made = revised(members, before, made, UNIT, thresholds)
    counted = members[~members["metric_id"].isin(set(metrics.loc[metrics["base"] == "index", "metric_id"]))]
    pooled = apart(counted, made, ["unit_type", "unit_id", "period_id"], thresholds)
    hidden = [made.loc[~made["is_shared"], UNIT].assign(score_kind=kind) for kind in KINDS]
    hidden.append(pooled.loc[made["is_shared"] & ~pooled["is_shared"], UNIT].assign(score_kind=POOLED))
    left = members.merge(made.loc[made["is_shared"], UNIT], on=UNIT)
    near = neighbours.dropna(subset=["neighbour_id"])
    sets = {str(one): frozenset(own) for one, own in near.groupby("agency_id")["neighbour_id"]}
    readers = dict(iter(shown.groupby(TABLE, sort=True)))
    for table, totals in left.groupby(TABLE, sort=True):
        if table in readers:
            told = pd.DataFrame(_telling(totals, readers[table], sets, thresholds), columns=["unit_type", "unit_id"])
            hidden.append(
                totals[UNIT].drop_duplicates().merge(told, on=["unit_type", "unit_id"]).assign(score_kind=MEAN)
            )
    return pd.concat(hidden, ignore_index=True)[list(COLUMNS)]


def _telling(
    totals: pd.DataFrame, shown: pd.DataFrame, sets: Mapping[str, frozenset[str]], thresholds: Mapping[str, float]
) -> Iterator[tuple[object, ...]]:
    """unit_type and unit_id of means to take out until no two readers are told, or none is left."""
    agencies = sorted({*totals["contributor_id"], *shown["agency_id"]})
    groups = {name: set(own["contributor_id"]) for name, own in totals.groupby(["unit_type", "unit_id"], sort=True)}
    groups = {name: own for name, own in groups.items() if not _is_left_over(name, groups, thresholds)}
    public = {name: np.array([one in own for one in agencies]) for name, own in groups.items()}
    private = _shown(shown, agencies, sets)
    if not private[-1].any() and not _may_tell([*public.values()], private, int(thresholds["minimum_contributors"])):
        return

    def told(names: list[tuple[object, ...]], asked: Mask) -> Mask:
        return told_by_two(private, asked, np.array([public[name] for name in names]).reshape(-1, len(agencies)))

    left = list(public)
    readers = told(left, np.ones(len(agencies), bool))
    while left and readers.any():
        # What is taken out tells nobody more, so nobody else need be looked at.
        without = {name: told([one for one in left if one != name], readers) for name in left}
        chosen = min(left, key=lambda name: (int(without[name].sum()), len(groups[name]), name))
        left.remove(chosen)
        readers = without[chosen]
        yield chosen


def _is_left_over(
    name: tuple[object, ...], groups: Mapping[tuple[object, ...], set[str]], thresholds: Mapping[str, float]
) -> bool:
    """Whether the nation's total is withheld already for those in no peer group with a total (`panels.totals`)."""
    inside = set().union(*(own for (kind, _), own in groups.items() if kind == "peer_group"))
    return name[0] == "national" and 0 < len(groups[name] - inside) <= thresholds["minimum_peers"]


def _may_tell(public: list[Mask], private: list[Mask], few: int) -> bool:
    """Whether some combination of all these means rests on few; a reader's mean and its own score are its class's."""
    own = [row | (np.arange(row.size) == reader) for mask in private for reader, row in enumerate(mask) if row.any()]
    rows = np.unique(np.array([*public, *own]), axis=0)
    return bool(resting_on_few(rows, np.arange(rows.shape[1]), few).any())


def _shown(shown: pd.DataFrame, agencies: list[str], sets: Mapping[str, frozenset[str]]) -> list[Mask]:
    """The agencies behind each reader's mean of its group or of the nation, of the nation beside its group, of its neighbours."""
    size = len(agencies)
    at = pd.Index(agencies).get_indexer(pd.Index(shown["agency_id"]))
    native = _flags(shown, "is_native")
    masks = [np.zeros((size, size), bool) for _ in range(3)]
    by_group = _same(shown, "comparison_class", native & _flags(shown, "in_group"))
    by_nation = _same(shown, "national_class", native & _flags(shown, "in_nation"))
    has_mean, is_group = _flags(shown, "has_mean"), (shown["peer_frame"].fillna("") == "group").to_numpy(bool)
    near = np.array(
        [[other in sets.get(one, frozenset()) for other in shown["agency_id"]] for one in shown["agency_id"]]
    )
    behind = [
        np.where(is_group[:, None], by_group, by_nation) & has_mean[:, None],
        by_nation & _flags(shown, "has_national_mean")[:, None],
        by_nation & near & _flags(shown, "has_neighbour_mean")[:, None],
    ]
    for mask, own in zip(masks, behind, strict=True):
        # An agency with two instruments has two rows.
        np.logical_or.at(mask, np.ix_(at, at), own & (at[:, None] != at))
    return masks


def _flags(shown: pd.DataFrame, name: str) -> Mask:
    return shown[name].astype("boolean").fillna(False).to_numpy(bool)


def _same(shown: pd.DataFrame, name: str, passed: Mask) -> Mask:
    """Whether the column's agency passed the gate in the class of the row's."""
    classes = shown[name].to_numpy(object)
    return np.asarray((classes[:, None] == classes) & passed)
