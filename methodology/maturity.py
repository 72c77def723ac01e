"""Maturity: from practices to dimension scores, a score and a level.

Belongs here: pure functions over practices and a level model given as data. Does not belong here: the models themselves
(`versions/<version>/maturity/*.yml`).
"""

from collections.abc import Mapping, Sequence


def dimension_score(adoption: Sequence[float], maximum: Sequence[float]) -> float:
    """Mean share of possible adoption over the assessed practices of a dimension, on 0-100.

    Raises ValueError when nothing was assessed: no score is better than a zero nobody gave.
    """
    if not adoption or len(adoption) != len(maximum):
        raise ValueError("a dimension needs at least one assessed practice, each with its maximum")
    return 100.0 * sum(given / possible for given, possible in zip(adoption, maximum, strict=True)) / len(adoption)


def maturity_score(dimensions: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Weighted mean of dimension scores, on 0-100. Every dimension needs a weight; weights need not sum to one."""
    missing = sorted(set(dimensions) - set(weights))
    if missing or not dimensions:
        raise ValueError(f"dimensions without a weight: {', '.join(missing) or 'no dimension given'}")
    total = sum(weights[name] for name in dimensions)
    return sum(value * weights[name] for name, value in sorted(dimensions.items())) / total


def level_of(score: float, cuts: Sequence[float]) -> int:
    """Level 1..len(cuts)+1: one above the number of cut-offs reached (score >= cut)."""
    if list(cuts) != sorted(set(cuts)):
        raise ValueError("cut-offs must rise: a level that cannot be reached is no level")
    return 1 + sum(score >= cut for cut in cuts)
