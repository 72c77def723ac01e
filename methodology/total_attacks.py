"""Whether totals that everybody reads tell of a few agencies once they are added up and taken off each other.

Belongs here: the linear algebra of sums over known parts of agencies, and which totals of agencies are withheld for it beside the
shared regions. Does not belong here: each figure by itself (`contributors`), means a reader alone is shown (`mean_attacks`).

Three agencies are one that is looked for and two that work together, who take off what is their own.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.arrays import Floats

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
ROUNDING = 1e-9
TABLE = ["metric_id", "instrument_id", "period_id"]


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
        if key in regions:
            withheld[_told(own, parts[key], regions[key], few)] = True
    return withheld


def _told(own: pd.DataFrame, parts: pd.DataFrame, located: pd.DataFrame, few: int) -> list[int]:
    """Places (`at`) of the totals of one table that are withheld."""
    agencies = pd.Index(sorted({*parts["unit_id"], *located["agency_id"]}))
    shared = sorted(located["region"].unique())
    n = np.zeros((len(agencies), len(shared) + 1))
    n[agencies.get_indexer(located["agency_id"]), np.searchsorted(shared, located["region"])] = located["n"]
    whole = parts.drop_duplicates("unit_id")
    counted = agencies.get_indexer(whole["unit_id"])
    # Answers outside the shared regions are a part that no region tells of.
    n[counted, -1] = whole["n"].to_numpy(float) - n[counted].sum(axis=1)
    owner, place = np.nonzero(n > 0)
    rows = [place == region for region in range(len(shared))]
    for _, one in own.iterrows():
        panel = parts[(parts["panel_type"] == one["unit_type"]) & (parts["panel_id"] == one["unit_id"])]
        rows.append(np.isin(owner, agencies.get_indexer(panel["unit_id"])))
    table = np.array(rows, float)
    at, gone = own["at"].tolist(), list[int]()
    sizes = [len(np.unique(owner[row > 0])) for row in table]
    left = list(range(len(table)))
    while True:
        tells = resting_on_few(table[left], owner, few)
        open_ = [row for row, is_told in zip(left, tells, strict=True) if is_told and row >= len(shared)]
        if not open_:
            return [at[row - len(shared)] for row in gone]
        smallest = min(open_, key=lambda row: (sizes[row], -row))
        gone.append(smallest)
        left.remove(smallest)
