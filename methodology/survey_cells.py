"""Survey means of many items and domains from sufficient statistics, equal to those computed from rows.

Belongs here: cells (what to sum of the answers), means and Taylor errors from them, weighted to a frame or not. Does not
belong here: who was drawn with whom (`clusters`), the making of factors (`weights`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from methodology.clusters import LEAST_BUNCHES, Bunches, degrees_of_freedom, freedom_between
from methodology.sampling import Floats, Ints, grouped_sums
from methodology.weights import WeightAdjustment

# Numbers in one array of residuals at a time.
BLOCK = 4_000_000


@dataclass(frozen=True, eq=False)
class ItemCells:
    """Answers to k items of one draw, in cells (c,) of asked rows: their count, w, w^2, and of each item (c, k) the sums of
    count, w, w y, w^2, w^2 y, w^2 y^2 over those who answered it.
    """

    asked: Floats
    asked_w: Floats
    asked_w2: Floats
    n: Floats
    w: Floats
    wy: Floats
    wyy: Floats
    w2: Floats
    w2y: Floats
    w2y2: Floats


@dataclass(frozen=True, eq=False)
class ItemBunches:
    """Those answers of the cells that were drawn together, in rows (r,): the `cell` of each and its sums."""

    bunches: Bunches
    cell: Ints
    sums: ItemCells


@dataclass(frozen=True, eq=False)
class Strata:
    """Design strata of a draw: the stratum of each cell (c,), and how many rows each stratum holds in all (H,), if known."""

    code: Ints
    population: Floats | None = None

    def scales(self, asked: Floats) -> list[tuple[npt.NDArray[np.bool_], float, float]]:
        """For each stratum: its cells, the rows drawn in it, and 1 - f.

        Raises ValueError where one row was drawn of several, and where more were drawn than there are.
        """
        drawn = np.bincount(self.code, asked)
        size = np.full(drawn.size, np.inf) if self.population is None else self.population
        faults = []
        if np.any(drawn > size):
            faults.append(f"more rows drawn than the population of strata {np.flatnonzero(drawn > size).tolist()}")
        if np.any(lonely := (drawn == 1) & (size > 1)):
            faults.append(f"one row was drawn in strata {np.flatnonzero(lonely).tolist()}: collapse them")
        if faults:
            raise ValueError("; ".join(faults))
        used = np.flatnonzero(drawn > 0)
        return [(self.code == h, float(drawn[h]), float(1 - drawn[h] / size[h])) for h in used]


@dataclass(frozen=True, eq=False)
class ItemMeans:
    """Of each domain and item (D, k): mean, standard error, answers, weight, element variance n/(n-1) sum w (y - ybar)^2 / W,
    Kish's effective n, primary sampling units with an answer, and degrees of freedom (infinite where none was drawn in bunches);
    `single_error` had all answers been drawn singly, branches with an answer where branches were drawn, and the share of all that
    was not. NaN where nobody with a weight answered; the element variance is NaN below two answers.
    """

    mean: Floats
    error: Floats
    n: Floats
    weight: Floats
    element_variance: Floats
    kish_n: Floats
    drawn: Floats
    freedom: Floats
    single_error: Floats
    branches: Floats
    unseen: Floats


def weighted_item_means(
    cells: ItemCells,
    adjustment: WeightAdjustment,
    domains: npt.ArrayLike,
    strata: Strata | None = None,
    together: ItemBunches | None = None,
) -> ItemMeans:
    """Means of many items in many domains (c, D), all weighted by one `adjustment` of the asked rows' `asked_w`.

    Rows were drawn singly, in one stratum unless `strata` names more, or in one stratum and some of them `together`. With
    u = (y - ybar)/W inside a domain and among those who answered, else 0, and e = u less its regression on the margins under
    the initial weights, V = sum over strata of (1 - f) n/(n-1) [sum (w g e)^2 - (sum w g e)^2 / n], where bunches count by
    their totals of w g e (`clusters`). Within a cell e is linear in y, for a cell lies in one group of every margin. Those
    asked who did not answer stay in the draw. Factors may have been capped since: the cap is treated as fixed. Raises
    ValueError with both strata and bunches. Source: Sarndal et al. 1992, 10.3.
    """
    if strata is not None and together is not None:
        raise ValueError("bunches are drawn in one stratum")
    member, factor = np.asarray(domains, float), adjustment.factors
    whole = [(np.ones(cells.n.shape[0], bool), float(cells.asked.sum()), 1.0)]
    scales = whole if strata is None else strata.scales(cells.asked)
    with np.errstate(divide="ignore", invalid="ignore"):
        n, weight, total, square = (
            np.einsum("cd,ck->dk", member if part is cells.n else member * factor[:, None], part)
            for part in (cells.n, cells.w, cells.wy, cells.wyy)
        )
        weight = np.where(weight > 0, weight, np.nan)
        mean = total / weight
        element = np.where(n > 1, n / (n - 1), np.nan) * np.maximum(square / weight - mean**2, 0)
        kish = weight**2 / np.einsum("cd,ck->dk", member * factor[:, None] ** 2, cells.w2)
    variance, drawn, freedom = np.zeros(mean.shape), n.copy(), np.full(mean.shape, np.inf)
    single, branches, unseen_share = (np.zeros(mean.shape) for _ in range(3))
    block = max(1, BLOCK // max(cells.n.size, together.sums.n.size if together else 0, 1))
    for start in range(0, len(mean), block):
        part = slice(start, start + block)
        # u = (y - ybar) / W inside the domain and among those who answered, else 0; arrays are (c, D, k).
        line = _Line(member[:, part, None], np.nan_to_num(-mean[part] / weight[part]), np.nan_to_num(1 / weight[part]))
        sums, asked_w = line.sums(cells), cells.asked_w[:, None, None]
        level = np.divide(sums, asked_w, out=np.zeros_like(sums), where=asked_w > 0)
        fitted = level - adjustment.residuals(level.reshape(factor.size, -1)).reshape(level.shape)
        sums, squares = line.residuals(cells, fitted)
        single[part] = np.maximum(np.tensordot(factor**2, squares, 1), 0)
        if together is not None:
            own = line.at(together.cell).residuals(together.sums, fitted[together.cell])
            found = _bunched(cells, together, factor, (sums, squares), own, n[part], line.inside)
            variance[part], drawn[part], freedom[part] = found.variance, found.drawn, found.freedom
            branches[part], unseen_share[part] = found.branches, found.unseen
            continue
        for chosen, rows, unseen in scales:
            own_factor = factor * chosen
            spread = np.tensordot(own_factor**2, squares, 1) - np.tensordot(own_factor, sums, 1) ** 2 / rows
            variance[part] += unseen * (np.maximum(spread, 0) * rows / max(rows - 1, 1))
    error, single = (np.where(np.isnan(mean), np.nan, np.sqrt(part)) for part in (variance, single))
    return ItemMeans(mean, error, n, weight, element, kish, drawn, freedom, single, branches, unseen_share)


@dataclass(frozen=True, eq=False)
class _Line:
    """u = centre + slope y (D, k) for answers inside the domains (c, D, 1), else 0."""

    inside: Floats
    centre: Floats
    slope: Floats

    def at(self, cell: Ints) -> "_Line":
        """The same for rows that lie in these cells."""
        return _Line(self.inside[cell], self.centre, self.slope)

    def sums(self, cells: ItemCells) -> Floats:
        """Sums of w u."""
        return self.inside * (self.centre * cells.w[:, None] + self.slope * cells.wy[:, None])

    def residuals(self, cells: ItemCells, fitted: Floats) -> tuple[Floats, Floats]:
        """Sums of w e and of (w e)^2, e = u - fitted for all who were asked."""
        w2, w2y, w2y2 = (values[:, None] for values in (cells.w2, cells.w2y, cells.w2y2))
        first = self.inside * (self.centre * w2 + self.slope * w2y)
        second = self.inside * (self.centre**2 * w2 + 2 * self.centre * self.slope * w2y + self.slope**2 * w2y2)
        asked_w, asked_w2 = cells.asked_w[:, None, None], cells.asked_w2[:, None, None]
        return self.sums(cells) - fitted * asked_w, second - 2 * fitted * first + fitted**2 * asked_w2


@dataclass(frozen=True, eq=False)
class _Bunched:
    """Of domains and items (D, k): variance, units and branches with an answer, degrees of freedom, share of branches unseen."""

    variance: Floats
    drawn: Floats
    freedom: Floats
    branches: Floats
    unseen: Floats


def _bunched(
    cells: ItemCells,
    together: ItemBunches,
    factor: Floats,
    of_cells: tuple[Floats, Floats],
    of_rows: tuple[Floats, Floats],
    n: Floats,
    inside: Floats,
) -> _Bunched:
    """The draw of answers in bunches; sums are those `_Line` gives."""
    bunches, rows, shape = together.bunches, together.sums, n.shape
    own = factor[together.cell][:, None, None]
    z, zz = ((own**power * part).reshape(len(own), -1) for power, part in enumerate(of_rows, 1))
    between, within, persons = bunches.squares(z, zz, rows.asked)
    answered = (inside[together.cell] * rows.n[:, None]).reshape(len(own), -1)
    present = (grouped_sums(bunches.psu, answered, bunches.share.size) > 0).astype(float)
    branch, share = bunches.is_branch[:, None], bunches.share[:, None]
    single = n.ravel() - answered.sum(axis=0)
    alone = np.tensordot(factor**2, of_cells[1], 1).ravel() - zz.sum(axis=0)
    # More may have been asked in bunches than in all, where questions lost answers of different rows to quarantine.
    units = max(float(cells.asked.sum() - rows.asked.sum()), 0.0) + share.size
    scale = units / (units - 1) if units > 1 else np.nan
    held, total_w, squared = _held(cells, together, factor, inside)
    weight = np.where(total_w > 0, total_w, np.nan)
    zero = np.zeros(share.size, np.int64)
    of_branches = freedom_between(branch * held / weight, zero, (squared / weight**2)[None]).ravel()
    parts = [
        (scale * (branch * (1 - share) * between).sum(axis=0), 1 + np.nan_to_num(of_branches)),
        (scale * (~branch * between).sum(axis=0), (~branch * present).sum(axis=0)),
        (scale * np.maximum(alone, 0), single),
        ((share * within).sum(axis=0), 1 + (branch * present * (persons[:, None] - 1)).sum(axis=0)),
    ]
    total = np.tensordot(factor, of_cells[0], 1).ravel()
    level = scale * (1 - share.sum() / units) * total**2 / units
    variance = np.maximum(np.sum([part for part, _ in parts], axis=0) - level, 0)
    drawn, branches = single + present.sum(axis=0), (branch * present).sum(axis=0)
    freedom = np.where(variance > 0, degrees_of_freedom(parts), np.where(branches > 0, of_branches, drawn - 1))
    unseen = (branch * present * (1 - share)).sum(axis=0) / np.maximum(branches, 1)
    # One bunch holds nearly all weight: totals tell nothing of how bunches differ.
    is_one = (held.sum(axis=0) > 0) & (total_w**2 < LEAST_BUNCHES * squared)
    variance = np.where(is_one, np.nan, variance)
    return _Bunched(*(part.reshape(shape) for part in (variance, drawn, freedom, branches, unseen)))


def _held(cells: ItemCells, together: ItemBunches, factor: Floats, inside: Floats) -> tuple[Floats, Floats, Floats]:
    """Weight of each bunch (p, D k), of all answers (D k,), and the sum of squared weights of all that was drawn (D k,)."""
    rows, own = together.sums, factor[together.cell][:, None, None] * inside[together.cell]
    held = grouped_sums(
        together.bunches.psu, (own * rows.w[:, None]).reshape(len(own), -1), together.bunches.share.size
    )
    total = np.tensordot(factor, inside * cells.w[:, None], 1).ravel()
    alone = np.tensordot(factor**2, inside * cells.w2[:, None], 1).ravel()
    alone -= (own**2 * rows.w2[:, None]).sum(axis=0).ravel()
    return held, total, np.maximum(alone, 0) + (held**2).sum(axis=0)
