"""The indicators of one peer group's index: which metrics one instrument measured for enough agencies, and on which scale.

Belongs here: the gate of indicators, what of them is missing, the part of the tree that remains, values and errors as matrices.
Does not belong here: the index and its parts (`index_parts`), the tree itself (`index`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology import normalisation
from methodology.aggregation import Method
from methodology.index import Hierarchy, aggregate, hierarchy
from methodology.shared_people import correlation_matrices, error_roots

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
# Scores start above 0, so that any mean can be taken (as in the other normalisations of `index_uncertainty`).
LOWEST, HIGHEST = 1.0, 100.0
# What scores of one indicator must share, as in the comparability gate.
ALIKE = ["metric_id", "instrument_id", "weighting", "mode_group", "adjustments"]


@dataclass(frozen=True)
class IndexRules:
    """What an index needs, how many draws it takes, and how far its weights may differ."""

    peers: int
    indicators: int
    threshold: float
    level: float
    seed: int
    draws: int
    sensitivity_draws: int
    weight_spread: float

    @classmethod
    def of(cls, thresholds: Mapping[str, float]) -> "IndexRules":
        """Those of a methodology version; `peers` are the agencies of a group, an agency's own included."""
        return cls(
            peers=int(thresholds["minimum_peers"]) + 1,
            indicators=int(thresholds["index_minimum_indicators"]),
            threshold=float(thresholds["index_data_threshold"]),
            level=float(thresholds["interval_level"]),
            seed=int(thresholds["monte_carlo_seed"]),
            draws=int(thresholds["monte_carlo_draws"]),
            sensitivity_draws=int(thresholds["index_sensitivity_draws"]),
            weight_spread=float(thresholds["index_weight_spread"]),
        )


@dataclass(frozen=True)
class Source:
    """The published score behind an agency's indicator, and the slices behind that score."""

    score_id: str
    slice_ids: str


@dataclass(frozen=True)
class Indicators:
    """Values and errors (agencies, indicators) of an index; NaN where an agency has none. `leaves` are the tree's indicators.

    `correlations` (agencies, indicators, indicators) of the errors come from the people who gave several of them. `missing` are
    those an agency owes and did not deliver, or not as its peers did.
    """

    tree: Hierarchy
    leaves: pd.DataFrame
    method: Method
    agencies: tuple[str, ...]
    values: Floats
    errors: Floats
    correlations: Floats
    missing: Mask
    sources: Mapping[tuple[str, str], Source]

    @property
    def direction(self) -> npt.NDArray[np.int64]:
        """1 where more of an indicator is better, -1 where less is."""
        return self.leaves["direction"].to_numpy(np.int64)

    @property
    def roots(self) -> Floats:
        """Roots of the covariance of the errors (agencies, indicators, indicators), as `index_uncertainty` draws them."""
        return error_roots(self.errors, self.correlations)

    @property
    def known(self) -> Mask:
        """Which indicators an agency has."""
        return np.isfinite(self.values)

    def scaled(self, values: Floats) -> Floats:
        """Values (..., indicators) between their goalposts, higher being better."""
        lower, upper = (self.leaves[f"{end}_goalpost"].to_numpy(float) for end in ("lower", "upper"))
        return normalisation.goalposts(values, lower, upper, LOWEST, HIGHEST, self.direction)

    def bounded(self, *, best: bool) -> "Indicators":
        """Return the same with missing indicators at their worst goalpost, or at their best: what they may be at most."""
        lower, upper = (self.leaves[f"{end}_goalpost"].to_numpy(float) for end in ("lower", "upper"))
        end = np.where((self.direction > 0) == best, upper, lower)
        return replace(self, values=np.where(self.missing, end, self.values))

    def has_required(self, nodes: pd.DataFrame) -> Mask:
        """Which agencies have at least one indicator below every required node of the index."""
        parent_of = dict(zip(nodes["node_id"], nodes["parent_id"], strict=True))
        has = np.ones(len(self.agencies), bool)
        for node in nodes.loc[nodes["is_required"].astype(bool), "node_id"]:
            below = [node in _above(leaf, parent_of) for leaf in self.leaves["node_id"]]
            has &= self.known[:, np.array(below, bool)].any(axis=1)
        return has

    def nodes(self, threshold: float) -> Floats:
        """Scores of every node (agencies, nodes)."""
        return aggregate(self.scaled(self.values), self.tree, self.method, threshold)

    def source(self, agency: str, metric: str) -> Source:
        """What the agency's indicator comes from; blank where it has none."""
        return self.sources.get((agency, metric), Source("", ""))

    def of(self, chosen: Mask) -> "Indicators":
        """Return the same for the chosen agencies."""
        names = tuple(name for name, one in zip(self.agencies, chosen, strict=True) if one)
        values, errors, missing = self.values[chosen], self.errors[chosen], self.missing[chosen]
        correlations = self.correlations[chosen]
        return replace(self, agencies=names, values=values, errors=errors, correlations=correlations, missing=missing)


def comparable_scores(reported: pd.DataFrame, missing: pd.DataFrame, agencies: int) -> pd.DataFrame:
    """Rows of metrics that at least so many agencies have alike (`ALIKE`), by what most have, ties by order.

    An agency that owes a metric and did not deliver it (`missing`) counts as one that has it while most of them have: else
    one that withholds its own part could take the indicator out for everybody.
    """
    sizes = reported.groupby(ALIKE, sort=True)["agency_id"].nunique()
    most = sizes.sort_values(ascending=False, kind="stable").reset_index().drop_duplicates("metric_id")
    held = most["agency_id"].to_numpy(np.int64)
    # Who delivered with one instrument and withheld with another is one agency, and has it.
    own = ["agency_id", "metric_id"]
    absent = pd.MultiIndex.from_frame(missing[own].drop_duplicates())
    absent = absent.difference(pd.MultiIndex.from_frame(reported[own]))
    withheld = (
        most["metric_id"].map(absent.to_frame(index=False).groupby("metric_id").size()).fillna(0).to_numpy(np.int64)
    )
    counted = held + np.where(withheld < held, withheld, 0)
    return reported.merge(most.loc[counted >= agencies, ALIKE], on=ALIKE)


def indicators_of(
    scores: pd.DataFrame,
    people: pd.DataFrame,
    nodes: pd.DataFrame,
    agencies: Iterable[str],
    missing: Iterable[tuple[str, str]] = (),
) -> Indicators:
    """Return the index over the available indicators, for these agencies in this order.

    scores: agency_id, metric_id, instrument_id, score, standard_error, score_id, slice_ids, one row per agency and metric.
    people: correlations of agencies' scores, as `shared_people.correlations` makes them. nodes: node_id, parent_id (blank for
    the index), metric_id (blank but for indicators), weight, aggregation, goalposts, direction, is_required. missing: agency
    and metric of what must not be averaged away where `scores` do not have it.
    """
    tree, leaves = _tree(nodes, nodes[nodes["metric_id"].isin(scores["metric_id"])])
    names = tuple(agencies)
    values = np.full((len(names), len(leaves)), np.nan)
    errors = values.copy()
    row = scores["agency_id"].map({name: position for position, name in enumerate(names)}).to_numpy(int)
    column = (
        scores["metric_id"].map({metric: position for position, metric in enumerate(leaves["metric_id"])}).to_numpy(int)
    )
    values[row, column] = scores["score"].to_numpy(float, na_value=np.nan)
    errors[row, column] = scores["standard_error"].to_numpy(float, na_value=np.nan)
    withheld = set(missing)
    gaps = [[(name, metric) in withheld for metric in leaves["metric_id"]] for name in names]
    keys = zip(scores["agency_id"], scores["metric_id"], strict=True)
    found = (Source(str(own), str(ids)) for own, ids in zip(scores["score_id"], scores["slice_ids"], strict=True))
    method = nodes.loc[nodes["parent_id"] == "", "aggregation"].iloc[0]
    is_missing = np.array(gaps, bool).reshape(values.shape) & np.isnan(values)
    correlations = correlation_matrices(people, scores, names, list(leaves["metric_id"]))
    sources = dict(zip(keys, found, strict=True))
    return Indicators(tree, leaves, method, names, values, errors, correlations, is_missing, sources)


def _above(node: str, parent_of: Mapping[str, str]) -> Iterator[str]:
    """A node's parents up to the index."""
    while node := parent_of[node]:
        yield node


def _tree(nodes: pd.DataFrame, leaves: pd.DataFrame) -> tuple[Hierarchy, pd.DataFrame]:
    """The index over the available indicators; nodes without any below them are dropped."""
    kept = set(leaves["node_id"])
    parent_of = dict(zip(nodes["node_id"], nodes["parent_id"], strict=True))
    kept |= {above for node in kept for above in _above(node, parent_of)}
    held = nodes[nodes["node_id"].isin(kept)]
    parents = {node: parent_of[node] or None for node in held["node_id"]}
    tree = hierarchy(parents, dict(zip(held["node_id"], held["weight"], strict=True)))
    return tree, held.set_index("node_id").loc[list(tree.names[: tree.indicators])].reset_index()
