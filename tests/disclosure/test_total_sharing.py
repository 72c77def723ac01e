"""Totals of agencies beside the means of a class of peers, beside totals of other figures, and beside earlier editions.

Belongs here: `methodology.total_sharing`, on totals whose leaks are seen by eye. Does not belong here: the rules it calls
(`test_contributors.py`), regions (`test_total_attacks.py`), built editions (`test_attacks.py`).
"""

import pandas as pd

from methodology.contributors import TABLE, UNIT
from methodology.panels import MEAN, POOLED
from methodology.parameters import load_methodology
from methodology.total_sharing import withheld_totals

THRESHOLDS = load_methodology("2026.2").thresholds
METRICS = pd.DataFrame({"metric_id": ["m", "k"], "base": ["persons", "persons"]})
NOTHING = pd.DataFrame(columns=["metric_id", "instrument_id", "period_id"])


def members(n: list[float], metric: str = "m", total: float = 0.5) -> pd.DataFrame:
    """A group's total: agencies a0, a1 ... with n answers each, their sum a share of n."""
    rows = [
        ("peer_group", "g", metric, "i", "2025Q4", f"a{number:02}", count, total * count)
        for number, count in enumerate(n)
    ]
    table = pd.DataFrame(rows, columns=[*UNIT[:3], "instrument_id", "period_id", "contributor_id", "n", "total"])
    return table[table["n"] > 0].assign(squares=table["total"] / 2)


def readers(size: int, passed: int) -> pd.DataFrame:
    """Peers of whom the first `passed` pass the gate and are shown the mean of the others that do."""
    is_in = [number < passed for number in range(size)]
    return pd.DataFrame(
        {
            "agency_id": [f"a{number:02}" for number in range(size)], "metric_id": "m", "period_id": "2025Q4",
            "instrument_id": "i",
            "comparison_class": "c", "national_class": "n", "is_native": True, "in_group": is_in, "in_nation": False,
                    }
    )  # fmt: skip


def kinds(now: pd.DataFrame, before: pd.DataFrame | None = None, shown: pd.DataFrame = NOTHING) -> set[tuple[str, str]]:
    earlier = (now.head(0) if before is None else before).assign(version=1)
    made = withheld_totals(now, earlier, shown, now.head(0), metrics=METRICS, thresholds=THRESHOLDS)
    return set(made[["metric_id", "score_kind"]].itertuples(index=False, name=None))


def test_a_class_beside_its_group() -> None:
    """Who is shown the mean of seven peers of a group of nine has the ninth's score from the group's mean."""
    assert kinds(members([50] * 9), shown=readers(9, 8)) == {("m", MEAN)}
    # Two outside the class: one of them and one inside work together.
    assert kinds(members([50] * 10), shown=readers(10, 8)) == {("m", MEAN)}
    # All inside, or more outside than two readers know of.
    assert kinds(members([50] * 9), shown=readers(9, 9)) == set()
    assert kinds(members([50] * 12), shown=readers(12, 8)) == set()


def test_totals_of_two_figures_that_differ_by_one_agencys_answers() -> None:
    same = [50, 60, 70, 80, 90, 100]
    both = pd.concat([members(same), members([50, 60, 70, 80, 90, 97], "k")])
    # The n of a mean counts agencies: nothing is told by it.
    assert kinds(both) == {("k", POOLED)}
    assert kinds(pd.concat([members(same), members(same, "k")])) == set()
    assert kinds(pd.concat([members(same), members([49, 59, 69, 79, 90, 100], "k")])) == set()


def test_a_total_that_few_answers_moved() -> None:
    before = members([50] * 8)
    assert kinds(before, before) == set()
    assert kinds(members([51] + [50] * 7), before) == {("m", MEAN), ("m", POOLED)}
    assert kinds(members([56] + [50] * 7), before) == set()
    # The same counts, one answer corrected by half the scale.
    corrected = before.assign(total=before["total"] + 0.5 * (before["contributor_id"] == "a03"))
    assert kinds(corrected, before) == {("m", MEAN), ("m", POOLED)}


def nation(**groups: list[float]) -> pd.DataFrame:
    """The totals of groups and of all their agencies together."""
    parts = [
        members(n).assign(unit_id=name, contributor_id=lambda own, name=name: name + own["contributor_id"])
        for name, n in groups.items()
    ]
    return pd.concat([*parts, *(part.assign(unit_type="national", unit_id="all") for part in parts)], ignore_index=True)


def withheld(now: pd.DataFrame, before: pd.DataFrame) -> set[str]:
    made = withheld_totals(now, before.assign(version=1), NOTHING, now.head(0), metrics=METRICS, thresholds=THRESHOLDS)
    assert made.groupby("unit_id")["score_kind"].agg(set).map(lambda one: one == {MEAN, POOLED}).all()
    return set(made["unit_id"])


def test_the_nation_less_its_groups_in_two_editions() -> None:
    """Many answers moved two groups and one moved the third, whose total stays back: the nation's less theirs is that answer."""
    same, more = [50] * 8, [60] * 4 + [50] * 4
    before = nation(g=same, h=same, k=same)
    assert withheld(nation(g=more, h=more, k=more), before) == set()
    assert withheld(nation(g=more, h=more, k=[51] + [50] * 7), before) == {"k", "all"}
    assert withheld(nation(g=more, h=more, k=[56] + [50] * 7), before) == set()
    # Where nothing moved there is nothing to tell.
    assert withheld(nation(g=more, h=more, k=same), before) == set()
    # Two that stay back are told together only.
    few = [51, 51, 51, 50, 50, 50, 50, 50]
    assert withheld(nation(g=more, h=few, k=few), before) == {"h", "k", "all"}
    few = [52, 52, 52, 52, 50, 50, 50, 50]
    assert withheld(nation(g=more, h=few, k=few), before) == {"h", "k"}


def region(name: str, n: list[float]) -> pd.DataFrame:
    """What agencies a0, a1 ... of the nation add to a region."""
    return members(n).assign(unit_type="region", unit_id=name)


def beside_regions(
    now: list[pd.DataFrame], before: list[pd.DataFrame], *, kept: tuple[str, ...] = (), group: str = "g"
) -> set[tuple[str, str]]:
    """Totals withheld of a nation whose answers are all in `now` and `before`, of which `kept` are not shown now."""

    def whole(parts: list[pd.DataFrame]) -> pd.DataFrame:
        key = [*TABLE, "contributor_id"]
        added = pd.concat(parts).groupby(key)[["n", "total", "squares"]].sum().reset_index()
        nation = added.assign(unit_type="national", unit_id="all")
        return pd.concat([nation, added.assign(unit_type="peer_group", unit_id=group)], ignore_index=True)

    shown = pd.concat([part for part in now if part["unit_id"].iloc[0] not in kept])
    earlier = pd.concat([whole(before), *before]).assign(version=1)
    made = withheld_totals(whole(now), earlier, NOTHING, shown, metrics=METRICS, thresholds=THRESHOLDS)
    return set(made[["unit_id", "score_kind"]].itertuples(index=False, name=None))


def test_the_nation_less_its_regions_in_two_editions() -> None:
    """Many answers moved two regions and one moved the third, which stays back: the nation's less theirs is that answer."""
    same, more = [50] * 12, [60] * 6 + [50] * 6
    before = [region(name, same) for name in ("r1", "r2", "r3")]
    late = [region("r1", more), region("r2", [51] + [50] * 11), region("r3", same)]
    assert beside_regions(late, before, kept=("r2",)) == {("all", POOLED), ("g", POOLED)}
    assert beside_regions(late[:1] + before[1:], before, kept=("r2",)) == set()
    # Enough moved the one that stays back, though it stays back for another reason.
    many = [region("r1", more), region("r2", more), region("r3", same)]
    assert beside_regions(many, before, kept=("r2",)) == set()
    # Two stay back, and only both together are told: few answers still, then enough.
    both = [region("r1", more), *(region(name, [51, 51, 51] + [50] * 9) for name in ("r2", "r3"))]
    assert beside_regions(both, before, kept=("r2", "r3")) == {("all", POOLED), ("g", POOLED)}
    both = [region("r1", more), *(region(name, [52] * 6 + [50] * 6) for name in ("r2", "r3"))]
    assert beside_regions(both, before, kept=("r2", "r3")) == set()


def test_groups_less_regions_in_two_editions() -> None:
    """A region's answers are one group's but for one: the group's less the region's is that answer, turned round."""
    same, more = [50] * 16, [60] * 8 + [50] * 8

    def whole(own: list[float]) -> pd.DataFrame:
        groups = members(own).assign(unit_id=["g"] * 8 + ["h"] * 8)
        return pd.concat([groups, groups.assign(unit_type="national", unit_id="all")], ignore_index=True)

    def pooled(now: pd.DataFrame, there: pd.DataFrame, kinds: list[str]) -> set[str]:
        own = now[now["unit_type"].isin(kinds)].reset_index(drop=True)
        made = withheld_totals(own, before, NOTHING, there, metrics=METRICS, thresholds=THRESHOLDS)
        assert set(made["score_kind"]) <= {POOLED}
        return set(made["unit_id"])

    before = pd.concat([whole([100] * 16), region("r", same)]).assign(version=1)
    now = whole([110] * 8 + [101] + [108] * 7)
    told = region("r", [*more[:8], 51, *more[9:]])
    assert pooled(now, told, ["peer_group"]) == {"g"}
    # The nation's less the other group's is the same figure.
    assert len(pooled(now, told, ["peer_group", "national"])) == 2
    assert pooled(now, region("r", more), ["peer_group", "national"]) == set()


def test_an_agency_that_comes_late_leaves_the_total_as_it_was() -> None:
    before = members([50] * 8)
    assert kinds(members([50] * 9), before) == {("m", MEAN), ("m", POOLED)}
    assert kinds(members([50] * 12), before) == set()


def test_few_agencies_have_no_total_to_withhold() -> None:
    assert kinds(members([50] * 5), members([49] * 5)) == set()
    assert kinds(members([]).astype({"n": "float64"})) == set()
