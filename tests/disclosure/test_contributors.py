"""What rests on few agencies is not for all readers: contributors by hand, and two readers who take their own shares off.

Belongs here: `methodology.contributors`, against counts worked out by hand and a search over all pairs of readers. Does not
belong here: editions (`test_readers.py`).
"""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from methodology.contributors import apart, revised, sharing

THRESHOLDS = {"minimum_contributors": 3.0, "dominance_margin": 25.0, "owner_n": 5.0}
KEY = ["unit_id"]


def shared(**counts: list[float]) -> dict[str, bool]:
    rows = [
        {"unit_id": unit, "contributor_id": f"a{number}", "n": n}
        for unit, parts in counts.items()
        for number, n in enumerate(parts)
    ]
    made = sharing(pd.DataFrame(rows), KEY, THRESHOLDS)
    return dict(zip(made["unit_id"], made["is_shared"], strict=True))


def test_four_contribute_or_one_is_known_to_two_others() -> None:
    # Three others beside each reader: of three contributors two take their own off and have the third.
    assert shared(one=[400], two=[90, 80], three=[50, 50, 50], four=[50, 50, 50, 50]) == {
        "one": False,
        "two": False,
        "three": False,
        "four": True,
    }


def test_the_second_largest_does_not_learn_the_largest() -> None:
    # Beside 1000 and 150 are 249: 24.9 % of the largest, too near at 25; 250 are enough.
    assert shared(near=[1000, 150, 149, 100], apart=[1000, 150, 150, 100]) == {"near": False, "apart": True}


def test_what_two_readers_do_not_know_leaves_room() -> None:
    # Others' counts lie between 0 and what the two largest leave: 9 narrow them, 10 (twice the owner's minimum) do not.
    assert shared(narrow=[20, 20, 5, 4], wide=[20, 20, 5, 5]) == {"narrow": False, "wide": True}


def test_who_contributes_nothing_is_no_contributor() -> None:
    assert shared(some=[50, 50, 50, 0]) == {"some": False}
    assert sharing(pd.DataFrame(columns=["unit_id", "contributor_id", "n"]), KEY, THRESHOLDS).empty


def test_an_agency_in_several_rows_is_one() -> None:
    rows = pd.DataFrame({"unit_id": "u", "contributor_id": ["a", "a", "b", "c"], "n": [50.0, 50.0, 60.0, 60.0]})
    assert not sharing(rows, KEY, THRESHOLDS)["is_shared"].any()


@pytest.mark.parametrize("seed", range(20))
def test_no_two_readers_come_near_a_third(seed: int) -> None:
    rng = np.random.default_rng(seed)
    worlds = {f"u{number}": np.floor(np.exp(rng.normal(3, 1.5, rng.integers(1, 9)))).tolist() for number in range(50)}
    for unit, is_shared in shared(**worlds).items():
        parts = [n for n in worlds[unit] if n > 0]
        if not is_shared:
            continue
        assert len(parts) >= 4
        for readers in combinations(range(len(parts)), 2):
            rest = sum(parts) - sum(parts[reader] for reader in readers)
            # Nothing but 0 <= each <= rest is known of the others.
            assert rest >= 2 * THRESHOLDS["owner_n"]
            assert len(parts) - 2 >= 2
        largest, second = sorted(parts)[-1], sorted(parts)[-2]
        assert sum(parts) - second >= 1.25 * largest


def figures(**counts: list[float]) -> dict[str, bool]:
    """Figures of one unit, each with what five agencies add to its base."""
    rows = [
        {"unit_id": "u", "figure": figure, "contributor_id": f"a{number}", "n": n}
        for figure, parts in counts.items()
        for number, n in enumerate(parts)
    ]
    made = apart(
        pd.DataFrame(rows), sharing(pd.DataFrame(rows), ["unit_id", "figure"], THRESHOLDS), ["unit_id"], THRESHOLDS
    )
    return dict(zip(made["figure"], made["is_shared"], strict=True))


def test_two_bases_that_differ_by_one_agency_tell_of_it() -> None:
    """Cases of one region: all figures but one had a base of 106, that one of 100, and six cases were one agency's."""
    assert figures(upheld=[20, 20, 20, 26, 20], reopened=[20, 20, 20, 26, 20], escalated=[20, 20, 20, 20, 20]) == {
        "upheld": True,
        "reopened": True,
        "escalated": False,
    }
    # Three differ: two of them work out the third's. Four do not.
    assert not all(figures(one=[20, 20, 20, 20, 20], other=[22, 23, 24, 20, 20]).values())
    assert all(figures(one=[20, 20, 20, 20, 20], other=[22, 23, 24, 25, 20]).values())


def still_shared(before: dict[str, list[float]], now: dict[str, list[float]]) -> dict[str, bool]:
    """Whether figures may be shown in a revision; each list holds the counts of agencies a0, a1 ..."""

    def rows(counts: dict[str, list[float]]) -> pd.DataFrame:
        found = [(unit, f"a{number}", n) for unit, parts in counts.items() for number, n in enumerate(parts) if n]
        return pd.DataFrame(found, columns=["unit_id", "contributor_id", "n"])

    made = sharing(rows(now), KEY, THRESHOLDS)
    assert made["is_shared"].all()
    made = revised(rows(now), rows(before).assign(version=1), made, KEY, THRESHOLDS)
    return dict(zip(made["unit_id"], made["is_shared"], strict=True))


def test_a_late_answer_is_not_what_two_revisions_differ_by() -> None:
    """Means and counts of both editions are known, so the sum over what came between is: of one answer it is that answer."""
    now = {"same": [50] * 5, "one": [51, 50, 50, 50, 50], "five": [55, 50, 50, 50, 50], "new": [50] * 5}
    before = {"same": [50] * 5, "one": [50] * 5, "five": [50] * 5, "gone": [50] * 5}
    assert still_shared(before, now) == {"same": True, "one": False, "five": True, "new": True}


def test_an_agency_takes_its_own_late_answers_off() -> None:
    before = {"two": [50] * 5, "three": [50] * 5, "small": [50] * 5, "left": [50] * 6, "moved": [50] * 5}
    now = {
        "two": [90, 54, 50, 50, 50],  # a0 has 40 of the 44 and learns of a1's four
        "three": [90, 70, 55, 50, 50],  # a0 and a1 together learn of five
        "small": [53, 53, 53, 50, 50],  # two of three learn of the last one's three
        "left": [50] * 5,  # a5 has withdrawn all of its answers
        "moved": [51, 49, 50, 50, 50],  # as many as before, and not the same
    }
    assert still_shared(before, now) == {"two": False, "three": True, "small": False, "left": False, "moved": False}


def test_an_agency_that_comes_late_is_not_what_two_editions_differ_by() -> None:
    """Of 50 answers that came between, all a5's, the mean is a5's score; with three others that come none is left alone."""
    before = {"alone": [50] * 5, "both": [50] * 5, "three": [50] * 5, "four": [50] * 5, "part": [50] * 5 + [5]}
    now = {
        "alone": [50] * 6,
        "both": [50] * 7,  # each takes its own off and has the other's score
        "three": [60, 60, 50, 50, 50, 50],  # two take their late answers off
        "four": [60, 60, 60, 50, 50, 50],
        "part": [50] * 6,  # a5 had five before, and of the others nobody knows a score
    }
    assert still_shared(before, now) == {"alone": False, "both": False, "three": False, "four": True, "part": True}


def test_what_was_taken_back_is_taken_off_the_edition_that_first_showed_it() -> None:
    """a0 delivers another file in between, and takes it back with one answer more: no two editions in a row differ by few."""

    def rows(edition: int, *counts: float) -> pd.DataFrame:
        found = [("u", f"a{number}", float(n), edition) for number, n in enumerate(counts)]
        return pd.DataFrame(found, columns=["unit_id", "contributor_id", "n", "version"])

    first, second = rows(1, 50, 50, 50, 50, 50), rows(2, 90, 50, 50, 50, 50)
    now = rows(3, 51, 50, 50, 50, 50).drop(columns="version")
    made = sharing(now, KEY, THRESHOLDS)
    for before, is_shared in ((second, True), (first, False), (pd.concat([first, second]), False)):
        assert revised(now, before, made, KEY, THRESHOLDS)["is_shared"].tolist() == [is_shared]


def corrected(before: list[float], now: list[float]) -> bool:
    """Whether a figure of five agencies with 50 answers each stays shown when the totals of their answers (0 to 1) move."""

    def rows(totals: list[float]) -> pd.DataFrame:
        table = [("u", f"a{number}", 50.0, total) for number, total in enumerate(totals)]
        return pd.DataFrame(table, columns=["unit_id", "contributor_id", "n", "total"])

    made = sharing(rows(now), KEY, THRESHOLDS)
    return bool(revised(rows(now), rows(before).assign(version=1), made, KEY, THRESHOLDS)["is_shared"].all())


def test_a_corrected_answer_is_no_less_told_than_a_late_one() -> None:
    """The counts are the same and the mean moves: by how much is the corrected answer less what it was."""
    same = [30.0, 30.0, 30.0, 30.0, 30.0]
    assert corrected(same, same)
    assert not corrected(same, [30.25, 30.0, 30.0, 30.0, 30.0])
    # An answer moves the total by one at most, so these are five answers at least.
    assert corrected(same, [25.0, 30.0, 30.0, 30.0, 30.0])
    # Two know their own corrections.
    assert not corrected(same, [25.0, 35.0, 31.0, 30.0, 30.0])
    # What was noted before sums were says nothing of corrections.
    assert corrected([float("nan")] * 5, same)


@pytest.mark.parametrize("seed", range(20))
def test_no_two_readers_learn_of_few_late_answers_and_nothing_else_is_withheld(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before = {f"u{number}": rng.integers(40, 60, 6).tolist() for number in range(50)}
    late = {unit: rng.integers(0, 9, 6) * (rng.random(6) < rng.random()) for unit in before}
    now = {
        unit: (np.array(parts) + late[unit] * rng.choice([1, 1, 1, -1], 6)).tolist() for unit, parts in before.items()
    }
    for unit, is_shared in still_shared(before, now).items():
        coalitions = [(), *combinations(range(6), 1), *combinations(range(6), 2)]
        left = [int(late[unit].sum() - sum(late[unit][list(members)])) for members in coalitions]
        assert is_shared == (not any(0 < answers < 5 for answers in left)), (late[unit], left)
