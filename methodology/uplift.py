"""What contact with dissatisfied respondents changed, beyond what a second asking would have changed anyway.

Belongs here: regression to the mean and the uplift net of it, from sums over the respondents asked again. Does not belong
here: the time until they were contacted (`time_figures`).

People selected for a low answer answer higher the second time even without recovery, as part of the first answer was chance.
With two equally spread answers correlated by rho, E(second - first | first = x) = (1 - rho) (mu - x) (Galton 1886; Barnett,
van der Pols & Dobson 2005, Int. J. Epidemiology 34). rho must come from elsewhere (repeat interviews); the corrected uplift is
only as good as rho.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from methodology.estimates import mean_estimate

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Uplift:
    """Mean change of the answers of those asked again, the change expected without recovery, and what is left."""

    raw: Floats
    expected: Floats
    corrected: Floats
    error: Floats


def regression_to_the_mean(first: npt.ArrayLike, mean: npt.ArrayLike, correlation: float) -> Floats:
    """Expected change (1 - rho) (mu - x) of an answer x, mu being everybody's mean; in units of the answers.

    Raises ValueError for a correlation outside [0, 1].
    """
    if not 0 <= correlation <= 1:
        raise ValueError("the correlation of two answers of one person must lie between 0 and 1")
    return np.asarray((1 - correlation) * (np.asarray(mean, float) - np.asarray(first, float)))


def uplift(
    n: npt.ArrayLike,
    sum_first: npt.ArrayLike,
    sum_change: npt.ArrayLike,
    sum_change2: npt.ArrayLike,
    mean: npt.ArrayLike,
    correlation: float,
) -> Uplift:
    """corrected = mean(change) - (1 - rho)(mu - mean(first)); standard error that of the mean change.

    n, sum_first, sum_change, sum_change2: (units,) over those asked again; mean: (units,) of all first answers. The error treats
    mu and rho as known. NaN where n = 0, the error also where n = 1.
    """
    raw, error = mean_estimate(n, sum_change, sum_change2)
    with np.errstate(divide="ignore", invalid="ignore"):
        first = np.asarray(sum_first, float) / np.asarray(n, float)
    expected = regression_to_the_mean(first, mean, correlation)
    return Uplift(raw, expected, raw - expected, error)
