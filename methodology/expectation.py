"""The account of expectation: a change in satisfaction split into mix, mode, service, expectation and what is left.

Belongs here: the pooled regression on moments and the parts it gives each unit. Does not belong here: which items measure
service and expectation, and the judgement that telemetry was stable (both are inputs).

The account is associational. A part says how much of the change coincides with a shift in its drivers, at slopes estimated
between respondents of one unit and period; no part is a cause.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
BLOCKS = ("mix", "mode", "service", "expectation")


@dataclass(frozen=True)
class ExpectationAccount:
    """Parts of each unit's change, in units of the score: change = sum of the parts that are not NaN + residual.

    A part is NaN where it has no drivers, and expectation also where telemetry was not stable; its share then lies in the
    residual. `errors` holds a standard error for each part. `contribution` is (units, drivers).
    """

    change: Floats
    parts: Mapping[str, Floats]
    errors: Mapping[str, Floats]
    residual: Floats
    slope: Floats
    slope_error: Floats
    contribution: Floats


def expectation_account(
    before: npt.ArrayLike,
    after: npt.ArrayLike,
    blocks: Mapping[str, Sequence[int]],
    telemetry_stable: npt.ArrayLike = True,
) -> ExpectationAccount:
    """Split each unit's change of the mean score along the shifts of its drivers' means.

    before, after: (units, drivers + 2, drivers + 2) cells, sums over a unit's answers of v v', v = (1, drivers, score); blocks:
    drivers (counted from 0) of mix, mode, service and expectation, each in one block. Slopes b come from one regression pooled
    within units and periods, S_xx b = S_xy, so no slope rests on the change it explains; part of a block = sum b (x1 - x0),
    residual = the rest.
    Variance of a part: d' V(b) d + b' V(d) b, d the shift of the means. Units without answers in either period are NaN.
    Raises ValueError for shapes, blocks that overlap or leave a driver out, or drivers that do not vary independently. Source:
    the expectancy-disconfirmation model, S = a + bP - cE (Oliver 1980; Van Ryzin 2004).
    """
    cells = np.stack([np.asarray(before, float), np.asarray(after, float)])
    _check(cells, blocks)
    drivers = cells.shape[-1] - 2
    n = cells[..., 0, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.where(n[..., None] > 0, cells[..., 0, 1:] / n[..., None], np.nan)
        within = cells[..., 1:, 1:] - n[..., None, None] * means[..., :, None] * means[..., None, :]
        mean_covariance = within[..., :-1, :-1] / (n * (n - 1))[..., None, None]
    answered = n > 0
    freedom = float(n[answered].sum() - answered.sum() - drivers)
    slope, covariance = _slopes(within[answered].sum(axis=0), freedom)
    shift = means[1] - means[0]
    contribution = shift[:, :-1] * slope
    parts, errors = {}, {}
    stable = np.broadcast_to(np.asarray(telemetry_stable, bool), n.shape[1:])
    for name in BLOCKS:
        own = list(blocks.get(name, ()))
        shown = stable if name == "expectation" else np.ones_like(stable)
        shown = shown & bool(own)
        moved, drawn = shift[:, own], mean_covariance[..., own, :][..., own].sum(axis=0)
        variance = np.einsum("ui,ij,uj->u", moved, covariance[np.ix_(own, own)], moved)
        variance += np.einsum("i,uij,j->u", slope[own], drawn, slope[own])
        parts[name] = np.where(shown, contribution[:, own].sum(axis=1), np.nan)
        errors[name] = np.where(shown, np.sqrt(variance), np.nan)
    change = shift[:, -1]
    residual = change - np.nansum(np.stack(list(parts.values())), axis=0)
    return ExpectationAccount(change, parts, errors, residual, slope, np.sqrt(np.diag(covariance)), contribution)


def _check(cells: Floats, blocks: Mapping[str, Sequence[int]]) -> None:
    faults = []
    if cells.ndim != 4 or cells.shape[-1] != cells.shape[-2] or cells.shape[-1] < 3:
        raise ValueError("cells must be (units, drivers + 2, drivers + 2) in both periods, with at least one driver")
    if unknown := set(blocks) - set(BLOCKS):
        faults.append(f"there is no part called {', '.join(sorted(unknown))}")
    if sorted(driver for own in blocks.values() for driver in own) != list(range(cells.shape[-1] - 2)):
        faults.append("each driver must be in exactly one block")
    if not np.all(np.isfinite(cells)):
        faults.append("cells must be finite")
    if faults:
        raise ValueError("; ".join(faults))


def _slopes(pooled: Floats, freedom: float) -> tuple[Floats, Floats]:
    """Slopes of all drivers and their covariance, from pooled sums of squares and products with the score last."""
    inner, cross = pooled[:-1, :-1], pooled[:-1, -1]
    scale = np.sqrt(np.diag(inner))
    if freedom <= 0 or np.any(scale == 0) or np.linalg.matrix_rank(inner / np.outer(scale, scale)) < len(inner):
        raise ValueError("the drivers do not vary apart from one another within units and periods: no slopes")
    slope = np.linalg.solve(inner, cross)
    joint = np.append(-slope, 1.0)
    covariance = float(joint @ pooled @ joint) / freedom * np.linalg.inv(inner)
    return np.asarray(slope, float), np.asarray(covariance, float)
