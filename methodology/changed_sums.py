"""Totals of agencies less regions, journeys and groups, each shown in two editions: what their differences tell together.

Belongs here: the search for such differences, and which figures are withheld for them. Does not belong here: a figure less itself
before (`contributors.revised`), sums of one edition (`total_attacks`).

Of whoever reads two editions the change of each figure is known: of totals t, which add up agencies wherever they are, and of
places p, which add up all agencies. With labels x of agencies (one for each group that has a total, one for the nation's others,
0 outside the totals) and y of places, each 0 or 1, the difference of changes adds up x_a - y_p over cells of agency and place:
the label 1 takes a total's, and takes a place's off. Places of one kind, and the groups, do not overlap, so all that rest on
fewest cells are of this form. It must not tell of few (`contributors.tells_of_few`). Of figures in several versions each step of
a place is a place of its own, beside the totals between any two of their versions.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from itertools import combinations, pairwise
from math import prod

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.arrays import Floats
from methodology.contributors import KINDS, ROUNDING, TABLE, UNIT, tells_of_few
from methodology.figure_versions import Unit, Versions, added, versions

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
TOTALS = ("national", "peer_group")
NATION: Unit = ("national", "all")
NOW = 1_000_000  # the version that is about to be shown, after all others
# Labels are tried in all ways up to 2^16, a second's work; of more the smallest figures stay back until so many are left.
MOST = 1 << 16
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
    totals, then, there = (dict(iter(rows.groupby(TABLE, sort=True))) for rows in (members, before, places))
    gone: list[tuple[object, ...]] = []
    for table in sorted({*totals, *there} & set(then)):
        now = pd.concat([totals.get(table, members.head(0)), there.get(table, places.head(0))]).assign(version=NOW)
        left = set(_units(now))
        figures = versions(pd.concat([then[table], now], ignore_index=True))
        for kind in KINDS:
            if held:
                known = _known_before(figures, kind, thresholds)
                left -= known
                gone += [(*unit, *table) for unit in sorted(known)]
            for changes in _pairs(figures, kind):
                told = changes.withheld(left, thresholds, held=held)
                left -= told
                gone += [(*unit, *table) for unit in sorted(told)]
    return pd.DataFrame(gone, columns=UNIT)


def _known_before(figures: Versions, kind: str, thresholds: Mapping[str, float]) -> set[Unit]:
    """Places shown for the first time that, less what a total less all other places was before, tell of few."""
    places = {unit: known for unit, known in figures.items() if unit[0] == kind}
    fresh = {unit: known[NOW][0] for unit, known in places.items() if set(known) == {NOW}}
    if not fresh:
        return set()
    last = [known[max(set(known) - {NOW})][0] for unit, known in places.items() if unit not in fresh]
    told = set[Unit]()
    for unit, known in figures.items():
        for total in (part for version, (part, _) in known.items() if version != NOW and unit[0] in TOTALS):
            rest = reduce(partial(added, sign=-1.0), last, total)
            every = [{one} for one in fresh] + [set(fresh)] * (len(fresh) > 1)
            for units in every:
                change = reduce(added, (fresh[one] for one in units), -rest)
                moved = np.nan_to_num(np.abs(change)).max(axis=1)[None]
                if tells_of_few(moved, np.zeros_like(moved, bool), thresholds)[0]:
                    told |= units
    return told


def _pairs(figures: Versions, kind: str) -> Iterator["_Changes"]:
    """The changes of totals between two versions, each beside all steps of places of a kind from one version to the next."""
    totals = {unit: known for unit, known in figures.items() if unit[0] not in KINDS}
    places = {unit: known for unit, known in figures.items() if unit[0] == kind}
    steps = [(unit, *step) for unit, known in places.items() for step in pairwise(sorted(known))]
    # A number says which version of a figure it is, not of which edition: of one step each, all are between the same two.
    known_twice = [known for known in (*totals.values(), *places.values()) if len(known) > 1]
    is_one_step = all(len(known) == 2 and NOW in known for known in known_twice)
    for start, end in combinations(sorted({NOW}.union(*totals.values())), 2):
        spans = [
            (unit, max(one for one in known if one <= start), max(one for one in known if one <= end))
            for unit, known in totals.items()
            if min(known) <= start
        ]
        yield _Changes.of(figures, [*spans, *steps], is_one_step=is_one_step)


_NOBODY = np.zeros((0, 0), bool)
_NOTHING = (np.zeros((0, 0, 0)), _NOBODY, _NOBODY, np.zeros(0, bool))


@dataclass(frozen=True)
class _Changes:
    """Figures of one table in two versions: how each agency's part changed (figures, agencies, amounts that all have noted).

    is_whole: (figures, agencies), whether the agency came or went; is_part: whether it is or was in the figure; is_now: whether
    the change is to what comes now; is_one_step: whether all changed between the same two editions.
    """

    units: list[Unit]
    changes: Floats
    is_whole: Mask
    is_part: Mask
    is_now: Mask
    is_one_step: bool

    @classmethod
    def of(cls, figures: Versions, spans: list[tuple[Unit, int, int]], *, is_one_step: bool) -> "_Changes":
        """The changes of each figure from one version to another."""
        if not spans:
            return cls([], *_NOTHING, is_one_step)
        sides = [[figures[unit][span[side]] for unit, *span in spans] for side in (0, 1)]
        is_there: Mask = np.array([[there for _, there in parts] for parts in sides])
        used = is_there.any(axis=(0, 1))
        is_there = is_there[:, :, used]
        amounts = np.array([[part[used] for part, _ in parts] for parts in sides])
        amounts[~is_there] = 0.0
        changes = amounts[1] - amounts[0]
        noted = changes[:, :, ~np.isnan(changes).any(axis=(0, 1))]
        moved = (np.abs(noted) > ROUNDING).any(axis=(1, 2))
        is_whole: Mask = np.logical_xor.reduce(is_there, axis=0)
        is_part: Mask = np.logical_or.reduce(is_there, axis=0)
        is_now = np.array([end == NOW for _, _, end in spans], bool)
        units = [unit for (unit, *_), has_moved in zip(spans, moved, strict=True) if has_moved]
        return cls(units, noted[moved], is_whole[moved], is_part[moved], is_now[moved], is_one_step)

    def withheld(self, shown: set[Unit], thresholds: Mapping[str, float], *, held: bool) -> set[Unit]:
        """Of the figures shown now those to withhold until no difference tells of few; places too where they can be `held`."""
        left = [at for at, unit in enumerate(self.units) if unit in shown or not self.is_now[at]]
        asked = [at for at in left if self.is_now[at] and (held or self.units[at][0] not in KINDS)]
        order = {at: (self.units[at][0] not in KINDS, int(self.is_part[at].sum()), self.units[at]) for at in asked}
        gone = set[int]()
        while asked and (labels := self._labels(left, thresholds)).count > MOST:
            smallest = min(asked, key=order.__getitem__)
            gone.add(smallest)
            left.remove(smallest)
            asked.remove(smallest)
        if not asked:
            return {self.units[at] for at in gone}
        tells = np.vstack([self._telling(labels, signs, thresholds) for signs in labels.differences()])
        while tells[:, asked].any():
            often = tells.sum(axis=0)
            chosen = min(asked, key=lambda at: (-often[at], order[at]))
            gone.add(chosen)
            tells = tells[~tells[:, chosen]]
        return {self.units[at] for at in gone}

    def _labels(self, shown: list[int], thresholds: Mapping[str, float]) -> "_Labels":
        """Labels that go together only where all changed between the same two editions, unless there are too many without."""
        apart = _Labels.of(self, shown, thresholds, is_joined=self.is_one_step)
        return apart if apart.count <= MOST else _Labels.of(self, shown, thresholds, is_joined=True)

    def _telling(self, labels: "_Labels", signs: Floats, thresholds: Mapping[str, float]) -> Mask:
        """Which figures take part in each difference that tells (differences, figures); signs: the same of all differences."""
        told = np.abs(np.tensordot(signs, self.changes, axes=1)).max(axis=2, initial=0.0)
        is_whole = (np.abs(signs) @ self.is_whole) > 0
        part: Mask = signs != 0
        # A place was judged alone, and of several no answer is taken off another unless some went from place to place.
        is_new = part[:, labels.totals].any(axis=1) | (labels.is_mixed & (part.sum(axis=1) > 1))
        is_told: Mask = is_new & tells_of_few(told, is_whole, thresholds)
        return part[is_told]


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
    is_mixed: bool  # whether answers went from place to place

    @classmethod
    def of(cls, changes: _Changes, shown: list[int], thresholds: Mapping[str, float], *, is_joined: bool) -> "_Labels":
        places = [at for at in shown if changes.units[at][0] in KINDS]
        totals = [at for at in shown if at not in places]
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
        every = np.stack([cell for _, cell in cells])
        # What an agency has more of in one place and less in another it may take off itself, and so may one with two groups.
        has_more, has_less = (every > ROUNDING).max(axis=0), (every < -ROUNDING).max(axis=0)
        is_mixed = (has_more & has_less).max(axis=1) | (changes.is_part[groups].sum(axis=0) > 1)
        for other, cell in cells if is_joined else []:
            moved = np.abs(cell).max(axis=1, initial=0.0) * ~is_mixed
            for label in np.unique(agency):
                told = np.where(agency == label, moved, 0.0).reshape(1, -1)
                # What one or two agencies changed they take off any sum.
                if (told > ROUNDING).sum() > 2 and not tells_of_few(told, is_whole.reshape(1, -1), thresholds)[0]:
                    joined = _join(joined, int(label), other)
        _, group = np.unique([_root(joined, one) for one in range(len(joined))], return_inverse=True)
        return cls(nation, groups, places, len(changes.units), group.astype(np.int64), bool(is_mixed.any()))

    @property
    def totals(self) -> list[int]:
        return self.groups if self.nation is None else [*self.groups, self.nation]

    @property
    def choices(self) -> list[int]:
        """Of the labels that go together, from the second on, how many there are: places are added, too, where answers moved."""
        agencies = set(self.group[: 2 + len(self.groups)].tolist())
        return [2 if one in agencies or not self.is_mixed else 3 for one in range(1, int(self.group.max()) + 1)]

    @property
    def count(self) -> int:
        """How many differences there are."""
        return prod(self.choices)

    def differences(self) -> Iterator[Floats]:
        """All signs of figures, some at a time (differences, figures)."""
        for start in range(0, self.count, AT_ONCE):
            number = np.arange(start, min(start + AT_ONCE, self.count))
            chosen = [np.zeros(len(number))]
            for choices in self.choices:
                number, digit = np.divmod(number, choices)
                chosen.append(np.where(digit == 2, -1.0, digit))
            label = np.column_stack(chosen)[:, self.group]
            signs = np.zeros((len(label), self.figures))
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
