"""How far two means rest on the same people: the correlation of their errors.

Belongs here: covariance of two means from products of the totals of those who are in both. Does not belong here: who is the same
(the warehouse), one mean's own bunches (`clusters`), what is made of a correlation (`trends`, `index_parts`).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.arrays import Floats

# A figure, and the other figure of the same unit that some of the same people gave.
FIGURE = ["metric_id", "period_id", "instrument_id"]
PAIR = ["unit_type", "unit_id", *FIGURE, *(f"other_{name}" for name in FIGURE)]
# Of fewer branches drawn twice the correlation is a guess, of two always 1 or -1; as if drawn anew, intervals are too wide.
LEAST_SHARED_BRANCHES = 5
COLUMNS = {**dict.fromkeys(PAIR, "string"), "correlation": "float64"}


def correlations(pairs: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS of all pairs of figures of one period with an earlier one, or with another of the same period.

    pairs: by PAIR and level (persons, or branches that were drawn) `shared` of them, with sums over them of the products of
    their counts and totals in both figures `n_n`, `n_y`, `y_n`, `y_y`; `branch_share`, `other_share` drawn of all branches
    (blank where branches were not drawn), `branches` drawn for the other figure; n, score and standard_error of both. With z =
    y - n ybar of each unit, cov = sum c z z' / (n n') and r = cov / (se se'), never beyond 1. A branch drawn in both has c =
    m/(m - 1) (1 - f k'/m), m of k' shared, or 0 below `LEAST_SHARED_BRANCHES`; a person in drawn branches c = sqrt(f f'), any
    other 1. Errors of weighted and adjusted scores are taken to be correlated as those of the means of answers (docs/evidence,
    "people"). Source: Tam 1984; Kish 1965, 12.4.
    """
    rows = pairs.sort_values([*PAIR, "level"], kind="stable").reset_index(drop=True)
    first, second = (
        [_numbers(rows, f"{prefix}{name}") for name in ("n", "score", "standard_error")] for prefix in ("", "other_")
    )
    products = products_of_residuals(rows["n_n"], rows["n_y"], rows["y_n"], rows["y_y"], first[1], second[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = _factor(rows) * products / (first[0] * second[0])
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


def correlation_matrices(
    people: pd.DataFrame, scores: pd.DataFrame, agencies: Sequence[str], metrics: Sequence[str]
) -> Floats:
    """Correlations of agencies' scores (agencies, metrics, metrics); 1 on the diagonal, 0 where no pair is known.

    people: COLUMNS of agencies in one period; a pair counts where both instruments are those of `scores` (agency_id, metric_id,
    instrument_id).
    """
    used = scores[["agency_id", "metric_id", "instrument_id"]].rename(columns={"agency_id": "unit_id"})
    other = used.rename(columns={name: f"other_{name}" for name in ("metric_id", "instrument_id")})
    rows = (
        people[people["unit_type"] == "agency"].merge(used, on=list(used.columns)).merge(other, on=list(other.columns))
    )
    row, column = ({name: place for place, name in enumerate(names)} for names in (agencies, metrics))
    rows = rows[rows["unit_id"].isin(row) & rows["metric_id"].isin(column) & rows["other_metric_id"].isin(column)]
    unit = rows["unit_id"].map(row).to_numpy(int)
    one, two = (rows[name].map(column).to_numpy(int) for name in ("metric_id", "other_metric_id"))
    made = np.tile(np.eye(len(metrics)), (len(agencies), 1, 1))
    made[unit, one, two] = made[unit, two, one] = rows["correlation"].to_numpy(float)
    return made


def error_roots(errors: npt.ArrayLike, correlations: Floats) -> Floats:
    """Roots B (u, k, k) of covariances BB' of errors (u, k), NaN counting as 0; the errors themselves stay as they are.

    Correlations are estimated pair by pair and need not fit together: negative eigenvalues count as 0. B = diag(se) times the
    symmetric root, so that the draws of independent errors are the same with and without it.
    """
    value, vector = np.linalg.eigh(correlations)
    root = np.einsum("uij,uj,ukj->uik", vector, np.sqrt(np.maximum(value, 0)), vector)
    length = np.sqrt((root**2).sum(axis=-1, keepdims=True))
    return np.asarray(np.nan_to_num(np.asarray(errors, float))[..., None] * root / length)


def _factor(rows: pd.DataFrame) -> Floats:
    """The factor c of each level of a pair."""
    share, other, drawn, shared = (
        _numbers(rows, name) for name in ("branch_share", "other_share", "branches", "shared")
    )
    is_branch, in_branches = (rows["level"] == "branch").to_numpy(), (rows["level"] == "person_in_branch").to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        of_branch = np.where(shared >= LEAST_SHARED_BRANCHES, shared / (shared - 1) * (1 - share * drawn / shared), 0.0)
        within = np.sqrt(np.where(np.isnan(share), 1.0, share) * np.where(np.isnan(other), 1.0, other))
    return np.asarray(np.where(is_branch, of_branch, np.where(in_branches, within, 1.0)))


def _numbers(rows: pd.DataFrame, name: str) -> Floats:
    return np.asarray(rows[name].to_numpy(float, na_value=np.nan))
