"""Cases whose outcome was left blank, and bases of nobody: `methodology.scores_by_kind`.

Belongs here: what an agency could leave out of a share of cases. Does not belong here: the index (`test_index_parts`).
"""

import numpy as np
import pandas as pd
import pytest

from methodology.parameters import load_methodology
from methodology.scores import BUNCH, KEY, incidence_scores
from methodology.scores_by_kind import scores_by_kind
from methodology.service_figures import COLUMNS as FIGURES

THRESHOLDS = load_methodology("2026.2").thresholds
METRIC = {"metric_id": "m", "measure_id": "x.m", "estimator": "proportion", "unit": "share_pct", "base": "cases"}


def _scored(n: int, unknown: float | None, hits: int = 10) -> pd.Series:
    row = dict(zip(KEY, ["agency", "a", "m", "q", "administrative"], strict=True))
    rows = pd.DataFrame([row]).assign(
        agency_id="a", estimator="proportion", part="", scale_range=100, slice_ids="s", conflicts_count=0
    )
    rows = rows.assign(n=n, n_at_least=n, numerator=float(min(hits, n)), sum_x=np.nan, sum_x2=np.nan)
    rows = rows.assign(reported_mean=np.nan, unknown_count=unknown)
    clusters = pd.DataFrame(columns=[*KEY, *BUNCH, "branch_share", "n", "sum_x", "sum_x2"])
    made = scores_by_kind(
        rows,
        clusters,
        pd.DataFrame(columns=list(FIGURES)),
        dimension_weights=pd.DataFrame(columns=["model_id", "dimension", "weight"]),
        metrics=pd.DataFrame([METRIC]),
        thresholds=THRESHOLDS,
    )
    return made.iloc[0]


@pytest.mark.parametrize(
    ("n", "unknown", "reason"),
    [
        (29, 971, "values_missing"),
        (100, 12, "values_missing"),
        (100, 11, None),  # 11 of 111 are not more than a tenth
        (100, 0, None),
        (0, 40, None),  # never recorded: not measured
        (0, 0, "no_cases"),
        (0, None, None),  # where nobody counts the blank ones nothing is known
    ],
)
def test_a_share_of_few_of_its_cases_is_withheld(n: int, unknown: float | None, reason: str | None) -> None:
    made = _scored(n, unknown)
    assert (made["withheld_reason"] if isinstance(made["withheld_reason"], str) else None) == reason
    assert np.isfinite(made["score"]) == (reason is None and n > 0)


def test_the_rule_of_thirty_asks_how_many_were_watched() -> None:
    """Of forty cases one was watched up to the target: a share of 50 with an error of 35 is worth two cases."""
    key = dict(zip(KEY, ["agency", "a", "m", "q", "administrative"], strict=True))
    rows = pd.DataFrame([key]).assign(agency_id="a", slice_ids="s")
    figures = pd.DataFrame([key])[["unit_type", "unit_id", "period_id"]].assign(
        topic="x",
        figure="m",
        n=40.0,
        value=50.0,
        standard_error=100 / 8**0.5,
        ci_low=5.0,
        ci_high=95.0,
        interval_method="aalen_johansen",
    )
    made = incidence_scores(rows, figures, pd.DataFrame([METRIC | {"estimator": "incidence"}])).iloc[0]
    assert (made["n"], made["respondents"]) == (40, 2)
