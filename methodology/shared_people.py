"""How far two means rest on the same people: the correlation of their errors.

Belongs here: covariance of two means from products of the totals of those who are in both. Does not belong here: who is the same
(the warehouse), one mean's own bunches (`clusters`), what is made of a correlation (`trends`, `index_parts`).
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.arrays import Floats

# A figure, and the other figure of the same unit that some of the same people gave.
FIGURE = ["metric_id", "period_id", "instrument_id"]
PAIR = ["unit_type", "unit_id", *FIGURE, *(f"other_{name}" for name in FIGURE)]
COLUMNS = {**dict.fromkeys(PAIR, "string"), "correlation": "float64"}


def correlations(pairs: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS of all pairs of figures of one period with an earlier one, or with another of the same period.

    pairs: by PAIR and level (persons, or branches that were drawn) `shared` of them, with sums over them of the products of
    their counts and totals in both figures `n_n`, `n_y`, `y_n`, `y_y`; `branch_share`, `other_share` drawn of all branches (blank
    where branches were not drawn), `branches` drawn for the other figure; n, score and standard_error of both.
    With z = y - n ybar of each unit, cov = sum c z z' / (n n') and r = cov / (se se'), never beyond 1. A branch drawn in both
    has c = m/(m - 1) (1 - f k'/m), m of k' shared; a person in drawn branches c = sqrt(f f'), any other 1. Errors of weighted and
    adjusted scores are taken to be correlated as those of the means of answers (docs/evidence, "people").
    Source: Tam 1984; Kish 1965, 12.4.
    """
    rows = pairs.sort_values([*PAIR, "level"], kind="stable").reset_index(drop=True)
    first, second = (
        [rows[f"{prefix}{name}"].to_numpy(float, na_value=np.nan) for name in ("n", "score", "standard_error")]
        for prefix in ("", "other_")
    )
    products = [rows[name].to_numpy(float, na_value=np.nan) for name in ("n_n", "n_y", "y_n", "y_y")]
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = _factor(rows) * products_of_residuals(*products, first[1], second[1]) / (first[0] * second[0])
        share = covariance / (first[2] * second[2])
    # Equal answers have no error of their own to be correlated.
    rows = rows.assign(correlation=np.where(np.isfinite(share), share, 0.0))
    made = rows.groupby(PAIR, sort=True)["correlation"].sum().clip(-1, 1).reset_index()
    return pd.DataFrame(made[list(COLUMNS)])


def products_of_residuals(
    n_n: npt.ArrayLike, n_y: npt.ArrayLike, y_n: npt.ArrayLike, y_y: npt.ArrayLike, mean: Floats, other: Floats
) -> Floats:
    """Sum of (y - n ybar)(y' - n' ybar') from sums of n n', n y', y n' and y y'."""
    both, first, second, total = (np.asarray(part, float) for part in (n_n, n_y, y_n, y_y))
    return np.asarray(total - mean * first - other * second + mean * other * both)


def _factor(rows: pd.DataFrame) -> Floats:
    """The factor c of each level of a pair."""
    share, other, drawn, shared = (
        rows[name].to_numpy(float, na_value=np.nan) for name in ("branch_share", "other_share", "branches", "shared")
    )
    is_branch, in_branches = (rows["level"] == "branch").to_numpy(), (rows["level"] == "person_in_branch").to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        of_branch = np.where(shared > 1, shared / (shared - 1) * (1 - share * drawn / shared), 0.0)
        within = np.sqrt(np.where(np.isnan(share), 1.0, share) * np.where(np.isnan(other), 1.0, other))
    return np.asarray(np.where(is_branch, of_branch, np.where(in_branches, within, 1.0)))
