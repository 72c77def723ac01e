"""Tables of any number of dimensions with their totals, to test disclosure control beyond the tables of a release.

Belongs here: tables as a row of cells and a sparse matrix of equations (a total less its parts is 0). Does not belong here: the
tables of a release (`methodology.additive_tables`) and expectations.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse

Floats = npt.NDArray[np.float64]


def with_margins(counts: npt.ArrayLike) -> Floats:
    """A table of any number of dimensions with its totals added, last along every axis."""
    table = np.asarray(counts, float)
    for axis in range(table.ndim):
        table = np.concatenate([table, table.sum(axis=axis, keepdims=True)], axis=axis)
    return table


def margin_equations(shape: Sequence[int]) -> sparse.csr_array:
    """(equations, cells) of a table whose `shape` includes its totals, cells in row order: parts 1, their total -1."""
    cells = np.arange(int(np.prod(shape))).reshape(shape)
    along_axes = []
    for axis, length in enumerate(shape):
        lines = np.moveaxis(cells, axis, -1).reshape(-1, length)
        coefficients = np.ones(lines.shape)
        coefficients[:, -1] = -1
        positions = (np.repeat(np.arange(len(lines)), length), lines.ravel())
        along_axes.append(sparse.csr_array((coefficients.ravel(), positions), shape=(len(lines), cells.size)))
    return sparse.csr_array(sparse.vstack(along_axes))


def stacked(equations: Sequence[sparse.csr_array]) -> sparse.csr_array:
    """Equations of tables side by side; their cells follow each other in the same order."""
    return sparse.csr_array(sparse.block_diag(equations))


def with_editions(
    earlier: sparse.csr_array, later: sparse.csr_array, unchanged: Sequence[tuple[int, int]]
) -> sparse.csr_array:
    """Equations of two editions read together; `unchanged` pairs cells (earlier, later) a reader knows to be equal.

    The cells of the later edition follow those of the earlier one. A cell published in one edition therefore counts as
    published in both, and the difference of two editions reveals what it can.
    """
    pairs = np.asarray(unchanged, int).reshape(-1, 2)
    number = np.arange(len(pairs))
    cells = np.concatenate([pairs[:, 0], earlier.shape[1] + pairs[:, 1]])
    equal = sparse.csr_array(
        (np.repeat([1.0, -1.0], len(pairs)), (np.tile(number, 2), cells)),
        shape=(len(pairs), earlier.shape[1] + later.shape[1]),
    )
    return sparse.csr_array(sparse.vstack([stacked([earlier, later]), equal]))
