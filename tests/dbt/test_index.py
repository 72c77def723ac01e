"""The composite index in the warehouse: who is in it, what it consists of, and that it always has its interval.

Belongs here: the Python model on frames worked out by hand, and faults of the index's own data. Does not belong here: the
formulas (`tests/methodology/test_index*`).
"""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from methodology.parameters import VERSIONS, ParameterError, load_methodology
from methodology.shared_people import COLUMNS
from tests.dbt.python_models import run_model

VALUES = {"minimum_peers": 5, "index_minimum_indicators": 2, "index_data_threshold": 0.5, "index_weight_spread": 0.25}
VALUES |= {"monte_carlo_draws": 400, "monte_carlo_seed": 1, "index_sensitivity_draws": 32, "interval_level": 0.95}
NODES = [
    ("root", "", ""),
    ("left", "root", ""),
    ("right", "root", ""),
    ("x", "left", "m1"),
    ("y", "right", "m2"),
    ("z", "right", "m3"),
]


def _nodes(required: str) -> pd.DataFrame:
    weights = {"left": 0.5, "right": 0.5, "x": 1.0, "y": 0.75, "z": 0.25}
    rows = [
        {"node_id": node, "parent_id": parent, "metric_id": metric, "weight": weights.get(node, np.nan)}
        | {"direction": -1 if node == "z" else 1, "lower_goalpost": 0.0, "upper_goalpost": 100.0}
        | {"aggregation": "arithmetic" if node == "root" else "", "is_required": node == required}
        for node, parent, metric in NODES
    ]
    return pd.DataFrame(rows)


def _score(agency: str, metric: str, score: float, error: float = 0.5, **other: Any) -> dict[str, Any]:
    row = {"score_id": f"{agency}-{metric}", "unit_type": "agency", "agency_id": agency, "metric_id": metric}
    row |= {
        "period_id": "q",
        "instrument_id": "i",
        "status": "reported",
        "status_reason": None,
        "score": score,
        "standard_error": error,
    }
    row |= {"weighting": "weighted", "frame_status": "framed", "mode_set": "web", "adjustments": ""}
    return {**row, "slice_ids": f"s-{agency}-{metric}", **other}


def _mixes(scores: list[dict[str, Any]]) -> pd.DataFrame:
    key = ["agency_id", "metric_id", "period_id", "instrument_id"]
    return pd.DataFrame(scores, columns=[*key, "mode_group"]).assign(mode_group="mix 1")


def _run(scores: list[dict[str, Any]], agencies: int = 6, required: str = "") -> pd.DataFrame:
    names = [f"a{number}" for number in range(agencies)]
    columns = list(_score("a", "m", 1.0))
    return run_model(
        "int_index__estimated",
        {
            "bench_scores": pd.DataFrame(scores, columns=columns),
            "int_modes__grouped": _mixes(scores),
            "int_people__correlated": pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS),
            "stg_registry__agencies": pd.DataFrame({"agency_id": names, "peer_group": "g"}),
            "stg_methodology__index": _nodes(required),
            "stg_methodology__thresholds": pd.DataFrame({"name": list(VALUES), "value": list(VALUES.values())}),
        },
    )


# Apart by 12 points in every indicator (in z downwards): no draw can change the order.
LADDER = [
    _score(f"a{k}", m, 20.0 + 12 * k if m != "m3" else 80.0 - 12 * k) for k in range(6) for m in ("m1", "m2", "m3")
]

SEVENTH = [_score("a6", m, 50.0) for m in ("m1", "m2", "m3")]


def test_the_index_by_hand() -> None:
    made = _run(LADDER)
    index = made[made["part"] == "index"].set_index("agency_id")
    # Every normalised indicator of a0 is 1 + 99 x 0.2, so any weights give that.
    assert index["score"]["a0"] == pytest.approx(1 + 99 * 0.2)
    assert index["score"]["a5"] == pytest.approx(1 + 99 * 0.8)
    assert index["rank_mean"].to_dict() == {f"a{k}": 6 - k for k in range(6)}
    assert (index["rank_low"] == index["rank_high"]).all()
    assert (index["ci_low"] < index["score"]).all() and (index["score"] < index["ci_high"]).all()
    assert index["slice_ids"]["a0"] == "s-a0-m1;s-a0-m2;s-a0-m3"
    # A rank that never moves has no variance to share.
    assert made.loc[made["part"] == "source", "first_order"].isna().all()
    ahead = made[made["part"] == "dominance"].set_index("agency_id")
    assert ahead["dominates_count"].to_dict() == {f"a{k}": k for k in range(6)}
    assert ahead["dominated_count"].to_dict() == {f"a{k}": 5 - k for k in range(6)}
    assert ahead["share_ahead_mean"]["a2"] == pytest.approx(2 / 5)


def test_leaving_an_indicator_out() -> None:
    scores = [row if row["score_id"] != "a0-m2" else {**row, "score": 100.0} for row in LADDER]
    made = _run(scores)
    parts = made[(made["part"] == "indicator") & (made["agency_id"] == "a0")].set_index("part_id")
    # left 20.8, right 0.75 x 100 + 0.25 x 20.8 = 80.2: index 50.5; without y right is 20.8, without x the index is right.
    assert parts["weight"].to_dict() == pytest.approx({"x": 0.5, "y": 0.375, "z": 0.125})
    assert parts["normalised"].to_dict() == pytest.approx({"x": 20.8, "y": 100, "z": 20.8})
    assert parts["score_shift"].to_dict() == pytest.approx({"x": 80.2 - 50.5, "y": 20.8 - 50.5, "z": 60.4 - 50.5})


def test_another_instrument_is_not_compared() -> None:
    scores = [{**row, "instrument_id": "other"} if row["score_id"] == "a0-m1" else row for row in LADDER]
    made = _run(scores)
    # Five measured m1 alike: with fewer than six nobody's is compared, and the index rests on the other two.
    assert set(made.loc[made["part"] == "indicator", "part_id"]) == {"y", "z"}
    assert made.loc[made["part"] == "index", "indicators_count"].tolist() == [2] * 6


@pytest.mark.parametrize(
    ("scores", "agencies", "reasons"),
    [
        ([row for row in LADDER if row["agency_id"] < "a5"], 5, {"too_few_peers"}),
        ([row for row in LADDER if row["agency_id"] == "a0"], 1, {"too_few_peers"}),
        (
            [{**row, "status": "missing", "score": None, "standard_error": None} for row in LADDER],
            6,
            {"too_few_indicators"},
        ),
        ([row for row in LADDER if row["metric_id"] == "m1"], 6, {"too_few_indicators"}),
        # Below the threshold of data one agency has no index, and then the others have too few peers.
        ([row for row in LADDER if row["score_id"] not in {"a0-m2", "a0-m3"}] + [], 6, {"too_few_indicators"}),
    ],
)
def test_without_enough_the_reason_stands(scores: list[dict[str, Any]], agencies: int, reasons: set[str]) -> None:
    made = _run(scores, agencies)
    index = made[made["part"] == "index"]
    assert set(index["reason"]) == reasons
    assert index[["score", "ci_low", "rank_low"]].isna().all().all()
    assert set(made["part"]) == {"index"}


WITHHELD = {
    "never came": {"status": "missing", "status_reason": "no_submission"},
    "came and was refused": {"status": "refused", "status_reason": "submission_refused"},
    "the question was left out": {"status": "not_applicable", "status_reason": "not_measured"},
    "nothing could be computed": {"status": "not_applicable", "status_reason": "not_computed"},
    "29 persons were asked": {"status": "suppressed", "status_reason": "confidential"},
}


def _left_out(row: dict[str, Any], why: dict[str, str]) -> dict[str, Any]:
    return {**row, **why, "score": None, "standard_error": None}


@pytest.mark.parametrize("why", WITHHELD.values(), ids=WITHHELD)
def test_a_part_that_is_owed_and_missing_never_pays(why: dict[str, str]) -> None:
    """a2 delivers a bad m2, or withholds it: averaged away, its index would rise from 35 to 43."""
    bad = [{**row, "score": 12.0} if row["score_id"] == "a2-m2" else row for row in LADDER]
    kept = [_left_out(row, why) if row["score_id"] == "a2-m2" else row for row in bad]
    delivered, withheld = (
        made[made["part"] == "index"].set_index("agency_id").loc["a2"] for made in (_run(bad), _run(kept))
    )
    assert withheld["score"] <= delivered["score"]
    assert withheld["rank_mean"] >= delivered["rank_mean"]
    assert withheld["ci_low"] <= delivered["score"] <= withheld["ci_high"]
    assert withheld["missing_count"] == 1


LEFT_OUT = {
    # Nobody chooses how many cases there are.
    "28 cases": {"status": "suppressed", "status_reason": "confidential", "weighting": "not_applicable"},
}


@pytest.mark.parametrize("why", LEFT_OUT.values(), ids=LEFT_OUT)
def test_what_is_not_in_an_agencys_hands_is_left_out(why: dict[str, str]) -> None:
    index = _run([_left_out(row, why) if row["score_id"] == "a2-m2" else row for row in LADDER + SEVENTH], 7)
    own = index[index["part"] == "index"].set_index("agency_id").loc["a2"]
    # Both other indicators of a2 stand at 1 + 99 x 0.44.
    assert own["score"] == pytest.approx(1 + 99 * 0.44)
    assert own["missing_count"] == 0


def test_there_is_no_experience_index_without_an_opinion() -> None:
    scores = [row for row in LADDER if row["score_id"] != "a5-m1"] + SEVENTH
    index = _run(scores, 7, required="left")
    index = index[index["part"] == "index"].set_index("agency_id")
    assert index["reason"].dropna().to_dict() == {"a5": "opinion_missing"}
    assert index["score"].notna().sum() == 6


@pytest.mark.parametrize("difference", [{"weighting": "unweighted"}, {"adjustments": "mix"}])
def test_the_index_passes_the_same_gate_as_scores(difference: dict[str, str]) -> None:
    scores = [{**row, **difference} if row["score_id"] == "a0-m1" else row for row in LADDER]
    made = _run(scores)
    assert set(made.loc[made["part"] == "indicator", "part_id"]) == {"y", "z"}


def test_nothing_scored_is_an_empty_table() -> None:
    assert _run([]).empty


def test_indicators_that_do_not_vary_still_have_an_answer() -> None:
    made = _run([_score(f"a{k}", m, 50.0, error=np.nan) for k in range(6) for m in ("m1", "m2", "m3")])
    index = made[made["part"] == "index"]
    # Min-max and z are undefined for equal units: there is no rank then, and no composite is shown without one.
    assert set(index["reason"]) == {"no_interval"}


def test_the_draws_of_a_group_do_not_depend_on_others() -> None:
    noisy = [{**row, "standard_error": 8.0} for row in LADDER]
    later = [{**row, "period_id": "r"} for row in noisy]
    alone, beside = _run(noisy), _run([*noisy, *later])
    pd.testing.assert_frame_equal(alone, beside[beside["period_id"] == "q"].reset_index(drop=True))
    assert (alone.loc[alone["part"] == "index", "rank_low"] < alone.loc[alone["part"] == "index", "rank_high"]).any()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("i_effort,opinion,effort,0.25", "i_effort,opinion,effort,0.35"), "weights below 'opinion' sum to 1.1, not 1"),
        (("opinion,effort,", "opinion,no_such_metric,"), "metric 'no_such_metric' is unknown"),
        (("complaints_upheld,0.4,-1", "complaints_upheld,0.4,0"), "direction '0' is not 1 or -1"),
        ((",1,50,100,,,بلوغ", ",1,100,50,,,بلوغ"), "the lower goalpost 100 is not below"),
        ((",,,geometric,", ",,,median,"), "aggregation 'median' is unknown"),
        (("i_trust,opinion,", "i_trust,nowhere,"), "parent 'nowhere' is no node"),
    ],
)
def test_an_index_that_contradicts_itself_is_refused(tmp_path: Path, change: tuple[str, str], fault: str) -> None:
    shutil.copytree(VERSIONS / "2026.2", tmp_path / "v")
    path = tmp_path / "v" / "index.csv"
    text = path.read_text("utf-8")
    assert change[0] in text
    path.write_text(text.replace(*change), "utf-8")
    with pytest.raises(ParameterError, match=fault.replace("(", ".")):
        load_methodology("v", versions=tmp_path)
