"""How sure a maturity level is, and when a change of level is announced.

Belongs here: probabilities of levels under assessors' errors, the rule of announcement. Does not belong
here: scores and levels themselves (`maturity`), agreement of judges (`agreement`).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

from methodology.maturity import levels_of
from methodology.maturity_models import HIGHEST_ADOPTION, MaturityModel

Floats = npt.NDArray[np.float64]


def level_probabilities(
    model: MaturityModel, adoption: npt.ArrayLike, errors: npt.ArrayLike, draws: int, rng: np.random.Generator
) -> Floats:
    """P(level), (..., levels), of adoption (..., practices) in whole steps, when each practice may be judged wrongly.

    Draws true adoption independently by practice from the row of `errors`, (4, 4), of what was assessed, and
    takes the level of every draw. A practice that was not assessed stays unassessed. Raises ValueError where rows of `errors` are
    not probabilities or adoption is not a whole step.
    """
    given, chance = np.asarray(adoption, float), np.asarray(errors, float)
    if np.any(chance < 0) or not np.allclose(chance.sum(axis=1), 1, rtol=0, atol=1e-9):
        raise ValueError("rows of assessor errors must be probabilities")
    present = np.isfinite(given)
    step = np.where(present, given, 0).astype(int)
    if not np.array_equal(step[present], given[present]) or np.any((step < 0) | (step > HIGHEST_ADOPTION)):
        raise ValueError(f"adoption must be 0-{HIGHEST_ADOPTION} in whole steps")
    # Inverse of the cumulative probabilities: count the limits a uniform number exceeds. The last limit is 1.
    limits = np.cumsum(chance, axis=1)[:, :-1].T
    drawn = rng.random((draws, *given.shape))
    true = np.zeros(drawn.shape, np.int8)
    for limit in limits:
        true += drawn >= limit[step]
    level = levels_of(model, np.where(present, true, np.nan))
    counts = [(level == number).sum(axis=0) for number in range(1, len(model.levels) + 1)]
    return np.asarray(np.stack(counts, axis=-1) / draws)


def scaled_errors(errors: npt.ArrayLike, scale: float) -> Floats:
    """The table of errors (4, 4) of assessors who err `scale` times as often, in the same directions; never more than always."""
    chance = np.asarray(errors, float)
    wrong = chance * (1 - np.eye(len(chance)))
    often = wrong.sum(axis=1, keepdims=True)
    wrong = wrong * np.minimum(scale, 1 / np.where(often > 0, often, 1))
    return np.asarray(wrong + np.diag(np.maximum(1 - wrong.sum(axis=1), 0)))


def level_probabilities_of_score(score: npt.ArrayLike, standard_error: npt.ArrayLike, cuts: Sequence[float]) -> Floats:
    """P(level), (..., levels), of a normal score with this standard error where only cut-offs make levels; 0 error is certain."""
    value, error = np.asarray(score, float)[..., None], np.asarray(standard_error, float)[..., None]
    limits = np.asarray(cuts, float)
    above = np.where(error > 0, stats.norm.sf((limits - value) / np.where(error > 0, error, 1.0)), value >= limits)
    ends = above.shape[:-1]
    return np.asarray(-np.diff(np.concatenate([np.ones((*ends, 1)), above, np.zeros((*ends, 1))], axis=-1)))


def announced_levels(levels: Sequence[int], probabilities: npt.ArrayLike, announced_at: float) -> list[int]:
    """The level announced in each cycle, from levels found and P(level) (cycles, levels), oldest first.

    The first is announced as found. Then it changes to the furthest level on the way to the one found that is reached with
    P >= `announced_at` (P(at least that level) going up, P(at most) going down); or, where two cycles in a row found a level
    on the same side of the announced one, to the nearer of the two. Otherwise it stays: a level that comes and goes was never
    established.
    """
    chances = np.asarray(probabilities, float)
    if len(levels) != len(chances):
        raise ValueError(f"{len(levels)} levels and probabilities of {len(chances)} cycles")
    announced: list[int] = []
    for cycle, found in enumerate(levels):
        if not announced or found == announced[-1]:
            announced.append(found)
            continue
        now = announced[-1]
        side = 1 if found > now else -1
        sure = [
            level
            for level in range(now, found + side, side)
            if _at_or_beyond(chances[cycle], level, side) >= announced_at
        ]
        twice = (levels[cycle - 1] - now) * side > 0
        lasting = min((found, levels[cycle - 1]), key=lambda level: abs(level - now)) if twice else now
        announced.append(max((*sure, lasting), key=lambda level: abs(level - now)))
    return announced


def _at_or_beyond(chances: Floats, level: int, side: int) -> float:
    total = chances[level - 1 :].sum() if side > 0 else chances[:level].sum()
    return float(total) + 1e-12  # 0.9 summed from parts must not miss 0.9
