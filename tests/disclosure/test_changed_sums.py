"""Changes of totals, places and groups that tell of one answer together: worlds that an adversary found, by hand.

Belongs here: `methodology.changed_sums` where versions are out of step, answers move, and figures stay as they were. Does not
belong here: totals beside regions in two editions (`test_total_sharing`), drawn worlds (`test_attacks`).
"""

import numpy as np
import pandas as pd

from methodology.arrays import Floats
from methodology.changed_sums import differing
from methodology.contributors import TABLE, UNIT
from methodology.parameters import load_methodology

THRESHOLDS = load_methodology("2026.2").thresholds
AGENCIES = [f"a{number:02}" for number in range(12)]


def figure(kind: str, unit: str, n: Floats) -> pd.DataFrame:
    rows = pd.DataFrame(
        {"unit_type": kind, "unit_id": unit, **dict.fromkeys(TABLE, "x"), "contributor_id": AGENCIES, "n": n}
    )
    return rows.assign(total=n / 2, squares=n / 3)


def totals(cells: Floats) -> pd.DataFrame:
    """The nation of 12 agencies, which are one group, from their answers in regions (agencies, regions)."""
    n = cells.sum(axis=1)
    return pd.concat([figure("national", "all", n), figure("peer_group", "g", n)], ignore_index=True)


def regions(cells: Floats, shown: list[int]) -> pd.DataFrame:
    return pd.concat([figure("region", f"r{one}", cells[:, one]) for one in shown], ignore_index=True)


def held(now: pd.DataFrame, places: pd.DataFrame, before: list[pd.DataFrame], *, places_too: bool = True) -> set[str]:
    """The units that stay back; `before` in versions from 1."""
    then = pd.concat([rows.assign(version=number) for number, rows in enumerate(before, 1)])
    made = differing(now, places, then, THRESHOLDS, held=places_too)
    assert list(made.columns) == UNIT
    return set(made["unit_id"])


FIRST = np.full((12, 3), 50.0)


def changed(*more: tuple[slice | int, int, float]) -> Floats:
    cells = FIRST.copy()
    for agencies, region, answers in more:
        cells[agencies, region] += answers
    return cells


def test_a_region_that_was_held_back_in_the_middle() -> None:
    """The nation's change from the first to the second edition less the region's from the first to the third is one answer."""
    second = changed((slice(6), 0, 10), (7, 1, 1))
    third = changed((slice(6), 0, 10), (7, 1, 1), (slice(4, 10), 1, 10))
    before = [pd.concat([totals(FIRST), regions(FIRST, [0, 1, 2])]), totals(second)]
    assert "r0" in held(totals(third), regions(third, [0, 1, 2]), before)
    # Had the second edition shown it, it were nothing new.
    before[1] = pd.concat([totals(second), regions(second, [0])])
    assert "r0" not in held(totals(third), regions(third, [0, 1, 2]), before)


def test_answers_that_move_from_region_to_region() -> None:
    """Six agencies moved ten answers from r1 to r0 and gained ten in r2: the nation's change less r2's is one of another."""
    now = changed((slice(6), 0, 10), (slice(6), 1, -10), (slice(6), 2, 10), (7, 0, 1))
    before = [pd.concat([totals(FIRST), regions(FIRST, [0, 1, 2])])]
    assert "r2" in held(totals(now), regions(now, [0, 1, 2]), before)
    assert held(totals(now), regions(now, [0, 1, 2]), before, places_too=False) == {"all", "g"}
    # Two regions together tell of it without any total.
    assert held(totals(now).head(0), regions(now, [0, 1]), before) & {"r0", "r1"}


def test_figures_that_stay_as_they_were_keep_nobody_back() -> None:
    """Twenty regions are too many to try, but only what changed is."""
    first = np.full((12, 21), 50.0)
    now = first.copy()
    now[:, 0] += 10
    before = [pd.concat([totals(first), regions(first, list(range(1, 21)))])]
    assert held(totals(now), regions(now, list(range(1, 21))), before) == set()


def test_sums_that_nobody_noted_hide_no_answer() -> None:
    now = changed((slice(6), 0, 10), (7, 1, 1))
    first = [totals(FIRST).assign(total=np.nan, squares=np.nan), regions(FIRST, [0, 2])]
    assert "r0" in held(totals(now), regions(now, [0, 2]), [pd.concat(first)])


def test_a_region_that_is_shown_for_the_first_time() -> None:
    """What it was before is the nation less the other regions: its new count less that is one answer."""
    now = changed((3, 2, 1))
    before = [pd.concat([totals(FIRST), regions(FIRST, [0, 1])])]
    assert held(totals(FIRST).head(0), regions(now, [0, 1, 2]), before) == {"r2"}
    # Where some have answers outside all regions nobody knows what it was.
    outside = [pd.concat([totals(FIRST + 3), regions(FIRST, [0, 1])])]
    assert held(totals(FIRST).head(0), regions(now, [0, 1, 2]), outside) == set()
