"""Whether totals that everybody reads tell of a few agencies once they are added up and taken off each other.

Belongs here: the linear algebra of sums over known parts of agencies, and which totals of agencies are withheld for it beside the
shared regions. Does not belong here: each figure by itself (`contributors`), means a reader alone is shown (`mean_attacks`).

Three agencies are one that is looked for and two that work together, who take off what is their own.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.arrays import Floats
from methodology.changed_sums import differing
from methodology.contributors import AMOUNTS, KINDS, TABLE, UNIT, apart, revised, sharing, undominated

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
ROUNDING = 1e-9
NOWHERE = pd.DataFrame(columns=["agency_id", *KINDS, "n"])


def resting_on_few(totals: npt.ArrayLike, agency: npt.ArrayLike, few: int) -> Mask:
    """Which totals (totals,) take part in a sum or difference of some of them that rests on `few` agencies or fewer.

    totals: (totals, cells), 1 where the cell is part of the total; agency: (cells,), whose cell it is, from 0. A combination v
    rests on the agencies T if v is 0 in all other cells: with an orthonormal basis Q of the rows' span, if Q_T Q_T' has the
    eigenvalue 1. Eigenvalues of sums are bounded by the sums of the largest ones, so most sets need not be looked at.
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
    for told in _told(grams, few):
        found |= (np.abs(left @ (told / size[:, None])) > ROUNDING).any(axis=1)
    return found


def _told(grams: Floats, few: int) -> Iterator[Floats]:
    """Vectors of the rows' span, as columns, that rest on at most `few` agencies; grams: Q_a Q_a' of each agency."""
    weight = np.linalg.eigvalsh(grams)[:, -1]
    order = np.argsort(-weight, kind="stable")

    def longer(gram: Floats, chosen: int, start: int) -> Iterator[Floats]:
        value, vector = np.linalg.eigh(gram)
        is_told = value > 1 - ROUNDING
        if is_told.any():
            yield vector[:, is_told]
        left = few - chosen
        if not left or is_told.all():
            return
        # What is told already is set aside: a further agency is looked for beside it.
        top = float(value[~is_told].max())
        for place in range(start, order.size):
            if top + left * float(weight[order[place]]) < 1 - ROUNDING:
                return
            yield from longer(gram + grams[order[place]], chosen + 1, place + 1)

    return longer(np.zeros_like(grams[0]), 0, 0)


def shared_beside_totals(
    contributions: pd.DataFrame,
    before: pd.DataFrame,
    counts: pd.DataFrame,
    weights: pd.DataFrame,
    crossed: pd.DataFrame,
    *,
    agencies: pd.DataFrame,
    thresholds: Mapping[str, float],
) -> pd.DataFrame:
    """Which scores of no single agency every reader may have, by themselves and beside the totals of agencies.

    contributions: unit_type, unit_id, TABLE, contributor_id, n; before: the same, of scores as readers were shown them, by
    version (`contributors.revised`); counts: unit_id, TABLE, AMOUNTS and respondents of agencies; weights: UNIT, contributor_id
    and n, the population by which a weighted score counts the agency: none may dominate by it either; crossed: TABLE, agency_id,
    region, journey and n of answers that name both; agencies: agency_id and peer_group. A row per unit and TABLE, as
    `contributors.sharing` gives it. Of regions and journeys that, added up and taken off each other and the totals, rest on
    `minimum_contributors` agencies or fewer, those are not shared that leave the fewest such sums, the smallest first: one
    region less often saves the nation's total and a group's; so it is with what two editions tell (`changed_sums`). Totals are
    taken to be those of all agencies with `minimum_n` respondents; what is left to tell is withheld when they are made
    (`telling`, `withheld_totals`).
    """
    made = undominated(weights, sharing(contributions, UNIT, thresholds), UNIT, thresholds)
    made = revised(contributions, before, made, UNIT, thresholds)
    made = apart(contributions, made, ["unit_type", "unit_id", "period_id"], thresholds)
    persons = np.fmin(counts["n"].to_numpy(float), counts["respondents"].to_numpy(float, na_value=np.nan))
    whole = counts[persons >= thresholds["minimum_n"]].merge(
        agencies[["agency_id", "peer_group"]], left_on="unit_id", right_on="agency_id"
    )
    parts = dict(iter(whole.groupby(TABLE, sort=True)))
    shared = contributions.merge(made.loc[made["is_shared"], UNIT], on=UNIT)
    located = shared.rename(columns={"contributor_id": "agency_id"})
    both = dict(iter(crossed.groupby(TABLE, sort=True)))
    hidden = []
    for key, own in located.groupby(TABLE, sort=True):
        table = tuple(key)
        inside, panels = dict[str, float](), list[set[str]]()
        if table in parts:
            members = [parts[table]["unit_id"], *(group["unit_id"] for _, group in parts[table].groupby("peer_group"))]
            panels = [set(names) for names in members if len(names) > thresholds["minimum_peers"]]
            inside = dict(zip(parts[table]["unit_id"], parts[table]["n"].astype(float), strict=True))
        sums = _Sums.of(inside, own, panels, both.get(table, NOWHERE))
        hidden += [(*place, *table) for place in sums.places_that_tell(int(thresholds["minimum_contributors"]))]
    gone = pd.DataFrame(hidden, columns=UNIT)
    made = _without(made, gone)
    shared = contributions.merge(made.loc[made["is_shared"], UNIT], on=UNIT)
    return _without(made, differing(_expected(whole, before, thresholds), shared, before, thresholds, held=True))


def _without(made: pd.DataFrame, gone: pd.DataFrame) -> pd.DataFrame:
    gone = gone[UNIT].assign(is_gone=True).astype(dict.fromkeys(UNIT, "str"))
    is_gone = made[UNIT].merge(gone, on=UNIT, how="left")["is_gone"].eq(True).to_numpy(bool)
    return made.assign(is_shared=made["is_shared"].to_numpy(bool) & ~is_gone)


def _expected(whole: pd.DataFrame, before: pd.DataFrame, thresholds: Mapping[str, float]) -> pd.DataFrame:
    """UNIT, contributor_id and AMOUNTS of the totals that will be made, of those shown before that tell nothing alone."""
    columns = [*UNIT, "contributor_id", *AMOUNTS]
    shown = before.loc[~before["unit_type"].isin(KINDS), UNIT].drop_duplicates()
    if shown.empty or whole.empty:
        return pd.DataFrame(columns=columns)
    rows = whole.assign(contributor_id=whole["agency_id"])
    panels = pd.concat(
        [
            rows.assign(unit_type="national", unit_id="all"),
            rows.assign(unit_type="peer_group", unit_id=rows["peer_group"]),
        ]
    )
    size = panels.groupby(UNIT)["contributor_id"].transform("size")
    made = panels.loc[size > thresholds["minimum_peers"], columns].merge(shown, on=UNIT)
    alone = revised(made, before, made[UNIT].drop_duplicates().assign(is_shared=True), UNIT, thresholds)
    return made.merge(alone.loc[alone["is_shared"], UNIT], on=UNIT)


def telling(total: pd.DataFrame, members: pd.DataFrame, located: pd.DataFrame, few: int) -> Mask:
    """Pooled totals of agencies (rows of `total`) to withhold because beside shared regions or journeys they rest on few.

    total: unit_type, unit_id, TABLE, score_kind, status; members: panel_type, panel_id, unit_id, TABLE, score_kind and n of the
    agencies in each; located: unit_type, TABLE, place (its id), agency_id and n in each shared one. Of those that tell, the
    one of the fewest agencies is withheld until none is left.
    """
    withheld = np.zeros(len(total), bool)
    asked = total.reset_index(names="at").assign(at=np.arange(len(total)))
    asked = asked[(asked["status"] == "reported") & (asked["score_kind"] == "pooled")]
    pooled = members[(members["score_kind"] == "pooled") & members["panel_type"].isin(asked["unit_type"].unique())]
    parts, totals = dict(iter(pooled.groupby(TABLE, sort=True))), dict(iter(asked.groupby(TABLE, sort=True)))
    for (_, *key), places in located.groupby(["unit_type", *TABLE], sort=True):
        table = tuple(key)
        if table not in totals:
            continue
        own = totals[table]
        of_panel = {name: set(rows["unit_id"]) for name, rows in parts[table].groupby(["panel_type", "panel_id"])}
        panels = [of_panel[kind, name] for kind, name in zip(own["unit_type"], own["unit_id"], strict=True)]
        whole = parts[table].drop_duplicates("unit_id")
        there = places.rename(columns={"place": "unit_id"})
        sums = _Sums.of(dict(zip(whole["unit_id"], whole["n"], strict=True)), there, panels, NOWHERE)
        withheld[own["at"].to_numpy()[sums.panels_that_tell(few)]] = True
    return withheld


Place = tuple[str, str]


@dataclass(frozen=True)
class _Sums:
    """Places, then totals of agencies: which cells each is the sum of (sums, cells), and the agency of each cell, from 0."""

    places: list[Place]
    rows: Mask
    owner: Ints
    counts: Floats

    @classmethod
    def of(
        cls, whole: Mapping[str, float], located: pd.DataFrame, panels: list[set[str]], crossed: pd.DataFrame
    ) -> "_Sums":
        """The tables of `_cells`; panels: the agencies of each total."""
        cells = _cells(whole, located, crossed)
        places = sorted(set(zip(located["unit_type"], located["unit_id"], strict=True)))
        agency = [cell.agency_id for cell in cells]
        inside = {kind: np.array([cell.places.get(kind) for cell in cells], object) for kind in KINDS}
        rows = [inside[kind] == place for kind, place in places]
        rows += [np.array([one in panel for one in agency], bool) for panel in panels]
        owner = pd.factorize(np.array(agency, object))[0].astype(np.int64)
        return cls(places, np.array(rows), owner, np.array([cell.n for cell in cells], float))

    def places_that_tell(self, few: int) -> list[Place]:
        """Places to take out until no sum rests on few."""
        left, gone = list(range(len(self.rows))), list[Place]()
        while True:
            tells = self._telling(left, few)
            size = {row: float(self.counts[self.rows[row]].sum()) for row in tells if row < len(self.places)}
            if not size:
                return gone
            without = {row: len(self._telling([one for one in left if one != row], few)) for row in size}
            chosen = min(size, key=lambda row: (without[row], size[row], row))
            gone.append(self.places[chosen])
            left.remove(chosen)

    def panels_that_tell(self, few: int) -> list[int]:
        """Totals to take out until no sum rests on few; places among the totals."""
        left, gone = list(range(len(self.rows))), list[int]()
        agencies = [len(np.unique(self.owner[row])) for row in self.rows]
        while True:
            tells = [row for row in self._telling(left, few) if row >= len(self.places)]
            if not tells:
                return gone
            chosen = min(tells, key=lambda row: (agencies[row], -row))
            gone.append(chosen - len(self.places))
            left.remove(chosen)

    def _telling(self, rows: list[int], few: int) -> list[int]:
        found = resting_on_few(self.rows[rows], self.owner, few)
        return [row for row, tells in zip(rows, found, strict=True) if tells]


class _Cell(NamedTuple):
    """Answers of an agency that are in the same places, by kind."""

    agency_id: str
    places: dict[str, str]
    n: float


def _cells(whole: Mapping[str, float], located: pd.DataFrame, crossed: pd.DataFrame) -> list[_Cell]:
    """Each agency's answers by where they are.

    whole: n of each agency that is in a total; located: unit_type, unit_id, agency_id and n of places; crossed: agency_id,
    region, journey and n of answers that are in one of each.
    """
    left, known = defaultdict[tuple[str, str, str], float](float), defaultdict[str, float](float)
    for agency, kind, place, n in zip(
        *(located[name] for name in ("agency_id", "unit_type", "unit_id", "n")), strict=True
    ):
        left[kind, agency, place] += float(n)
    cells = []
    for agency, *places, n in zip(*(crossed[name] for name in ("agency_id", *KINDS, "n")), strict=True):
        both = [(kind, agency, place) for kind, place in zip(KINDS, places, strict=True)]
        if all(one in left for one in both):
            cells.append(_Cell(agency, dict(zip(KINDS, places, strict=True)), float(n)))
    for cell in list(cells):
        for kind, place in cell.places.items():
            left[kind, cell.agency_id, place] -= cell.n
    for kind in KINDS:
        cells += [
            _Cell(agency, {kind: place}, left[own, agency, place]) for own, agency, place in sorted(left) if own == kind
        ]
    for cell in cells:
        known[cell.agency_id] += cell.n
    # Answers outside the shared places are a part that none of them tells of.
    cells += [_Cell(agency, {}, n - known[agency]) for agency, n in whole.items()]
    return [cell for cell in cells if cell.n > 0]
