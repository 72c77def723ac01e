"""Control charts: whether a series has changed, judged over all its periods rather than the last two.

Belongs here: XmR and p charts and the rules that call a point a signal. Does not belong here: what a change consists of
(`change`) and comparisons of units within one period (`funnels`).

Time runs along the last axis: (periods,) is one series, (units, periods) are many at once, each with its own chart.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# Mean range of two normal values in standard deviations, 2 / sqrt(pi): a mean moving range divided by it estimates sigma.
D2 = 2 / np.sqrt(np.pi)
# Below so many expected answers of the rarer kind a quarter, a share is far from normal (rule of n p >= 5 for p charts).
EXPECTED_LEAST = 5
# Western Electric 1956 (run, two of three); Nelson 1984 (trend).
RUN_LENGTH = 8
TREND_LENGTH = 6


@dataclass(frozen=True)
class Multiples:
    """How many sigmas from the centre a point is beyond the limits, and beyond the warning lines."""

    limit: float
    warning: float

    @classmethod
    def for_new_points(cls, baseline: int, limit_rate: float, warning_rate: float) -> "Multiples":
        """Multiples beyond which a new point of a stable normal series lies at the two rates.

        Centre and sigma are estimated from so many earlier points: t quantiles times sqrt(1 + 1/m), with the degrees of freedom
        of a mean moving range, (m - 1)^2 / (2 (0.8264 m - 1.082)). Three sigmas would be passed by one stable point in fifty,
        not one in 370, when twelve are known. Source: Palm & Wheeler 1990 for the variance of the range.
        """
        freedom = (baseline - 1) ** 2 / (2 * (0.8264 * baseline - 1.082))
        limit, warning = stats.t.isf(np.array([limit_rate, warning_rate]) / 2, freedom) * np.sqrt(1 + 1 / baseline)
        return cls(float(limit), float(warning))


# Shewhart's limits and Western Electric's warning lines, for centre and sigma that are known.
CLASSIC = Multiples(3.0, 2.0)


@dataclass(frozen=True)
class Signals:
    """Whether a rule is met at each period, including the period that completes the pattern."""

    beyond_limits: Flags
    run: Flags
    trend: Flags
    two_of_three: Flags

    @property
    def any(self) -> Flags:
        """Periods at which some rule is met."""
        return self.beyond_limits | self.run | self.trend | self.two_of_three


@dataclass(frozen=True)
class ControlChart:
    """A series with its centre line, limits and standard deviation per period, and the signals in it."""

    value: Floats
    centre: Floats
    sigma: Floats
    lower: Floats
    upper: Floats
    signals: Signals


def xmr_chart(
    value: npt.ArrayLike,
    baseline: int | None = None,
    multiples: Multiples = CLASSIC,
    unsure: npt.ArrayLike = 0.0,
) -> ControlChart:
    """Individuals chart: centre = mean, sigma = mean moving range / 1.128, limits centre +- 3 sigma (2.66 mean ranges).

    value: (..., periods) in order, without gaps to fill; the first `baseline` periods set centre and sigma (all of them by
    default). unsure: standard error of what was taken out of each value, added to sigma in quadrature. Raises ValueError below
    two baseline periods or for a value that is not finite. Source: Shewhart; Wheeler 1993.
    """
    series = _series(value, "values")
    basis = series[..., _basis(series.shape[-1], baseline)]
    sigma = np.broadcast_to(np.abs(np.diff(basis)).mean(axis=-1, keepdims=True) / D2, series.shape)
    return _chart(series, basis.mean(axis=-1), np.hypot(sigma, unsure), (-np.inf, np.inf), multiples)


def p_chart(
    successes: npt.ArrayLike,
    n: npt.ArrayLike,
    baseline: int | None = None,
    overdispersed: bool = False,
    multiples: Multiples = CLASSIC,
    unsure: npt.ArrayLike = 0.0,
) -> ControlChart:
    """Chart of a share: centre = sum x / sum n, sigma_t = sqrt(c (1-c) / n_t), limits centre +- 3 sigma_t within [0, 1].

    With `overdispersed` sigma_t is multiplied by the mean moving range of z over 1.128 (Laney 2002): with thousands of answers
    a quarter, binomial limits alone call every quarter a signal. Where fewer than EXPECTED_LEAST answers of the rarer kind are
    expected in a mean baseline period, ranges of a few steps tell little, and a range of none would tell of certainty: sigma_t
    is then that of (sum x + 2) / (sum n + 4), at least (Agresti & Coull 1998). unsure: as in `xmr_chart`. Raises ValueError as
    `xmr_chart`, where x lies outside [0, n] or an n is not positive.
    """
    hits, size = _series(successes, "successes"), _series(n, "sample sizes")
    if hits.shape != size.shape or np.any(hits < 0) or np.any(hits > size) or np.any(size <= 0):
        raise ValueError("every period needs a positive sample size and successes between 0 and it")
    basis = _basis(hits.shape[-1], baseline)
    found, base = hits[..., basis].sum(axis=-1), size[..., basis].sum(axis=-1)
    centre = found / base
    is_rare = np.minimum(found, base - found) < EXPECTED_LEAST * basis.stop
    share = np.where(overdispersed & is_rare, (found + 2) / (base + 4), centre)
    sigma = np.sqrt((share * (1 - share))[..., None] / size)
    if overdispersed:
        away = _distance(hits / size, centre, sigma)[..., basis]
        wider = np.abs(np.diff(away)).mean(axis=-1, keepdims=True) / D2
        sigma = sigma * np.where(is_rare[..., None], np.maximum(wider, 1), wider)
    return _chart(hits / size, centre, np.hypot(sigma, unsure), (0.0, 1.0), multiples)


def signals(z: npt.ArrayLike, multiples: Multiples = CLASSIC) -> Signals:
    """The rules on distances from the centre in sigmas, in order of time.

    beyond_limits: |z| > 3; run: eight in a row on one side; trend: six in a row rising or falling; two_of_three: a point
    beyond 2 sigma that is the second within three on that side; 3 and 2, or what `multiples` says.
    """
    distance = np.asarray(z, float)
    above, below = distance > 0, distance < 0
    # In a series without spread two exceptions are both infinitely far out; the step between them is 0.
    step = np.zeros(distance.shape)
    later, earlier = distance[..., 1:], distance[..., :-1]
    np.subtract(later, earlier, out=step[..., 1:], where=later != earlier)
    rising, falling = step > 0, step < 0
    high, low = distance > multiples.warning, distance < -multiples.warning
    return Signals(
        np.abs(distance) > multiples.limit,
        (_in_last(above, RUN_LENGTH) == RUN_LENGTH) | (_in_last(below, RUN_LENGTH) == RUN_LENGTH),
        (_in_last(rising, TREND_LENGTH - 1) == TREND_LENGTH - 1)
        | (_in_last(falling, TREND_LENGTH - 1) == TREND_LENGTH - 1),
        (high & (_in_last(high, 3) >= 2)) | (low & (_in_last(low, 3) >= 2)),
    )


def _in_last(flags: Flags, length: int) -> npt.NDArray[np.int64]:
    """How many of the last `length` periods are flagged, the current one included."""
    before = np.zeros((*flags.shape[:-1], length), np.int64)
    total = np.concatenate([before, np.cumsum(flags, axis=-1, dtype=np.int64)], axis=-1)
    return np.asarray(total[..., length:] - total[..., :-length])


def _series(values: npt.ArrayLike, name: str) -> Floats:
    series = np.asarray(values, float)
    if series.ndim < 1 or not np.all(np.isfinite(series)):
        raise ValueError(f"{name} must be series of finite numbers")
    return series


def _basis(periods: int, baseline: int | None) -> slice:
    length = periods if baseline is None else baseline
    if not 2 <= length <= periods:
        raise ValueError("limits need at least two baseline periods within the series")
    return slice(length)


def _distance(value: Floats, centre: Floats, sigma: Floats) -> Floats:
    """Distance in sigmas; where sigma is 0 it is 0 or infinite."""
    # A value that misses the centre by rounding alone lies on neither side of it.
    middle = np.asarray(centre)[..., None]
    away = np.where(np.isclose(value, middle, rtol=1e-12, atol=0), 0.0, value - middle)
    return np.divide(away, sigma, out=np.where(away == 0, 0.0, np.copysign(np.inf, away)), where=sigma > 0)


def _chart(
    value: Floats, centre: Floats, sigma: Floats, bounds: tuple[float, float], multiples: Multiples
) -> ControlChart:
    middle = np.asarray(centre)[..., None]
    lower, upper = (np.clip(middle + side * multiples.limit * sigma, *bounds) for side in (-1, 1))
    return ControlChart(value, centre, sigma, lower, upper, signals(_distance(value, centre, sigma), multiples))
