"""Series of scores in their control charts: which points a chart holds, and what one bad series leaves alone.

Belongs here: `methodology.charted_series`. Does not belong here: limits and rules (`test_control_charts`).
"""

import numpy as np
import pandas as pd

from methodology.charted_series import charted

SHARE = "share_of_something"


def _series(unit: int, scores: list[float], sizes: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "unit_type": "agency",
            "metric_id": SHARE,
            "series": unit,
            "quarter": range(len(scores)),
            "score": scores,
            "n_effective": sizes,
        }
    )


def test_a_share_without_its_base_stops_no_other_series() -> None:
    """Reported shares without numerators in some years have no base there: no counts, so no chart of counts."""
    shares = [60.0, 62, 59, 61, 60, 63]
    ordinary, bare = _series(0, shares, [200.0] * 6), _series(1, shares, [200.0, np.nan, 200, 200, 200, 200])
    alone = charted(ordinary, ordinary, {SHARE}, 5)
    both = pd.concat([ordinary, bare], ignore_index=True)
    found = charted(both, both, {SHARE}, 5)
    for name, values in alone.items():
        pd.testing.assert_series_equal(pd.Series(found[name][:6]), pd.Series(values))
    assert found["control_method"][5] == "p_laney"
    # The share itself is measured: it is charted as a measurement.
    assert found["control_method"][11] == "xmr"
    assert np.isfinite([found[name][11] for name in ("centre", "lower_limit", "upper_limit")]).all()
