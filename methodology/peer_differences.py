"""Against peers: each unit's difference to the mean of the others, its direction, and how sure that direction is.

Belongs here: differences with their standard errors and simultaneous intervals, directions, posterior probabilities of true
differences. Does not belong here: whether a unit is unlike any other (`special_causes`), who is a peer (the gate) and ranks.

Errors of different units are independent but for those a study gave them all (`shared`); scores are (units,) vectors of one
class. With K units the others' mean is y_i less K/(K-1) (y_i - mean of all), so every figure is a contrast of the same K scores.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from methodology.estimates import compared_scores
from methodology.ranks import drawn_errors
from methodology.shrinkage import spread_posterior

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PeerDifferences:
    """Differences to the others' mean, (units,) each; `direction` is 1 above it, -1 below, 0 not told.

    low and high hold all true differences at once; where only the step-down tells a direction they end at zero, which leaves 94
    to 96 % of the nominal 95 % (docs/evidence/coverage.md).
    """

    others_mean: Floats
    difference: Floats
    error: Floats
    low: Floats
    high: Floats
    direction: Integers


@dataclass(frozen=True)
class TrueDifferences:
    """Posterior of the true differences: P(> 0), P(> margin) and P(< -margin), (units,) each."""

    p_above: Floats
    p_well_above: Floats
    p_well_below: Floats

    def p_right(self, direction: npt.ArrayLike) -> Floats:
        """Probability that each told direction is right; NaN where none is told."""
        return _by_direction(direction, self.p_above, 1 - self.p_above)

    def p_beyond(self, direction: npt.ArrayLike) -> Floats:
        """Probability that the true difference is beyond the margin in the told direction; NaN where none is told."""
        return _by_direction(direction, self.p_well_above, self.p_well_below)


def peer_differences(
    score: npt.ArrayLike,
    error: npt.ArrayLike,
    rng: np.random.Generator,
    level: float = 0.95,
    draws: int = 2_000,
    freedom: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    shared: npt.ArrayLike | None = None,
) -> PeerDifferences:
    """d_i = y_i - mean_{j != i} y_j with se^2 = s_i^2 + sum_{j != i} s_j^2 / (K-1)^2, intervals and directions.

    Intervals are d +- c se, c the `level` quantile of max |t| over all units of pure noise with the joint correlation and, where
    `freedom` (units,) gives the errors' degrees of freedom, with errors that vary as estimated ones do (`drawn_errors`). A
    direction is told where d / se exceeds c; c is then drawn again over the one-sided hypotheses that still stand, the
    reverse of each direction told staying among them, until no more fall (step-down). Wrong directions, of equal units too,
    come in at most 1 - level of classes. With `weights` (units, units), rows adding up to one or all zero, the others of a unit
    are those its row weighs, and a row of zeros has no others, no figures (NaN) and no direction. `shared` (units, factors)
    loads errors all units have in common (`shared_errors`): the square of its contrast, which is known, adds to se^2. Raises
    ValueError below two units, for scores that are not finite and errors that are not positive.
    Source: Romano & Wolf 2005, Econometrica 73; Hothorn, Bretz & Westfall 2008.
    """
    y, s = _checked(score, error)
    noise = s[:, None] * rng.standard_normal((y.size, draws))
    drawn = drawn_errors(s, freedom, rng, draws)
    drawn = drawn if drawn.ndim == 2 else drawn[:, None]
    common = np.zeros((y.size, 0)) if shared is None else np.asarray(shared, float)
    if common.shape[1]:
        noise = noise + common @ rng.standard_normal((common.shape[1], draws))
    if weights is None:
        others_mean = (y.sum() - y) / (y.size - 1)
        beside = ((y.size / (y.size - 1) * (common - common.mean(axis=0))) ** 2).sum(axis=1)
        se, width = _difference_error(s), _difference_error(drawn)
        if common.shape[1]:
            se, width = np.sqrt(se**2 + beside), np.sqrt(width**2 + beside[:, None])
        ratio = y.size / (y.size - 1) * (noise - noise.mean(axis=0)) / width
        return _told(y, others_mean, se, ratio, level)
    w = np.asarray(weights, float)
    with_others = w.sum(axis=1) > 0
    made = np.full((5, y.size), np.nan)
    direction = np.zeros(y.size, np.int64)
    if with_others.any():
        w = w[with_others]
        beside = ((common[with_others] - w @ common) ** 2).sum(axis=1)
        se = np.sqrt(s[with_others] ** 2 + w**2 @ s**2 + beside)
        width = np.sqrt(drawn[with_others] ** 2 + w**2 @ drawn**2 + beside[:, None])
        found = _told(y[with_others], w @ y, se, (noise[with_others] - w @ noise) / width, level)
        made[:, with_others] = (found.others_mean, found.difference, found.error, found.low, found.high)
        direction[with_others] = found.direction
    return PeerDifferences(made[0], made[1], made[2], made[3], made[4], direction)


def _told(y: Floats, others_mean: Floats, se: Floats, ratio: Floats, level: float) -> PeerDifferences:
    """Intervals and directions from pure noise of the same correlation, `ratio` (units, draws)."""
    difference = y - others_mean
    critical, direction = _step_down(difference / se, ratio, level)
    low, high = difference - critical * se, difference + critical * se
    low, high = np.where(direction > 0, np.maximum(low, 0), low), np.where(direction < 0, np.minimum(high, 0), high)
    return PeerDifferences(others_mean, difference, se, low, high, direction)


def true_differences(score: npt.ArrayLike, error: npt.ArrayLike, margin: float, points: int = 200) -> TrueDifferences:
    """Posterior of theta_i - mean_{j != i} theta_j where theta ~ N(mu, tau^2), mu and tau flat (`spread_posterior`).

    Given tau the contrast is normal; probabilities are averaged over tau, which few units leave open. So they do not claim
    more than the class can tell, and their mean over the directions told is the expected share of right ones. Raises ValueError
    below three units and as `peer_differences`. Source: Gelman et al. 2013, 5.4; Goldstein & Spiegelhalter 1996.
    """
    y, s = _checked(score, error)
    found = spread_posterior(y, s, points)
    factor = y.size / (y.size - 1)
    mean = factor * (found.centre - found.centre.mean(axis=1, keepdims=True))
    own = found.variance * (1 - 2 / y.size) + found.variance.sum(axis=1, keepdims=True) / y.size**2
    shared = found.noise - found.noise.mean(axis=1, keepdims=True)
    width = factor * np.sqrt(own + shared**2 * found.mu_variance[:, None])

    def chance(limit: float) -> Floats:
        return np.asarray(found.chance @ special.ndtr((mean - limit) / width))

    return TrueDifferences(chance(0.0), chance(margin), 1 - chance(-margin))


def _difference_error(s: Floats) -> Floats:
    """Standard errors of the differences from those of the units, along the first axis."""
    variance = s**2
    return np.asarray(np.sqrt(variance + (variance.sum(axis=0) - variance) / (len(s) - 1) ** 2))


def _step_down(t: Floats, ratio: Floats, level: float) -> tuple[float, Integers]:
    """The quantile that holds for all units at once, and the directions told."""
    direction = np.zeros(t.size, np.int64)
    standing = np.abs(ratio)
    critical = first = np.quantile(standing.max(axis=0), level)
    while (falling := (direction == 0) & (np.abs(t) > critical)).any():
        direction[falling] = np.sign(t[falling]).astype(np.int64)
        # Of a unit whose direction is told only the reverse hypothesis stands: its noise counts on that side alone.
        standing[falling] = direction[falling, None] * ratio[falling]
        critical = np.quantile(standing.max(axis=0), level)
    return float(first), direction


def _by_direction(direction: npt.ArrayLike, above: Floats, below: Floats) -> Floats:
    told = np.asarray(direction)
    return np.where(told > 0, above, np.where(told < 0, below, np.nan))


def _checked(score: npt.ArrayLike, error: npt.ArrayLike) -> tuple[Floats, Floats]:
    return compared_scores(score, error, "a unit without another has no peers")
