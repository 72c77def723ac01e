"""Variance of draws in which answers come in bunches: of one person, or of a branch drawn among others.

Belongs here: totals of primary sampling units and of the persons within them, degrees of freedom, means without weights from
such totals. Does not belong here: who was drawn with whom (the warehouse), weighted means (`survey_cells`), whole designs row by
row (`sampling`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from methodology.arrays import Floats
from methodology.frames import Ints
from methodology.sampling import grouped_sums

# Kish's number of equal bunches from which on their totals tell how bunches differ. One that holds nearly all answers mirrors the
# rest by construction, so that their spread is none: with one branch and five answers beside it intervals held 61 %.
LEAST_BUNCHES = 1.5
# Upper quantile of the intervals that are published, at which two degrees of freedom are compared.
UPPER = 0.975


@dataclass(frozen=True, eq=False)
class Bunches:
    """Rows (r,) of answers drawn together: the primary sampling unit `psu` of each, and the `person` whose answers it holds, or
    -1 where every answer has a person of its own. `share` (p,): how much of all branches was drawn; 0 where the unit is a person.
    """

    psu: Ints
    person: Ints
    share: Floats

    @property
    def is_branch(self) -> npt.NDArray[np.bool_]:
        """Which units (p,) are branches."""
        return self.share > 0

    def squares(self, totals: Floats, squares: Floats, size: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
        """Of each unit (p, m): squared total, variance of the total within, and how many persons it holds (p,).

        totals, squares: sums of z and z^2 over the answers of each row (r, m); size: answers of each row (r,). With t_j the total
        of person j of m_i, within_i = m_i/(m_i - 1) [sum t_j^2 - (sum t_j)^2 / m_i], zero where there is one person.
        """
        units, alone = self.share.size, self.person < 0
        owner, group = _pairs(self.psu[~alone], self.person[~alone])
        of_persons = grouped_sums(group, totals[~alone], owner.size)
        second = grouped_sums(owner, of_persons**2, units) + grouped_sums(self.psu[alone], squares[alone], units)
        persons = np.bincount(owner, minlength=units) + np.bincount(
            self.psu[alone], np.asarray(size, float)[alone], minlength=units
        )
        total = grouped_sums(self.psu, totals, units)
        many = np.maximum(persons, 2)[:, None]
        within = np.where(persons[:, None] > 1, many / (many - 1) * (second - total**2 / many), 0.0)
        return total**2, np.maximum(within, 0), np.asarray(persons, float)


def degrees_of_freedom(parts: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]]) -> Floats:
    """Degrees of freedom of a sum of variances, each of so many units: (sum V)^2 / sum V^2/(units - 1). NaN where all are zero.

    Source: Satterthwaite 1946.
    """
    variances = [np.asarray(variance, float) for variance, _ in parts]
    spent = [
        variance**2 / np.maximum(np.asarray(units, float) - 1, 1)
        for variance, (_, units) in zip(variances, parts, strict=True)
    ]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sum(variances, np.float64(0)) ** 2 / sum(spent, np.float64(0)))


def freedom_between(held: Floats, unit: Ints, squares: Floats) -> Floats:
    """Degrees of freedom (u, m) of the variance between the branches of each unit, few and of unequal size.

    held (p, m): share h of the unit's answers (or weight) in each branch, 0 in what is none; unit (p,) of each; squares (u, m):
    H = sum h^2 over all that was drawn. As if branches differ and answers within do not, the sum of z^2 is the form b'Ab of
    their means, A = M'DM, D = diag h^2, M = I - 1h', and has tr(A)^2 / tr(A^2): k - 1 where all k are equal, near one where
    one holds most. NaN without a branch. Source: Satterthwaite 1946; Bell & McCaffrey 2002, Survey Methodology 28.
    """
    units = len(squares)
    weight, whole = held**2, squares[unit]
    # G = MM' has 1 - 2h + H on its diagonal and H - h_i - h_j off it.
    diagonal = 1 - 2 * held + whole
    first = grouped_sums(unit, weight * diagonal, units)
    s0, s1, s2 = (grouped_sums(unit, weight * held**power, units) for power in range(3))
    pairs = squares**2 * s0**2 + 2 * s0 * s2 - 4 * squares * s0 * s1 + 2 * s1**2
    own = grouped_sums(unit, weight**2 * (diagonal**2 - (whole - 2 * held) ** 2), units)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(first**2 / (pairs + own))


def least_effect(freedom: npt.ArrayLike, n: npt.ArrayLike, unseen: npt.ArrayLike) -> Floats:
    """Least design effect where branches were drawn and a share `unseen` of all was not: unseen (t(n - 1) / t(df))^2.

    With it the interval of a draw of very many branches is at least as wide as that of as many single answers.

    Totals of two or three branches often agree by chance, above all on short scales; then they say nothing of how branches
    differ, and an interval from them alone held 80 to 92 % (docs/evidence, "branches").
    """
    df, answers = np.asarray(freedom, float), np.asarray(n, float)
    ratio = stats.t.ppf(UPPER, np.maximum(answers - 1, 1)) / stats.t.ppf(UPPER, np.maximum(df, 1))
    return np.asarray(np.asarray(unseen, float) * np.minimum(ratio, 1) ** 2)


def share_size(effective: npt.ArrayLike, n: npt.ArrayLike, freedom: npt.ArrayLike, level: float) -> Floats:
    """Answers to compute the interval of a share from: n_eff (t(n - 1) / t(df))^2; more than n where the design gains.

    Source: Korn & Graubard 1998, with the Wilson interval instead of the exact one.
    """
    size, answers, df = (np.asarray(part, float) for part in (effective, n, freedom))
    top = 0.5 + level / 2
    ratio = stats.t.ppf(top, np.maximum(answers - 1, 1)) / stats.t.ppf(top, np.maximum(df, 1))
    return np.asarray(size * ratio**2)


@dataclass(frozen=True, eq=False)
class ClusteredMeans:
    """Of each unit (u,): variance of the mean, primary sampling units, degrees of freedom, persons, and branches drawn.

    `unseen` is the share of all branches that was not drawn, 0 where branches were not drawn at all.
    """

    variance: Floats
    drawn: Floats
    freedom: Floats
    persons: Floats
    branches: Floats
    unseen: Floats


def clustered_means(
    n: Floats, mean: Floats, squares: Floats, bunches: Bunches, unit: Ints, sums: tuple[Floats, Floats, Floats]
) -> ClusteredMeans:
    """Means of units (u,) of which some answers were drawn in bunches, the others singly.

    n, mean, squares: answers, mean and sum of (y - mean)^2; unit (p,) of each primary sampling unit; sums: of each row of the
    bunches (r,) answers, their sum and sum of squares. With z_i the total of y - mean in primary sampling unit i of k, single
    answers among them, V = k/(k-1) sum (1 - f_i) z_i^2 / n^2 + sum f_i V_i / n^2, f_i the share of branches drawn and V_i the
    variance within. NaN where one unit was drawn, or holds nearly all (`LEAST_BUNCHES`). Source: Sarndal et al. 1992, 4.3.
    """
    size, total, second = sums
    row_unit = unit[bunches.psu]
    centre = mean[row_unit]
    z, zz = total - centre * size, second - 2 * centre * total + centre**2 * size
    between, within, held = (part.ravel() for part in bunches.squares(z[:, None], zz[:, None], size))

    def added(values: npt.ArrayLike, code: Ints = unit) -> Floats:
        return np.asarray(np.bincount(code, np.asarray(values, float), minlength=n.size), float)

    branch = bunches.is_branch
    single = n - added(size, row_unit)
    drawn = single + added(np.ones(unit.size))
    scale = np.where(drawn > 1, drawn / np.maximum(drawn - 1, 1), np.nan)
    of_psu = np.bincount(bunches.psu, size, minlength=unit.size)
    squared = single + added(of_psu**2)
    of_branches = freedom_between((branch * of_psu / n[unit])[:, None], unit, (squared / n**2)[:, None]).ravel()
    parts = [
        (scale * added(branch * (1 - bunches.share) * between), 1 + np.nan_to_num(of_branches)),
        (scale * added(~branch * between), added(~branch)),
        (scale * np.maximum(squares - added(zz, row_unit), 0), single),
        (added(bunches.share * within), 1 + added(branch * (held - 1))),
    ]
    variance = np.where(n**2 >= LEAST_BUNCHES * squared, sum(part for part, _ in parts), np.nan)
    branches = added(branch)
    freedom = np.where(variance > 0, degrees_of_freedom(parts), np.where(branches > 0, of_branches, drawn - 1))
    known = bunches.person >= 0
    owner, _ = _pairs(row_unit[known], bunches.person[known])
    persons = n - added(size * known, row_unit) + np.bincount(owner, minlength=n.size)
    unseen = added(branch * (1 - bunches.share)) / np.maximum(branches, 1)
    return ClusteredMeans(variance / n**2, drawn, freedom, persons, branches, unseen)


def _pairs(first: Ints, second: Ints) -> tuple[Ints, Ints]:
    """The first code of each distinct pair of codes, and the number of each row's pair."""
    width = int(second.max(initial=0)) + 1
    found, group = np.unique(first * width + second, return_inverse=True)
    return np.asarray(found // width, np.int64), np.asarray(group, np.int64)
