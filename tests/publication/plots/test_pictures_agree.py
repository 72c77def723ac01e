"""No picture contradicts its table: what the positions say in words is what is drawn, in many invented classes.

Belongs here: positions as `methodology.positions` gives them, drawn by `publication.plots` and read back. Does not belong here:
how single marks are drawn (`test_plots`).
"""

from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from methodology.limits import ACTION_Z, WARNING_Z
from publication import plots
from publication.phrasing import LANGUAGES, Language
from publication.reading import wording
from tests.methodology.test_positions import _members, _placed


def _table(seed: int, polarity: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    error = rng.uniform(0.7, 3, 12)
    scores = np.clip(70 + 5 * rng.standard_normal(12) + error * rng.standard_normal(12), 1, 99)
    scores[:2] -= 30 * (seed % 2)
    placed = _placed(_members(scores.tolist(), polarity=polarity, standard_error=error)).replace({np.nan: None})
    return placed.assign(name_ar=placed["agency_id"], name_en=placed["agency_id"], polarity=polarity)


def _marks(svg: str, kind: str) -> list[ElementTree.Element]:
    found = ElementTree.fromstring(svg)  # noqa: S314 - our own text
    return [mark for mark in found if mark.get("class", "").split()[:1] == [kind]]


def _x(mark: ElementTree.Element) -> float:
    if "cx" in mark.attrib:
        return float(mark.attrib["cx"])
    xs = [float(point.split(",")[0]) for point in mark.attrib["points"].split()]
    return (min(xs) + max(xs)) / 2


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("polarity", [1, -1])
@pytest.mark.parametrize("has_one_scale", [True, False])
def test_the_forest_says_what_the_verdicts_say(language: Language, polarity: int, has_one_scale: bool) -> None:
    met = set()
    for seed in range(12):
        table = _table(seed, polarity)
        svg = plots.forest(table.to_dict("records"), language, "t", has_one_scale=has_one_scale)
        zero = float(_marks(svg, "zero")[0].attrib["x1"])
        told = (ElementTree.fromstring(svg)[1].text or "").split("; ")  # noqa: S314 - our own text
        better = 1 if language == "en" else -1
        rows = zip(table["verdict"], _marks(svg, "mark"), _marks(svg, "interval"), told, strict=True)
        for verdict, mark, interval, said in rows:
            ends = [better * (float(interval.attrib[end]) - zero) for end in ("x1", "x2")]
            # An interval cut at zero touches it: two decimals of a drawing.
            side = 1 if min(ends) > -0.02 else -1 if max(ends) < 0.02 else 0
            assert {"better": 1, "no_clear_difference": 0, "worse": -1}[verdict] == side
            assert mark.attrib["class"] == f"mark {verdict}"
            assert side == 0 or better * (_x(mark) - zero) * side > 0
            assert said.endswith(wording()["verdicts"][verdict][language])
            met.add(verdict)
    assert met == {"better", "no_clear_difference", "worse"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("polarity", [1, -1])
def test_the_signals_say_what_the_special_causes_say(language: Language, polarity: int) -> None:
    met = set()
    for seed in range(12):
        table = _table(seed, polarity)
        svg = plots.signals(table.to_dict("records"), language, "t")
        expected = float(_marks(svg, "expected")[0].attrib["x1"])
        action = max(abs(float(mark.attrib["x1"]) - expected) for mark in _marks(svg, "limit"))
        for said, z, mark in zip(table["special_cause"], table["z"], _marks(svg, "signal"), strict=True):
            drawn = abs(_x(mark) - expected) / action * ACTION_Z
            assert drawn == pytest.approx(abs(z), abs=0.01)
            passed = "action" if abs(z) > ACTION_Z else "warning" if abs(z) > WARNING_Z else "within"
            assert said.startswith(passed)
            assert mark.attrib["class"] == f"signal {said}"
            met.add(passed)
    assert met == {"action", "warning", "within"}


def test_the_two_answers_may_differ_and_have_different_words() -> None:
    assert not set(wording()["verdicts"]) & set(wording()["special_causes"])
    # Around a wide but natural spread with small errors: better or worse than peers, and yet none is unlike them.
    placed = _placed(_members([50.0, 56, 61, 66, 70, 75, 80, 86], error=0.5))
    assert set(placed["special_cause"]) == {"within_limits"}
    assert {"better", "worse"} <= set(placed["verdict"])
