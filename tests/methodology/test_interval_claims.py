"""Which published intervals the evidence does not bear out.

Belongs here: `methodology.interval_claims`. Does not belong here: the evidence (`simulation.coverage.branches`).
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from methodology.interval_claims import KEY, interval_claims

THRESHOLDS = {"interval_least_effective": 10.0, "interval_least_branches": 3.0, "interval_least_far": 2.0}
SCORE = {**dict.fromkeys(KEY, "x"), "score": 70.0, "ci_low": 60.0, "interval_method": "score", "n_effective": 50.0}


@pytest.mark.parametrize(
    ("changed", "claim"),
    [
        ({}, "holds"),
        ({"ci_low": np.nan, "interval_method": "none"}, "none"),
        ({"interval_method": "variance_recovery"}, "holds"),
        ({"n_effective": 9.9}, "approximate"),
        ({"branches_drawn": 2.0}, "approximate"),
        ({"branches_drawn": 3.0}, "holds"),
        # 50 x 3 % are 1.5 answers; means of scales hold there.
        ({"interval_method": "wilson", "score": 97.0}, "approximate"),
        ({"interval_method": "taylor_wilson", "score": 3.0}, "approximate"),
        ({"interval_method": "wilson", "score": 96.0}, "holds"),
        ({"interval_method": "aalen_johansen", "score": 97.0}, "approximate"),
        ({"score": 97.0}, "holds"),
        # Rates and delivered scores have no effective n.
        ({"interval_method": "poisson_exact", "n_effective": np.nan}, "holds"),
    ],
)
def test_claims(changed: dict[str, Any], claim: str) -> None:
    found = interval_claims(pd.DataFrame([{**SCORE, "branches_drawn": 0.0, **changed}]), thresholds=THRESHOLDS)
    assert found["interval_claim"].tolist() == [claim]
