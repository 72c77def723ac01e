"""Tables that `int_trends__estimated` reads, made by hand, and what it makes of them.

Belongs here: the tables every test of trends needs. Does not belong here: any expectation.
"""

from typing import Any

import numpy as np
import pandas as pd

from tests.dbt.python_models import run_model

PARAMETERS = {
    "interval_level": 0.95,
    "minimum_peers": 1.0,
    # Tables worked out by hand have few agencies; tests of what few may not tell say so.
    "minimum_contributors": 0.0,
    "dominance_margin": 25.0,
    "control_chart_points": 5.0,
    "control_limit_rate": 0.02,
    "control_warning_rate": 0.14,
    "season_effect_sd": 0.0,
}
_TEXTS = ["unit_type", "unit_id", "metric_id", "instrument_id", "period_id"]


def kinds_of(metrics: list[str], estimator: str = "mean", base: str = "persons") -> pd.DataFrame:
    """The registry's rows of quarterly metrics."""
    count = len(metrics)
    kind = {"estimator": [estimator] * count, "base": [base] * count}
    return pd.DataFrame(
        {"metric_id": metrics, **kind, "quarters_apart": [1] * count, "smallest_difference": [5.0] * count}
    )


def trends_of(scores: pd.DataFrame, **tables: Any) -> pd.DataFrame:
    """Trends of scores of agencies a and b and of any others, all in one peer group; no mixes and no frames unless given."""
    mix = pd.DataFrame(columns=[*_TEXTS, "group_id", "n", "total", "scale_range"]).astype(
        dict.fromkeys([*_TEXTS, "group_id"], "str") | dict.fromkeys(("n", "total", "scale_range"), "float64")
    )
    weighted = pd.DataFrame(columns=[*_TEXTS, "weight_sum"]).astype(
        dict.fromkeys(_TEXTS, "str") | {"weight_sum": "float64"}
    )
    people = pd.DataFrame(columns=[*_TEXTS, "other_period_id", "correlation"]).astype(
        dict.fromkeys([*_TEXTS, "other_period_id"], "str") | {"correlation": "float64"}
    )
    located = pd.DataFrame(columns=[*_TEXTS, "contributor_id", "n"]).astype(
        dict.fromkeys([*_TEXTS, "contributor_id"], "str") | {"n": "float64"}
    )
    # Not known unless given: the interval is a normal one.
    scores = scores.assign(degrees_of_freedom=scores.get("degrees_of_freedom", np.nan), shared_errors="")
    metrics, agencies = (sorted(set(scores[name].dropna())) for name in ("metric_id", "agency_id"))
    given = {
        "bench_scores": scores,
        "int_scores__weighted": weighted,
        "int_mix__by_unit": mix,
        "int_periods__seasons": pd.DataFrame(
            {"period_id": ["2025Q1"], "season": ["ramadan"], "days": [29], "share": [29 / 90]}
        ),
        "int_people__correlated": people,
        "int_contributors__counted": located,
        "int_sharing__decided": located[_TEXTS].assign(is_shared=True),
        "int_totals__withheld": located[_TEXTS].assign(score_kind="").astype({"score_kind": "str"}),
        "stg_registry__agencies": pd.DataFrame({"agency_id": agencies, "peer_group": ["g"] * len(agencies)}),
        "stg_methodology__metrics": kinds_of(metrics),
        "stg_methodology__thresholds": pd.DataFrame({"name": list(PARAMETERS), "value": list(PARAMETERS.values())}),
    }
    made = run_model("int_trends__estimated", {**given, **tables})
    key = ["unit_type", "unit_id", "metric_id", "period_id"]
    return made.sort_values(key, ignore_index=True, kind="stable").set_index(key)
