"""A composite index: a tree of indicators, pillars and sub-indices with weights, aggregated from the leaves up.

Belongs here: the tree and its evaluation for all units (and draws) at once. Does not belong here: what a node does with its
children (`aggregation`) and how sure the result is (`index_uncertainty`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from methodology.aggregation import Method, combine

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Hierarchy:
    """Nodes of an index: indicators first, then aggregates with every child before its parent, the index last."""

    names: tuple[str, ...]
    indicators: int
    children: tuple[tuple[int, ...], ...]
    weights: Floats

    def position(self, name: str) -> int:
        """Column of a node in what `aggregate` returns."""
        return self.names.index(name)

    def share(self, node: int) -> float:
        """Weight of a node in the whole index: the product of its shares among siblings on the way up."""
        share = 1.0
        while node != len(self.names) - 1:
            parent = next(at for at, below in enumerate(self.children) if node in below)
            share *= float(self.weights[node] / self.weights[list(self.children[parent])].sum())
            node = parent
        return share


def hierarchy(parents: Mapping[str, str | None], weights: Mapping[str, float]) -> Hierarchy:
    """The tree in which `parents` gives each node's parent (None for the index) and `weights` its weight among its siblings.

    Nodes without children are the indicators, in the order given. Raises ValueError naming all faults: not exactly one
    index, a parent that is not a node, a cycle, a weight that is missing or negative, siblings whose weights are all 0.
    """
    faults = []
    roots = [name for name, parent in parents.items() if parent is None]
    if len(roots) != 1:
        faults.append(f"an index needs exactly one node without a parent, not {len(roots)}: {', '.join(roots)}")
    faults += [
        f"{name!r}: parent {parent!r} is no node" for name, parent in parents.items() if parent not in {None, *parents}
    ]
    for name in parents:
        weight = weights.get(name, np.nan)
        if parents[name] is not None and not (np.isfinite(weight) and weight >= 0):
            faults.append(f"{name!r}: weight {weight} is missing or negative")
    depths = {name: _depth(name, parents) for name in parents}
    faults += [f"{name!r} is its own ancestor" for name, depth in depths.items() if depth is None]
    children = {name: [child for child, parent in parents.items() if parent == name] for name in parents}
    for name, below in children.items():
        if below and not any(weights.get(child, 0) > 0 for child in below):
            faults.append(f"{name!r}: no child has a weight above 0")
    if faults:
        raise ValueError("\n".join(faults))
    leaves = [name for name in parents if not children[name]]
    # Deeper nodes first: all children of a node are deeper than itself.
    aggregates = sorted((name for name in parents if children[name]), key=lambda name: -(depths[name] or 0))
    names = (*leaves, *aggregates)
    at = {name: number for number, name in enumerate(names)}
    return Hierarchy(
        names,
        len(leaves),
        tuple(tuple(at[child] for child in children[name]) for name in names),
        np.array([weights.get(name, 1.0) for name in names], float),
    )


def _depth(name: str, parents: Mapping[str, str | None]) -> int | None:
    """Steps up to the index; None in a cycle."""
    steps, parent = 0, parents[name]
    while parent is not None and parent in parents:
        steps, parent = steps + 1, parents[parent]
        if steps > len(parents):
            return None
    return steps


def aggregate(
    values: npt.ArrayLike,
    tree: Hierarchy,
    method: Method = "arithmetic",
    threshold: float = 0,
    weights: npt.ArrayLike | None = None,
) -> Floats:
    """Scores of every node, (..., units, nodes) in the order of `tree.names`, from normalised values (..., units, indicators).

    `weights` (..., nodes) replace the tree's, for instance a row per draw. The data threshold holds at every node: a node
    whose children are too few is NaN, and missing for its parent. The index is the last column. Raises ValueError for
    a number of indicators other than the tree's, and as `aggregation.combine` does.
    """
    x = np.asarray(values, float)
    if x.ndim < 2 or x.shape[-1] != tree.indicators:
        raise ValueError(f"values must be (..., units, {tree.indicators} indicators), not {x.shape}")
    relative = tree.weights if weights is None else np.asarray(weights, float)
    if relative.shape[-1] != len(tree.names):
        raise ValueError(f"{relative.shape[-1]} weights for {len(tree.names)} nodes")
    lead = np.broadcast_shapes(x.shape[:-2], relative.shape[:-1])
    scores = np.full((*lead, x.shape[-2], len(tree.names)), np.nan)
    scores[..., : tree.indicators] = x
    for node in range(tree.indicators, len(tree.names)):
        below = list(tree.children[node])
        share = np.broadcast_to(relative[..., below], (*lead, len(below)))
        scores[..., node] = combine(scores[..., below], share, method, threshold)
    return scores
