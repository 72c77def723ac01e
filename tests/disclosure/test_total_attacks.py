"""Totals added up and taken off each other until few agencies are left: by hand, and against a search that shares no code.

Belongs here: `methodology.total_attacks`. Does not belong here: one figure by itself (`test_contributors.py`).
"""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import null_space

from methodology.contributors import UNIT
from methodology.total_attacks import resting_on_few, shared_beside_totals, telling

TABLE = {"metric_id": "m", "instrument_id": "i", "period_id": "2025Q4"}
NOWHERE = pd.DataFrame(columns=[*TABLE, "agency_id", "region", "journey", "n"])
NOTHING_BEFORE = pd.DataFrame(columns=[*UNIT, "contributor_id", "version", "n"])


THRESHOLDS = {
    "minimum_contributors": 3.0,
    "minimum_peers": 5.0,
    "minimum_n": 30.0,
    "owner_n": 5.0,
    "dominance_margin": 25.0,
}


def test_a_nation_less_its_regions_tells_of_who_is_elsewhere() -> None:
    # Five agencies in the region, the fifth of which has answers elsewhere too: the nation less the region is that one's.
    region, nation = [1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1]
    assert resting_on_few([region, nation], [0, 1, 2, 3, 4, 4], 3).tolist() == [True, True]
    # Four with answers elsewhere hide each other.
    region, nation = [1] * 5 + [0] * 4, [1] * 9
    assert not resting_on_few([region, nation], [0, 1, 2, 3, 4, 1, 2, 3, 4], 3).any()


def test_a_total_alone_and_totals_of_the_same() -> None:
    assert resting_on_few([[1, 1, 1]], [0, 1, 2], 3).all()
    assert not resting_on_few([[1, 1, 1, 1]], [0, 1, 2, 3], 3).any()
    # Two names of one sum, whose difference rests on nobody.
    assert not resting_on_few([[1, 1, 1, 1], [1, 1, 1, 1]], [0, 1, 2, 3], 3).any()
    assert not resting_on_few(np.zeros((0, 4)), [0, 1, 2, 3], 3).any()


def searched(rows: np.ndarray, owner: np.ndarray, few: int) -> bool:
    """Whether some combination that is not 0 vanishes for all but `few` agencies: a null space for each set of them."""
    agencies = np.unique(owner)
    for some in combinations(agencies, min(few, agencies.size)):
        outside = rows[:, ~np.isin(owner, some)]
        free = null_space(outside.T) if outside.size else np.eye(len(rows))
        if free.size and np.abs(free.T @ rows).max() > 1e-7:
            return True
    return False


@pytest.mark.parametrize("seed", range(60))
def test_it_finds_what_a_search_over_all_sets_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    agencies, places = int(rng.integers(4, 8)), int(rng.integers(2, 5))
    owner = np.repeat(np.arange(agencies), places)
    place = np.tile(np.arange(places), agencies)
    there = rng.random(owner.size) < 0.7
    owner, place = owner[there], place[there]
    rows = [place == one for one in range(places - 1)]
    rows += [np.isin(owner, rng.choice(agencies, size=agencies - 1, replace=False)), np.ones(owner.size, bool)]
    table = np.array([row for row in rows if np.any(row)], float)
    assert bool(resting_on_few(table, owner, 3).any()) == searched(table, owner, 3)


def frames(n: dict[str, dict[str, float]], shared: list[str]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """A nation's total over agencies with these counts by region, and the counts in the shared regions."""
    total = pd.DataFrame(
        [{"unit_type": "national", "unit_id": "all", **TABLE, "score_kind": "pooled", "status": "reported"}]
    )
    members = pd.DataFrame(
        [
            {
                "panel_type": "national",
                "panel_id": "all",
                "unit_id": agency,
                **TABLE,
                "score_kind": "pooled",
                "n": sum(own.values()),
            }
            for agency, own in n.items()
        ]
    )
    located = [
        {"unit_type": "region", **TABLE, "place": region, "agency_id": agency, "n": count}
        for agency, own in n.items()
        for region, count in own.items()
        if region in shared
    ]
    return total, members, pd.DataFrame(located, columns=["unit_type", *TABLE, "place", "agency_id", "n"])


def test_the_nation_is_withheld_where_a_hidden_region_would_be_told() -> None:
    """Region t rests on one agency and only the centre reads it: the nation less region r would be t to the last answer."""
    n = {f"a{number}": {"r": 50.0} for number in range(7)}
    n["a6"]["t"] = 40.0
    assert telling(*frames(n, ["r"]), few=3).tolist() == [True]
    for number in range(4):
        n[f"a{number}"]["t"] = 40.0
    assert telling(*frames(n, ["r"]), few=3).tolist() == [False]
    assert telling(*frames(n, []), few=3).tolist() == [False]


def test_one_region_less_saves_the_total() -> None:
    """Seven agencies work in r, five of them in the small s, three beyond: the nation less r and s is those three.

    Without s it is five; without r, too, but r is the larger.
    """
    places = {f"a{number}": {"r": 100.0} for number in range(7)}
    for number in range(5):
        places[f"a{number}"]["s"] = 30.0
    for number in range(3):
        places[f"a{number}"][f"far{number}"] = 40.0
    rows = [
        {"unit_type": "region", "unit_id": region, **TABLE, "contributor_id": agency, "n": n}
        for agency, own in places.items()
        for region, n in own.items()
    ]
    counts = pd.DataFrame(
        [
            {"unit_id": agency, **TABLE, "n": sum(own.values()), "respondents": sum(own.values())}
            for agency, own in places.items()
        ]
    )
    agencies = pd.DataFrame({"agency_id": list(places), "peer_group": "g"})
    made = shared_beside_totals(
        pd.DataFrame(rows), NOTHING_BEFORE, counts, NOTHING_BEFORE, NOWHERE, agencies=agencies, thresholds=THRESHOLDS
    )
    shared = dict(zip(made["unit_id"], made["is_shared"], strict=True))
    assert shared == {"r": True, "s": False, "far0": False, "far1": False, "far2": False}
    # Where nobody works elsewhere both are shared.
    near = [row for row in rows if not row["unit_id"].startswith("far")]
    counts["n"] = counts["respondents"] = [
        sum(row["n"] for row in near if row["contributor_id"] == one) for one in places
    ]
    made = shared_beside_totals(
        pd.DataFrame(near), NOTHING_BEFORE, counts, NOTHING_BEFORE, NOWHERE, agencies=agencies, thresholds=THRESHOLDS
    )
    assert made["is_shared"].all()


def test_two_large_agencies_do_not_hide_a_third() -> None:
    """The weights of a and b alone reach 1, and the sum that tells is a's, b's and c's: 60 seeds of small worlds missed it."""
    regions = [f"r{number}" for number in range(13)]
    cells = [(agency, region) for agency in ("a", "b") for region in regions]
    cells += [(agency, "elsewhere") for agency in ("a", "b", "c")] + [("c", "r0")]
    for number in range(13):
        cells += [(f"s{number:02d}", regions[number]), (f"s{number:02d}", regions[(number + 1) % 13])]
    names = sorted({agency for agency, _ in cells})
    owner = np.array([names.index(agency) for agency, _ in cells])
    place = np.array([region for _, region in cells])
    first = np.isin(
        owner, [names.index(name) for name in names if name in "ac" or (name[1:].isdigit() and int(name[1:]) % 2)]
    )
    rows = np.array([*(place == region for region in regions), np.ones(len(cells), bool), first, ~first], float)
    assert searched(rows, owner, 3)
    # The nation less all regions; the groups, which differ in more, take no part.
    assert resting_on_few(rows, owner, 3).tolist()[:14] == [True] * 14


@pytest.mark.parametrize("seed", range(20))
def test_it_finds_each_total_that_a_search_finds_in_larger_worlds(seed: int) -> None:
    """By total, not only whether there is one: a total tells if the rest of them tells less without it."""
    rng = np.random.default_rng(1000 + seed)
    agencies = int(rng.integers(10, 15))
    share = np.where(rng.random(agencies) < 0.2, 0.9, 0.15)
    there = rng.random((agencies, 7)) < share[:, None]
    owner, place = np.nonzero(there)
    rows = [place == one for one in range(6) if len(np.unique(owner[place == one])) > 3]
    table = np.array([*rows, np.ones(owner.size, bool)], float)
    found = resting_on_few(table, owner, 3)
    for some in combinations(range(agencies), 3):
        free = null_space(table[:, ~np.isin(owner, some)].T)
        told = free.T @ table
        for combination, vector in zip(free.T, told, strict=True):
            if np.abs(vector).max() > 1e-7:
                # Parts of it that cancel belong to no telling sum; what is left of it must have been found.
                assert found[np.abs(combination) > 1e-7].any()
    assert bool(found.any()) == searched(table, owner, 3)


def located(rows: list[tuple[str, str, str, float]]) -> pd.DataFrame:
    """What agencies contribute: unit_type, unit_id, agency and n."""
    table = [
        {"unit_type": kind, "unit_id": unit, **TABLE, "contributor_id": agency, "n": n}
        for kind, unit, agency, n in rows
    ]
    return pd.DataFrame(table)


def decided(
    rows: list[tuple[str, str, str, float]], crossed: dict[str, float], weights: pd.DataFrame = NOTHING_BEFORE
) -> set[str]:
    """The places that are shared where no agency is in a total; crossed: answers of each in region r and journey j."""
    pairs = [{**TABLE, "agency_id": agency, "region": "r", "journey": "j", "n": n} for agency, n in crossed.items()]
    made = shared_beside_totals(
        located(rows), NOTHING_BEFORE, pd.DataFrame(columns=["unit_id", *TABLE, "n", "respondents"]), weights,
        pd.DataFrame(pairs, columns=list(NOWHERE)), thresholds=THRESHOLDS,
        agencies=pd.DataFrame(columns=["agency_id", "peer_group"]),
    )  # fmt: skip
    return set(made.loc[made["is_shared"], "unit_id"])


def test_a_journey_less_its_region_tells_of_who_is_elsewhere() -> None:
    """Six agencies in region r, whose answers are all of journey j; one has answers of j elsewhere: j less r is that one's."""
    agencies = [f"a{number}" for number in range(6)]
    region = [("region", "r", agency, 50.0) for agency in agencies]
    same = [("journey", "j", agency, 50.0) for agency in agencies]
    more = [("journey", "j", agency, 50.0 + 40 * (agency == "a5")) for agency in agencies]
    inside = dict.fromkeys(agencies, 50.0)
    # Two names of one sum; no overlap at all; and the one that tells, of which the smaller is taken out.
    assert decided(region + same, inside) == {"r", "j"}
    assert decided(region + more, {}) == {"r", "j"}
    assert decided(region + more, inside) == {"j"}
    # Four agencies elsewhere hide each other.
    spread = [("journey", "j", agency, 50.0 + 40 * (agency > "a1")) for agency in agencies]
    assert decided(region + spread, inside) == {"r", "j"}


def test_who_dominates_by_the_frame_is_no_less_told() -> None:
    """Five agencies answer alike, and one has nearly all transactions: the weighted mean of the region is its score."""
    rows = [("region", "r", f"a{number}", 50.0) for number in range(5)]
    weights = located(rows)
    assert decided(rows, {}, weights) == {"r"}
    # 1000 against 100 that the second largest takes off: what is left, 249, is under a quarter.
    weights["n"] = [1000.0, 100.0, 83.0, 83.0, 83.0]
    assert decided(rows, {}, weights) == set()
    weights["n"] = [1000.0, 100.0, 84.0, 83.0, 83.0]
    assert decided(rows, {}, weights) == {"r"}
