"""What studies add to scores: links between scales, errors that agencies share, and what late answers say of silence.

Belongs here: worlds in which a study, or the order of answers, is all that is known of a bias. Does not belong here: effects of
survey modes themselves (`modes`).
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from methodology.arrays import Floats
from methodology.frame_figures import Agencies, Compared, against_peers
from methodology.frames import Ints
from methodology.late_answers import late_answers
from methodology.linked_scores import as_compared, linked_scores
from methodology.parameters import load_methodology
from simulation.coverage.findings import COVERS, Finding, at_least, at_most, drawn, holds

THRESHOLDS = dict(load_methodology("2026.2").thresholds) | {"monte_carlo_draws": 300.0}
KEY = {"metric_id": "m", "period_id": "q"}
FIVE, ELEVEN = np.arange(5) * 25.0, np.arange(11) * 10.0
MEAN, SPREAD, NOISE = 62.0, 22.0, 8.0
HARDER = 6.0  # points by which the same opinion scores less on 0-10
ON_FIVE, ON_ELEVEN, ANSWERS = 5, 7, 400
STUDY_ERROR = 3.0  # of an effect of mode, in errors of an agency's own answers
ASKED = 1_500


def study(rng: np.random.Generator, draws: int) -> list[Finding]:
    """All findings of this module."""
    few = max(draws // 4, 40)
    return [*links(rng, few), *shared(rng, few), *silence(rng, draws)]


def links(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Five agencies ask on 1-5 and seven, equal to them, on 0-10; a study of so many people answers on both."""
    found = []
    for people in (150, 2_000):
        told, unlinked, held, better = (np.full(draws, np.nan) for _ in range(4))
        for world in range(draws):
            table = np.zeros((5, 11))
            np.add.at(table, _answers(rng, MEAN, people), 1)
            means = np.full(ON_FIVE + ON_ELEVEN, MEAN)
            scores = _scores(rng, means)
            linked = linked_scores(scores, _study(table), thresholds=THRESHOLDS)
            compared = as_compared(scores, linked)
            compared["shared_errors"] = [*linked["shared_errors"], *[""] * ON_ELEVEN]
            told[world], unlinked[world] = _some_told(compared), _some_told(scores)
            held[world] = holds(_truth(MEAN), (linked["ci_low"], linked["ci_high"])).mean()
            scores = _scores(rng, means + 10)
            linked = linked_scores(scores, _study(table), thresholds=THRESHOLDS)
            better[world] = holds(_truth(MEAN + 10), (linked["ci_low"], linked["ci_high"])).mean()
        found += [
            drawn(f"some equal agencies on two scales told apart, {people:,} in the study", told == 1, at_most(0.06)),
            drawn(f"some equal agencies on two scales told apart, no study, {people:,} draws", unlinked == 1),
            drawn(f"score on the others' scale held, {people:,} in the study", held, COVERS),
            drawn(f"score on the others' scale held, ten points above the study's people, {people:,} in it", better),
        ]
    return found


def shared(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Twelve equal agencies, some of which one study adjusted by an effect it knows to STUDY_ERROR."""
    found = []
    for adjusted in (11, 6):
        share = np.repeat([1.0, 0.0], [adjusted, 12 - adjusted])
        told, alone = (np.full(draws, np.nan) for _ in range(2))
        for world in range(draws):
            score = 70 + rng.standard_normal(12) + STUDY_ERROR * rng.standard_normal() * share
            text = [f"mode:phone={STUDY_ERROR}" if one else "" for one in share]
            rows = pd.DataFrame({"score": score, "standard_error": np.hypot(1, STUDY_ERROR * share)})
            told[world], alone[world] = (_some_told(rows.assign(shared_errors=one)) for one in (text, ""))
        found += [
            drawn(f"some equal agencies told apart, one study adjusted {adjusted} of 12", told == 1, at_most(0.06)),
            drawn(
                f"some equal agencies told apart, {adjusted} of 12 adjusted, the study's errors as if apart", alone == 1
            ),
        ]
    return found


def silence(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Six of ten answer; who is less satisfied takes longer, and who takes longest never does."""
    found = []
    for name, slope in (
        ("who is dissatisfied answers late or never", 1 / 60),
        ("silence has nothing to do with opinion", 0.0),
    ):
        range_held, plain_held, turned = (np.full(draws, np.nan) for _ in range(3))
        for world in range(draws):
            opinion = np.clip(65 + 20 * rng.standard_normal(ASKED), 0, 100)
            delay = rng.standard_normal(ASKED) - slope * (opinion - 65)
            came = delay <= np.quantile(delay, 0.6)
            own, late = opinion[came], delay[came] > np.median(delay[came])
            made = _late(own, late)
            truth, half = opinion.mean(), 1.959964 * own.std() / np.sqrt(own.size)
            range_held[world] = made["nonresponse_low"] - half <= truth <= made["nonresponse_high"] + half
            plain_held[world] = abs(own.mean() - truth) <= half
            turned[world] = bool(made["turns_with_nonresponse"])
        found += [
            drawn(f"truth in the range that late answers give, {name}", range_held == 1, at_least(0.95)),
            drawn(f"truth in the plain interval, {name}", plain_held == 1),
            drawn(
                f"verdict of five points marked as resting on silence, {name}",
                turned == 1,
                None if slope else at_most(0.05),
            ),
        ]
    return found


def _answers(rng: np.random.Generator, mean: float, n: int) -> tuple[Ints, Ints]:
    """The same people on 1-5 and 0-10, as places on each scale."""
    opinion = mean + SPREAD * rng.standard_normal(n)
    places = [(opinion, 25, 4), (opinion - HARDER, 10, 10)]
    five, eleven = (
        np.clip(np.round((seen + NOISE * rng.standard_normal(n)) / step), 0, top).astype(int)
        for seen, step, top in places
    )
    return five, eleven


def _truth(mean: float) -> float:
    """The score of such people on 0-10: the sum of P(answer > a) over its limits, in steps of ten."""
    return float(10 * stats.norm.sf(np.arange(5, 100, 10), mean - HARDER, np.hypot(SPREAD, NOISE)).sum())


def _scores(rng: np.random.Generator, means: Floats) -> pd.DataFrame:
    values = [_answers(rng, mean, ANSWERS) for mean in means]
    levels = [FIVE[one[0]] if number < ON_FIVE else ELEVEN[one[1]] for number, one in enumerate(values)]
    score, error = (
        np.array([f(one) for one in levels]) for f in (np.mean, lambda one: one.std(ddof=1) / np.sqrt(one.size))
    )
    rows = pd.DataFrame({"agency_id": [f"{number:02d}" for number in range(len(means))], **KEY})
    rows["instrument_id"] = ["five"] * ON_FIVE + ["eleven"] * ON_ELEVEN
    figures = {"score": score, "standard_error": error, "ci_low": score - 1.96 * error, "ci_high": score + 1.96 * error}
    return rows.assign(**figures, shared_errors="")


def _study(table: Floats) -> pd.DataFrame:
    rows = [{"level": FIVE[i], "linked_level": ELEVEN[j], "people": n} for (i, j), n in np.ndenumerate(table) if n]
    return pd.DataFrame(rows).assign(metric_id="m", instrument_id="five", linked_instrument_id="eleven")


def _some_told(rows: pd.DataFrame) -> bool:
    """Whether a verdict against peers tells any agency of the class apart; a linked score is in nobody's mean (`positions`)."""
    among = np.ones(len(rows), bool)
    if "compared_instrument_id" in rows:
        among = (rows["instrument_id"] == rows["compared_instrument_id"]).to_numpy(bool)
    class_ = rows.assign(error=rows["standard_error"], degrees_of_freedom=np.inf, n=ANSWERS)
    compared = Compared.of(class_.assign(polarity=1, smallest_difference=5.0, base="persons"))
    own = Agencies.of(compared, np.arange(len(rows)), "class", THRESHOLDS, among)
    return bool((against_peers(own)[1] != "no_clear_difference").any())


def _late(own: Floats, late: npt.NDArray[np.bool_]) -> "pd.Series[float]":
    key = {"agency_id": "a", **KEY, "instrument_id": "i"}
    halves = [(is_late, own[late == is_late]) for is_late in (False, True)]
    rows = [
        {**key, "is_late": name, "n": one.size, "sum_x": one.sum(), "sum_x2": (one**2).sum()} for name, one in halves
    ]
    scores = pd.DataFrame([{**key, "score": own.mean(), "design_effect": 1.0, "response_rate": 0.6}])
    positions = pd.DataFrame([{**key, "difference": 8.0, "tipping_gap": 5.0}])
    return late_answers(pd.DataFrame(rows), scores, positions, thresholds=THRESHOLDS).iloc[0]
