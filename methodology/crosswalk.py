"""Crosswalks: a score on one scale expressed on another, with the error of the link.

Belongs here: linear and equipercentile equating from an overlap study, and the error they add. Does not belong here:
which scales may be compared (the comparability gate); mode of survey (`adjustment`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from methodology.arrays import Floats


@dataclass(frozen=True)
class LinearCrosswalk:
    """y = mean_y + sd_y/sd_x (x - mean_x), with the influences' moments that give its standard error."""

    mean_x: float
    sd_x: float
    mean_y: float
    sd_y: float
    influence: tuple[tuple[float, float], tuple[float, float]]

    @property
    def slope(self) -> float:
        """Points of y for a point of x."""
        return self.sd_y / self.sd_x

    def convert(self, x: npt.ArrayLike, error: npt.ArrayLike = 0.0) -> tuple[Floats, Floats]:
        """Return x on the scale of y and its standard error: that of x times the slope and that of the link, in quadrature."""
        value = linear_equating(x, self.mean_x, self.sd_x, self.mean_y, self.sd_y)
        link = (self.loadings(x) ** 2).sum(axis=-1)
        return value, np.sqrt((self.slope * np.asarray(error, float)) ** 2 + link)

    def loadings(self, x: npt.ArrayLike) -> Floats:
        """What one standard deviation of each of the link's two independent errors, level and slope, adds to y: (..., 2)."""
        z = (np.asarray(x, float) - self.mean_x) / self.sd_x
        (level, both), (_, steepness) = self.influence
        first = np.sqrt(level)
        slope = both / first if first > 0 else 0.0
        return np.stack([first + slope * z, np.sqrt(max(steepness - slope**2, 0)) * z], axis=-1)


def linear_equating(x: npt.ArrayLike, mean_x: float, sd_x: float, mean_y: float, sd_y: float) -> Floats:
    """y = mean_y + sd_y/sd_x (x - mean_x): equal distances from the mean in standard deviations. Source: Angoff 1971.

    Raises ValueError where a standard deviation is not positive.
    """
    if not (sd_x > 0 and sd_y > 0):
        raise ValueError("equating needs scales that both vary")
    return np.asarray(mean_y + sd_y / sd_x * (np.asarray(x, float) - mean_x))


def linear_crosswalk(counts: npt.ArrayLike, x_levels: npt.ArrayLike, y_levels: npt.ArrayLike) -> LinearCrosswalk:
    """Linear crosswalk from people who answered on both scales: counts (I, J) of x level by y level, weighted or not.

    Standard error by the delta method, no normality assumed: with z = (x0 - mean_x)/sd_x, d = (y - mean_y) - slope (x -
    mean_x) and e = ((y - mean_y)^2/sd_y - slope (x - mean_x)^2/sd_x)/2, the variance is mean((d + z e)^2)/n. Standard
    deviations have divisor n. Raises ValueError on negative counts, counts that do not fit the levels, fewer than two
    people, or a scale on which all answer alike. Source: Kolen and Brennan 2014, 7.3.
    """
    table, x, y = _overlap(counts, x_levels, y_levels)
    n = table.sum()
    share = table / n
    mean_x, mean_y = float(share.sum(axis=1) @ x), float(share.sum(axis=0) @ y)
    sd_x = float(np.sqrt(share.sum(axis=1) @ (x - mean_x) ** 2))
    sd_y = float(np.sqrt(share.sum(axis=0) @ (y - mean_y) ** 2))
    if not (sd_x > 0 and sd_y > 0):
        raise ValueError("equating needs scales that both vary")
    slope = sd_y / sd_x
    off_x, off_y = (x - mean_x)[:, None], (y - mean_y)[None, :]
    level = off_y - slope * off_x
    steepness = (off_y**2 / sd_y - slope * off_x**2 / sd_x) / 2
    level_square, both, steep_square = (
        float(np.sum(share * product) / n) for product in (level**2, level * steepness, steepness**2)
    )
    return LinearCrosswalk(mean_x, sd_x, mean_y, sd_y, ((level_square, both), (both, steep_square)))


def people_for_link(sd: npt.ArrayLike, correlation: float, error: npt.ArrayLike, z: float = 1.0) -> Floats:
    """How many people must answer on both scales for a linear crosswalk to add no more than `error` to a score.

    n = sd^2 (1 - r) (2 + (1 + r) z^2) / error^2, rounded up: the variance of `linear_crosswalk` z standard deviations from the
    mean where both answers are normal with correlation r and standard deviation sd in the units of the error. Source: Lord 1950;
    Kolen and Brennan 2014, 7.3 (single group).
    """
    variance = np.asarray(sd, float) ** 2 * (1 - correlation) * (2 + (1 + correlation) * z**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        # A whole number that rounding left a little above itself is that number.
        return np.asarray(np.ceil(variance / np.asarray(error, float) ** 2 * (1 - 1e-12)))


def equipercentile_crosswalk(
    x_counts: npt.ArrayLike, x_levels: npt.ArrayLike, y_counts: npt.ArrayLike, y_levels: npt.ArrayLike
) -> tuple[Floats, Floats]:
    """Each x level (I,) as the y of equal percentile rank, and its standard error, from two random parts of a sample.

    Levels are evenly spaced; an answer fills the interval half a step to both sides. P(x) = F(x-) + f(x)/2; y = y* -
    step/2 + step (P - G(y*-))/g(y*), y* the lowest level with G(y*) > P. Error (Lord 1982, whose interpolation term also
    stands for x here): step/g sqrt((P(1-P) - f/4)/n_x + (P(1-P) - (G-P)(P-G(y*-))/g)/n_y). It is conservative for one sample that
    answered both. Raises ValueError on negative or empty counts and uneven levels. Source: Kolen and Brennan 2014, 2.5 and 7.3.
    """
    (x_share, x_n, _), (y_share, y_n, y) = _shares(x_counts, x_levels), _shares(y_counts, y_levels)
    rank = np.cumsum(x_share) - x_share / 2
    reached = np.cumsum(y_share)
    # A rank of one (nobody at the top of x) ends at the top of the highest answered level.
    position = np.minimum(np.searchsorted(reached, rank, side="right"), np.flatnonzero(y_share)[-1])
    width, below = y_share[position], reached[position] - y_share[position]
    step = y[1] - y[0]
    value = y[position] + step * ((rank - below) / width - 0.5)
    inside = np.maximum(reached[position] - rank, 0) * (rank - below)
    variance = (rank * (1 - rank) - x_share / 4) / x_n + (rank * (1 - rank) - inside / width) / y_n
    return value, step / width * np.sqrt(np.maximum(variance, 0))


def _overlap(counts: npt.ArrayLike, x_levels: npt.ArrayLike, y_levels: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    table, x, y = np.asarray(counts, float), np.asarray(x_levels, float), np.asarray(y_levels, float)
    if table.shape != (x.size, y.size):
        raise ValueError(f"counts of shape {table.shape} for {x.size} and {y.size} levels")
    if not np.all(table >= 0) or table.sum() < 2:
        raise ValueError("counts must not be negative, and two people at least must have answered")
    return table, x, y


def _shares(counts: npt.ArrayLike, levels: npt.ArrayLike) -> tuple[Floats, float, Floats]:
    count, level = np.asarray(counts, float), np.asarray(levels, float)
    if count.shape != level.shape or count.size < 2:
        raise ValueError(f"{count.size} counts for {level.size} levels; two or more of each are needed")
    if not np.all(count >= 0) or not count.sum() > 0:
        raise ValueError("counts must not be negative, and one at least positive")
    steps = np.diff(level)
    if not np.allclose(steps, steps[0], rtol=1e-9) or steps[0] <= 0:
        raise ValueError("levels must rise in even steps")
    return count / count.sum(), float(count.sum()), level
