"""Totals of agencies less regions, journeys and groups, each shown in two editions: what their differences tell together.

Belongs here: the search for such differences, and which totals are withheld for them. Does not belong here: a figure less itself
before (`contributors.revised`), sums of one edition (`total_attacks`).

Of whoever reads two editions the change of each figure is known: of totals t, which add up agencies wherever they are, and of
places p, which add up all agencies. With labels x of agencies (one for each group that has a total, one for the nation's others,
0 outside the totals) and y of places, each 0 or 1, the difference of changes adds up x_a - y_p over cells of agency and place:
the label 1 takes a total's, and takes a place's off. Places of one kind, and the groups, do not overlap, so all that rest on
fewest cells are of this form. It must not tell of few (`contributors.tells_of_few`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.arrays import Floats
from methodology.contributors import AMOUNTS, KINDS, TABLE, UNIT, tells_of_few

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Unit = tuple[str, str]
NATION: Unit = ("national", "all")
# Labels are tried in all ways up to 2^16, a second's work; a table with more that may differ shows no totals beside places.
MOST_LABELS = 16
AT_ONCE = 4_096


def differing(
    members: pd.DataFrame,
    places: pd.DataFrame,
    before: pd.DataFrame,
    thresholds: Mapping[str, float],
    *,
    held: bool = False,
) -> pd.DataFrame:
    """Figures (UNIT) to withhold because totals (of `members`) less places and groups tell of few that changed.

    members, places: UNIT, contributor_id and AMOUNTS of what would be shown; before: the same by version, of what was.
    Withheld first is the total, or if places can still be `held` the place or total, without which fewest differences tell; of
    equals a place, then what rests on the fewest agencies.
    """
    parts = {name: dict(iter(rows.groupby(TABLE, sort=True))) for name, rows in (("now", places), ("then", before))}
    gone: list[tuple[object, ...]] = []
    for table, totals in members.groupby(TABLE, sort=True):
        if table not in parts["then"]:
            continue
        then = parts["then"][table]
        there = parts["now"].get(table, places.head(0))
        left = {*_units(totals), *_units(there)}
        for kind in KINDS:
            own = there[there["unit_type"] == kind]
            for version in range(1, int(then["version"].max()) + 1):
                changes = _Changes.of(pd.concat([totals, own]), _as_of(then, version))
                told = changes.withheld(left, thresholds, held=held)
                left -= told
                gone += [(*unit, *table) for unit in sorted(told)]
    return pd.DataFrame(gone, columns=UNIT)


def _as_of(then: pd.DataFrame, version: int) -> pd.DataFrame:
    """Each figure in the version asked for, or in its last one if it has fewer."""
    last = then.groupby(["unit_type", "unit_id"])["version"].transform("max")
    return then[then["version"] == last.clip(upper=version)]


@dataclass(frozen=True)
class _Changes:
    """Figures of one table in both editions: how each agency's part changed (figures, agencies, AMOUNTS).

    is_whole: (figures, agencies), whether the agency came or went; is_part: whether it is or was in the figure.
    """

    units: list[Unit]
    changes: Floats
    is_whole: Mask
    is_part: Mask

    @classmethod
    def of(cls, now: pd.DataFrame, then: pd.DataFrame) -> "_Changes":
        both = sorted(set(_units(now)) & set(_units(then)))
        number = {unit: at for at, unit in enumerate(both)}
        agencies = pd.Index(sorted({*now["contributor_id"], *then["contributor_id"]}))
        amounts = np.zeros((2, len(both), len(agencies), len(AMOUNTS)))
        is_there: Mask = np.zeros((2, len(both), len(agencies)), bool)
        for side, rows in enumerate((then, now)):
            at = np.array([number.get(unit, -1) for unit in _units(rows)], np.int64)
            who = agencies.get_indexer(rows["contributor_id"])[at >= 0]
            amounts[side, at[at >= 0], who] = rows[list(AMOUNTS)].astype(float).to_numpy()[at >= 0]
            is_there[side, at[at >= 0], who] = True
        # A sum that nobody noted says nothing.
        changes = np.nan_to_num(amounts[1] - amounts[0])
        is_whole: Mask = np.logical_xor.reduce(is_there, axis=0)
        is_part: Mask = np.logical_or.reduce(is_there, axis=0)
        return cls(both, changes, is_whole, is_part)

    def withheld(self, shown: set[Unit], thresholds: Mapping[str, float], *, held: bool) -> set[Unit]:
        """Of the figures shown those to withhold until no difference tells of few; places too where they can be `held`."""
        left, gone = sorted(shown & set(self.units)), set[Unit]()
        size = {unit: int(self.is_part[self.units.index(unit)].sum()) for unit in left}
        tells = self._telling(left, thresholds)
        while tells:
            asked = [unit for unit in left if held or unit[0] not in KINDS]
            without = {unit: self._telling([one for one in left if one != unit], thresholds) for unit in asked}
            chosen = min(asked, key=lambda unit: (without[unit], unit[0] not in KINDS, size[unit], unit))
            left.remove(chosen)
            gone.add(chosen)
            tells = without[chosen]
        return gone

    def _telling(self, shown: list[Unit], thresholds: Mapping[str, float]) -> int:
        """How many differences of the totals and places shown tell of few."""
        numbers = [self.units.index(unit) for unit in shown]
        places = [at for at in numbers if self.units[at][0] in KINDS]
        totals = [at for at in numbers if at not in places]
        if not totals or not self.changes[totals].any():
            return 0
        labels = _Labels.of(self, totals, places, thresholds)
        if labels.free > MOST_LABELS:
            return 1 << labels.free
        return sum(int(self._tells(signs, totals, thresholds).sum()) for signs in labels.differences())

    def _tells(self, signs: Floats, totals: list[int], thresholds: Mapping[str, float]) -> Mask:
        """signs: (differences, figures); those without a total are changes of places that were judged alone."""
        told = np.abs(np.tensordot(signs, self.changes, axes=1)).max(axis=2)
        is_whole = (np.abs(signs) @ self.is_whole) > 0
        return signs[:, totals].any(axis=1) & tells_of_few(told, is_whole, thresholds)


@dataclass(frozen=True)
class _Labels:
    """Which labels go together because what lies between them is safe to tell; `group` of each, 0 with what is never taken.

    Labels are in this order: outside (0), the nation's, of each group, of each place.
    """

    nation: int | None
    groups: list[int]
    places: list[int]
    figures: int
    group: Ints

    @classmethod
    def of(cls, changes: _Changes, totals: list[int], places: list[int], thresholds: Mapping[str, float]) -> "_Labels":
        nation = next((at for at in totals if changes.units[at] == NATION), None)
        groups = [at for at in totals if at != nation]
        # An agency has the label of its group, or else the nation's.
        agency = np.zeros(changes.changes.shape[1], np.int64)
        own = np.zeros_like(changes.changes[0])
        for label, at in enumerate([nation, *groups], 1):
            if at is not None:
                agency[changes.is_part[at]] = label
                own[changes.is_part[at]] = changes.changes[at, changes.is_part[at]]
        joined = list(range(2 + len(groups) + len(places)))
        if nation is None:
            joined[1] = 0
        in_totals = (agency > 0)[:, None]
        cells = [(0, in_totals * (own - changes.changes[places].sum(axis=0)))]
        cells += [(2 + len(groups) + number, changes.changes[at]) for number, at in enumerate(places)]
        is_whole = changes.is_whole[totals].any(axis=0)
        for other, cell in cells:
            moved = np.abs(cell).max(axis=1)
            for label in np.unique(agency):
                told = np.where(agency == label, moved, 0.0).reshape(1, -1)
                # What one or two agencies changed they take off any sum.
                if (told > 0).sum() > 2 and not tells_of_few(told, is_whole.reshape(1, -1), thresholds)[0]:
                    joined = _join(joined, int(label), other)
        _, group = np.unique([_root(joined, one) for one in range(len(joined))], return_inverse=True)
        return cls(nation, groups, places, len(changes.units), group.astype(np.int64))

    @property
    def free(self) -> int:
        return int(self.group.max())

    def differences(self) -> Iterator[Floats]:
        """All signs of figures, some at a time (differences, figures)."""
        for start in range(1, 1 << self.free, AT_ONCE):
            number = np.arange(start, min(start + AT_ONCE, 1 << self.free))
            chosen = (number[:, None] >> np.arange(self.free)) & 1
            label = np.column_stack([np.zeros(len(number)), chosen])[:, self.group]
            signs = np.zeros((len(number), self.figures))
            if self.nation is not None:
                signs[:, self.nation] = label[:, 1]
            signs[:, self.groups] = label[:, 2 : 2 + len(self.groups)] - label[:, 1:2] * (self.nation is not None)
            signs[:, self.places] = -label[:, 2 + len(self.groups) :]
            yield signs


def _units(rows: pd.DataFrame) -> list[Unit]:
    return list(zip(rows["unit_type"], rows["unit_id"], strict=True))


def _root(joined: list[int], one: int) -> int:
    while joined[one] != one:
        one = joined[one]
    return one


def _join(joined: list[int], one: int, other: int) -> list[int]:
    low, high = sorted((_root(joined, one), _root(joined, other)))
    return [low if at == high else root for at, root in enumerate(joined)]
