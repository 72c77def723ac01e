"""Reliability of scores whose errors are little known.

Belongs here: `methodology.reliability`. Does not belong here: the formula (`test_shrinkage`).
"""

import pandas as pd
import pytest

from methodology.linked_scores import COLUMNS as LINKS
from methodology.reliability import reliabilities

UNLINKED = pd.DataFrame(columns=list(LINKS))


def _reliabilities(error: float, freedom: float) -> list[float]:
    """Of four units of 0, 10, 20 and 30 points."""
    rows = pd.DataFrame({"unit_id": ["a", "b", "c", "d"], "score": [0.0, 10, 20, 30]})
    rows = rows.assign(unit_type="agency", agency_id=rows["unit_id"], metric_id="m", period_id="q", instrument_id="i")
    rows = rows.assign(ci_low=0.0, ci_high=1.0, weighting="", mode_set="web", adjustments="")
    rows = rows.assign(standard_error=error, degrees_of_freedom=freedom)
    agencies = pd.DataFrame({"agency_id": rows["unit_id"], "peer_group": "g"})
    mixes = rows[["agency_id", "metric_id", "period_id", "instrument_id"]].assign(mode_group="mix 1")
    found = reliabilities(rows, mixes, UNLINKED, agencies=agencies, minimum_peers=3)
    return [float(value) for value in found["reliability"]]


def test_an_error_of_few_degrees_of_freedom_is_less_reliable() -> None:
    """Student's 4.302653 of three branches over 1.959964 makes an error of 1 count as 2.195272; unknown ones stay."""
    assert _reliabilities(1.0, 2.0) == pytest.approx(_reliabilities(2.195272, 500.0), rel=1e-5)
    assert _reliabilities(1.0, 2.0)[0] < _reliabilities(1.0, 500.0)[0]
    assert _reliabilities(1.0, float("nan")) == _reliabilities(1.0, 500.0)
