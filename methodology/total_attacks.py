"""Whether totals that everybody reads tell of a few agencies once they are added up and taken off each other.

Belongs here: the linear algebra of sums over known parts of agencies, and which totals of agencies are withheld for it beside the
shared regions. Does not belong here: each figure by itself (`contributors`), means a reader alone is shown (`mean_attacks`).

Three agencies are one that is looked for and two that work together, who take off what is their own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.arrays import Floats
from methodology.contributors import sharing

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
ROUNDING = 1e-9
TABLE = ["metric_id", "instrument_id", "period_id"]
UNIT = ["unit_type", "unit_id", *TABLE]


def resting_on_few(totals: npt.ArrayLike, agency: npt.ArrayLike, few: int) -> Mask:
    """Which totals (totals,) take part in a sum or difference of some of them that rests on `few` agencies or fewer.

    totals: (totals, cells), 1 where the cell is part of the total; agency: (cells,), whose cell it is, from 0. A combination v
    rests on the agencies T if v is 0 in all other cells: with an orthonormal basis Q of the rows' span, if Q_T Q_T' has the
    eigenvalue 1. Its trace bounds which agencies need be looked at: each one's own largest eigenvalue must sum to 1.
    """
    rows, owner = np.asarray(totals, float), np.asarray(agency, np.int64)
    found = np.zeros(len(rows), bool)
    if not rows.any():
        return found
    left, size, basis = np.linalg.svd(rows, full_matrices=False)
    kept = size > ROUNDING * size[0]
    left, size, basis = left[:, kept], size[kept], basis[kept]
    grams = np.zeros((int(owner.max()) + 1, basis.shape[0], basis.shape[0]))
    np.add.at(grams, owner, np.einsum("rc,sc->crs", basis, basis))
    weight = np.linalg.eigvalsh(grams)[:, -1]
    for some in _near(weight, few):
        value, vector = np.linalg.eigh(grams[list(some)].sum(axis=0))
        told = vector[:, value > 1 - ROUNDING]
        found |= (np.abs(left @ (told / size[:, None])) > ROUNDING).any(axis=1)
    return found


def _near(weight: Floats, few: int) -> Iterator[tuple[int, ...]]:
    """Sets of at most `few` agencies whose weights sum to 1 or more."""
    order = np.argsort(-weight, kind="stable")

    def longer(chosen: tuple[int, ...], start: int, total: float) -> Iterator[tuple[int, ...]]:
        if total > 1 - ROUNDING:
            yield chosen
            return
        left = few - len(chosen)
        for place in range(start, order.size):
            own = float(weight[order[place]])
            if not left or total + left * own < 1 - ROUNDING:
                return
            yield from longer((*chosen, int(order[place])), place + 1, total + own)

    return longer((), 0, 0.0)


def shared_beside_totals(
    contributions: pd.DataFrame, counts: pd.DataFrame, *, agencies: pd.DataFrame, thresholds: Mapping[str, float]
) -> pd.DataFrame:
    """Which scores of no single agency every reader may have, by themselves and beside the totals of agencies.

    contributions: unit_type, unit_id, TABLE, contributor_id, n; counts: unit_id, TABLE, n and respondents of agencies; agencies:
    agency_id and peer_group. A row per unit and TABLE, as `contributors.sharing` gives it. Of regions that, added up and taken
    off the totals, rest on `minimum_contributors` agencies or fewer, those are not shared that leave the fewest such sums, the
    smallest first: one region less often saves the nation's total and a group's. Totals are taken to be those of all agencies
    with `minimum_n` respondents; what is left to tell is withheld when they are made (`telling`).
    """
    made = sharing(contributions, UNIT, thresholds)
    regions = contributions[contributions["unit_type"] == "region"].rename(
        columns={"unit_id": "region", "contributor_id": "agency_id"}
    )
    is_region = (made["unit_type"] == "region") & made["is_shared"]
    regions = regions.merge(made.loc[is_region].rename(columns={"unit_id": "region"})[["region", *TABLE]])
    persons = np.fmin(counts["n"].to_numpy(float), counts["respondents"].to_numpy(float, na_value=np.nan))
    whole = counts[persons >= thresholds["minimum_n"]].merge(
        agencies[["agency_id", "peer_group"]], left_on="unit_id", right_on="agency_id"
    )
    parts = dict(iter(whole.groupby(TABLE, sort=True)))
    hidden = []
    for key, own in regions.groupby(TABLE, sort=True):
        if key not in parts:
            continue
        members = [parts[key]["unit_id"], *(group["unit_id"] for _, group in parts[key].groupby("peer_group"))]
        panels = [set(names) for names in members if len(names) > thresholds["minimum_peers"]]
        sums = _Sums.of(dict(zip(parts[key]["unit_id"], parts[key]["n"], strict=True)), own, panels)
        hidden += [(*key, region) for region in sums.regions_that_tell(int(thresholds["minimum_contributors"]))]
    gone = pd.MultiIndex.from_tuples(hidden, names=[*TABLE, "unit_id"]) if hidden else None
    if gone is not None:
        is_gone = pd.MultiIndex.from_frame(made[[*TABLE, "unit_id"]]).isin(gone) & is_region.to_numpy(bool)
        made["is_shared"] &= ~is_gone
    return made


def telling(total: pd.DataFrame, members: pd.DataFrame, located: pd.DataFrame, few: int) -> Mask:
    """Pooled totals of agencies (rows of `total`) to withhold because together with shared regions they rest on few agencies.

    total: unit_type, unit_id, TABLE, score_kind, status; members: panel_type, panel_id, unit_id, TABLE, score_kind and n of the
    agencies in each; located: TABLE, region (its id), agency_id and n in each shared region. Of those that tell, the one of the
    fewest agencies is withheld until none is left.
    """
    withheld = np.zeros(len(total), bool)
    asked = total.reset_index(names="at").assign(at=np.arange(len(total)))
    asked = asked[(asked["status"] == "reported") & (asked["score_kind"] == "pooled")]
    pooled = members[(members["score_kind"] == "pooled") & members["panel_type"].isin(asked["unit_type"].unique())]
    regions, parts = dict(iter(located.groupby(TABLE, sort=True))), dict(iter(pooled.groupby(TABLE, sort=True)))
    for key, own in asked.groupby(TABLE, sort=True):
        if key not in regions:
            continue
        of_panel = {name: set(rows["unit_id"]) for name, rows in parts[key].groupby(["panel_type", "panel_id"])}
        panels = [of_panel[kind, name] for kind, name in zip(own["unit_type"], own["unit_id"], strict=True)]
        whole = parts[key].drop_duplicates("unit_id")
        sums = _Sums.of(dict(zip(whole["unit_id"], whole["n"], strict=True)), regions[key], panels)
        withheld[own["at"].to_numpy()[sums.panels_that_tell(few)]] = True
    return withheld


@dataclass(frozen=True)
class _Sums:
    """Regions, then totals of agencies: which cells each is the sum of (sums, cells), and the agency of each cell, from 0."""

    regions: list[str]
    rows: Mask
    owner: Ints
    counts: Floats

    @classmethod
    def of(cls, whole: Mapping[str, float], located: pd.DataFrame, panels: list[set[str]]) -> "_Sums":
        """whole: n of each agency that is in a total; located: agency_id, region and n; panels: the agencies of each total."""
        agencies = pd.Index(sorted({*whole, *located["agency_id"]}))
        regions = sorted(located["region"].unique())
        n = np.zeros((len(agencies), len(regions) + 1))
        n[agencies.get_indexer(pd.Index(located["agency_id"])), np.searchsorted(regions, located["region"])] = located[
            "n"
        ]
        counted = agencies.get_indexer(pd.Index(list(whole)))
        # Answers outside the shared regions are a part that no region tells of.
        n[counted, -1] = np.array(list(whole.values()), float) - n[counted].sum(axis=1)
        owner, place = np.nonzero(n > 0)
        rows = [place == region for region in range(len(regions))]
        rows += [np.isin(owner, agencies.get_indexer(pd.Index(sorted(panel)))) for panel in panels]
        return cls(regions, np.array(rows), owner, n[owner, place])

    def regions_that_tell(self, few: int) -> list[str]:
        """Regions to take out until no sum rests on few."""
        left, gone = list(range(len(self.rows))), list[str]()
        while True:
            tells = self._telling(left, few)
            size = {row: float(self.counts[self.rows[row]].sum()) for row in tells if row < len(self.regions)}
            if not size:
                return gone
            without = {row: len(self._telling([one for one in left if one != row], few)) for row in size}
            chosen = min(size, key=lambda row: (without[row], size[row], row))
            gone.append(self.regions[chosen])
            left.remove(chosen)

    def panels_that_tell(self, few: int) -> list[int]:
        """Totals to take out until no sum rests on few; places among the totals."""
        left, gone = list(range(len(self.rows))), list[int]()
        agencies = [len(np.unique(self.owner[row])) for row in self.rows]
        while True:
            tells = [row for row in self._telling(left, few) if row >= len(self.regions)]
            if not tells:
                return gone
            chosen = min(tells, key=lambda row: (agencies[row], -row))
            gone.append(chosen - len(self.regions))
            left.remove(chosen)

    def _telling(self, rows: list[int], few: int) -> list[int]:
        found = resting_on_few(self.rows[rows], self.owner, few)
        return [row for row, tells in zip(rows, found, strict=True) if tells]
