"""Parts of mystery visits (stage, touchpoint, channel, the four checks) per agency and period.

Belongs here: which estimate a part gets: a mean of visits, or a share for a check. Does not belong here: the estimators
(`estimates`), suppression (later, in SQL), the score of whole visits (`scores`).
"""

import numpy as np
import pandas as pd

from methodology.estimates import means, percentages
from methodology.lineage import joined

KEY = ["agency_id", "period_id", "part", "part_id"]
COLUMNS = {
    **dict.fromkeys(KEY, "string"),
    "n": "Int64",
    "score": "float64",
    "standard_error": "float64",
    "ci_low": "float64",
    "ci_high": "float64",
    "slice_ids": "string",
}


def visit_parts(cells: pd.DataFrame, *, level: float) -> pd.DataFrame:
    """COLUMNS of all parts of one period, from counts and sums of scores on 0-100 by KEY and slice; a check is 0 or 100."""
    cells = cells.sort_values([*KEY, "slice_id"], kind="stable").astype({"sum_score": float, "sum_score2": float})
    rows = cells.groupby(KEY, sort=True, as_index=False).agg(
        n=("observed_count", "sum"),
        sum_score=("sum_score", "sum"),
        sum_score2=("sum_score2", "sum"),
        slice_ids=("slice_id", joined),
    )
    n, total = rows["n"].to_numpy(float), rows["sum_score"].to_numpy(float)
    mean = means(n, total, rows["sum_score2"].to_numpy(float), level)
    is_check = (rows["part"] == "check").to_numpy()
    share = percentages(np.where(is_check, total / 100, 0.0), n, level).columns("score")
    found = {name: np.where(is_check, share[name], values) for name, values in mean.columns("score").items()}
    return rows.assign(**found | {"score": mean.value})
