"""Comparing small units: shrunken scores, the true spread between units, scores adjusted for who answered.

Belongs here: worlds of branches or agencies drawn from a common distribution. Does not belong here: ranks (`rank_sets`)
and bands (`bands`).
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from methodology.adjusted_scores import UNIT, adjusted_scores
from methodology.adjustment import CrossProducts, casemix_adjusted
from methodology.estimates import mean_estimate, mean_interval
from methodology.shrinkage import shrink, shrunken_interval, spread, tau_interval
from simulation.coverage.findings import COVERS, Finding, Floats, at_least, drawn, holds
from simulation.coverage.intervals import LEVELS, TYPICAL

NOISE = 25.0  # standard deviation of an answer on 0-100
Z = stats.norm.ppf(0.975)


def study(rng: np.random.Generator, draws: int) -> list[Finding]:
    """All findings of this module."""
    return [*shrunken(rng, draws), *spreads(rng, 4 * draws), *casemix(rng, draws // 2), *like_for_like(rng, draws // 2)]


def branches(rng: np.random.Generator, draws: int, units: int, tau: float) -> tuple[Floats, Floats, Floats]:
    """True scores, observed scores and their errors (draws, units); branches have 10 to 200 answers."""
    error = NOISE / np.sqrt(np.exp(rng.uniform(np.log(10), np.log(200), (draws, units))))
    true = 70 + tau * rng.standard_normal((draws, units))
    return true, true + error * rng.standard_normal((draws, units)), error


def families(score: Floats, error: Floats) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Scores and errors (draws, units) flattened, and the number of each one's world, which is its family."""
    return score.ravel(), error.ravel(), np.repeat(np.arange(len(score)), score.shape[1])


def shrunken(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Intervals of shrunken scores: averaged over plausible spreads, and with one estimated spread plugged in."""
    found = []
    few = "many branches that hardly differ: the interval averages over the spreads that are plausible, and is not right at each"
    for units, tau, withdrawn in (
        (10, 5.0, ""),
        (30, 2.0, ""),
        (30, 5.0, ""),
        (30, 10.0, ""),
        (100, 2.0, few),
        (100, 5.0, ""),
    ):
        true, score, error = branches(rng, draws, units, tau)
        limits = [shrunken_interval(y, s)[1:] for y, s in zip(score, error, strict=True)]
        held = [float(holds(own, ends).mean()) for own, ends in zip(true, limits, strict=True)]
        y, s, world = families(score, error)
        made = shrink(y, s, world, spread(y, s, world, draws))
        close = holds(true.ravel(), (made.score - Z * made.error, made.score + Z * made.error))
        plugged = close.reshape(true.shape).mean(axis=1)
        branch = f"{units} branches that truly differ by {tau:g} (sd)"
        found.append(drawn(f"shrunken score of a branch; {branch}", held, COVERS, withdrawn))
        found.append(drawn(f"the same by score -+ 1.96 error, the spread taken as known; {branch}", plugged))
    return found


def spreads(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Interval of the true standard deviation between units (Q-profile)."""
    found = []
    for units, tau in ((10, 5.0), (30, 2.0), (100, 5.0)):
        _, score, error = branches(rng, draws, units, tau)
        held = holds(tau, tau_interval(*families(score, error), draws))
        found.append(drawn(f"true spread between {units} branches that differ by {tau:g} (sd)", held, COVERS))
    _, score, error = branches(rng, draws, 30, 0.0)
    held = holds(0.0, tau_interval(*families(score, error), draws))
    found.append(drawn("true spread between 30 equal branches: one limit only can err", held, at_least(0.95)))
    return found


def casemix(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Scores adjusted for respondents' age and sex; answers on five points, agencies that differ in both."""
    units, found = 20, []
    held, raw_held, bias_raw, bias_adjusted = (np.empty(draws) for _ in range(4))
    for world in range(draws):
        n = rng.integers(50, 301, units)
        unit = np.repeat(np.arange(units), n)
        old = rng.random(unit.size) < rng.uniform(0.1, 0.7, units)[unit]
        woman = rng.random(unit.size) < rng.uniform(0.3, 0.7, units)[unit]
        # Each person's mean is additive; the answer has that mean and lies on an adjacent level or further out.
        mean = 60 + 4 * rng.standard_normal(units)[unit] + 8 * old - 4 * woman
        y = answers(rng, mean)
        x = np.column_stack([old, woman]).astype(float)
        made = casemix_adjusted(CrossProducts.of_rows(unit, x, y))
        level = mean - x @ [8.0, -4.0]
        true = np.bincount(unit, level) / n + x.mean(axis=0) @ [8.0, -4.0]
        half = stats.t.ppf(0.975, made.degrees_of_freedom) * made.error
        held[world] = holds(true, (made.adjusted - half, made.adjusted + half)).mean()
        raw_held[world] = holds(true, (made.raw - half, made.raw + half)).mean()
        mix = np.stack([np.bincount(unit, column) / n for column in x.T], axis=1)
        away = (mix - x.mean(axis=0)) @ [8.0, -4.0]
        # The mix effect left in the score: its slope on the part of the truth that the mix moved.
        bias_raw[world] = (made.raw - true) @ away / (away @ away)
        bias_adjusted[world] = (made.adjusted - true) @ away / (away @ away)
    found.append(drawn("case-mix-adjusted score, 20 agencies of 50 to 300 answers", held, COVERS))
    found.append(drawn("raw score read as if it were like for like", raw_held))
    removed = float(1 - abs(bias_adjusted.mean() / bias_raw.mean()))
    scatter = float(np.std(bias_adjusted, ddof=1) / abs(bias_raw.mean()))
    found.append(Finding("effect of the mix removed by adjustment", removed, draws, at_least(0.90), scatter))
    return found


def like_for_like(rng: np.random.Generator, draws: int) -> list[Finding]:
    """The published interval of an adjusted score (variance recovery), in the worlds of `casemix`; a draw is a metric."""
    units, sums, truths = 20, [], []
    for world in range(draws):
        n = rng.integers(50, 301, units)
        unit = np.repeat(np.arange(units), n)
        old = rng.random(unit.size) < rng.uniform(0.1, 0.7, units)[unit]
        woman = rng.random(unit.size) < rng.uniform(0.3, 0.7, units)[unit]
        level = 60 + 4 * rng.standard_normal(units)
        effect = 8.0 * old - 4.0 * woman
        answer = answers(rng, level[unit] + effect)
        rows = pd.DataFrame({"unit": unit, "age_band": old, "gender": woman, "wy": answer, "wyy": answer**2, "n": 1})
        cells = rows.groupby(["unit", "age_band", "gender"])[["n", "wy", "wyy"]].sum().reset_index()
        sums.append(cells.assign(metric_id=f"m{world:05d}"))
        truths.append(
            pd.DataFrame({"unit": range(units), "metric_id": f"m{world:05d}", "truth": level + effect.mean()})
        )
    cells = pd.concat(sums, ignore_index=True).astype({"age_band": str, "gender": str})
    cells = cells.assign(agency_id=cells["unit"].map("a{:02d}".format), period_id="q", instrument_id="i", w=cells["n"])
    cells = cells.assign(nationality_class=None, region_id=None, mode="web")
    total = cells.groupby(UNIT)[["n", "wy", "wyy"]].sum().reset_index()
    size = total["n"].to_numpy(float)
    mean, error = mean_estimate(size, total["wy"].to_numpy(), total["wyy"].to_numpy())
    low, high = mean_interval(mean, error, size)
    raw = total[UNIT].assign(score=mean, standard_error=error, ci_low=low, ci_high=high, design_effect=1.0)
    made = adjusted_scores(
        cells,
        raw,
        raw[:0],
        agencies=pd.DataFrame({"agency_id": sorted(set(cells["agency_id"])), "peer_group": "g"}),
        declared=pd.DataFrame({"adjuster": ["age_band", "gender"], "role": "adjuster"}),
        studies=pd.DataFrame(columns=["metric_id", "mode", "effect", "standard_error", "reference_error"]),
        thresholds={"unknown_share": 0.1, "interval_level": 0.95},
    )
    truth = pd.concat(truths).assign(agency_id=lambda rows: rows["unit"].map("a{:02d}".format))
    found = made.merge(truth, on=["agency_id", "metric_id"])
    held = holds(found["truth"].to_numpy(), (found["ci_low"].to_numpy(), found["ci_high"].to_numpy()))
    worlds = pd.Series(held).groupby(found["metric_id"]).mean()
    return [drawn("adjusted score as it is published, 20 agencies of 50 to 300 answers", worlds.to_numpy(), COVERS)]


def answers(rng: np.random.Generator, mean: Floats) -> Floats:
    """Answers on five points with the given means: binomial steps, over-dispersed because people lean to one side."""
    share = mean / 100
    precision = float(TYPICAL.sum()) / 2
    return np.asarray(LEVELS[rng.binomial(LEVELS.size - 1, rng.beta(share * precision, (1 - share) * precision))])
