"""Whether two readers together could work out a third agency's score from the means each of them is shown.

Belongs here: the linear algebra of means over known sets of agencies. Does not belong here: counts (`disclosure`,
`suppression`) and which means are shown (`positions`, `neighbour_positions`).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from methodology.arrays import Floats

Mask = npt.NDArray[np.bool_]
# Pairs of readers looked at in one array.
PAIRS = 2_000
ROUNDING = 1e-6


def told_by_two(sets: Sequence[Mask], asked: Mask, everybody: Mask | None = None) -> Mask:
    """For each agency (agencies,): whether it and one other reader could solve their means for the score of a third agency.

    sets: masks (readers, agencies), one for each kind of mean; row i holds the agencies whose mean reader i is shown, or nothing.
    A reader knows its own score. everybody: masks (totals, agencies) of those whose mean all readers are shown. asked: the
    readers of interest; a pair is looked at if one of them is. A score x is known if the unit vector e_x lies in the span of all
    these sets without the two readers: e_x' E' (E E')^+ E e_x = 1. More than two readers and errors of the scores are not looked
    at.
    """
    means = np.stack([np.asarray(one, bool) for one in sets], axis=1).astype(float)
    size = len(means)
    first, second = np.triu_indices(size, 1) if size > 1 else (np.zeros(1, int), np.zeros(1, int))
    chosen = asked[first] | asked[second]
    first, second = first[chosen], second[chosen]
    public = np.zeros((0, size)) if everybody is None else np.asarray(everybody, float)
    told = np.zeros(size, bool)
    for start in range(0, first.size, PAIRS):
        a, b = first[start : start + PAIRS], second[start : start + PAIRS]
        common = np.broadcast_to(public, (a.size, *public.shape))
        equations: Floats = np.concatenate([means[a], means[b], common], axis=1)
        pair = np.arange(a.size)
        for own in (a, b):
            equations[pair, :, own] = 0
        gram = equations @ equations.transpose(0, 2, 1)
        # Two steps: all three at once would not use the machine's products of matrices.
        solved = np.linalg.pinv(gram, rcond=ROUNDING, hermitian=True) @ equations
        shares = np.einsum("pqx,pqx->px", equations, solved)
        known = (shares > 1 - ROUNDING).any(axis=1)
        told[a[known]] = True
        told[b[known]] = True
    return told & asked
