"""Totals: the mean of agencies and the pooled figure beside it, on worlds small enough to work out by hand.

Belongs here: which agencies make a total, with which weights, and what its change consists of. Does not belong here: changes of
single scores (`test_trends`), the decomposition's formula (`tests/methodology/test_change`).
"""

import pandas as pd
import pytest

from tests.dbt.trend_tables import PARAMETERS, kinds_of, trends_of

BEFORE, AFTER = "2024Q1", "2025Q1"


def score_rows(rows: list[tuple[str, str, float, float, float | None]]) -> pd.DataFrame:
    """Reported scores of agencies from (agency, period, n, score, standard error)."""
    return pd.DataFrame(
        [
            {
                "score_id": f"{agency}/{period}",
                "unit_type": "agency",
                "unit_id": agency,
                "agency_id": agency,
                "metric_id": "in_time",
                "instrument_id": "administrative",
                "period_id": period,
                "status": "reported",
                "status_reason": None,
                "score": score,
                "standard_error": error,
                "n": n,
                "n_effective": n,
                "ci_low": None,
                "ci_high": None,
                "series_id": BEFORE,
                "weighting": "not_applicable",
                "adjustments": "",
                "slice_ids": f"{agency}-{period}",
            }
            for agency, period, n, score, error in rows
        ]
    ).astype({"status_reason": "str", "ci_low": "float64", "ci_high": "float64"})


def many_rise_one_falls() -> pd.DataFrame:
    """Thirty agencies' requests answered in time, as in New Zealand: 29 small ones rise, the large one falls.

    Before: 87,000 requests at 98.6 % and 29 x 2,000 at 92.6 %. A year later: 68,875 at 76.3 % and 29 x 2,000 at 97.3 %.
    """
    small = [f"small{number:02}" for number in range(29)]
    return score_rows(
        [
            ("large", BEFORE, 87_000, 98.6, 0.05),
            ("large", AFTER, 68_875, 76.3, 0.1),
            *((agency, BEFORE, 2_000, 92.6, 0.5) for agency in small),
            *((agency, AFTER, 2_000, 97.3, 0.5) for agency in small),
        ]
    )


def test_the_mean_of_agencies_rises_while_all_requests_fall() -> None:
    """By hand: (98.6 + 29 x 92.6) / 30 = 92.8 and (76.3 + 29 x 97.3) / 30 = 96.6; of all requests
    .6 x 98.6 + .4 x 92.6 = 96.2 and (68,875 x 76.3 + 58,000 x 97.3) / 126,875 = 85.9.
    """
    made = trends_of(many_rise_one_falls()).loc[("national", "all", "in_time", AFTER)].set_index("score_kind")
    assert made.loc["mean_of_agencies", ["score", "year_change"]].tolist() == pytest.approx([96.6, 3.8])
    assert made.loc["pooled", ["score", "year_change"]].tolist() == pytest.approx([85.9, -10.3])


def members_come_and_go(before: str) -> pd.DataFrame:
    """Three agencies stay, x leaves, e enters; errors of 1 before and 2 after."""
    return score_rows(
        [
            *((name, before, n, score, 1.0) for name, n, score in [("a", 100, 50), ("b", 100, 60), ("c", 200, 70)]),
            ("x", before, 100, 40, 1.0),
            *((name, AFTER, n, score, 2.0) for name, n, score in [("a", 100, 60), ("b", 200, 60), ("c", 200, 80)]),
            ("e", AFTER, 500, 90, 2.0),
        ]
    )


def national(made: pd.DataFrame, score_kind: str, period: str = AFTER) -> "pd.Series[float]":
    rows = made.reset_index()
    rows = rows[(rows["unit_type"] == "national") & (rows["period_id"] == period) & (rows["score_kind"] == score_kind)]
    (row,) = [row for _, row in rows.iterrows()]
    return row


PARTS = ["panel_change", "continuing_effect", "entrants_effect", "panel_count"]


@pytest.mark.parametrize(("span", "before"), [("", "2024Q4"), ("year_", BEFORE)])
def test_staying_entering_and_leaving_agencies_are_told_apart(span: str, before: str) -> None:
    """By hand, means: (50 + 60 + 70 + 40) / 4 = 55 to (60 + 60 + 80 + 90) / 4 = 72.5; those that stay 60 to 200/3, e is a fourth
    and 70/3 above them, x was a fourth and 20 below. Pooled: 29,000 / 500 = 58 to 79,000 / 1,000 = 79; those that stay
    25,000 / 400 = 62.5 to 34,000 / 500 = 68, e is half and 22 above, x was a fifth and 22.5 below: 21 = 5.5 + 11 + 4.5.
    """
    made = trends_of(members_come_and_go(before))
    mean, pooled = (national(made, score_kind) for score_kind in ("mean_of_agencies", "pooled"))
    columns = [f"{span}{part}" for part in PARTS]
    assert mean[columns].tolist() == pytest.approx([17.5, 20 / 3, 70 / 12, 3])
    assert pooled[columns].tolist() == pytest.approx([21, 5.5, 11, 3])
    assert (mean[f"{span}change"], pooled[f"{span}change"]) == pytest.approx((17.5, 21))
    other = "year_" if not span else ""
    assert mean[[f"{other}{part}" for part in PARTS]].isna().all()
    # (1 + 1 + 4) / 16 before, 4 (1 + 4 + 4) / 25 after: the error of the change of those that stayed is the root of 1.815.
    half = 1.959963984540054 * 1.815**0.5
    limits = pooled[[f"{span}continuing_low", f"{span}continuing_high"]].tolist()
    assert limits == pytest.approx([5.5 - half, 5.5 + half])


def test_a_pooled_figure_has_the_error_and_base_of_all() -> None:
    """4 (100^2 + 200^2 + 200^2 + 500^2) / 1,000^2 = 1.36; a mean of four errors of 2 has 16 / 16 = 1."""
    made = trends_of(members_come_and_go(BEFORE))
    pooled, mean = (national(made, score_kind) for score_kind in ("pooled", "mean_of_agencies"))
    half = 1.959963984540054 * 1.36**0.5
    figures = ["score", "ci_low", "ci_high", "n", "n_effective"]
    assert pooled[figures].tolist() == pytest.approx([79, 79 - half, 79 + half, 1000, 1000])
    assert mean[figures].tolist() == pytest.approx([72.5, 72.5 - 1.959963984540054, 72.5 + 1.959963984540054, 4, 4])
    assert pooled["pooled_by"] == "n" and pd.isna(mean["pooled_by"])


def frames(populations: dict[str, float], *periods: str) -> pd.DataFrame:
    keys = {"unit_type": "agency", "metric_id": "in_time", "instrument_id": "administrative"}
    return pd.DataFrame(
        [
            {**keys, "unit_id": name, "period_id": period, "weight_sum": size}
            for period in periods
            for name, size in populations.items()
        ]
    )


def test_weighted_scores_are_pooled_by_the_population_they_stand_for() -> None:
    """Equal samples of unequal populations: (10 x 60 + 20 x 60 + 30 x 80 + 20 x 90) / 80 = 75, not the mean of samples."""
    scores = members_come_and_go(BEFORE)
    scores["n"] = scores["n_effective"] = 400.0
    sizes = {"a": 10_000.0, "b": 20_000.0, "c": 30_000.0, "e": 20_000.0}
    pooled = national(trends_of(scores, int_scores__weighted=frames(sizes, AFTER)), "pooled")
    assert (pooled["score"], pooled["n"], pooled["pooled_by"]) == (pytest.approx(75), 1600, "population")
    # A year before answers were counted, and answers and people are no change of each other.
    assert pooled["year_change_reason"] == "frame_differs" and pd.isna(pooled["year_change"])
    assert pd.isna(pooled["year_panel_change"])
    assert national(trends_of(scores), "pooled")["score"] == pytest.approx((60 + 60 + 80 + 90) / 4)


def test_one_score_without_a_frame_has_all_counted_by_answers() -> None:
    sizes = {"a": 10_000.0, "b": 20_000.0, "c": 30_000.0}
    pooled = national(trends_of(members_come_and_go(BEFORE), int_scores__weighted=frames(sizes, AFTER)), "pooled")
    assert (pooled["score"], pooled["pooled_by"]) == (pytest.approx(79), "n")


def test_a_total_that_is_nearly_one_agency_is_withheld() -> None:
    """The two of 1,000 and 300 leave 200, a fifth of the largest: the second would know the largest within a few points."""
    rows = [
        ("a", AFTER, 1000, 50, 1.0),
        ("b", AFTER, 300, 90, 1.0),
        ("c", AFTER, 100, 90, 1.0),
        ("e", AFTER, 100, 90, 1.0),
    ]
    made = trends_of(score_rows(rows))
    pooled, mean = (national(made, score_kind) for score_kind in ("pooled", "mean_of_agencies"))
    assert (pooled["status"], pooled["status_reason"]) == ("suppressed", "one_agency_dominates")
    assert (mean["status"], mean["score"]) == ("reported", 80)
    # With 250 left it may be shown: a quarter.
    rows[-1] = ("e", AFTER, 150, 90, 1.0)
    assert national(trends_of(score_rows(rows)), "pooled")["status"] == "reported"


def test_parts_are_withheld_where_one_agency_is_nearly_all_that_stayed() -> None:
    """x and e, which differ, keep each quarter's total wide enough; a, b and c alone are 1,000, 100 and 100."""
    stay = [("a", 1000, 50), ("b", 100, 60), ("c", 100, 70)]
    rows = [
        *((name, period, n, score, 1.0) for period in (BEFORE, AFTER) for name, n, score in stay),
        *((name, BEFORE, 500, 80, 1.0) for name in ("x", "y")),
        *((name, AFTER, 500, 80, 1.0) for name in ("e", "f")),
    ]
    pooled = national(trends_of(score_rows(rows)), "pooled")
    assert pooled["status"] == "reported" and pd.notna(pooled["year_change"]) and pd.isna(pooled["year_panel_change"])


def test_a_total_without_a_known_base_is_not_pooled() -> None:
    scores = members_come_and_go(BEFORE)
    scores.loc[scores["score_id"] == f"c/{AFTER}", ["n", "n_effective"]] = None
    made = trends_of(scores)
    pooled = national(made, "pooled")
    assert (pooled["status"], pooled["status_reason"]) == ("suppressed", "base_unknown")
    assert pd.isna(pooled["year_panel_change"])
    assert national(made, "mean_of_agencies")["year_panel_change"] == pytest.approx(17.5)


def test_few_that_come_or_go_have_no_part_of_the_change() -> None:
    """Totals are 58 x 500 and 79 x 1,000: beside them the entrants' 11 points would be e's own score, 68 + 22 = 90."""
    values = {**PARAMETERS, "minimum_contributors": 3.0}
    thresholds = pd.DataFrame({"name": list(values), "value": list(values.values())})
    made = trends_of(members_come_and_go(BEFORE), stg_methodology__thresholds=thresholds)
    for score_kind, change in (("mean_of_agencies", 17.5), ("pooled", 21)):
        row = national(made, score_kind)
        assert row["year_panel_change"] == row["year_change"] == pytest.approx(change)
        assert row[["year_continuing_effect", "year_continuing_low", "year_entrants_effect"]].isna().all()
        assert row["year_panel_count"] == 3


def test_practices_are_nobody_to_count() -> None:
    metrics = kinds_of(["in_time"], "practice_mean", "index")
    made = trends_of(members_come_and_go(BEFORE), stg_methodology__metrics=metrics)
    assert set(made["score_kind"]) == {"own", "mean_of_agencies"}


def test_totals_do_not_depend_on_the_order_of_rows() -> None:
    scores = members_come_and_go(BEFORE)
    pd.testing.assert_frame_equal(
        trends_of(scores), trends_of(scores.sort_values("score_id", ascending=False, ignore_index=True))
    )


def regional() -> pd.DataFrame:
    """The same agencies within region r, whose own score counts all answers there, shown or not."""
    parts = members_come_and_go(BEFORE)
    parts["unit_type"], parts["unit_id"] = "agency_region", parts["unit_id"] + "/r"
    whole = score_rows([("r", BEFORE, 520, 57, 1.0), ("r", AFTER, 1020, 78, 1.0)])
    whole["unit_type"], whole["agency_id"] = "region", None
    return pd.concat([parts, whole], ignore_index=True)


def test_a_region_is_pooled_and_so_are_the_parts_of_its_change() -> None:
    made = trends_of(regional()).reset_index()
    (own,) = [row for _, row in made[(made["unit_type"] == "region") & (made["period_id"] == AFTER)].iterrows()]
    assert (own["score_kind"], own["score"], own["year_change"]) == ("pooled", 78, 21)
    assert own[[f"year_{part}" for part in PARTS]].tolist() == pytest.approx([21, 5.5, 11, 3])


def test_a_new_quarter_alone_has_the_totals_it_has_among_all() -> None:
    scores = pd.concat([members_come_and_go(BEFORE), regional()], ignore_index=True)
    scores["score_id"] = scores["unit_type"] + scores["score_id"]
    whole = trends_of(scores).query("period_id == @AFTER")
    pending = pd.DataFrame({"period_id": [AFTER], "period_version": ["new"]}, dtype="str")
    pd.testing.assert_frame_equal(trends_of(scores, int_periods__pending=pending), whole)
