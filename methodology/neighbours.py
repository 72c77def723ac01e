"""Statistical neighbours: which agencies serve most nearly the same people under the same conditions, and what makes them near.

Belongs here: distances over context variables, the nearest agencies, each variable's part. Does not belong here: the variables
and weights (`neighbours.csv`), the verdict among neighbours (`neighbour_positions`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.arrays import Floats

TRANSFORMS = ("none", "log")
COLUMNS = {
    **dict.fromkeys(["agency_id", "neighbour_id", "variable", "reason"], "string"),
    "place": "Int64",
    **dict.fromkeys(["distance", "gap", "contribution"], "float64"),
}


@dataclass(frozen=True)
class Distances:
    """Distances (agencies, agencies); gaps z_i - z_j and parts of the squared distance by variable (.., .., variables)."""

    distance: Floats
    gap: Floats
    part: Floats


def distances(values: npt.ArrayLike, weights: npt.ArrayLike) -> Distances:
    """d_ij^2 = sum_v w_v (z_iv - z_jv)^2 / sum_v w_v, z in standard deviations (divisor n - 1) over the agencies.

    values: (agencies, variables), finite; weights: (variables,), positive. A variable that does not vary sets nobody apart.
    Raises ValueError for values that are not finite and weights that are not positive. Source: CIPFA, Nearest Neighbours Model.
    """
    x, w = np.asarray(values, float), np.asarray(weights, float)
    if not np.all(np.isfinite(x)) or not np.all(w > 0):
        raise ValueError("context must be finite and weights positive")
    spread = x.std(axis=0, ddof=1) if len(x) > 1 else np.zeros(x.shape[1])
    z = (x - x.mean(axis=0)) / np.where(spread > 0, spread, np.inf)
    gap = z[:, None, :] - z[None, :, :]
    part = w * gap**2 / w.sum()
    return Distances(np.sqrt(part.sum(axis=2)), gap, part)


def neighbours(context: pd.DataFrame, *, agencies: pd.DataFrame, variables: pd.DataFrame, count: float) -> pd.DataFrame:
    """The `count` nearest agencies of each, a row with COLUMNS for each of them and each variable.

    context: agency_id, variable, value. agencies: agency_id. variables: variable, weight, transform (`TRANSFORMS`). An agency
    that lacks a variable has one row with the reason context_missing and the first variable it lacks: a value is never made up.
    It is nobody's neighbour either. Equal distances go by agency_id.
    """
    names = sorted(variables["variable"])
    by_name = variables.set_index("variable").loc[names]
    wide = context.pivot_table(index="agency_id", columns="variable", values="value", aggfunc="first")
    wide = wide.reindex(index=sorted(agencies["agency_id"]), columns=names).astype(float)
    is_log = (by_name["transform"] == "log").to_numpy(bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.where(is_log, np.log(wide.to_numpy()), wide.to_numpy())
    known = np.isfinite(x)
    complete = known.all(axis=1)
    ids = wide.index.to_numpy(object)
    missing = pd.DataFrame(
        {
            "agency_id": ids[~complete],
            "variable": [names[int(np.argmin(row))] for row in known[~complete]],
            "reason": "context_missing",
        }
    )
    found = _nearest(ids[complete], x[complete], by_name["weight"].to_numpy(float), names, int(count))
    made = pd.concat([found, missing]).reindex(columns=list(COLUMNS)).astype(COLUMNS)
    return made.sort_values(["agency_id", "place", "variable"], kind="stable")


def _nearest(ids: npt.NDArray[np.object_], x: Floats, weights: Floats, names: list[str], count: int) -> pd.DataFrame:
    if len(ids) < 2 or not names:
        return pd.DataFrame(columns=list(COLUMNS))
    found = distances(x, weights)
    away = found.distance + np.where(np.eye(len(ids), dtype=bool), np.inf, 0)
    nearest = np.argsort(away, axis=1, kind="stable")[:, : min(count, len(ids) - 1)]
    own, place = (part.ravel() for part in np.indices(nearest.shape))
    other = nearest.ravel()
    rows = np.repeat(np.arange(own.size), len(names))
    distance = found.distance[own, other]
    with np.errstate(divide="ignore", invalid="ignore"):
        contribution = found.part[own, other] / distance[:, None] ** 2
    return pd.DataFrame(
        {
            "agency_id": ids[own][rows],
            "neighbour_id": ids[other][rows],
            "variable": np.tile(np.array(names, object), own.size),
            "place": place[rows] + 1,
            "distance": distance[rows],
            "gap": found.gap[own, other].ravel(),
            "contribution": contribution.ravel(),
        }
    )
