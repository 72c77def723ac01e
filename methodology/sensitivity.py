"""Sensitivity: how much of an output's variance each source of uncertainty contributes (Sobol indices).

Belongs here: estimators for any model of independent uniform inputs. Does not belong here: the models
(`index_uncertainty`), and any random generator of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Model = Callable[[Mapping[str, Floats]], Floats]


@dataclass(frozen=True)
class SobolIndices:
    """Indices and standard errors as (sources, outputs), in the order of `sources`; variance as (outputs,)."""

    sources: tuple[str, ...]
    first: Floats
    first_error: Floats
    total: Floats
    total_error: Floats
    variance: Floats


def sobol_indices(
    model: Model, sources: Mapping[str, int], n: int, rng: np.random.Generator, rows: int = 256
) -> SobolIndices:
    """First-order and total Sobol indices of groups of inputs, by n (sources + 2) evaluations.

    `sources` says how many independent U(0, 1) inputs each source has (a source is moved as one group); `model` gets a
    (rows, size) array per source and returns (rows, outputs). With A and B independent samples and A_B^i being A with
    source i from B (Jansen 1999, Saltelli et al. 2010):
    first S_i = 1 - mean (f(B) - f(A_B^i))^2 / 2V; total T_i = mean (f(A) - f(A_B^i))^2 / 2V.
    Standard errors are those of a ratio of means. An output that does not vary has NaN indices. `rows` evaluated at a time
    bound the memory. Raises ValueError below two evaluations and without sources.
    """
    if n < 2 or not sources:
        raise ValueError("Sobol indices need at least one source and two evaluations")
    plain, other, mixed = [], [], []
    for start in range(0, n, rows):
        size = min(rows, n - start)
        a = {name: rng.random((size, width)) for name, width in sources.items()}
        b = {name: rng.random((size, width)) for name, width in sources.items()}
        plain.append(model(a))
        other.append(model(b))
        mixed.append(np.stack([model({**a, name: b[name]}) for name in sources]))
    f_a, f_b, f_ab = np.concatenate(plain), np.concatenate(other), np.concatenate(mixed, axis=1)
    centre = (f_a.mean(axis=0) + f_b.mean(axis=0)) / 2
    squares = ((f_a - centre) ** 2 + (f_b - centre) ** 2) / 2
    rest, rest_error = _ratio_of_means((f_b - f_ab) ** 2 / 2, squares)
    total, total_error = _ratio_of_means((f_a - f_ab) ** 2 / 2, squares)
    return SobolIndices(tuple(sources), 1 - rest, rest_error, total, total_error, squares.mean(axis=0))


def _ratio_of_means(above: Floats, below: Floats) -> tuple[Floats, Floats]:
    """mean(above)/mean(below) over evaluations, and its linearised standard error; `above` is (sources, n, outputs)."""
    base = below.mean(axis=0)
    base = np.where(base > 0, base, np.nan)
    ratio = above.mean(axis=1) / base
    residual = above - ratio[:, None, :] * below
    return ratio, np.asarray(residual.std(axis=1, ddof=1) / base / np.sqrt(above.shape[1]))
