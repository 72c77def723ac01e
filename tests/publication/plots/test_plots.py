"""Plots are read back: positions against the data by hand, colours by the contrast formula, words by their language.

Belongs here: `publication.plots`. Does not belong here: pages that hold plots.
"""

import math
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

from publication import plots
from publication.phrasing import LANGUAGES, Language, Phrasing, sentences
from publication.plots import canvas
from publication.plots.canvas import WORDS

FOREST = [
    {
        "name_ar": "الرضا <ب>",
        "name_en": "Satisfaction <b>",
        "polarity": 1,
        "score": 60.0,
        "peer_mean": 70.0,
        "difference": -10.0,
        "difference_low": -20.0,
        "difference_high": 0.0,
        "smallest_difference": 5.0,
        "verdict": "worse",
        "comparability_reason": None,
    },
    {
        "name_ar": "شكاوى",
        "name_en": "Complaints",
        "polarity": -1,
        "score": 8.0,
        "peer_mean": 12.0,
        "difference": -4.0,
        "difference_low": -6.0,
        "difference_high": -2.0,
        "smallest_difference": 5.0,
        "verdict": "better",
        "comparability_reason": None,
    },
    {
        "name_ar": "الثقة",
        "name_en": "Trust",
        "polarity": 1,
        "score": None,
        "peer_mean": None,
        "difference": None,
        "difference_low": None,
        "difference_high": None,
        "smallest_difference": 5.0,
        "verdict": None,
        "comparability_reason": "too_few_peers",
    },
]
SIGNALS = [
    {"name_ar": "أ", "name_en": name, "polarity": 1, "score": 60.0, "n": 100, "z": z, "special_cause": said}
    for name, z, said in (
        ("A", 0.5, "within_limits"),
        ("B", -2.5, "warning_worse"),
        ("C", 3.5, "action_better"),
        ("D", None, None),
    )
]


def _period(position: int, score: float | None, **other: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "period_id": f"2025Q{position}",
        "instrument_id": "i",
        "series_id": "2025Q1",
        "score": score,
        "ci_low": None if score is None else score - 5,
        "ci_high": None if score is None else score + 5,
        "centre": None,
        "lower_limit": None,
        "upper_limit": None,
        "control_signal": "none",
        "is_restated": False,
    }
    return row | other


TREND = [
    _period(1, 50.0),
    _period(2, 60.0, series_id="2025Q2"),
    _period(3, 70.0, series_id="2025Q2", is_restated=True),
    _period(4, 80.0, series_id="2025Q2", control_signal="trend", centre=70.0, lower_limit=62.0, upper_limit=78.0),
]
RUG = [
    {"row_ar": "أ", "row_en": "A", "column_ar": "ج", "column_en": "J", "score": 1.0, "verdict": "worse"},
    {"row_ar": "أ", "row_en": "A", "column_ar": "د", "column_en": "D", "score": 2.0, "verdict": None},
    {"row_ar": "ب", "row_en": "B", "column_ar": "د", "column_en": "D", "score": -3.0, "verdict": "no_clear_difference"},
]
for row in RUG:
    row["comparability_reason"] = None if row["verdict"] else "too_few_peers"
DIMENSIONS = [
    {"name_ar": name, "name_en": name, "score": score}
    for name, score in (("one", 100.0), ("two", 50.0), ("three", 0.0), ("four", 25.0))
]
GATES = [
    {"name_ar": "الثاني", "name_en": "two", "is_passed": True},
    {"name_ar": "الثالث", "name_en": "three", "is_passed": False},
]
STAGES = [
    {"stage": "after", "score": 62.0, "ci_low": 55.0, "ci_high": 69.0, "weight": 0.25, "is_weakest": False},
    {"stage": "before", "score": None, "ci_low": None, "ci_high": None, "weight": None, "is_weakest": None},
    {"stage": "during", "score": 55.0, "ci_low": 50.0, "ci_high": 60.0, "weight": 0.75, "is_weakest": True},
]
for row in STAGES:
    row["status_reason"] = None if row["score"] else "confidential"
FUNNEL = [
    {"name_ar": f"م{n}", "name_en": f"R{n}", "unit": "share_pct", "score": score, "n": n, "standard_error": 1.0}
    for n, score in ((100, 50.0), (400, 50.0), (400, 60.0), (400, 40.0), (900, 53.8), (900, 46.2))
]
DRAWN: dict[str, Callable[..., str]] = {
    "forest": lambda language, **o: plots.forest(FOREST, language, "title", **o),
    "signals": lambda language, **o: plots.signals(SIGNALS, language, "title", **o),
    "trend": lambda language, **o: plots.trend(TREND, language, "title", **o),
    "rug": lambda language, **o: plots.rug(RUG, language, "title", **o),
    "radar": lambda language, **o: plots.radar(DIMENSIONS, GATES, language, "title", **o),
    "strip": lambda language, **o: plots.strip(STAGES, language, "title", **o),
    "funnel": lambda language, **o: plots.funnel(FUNNEL, language, "title", **o),
}
EMPTY: dict[str, Callable[..., str]] = {
    "forest": lambda language: plots.forest([], language, "title"),
    "signals": lambda language: plots.signals(SIGNALS[3:], language, "title"),
    "trend": lambda language: plots.trend([_period(1, None)], language, "title"),
    "rug": lambda language: plots.rug([], language, "title"),
    "radar": lambda language: plots.radar([], [], language, "title"),
    "strip": lambda language: plots.strip([], language, "title"),
    "funnel": lambda language: plots.funnel(FUNNEL[:1], language, "title"),
}


def _parse(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314 - our own text


def _marks(svg: str, kind: str, tag: str = "*") -> list[ElementTree.Element]:
    found = _parse(svg).findall(f"{{{canvas.SVG}}}{tag}")
    return [mark for mark in found if mark.get("class", "").split()[:1] == [kind]]


def _places(mark: ElementTree.Element) -> list[tuple[float, float]]:
    pairs = (point.split(",") for point in mark.attrib["points"].split())
    return [(float(x), float(y)) for x, y in pairs]


def _centre(mark: ElementTree.Element) -> tuple[float, float]:
    if "cx" in mark.attrib:
        return float(mark.attrib["cx"]), float(mark.attrib["cy"])
    xs, ys = zip(*_places(mark), strict=True)
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", DRAWN)
def test_every_plot_is_an_image_in_words(name: str, language: Language) -> None:
    svg = DRAWN[name](language)
    root = _parse(svg)
    title, description = root[0], root[1]
    assert (root.get("role"), root.get("lang"), root.get("direction")) == ("img", language, "ltr")
    assert root.attrib["aria-labelledby"].split() == [title.attrib["id"], description.attrib["id"]]
    assert (title.text, title.tag, description.tag) == ("title", f"{{{canvas.SVG}}}title", f"{{{canvas.SVG}}}desc")
    assert description.text is not None
    has_arabic = bool(re.search("[\u0620-\u064a]", description.text))
    assert has_arabic == (language == "ar")
    # Nothing that runs, and nothing external.
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "rect", "line", "polyline", "polygon", "circle", "text"}
    assert not [
        value for element in root.iter() for value in element.attrib.values() if "://" in value or "url" in value
    ]
    assert DRAWN[name](language) == svg
    for element in root.iter(f"{{{canvas.SVG}}}text"):
        assert 0 <= float(element.attrib["x"]) <= float(root.attrib["width"])
        assert 0 <= float(element.attrib["y"]) <= float(root.attrib["height"])


@pytest.mark.parametrize("name", DRAWN)
def test_arabic_is_the_mirror_of_english(name: str) -> None:
    english, arabic = (_parse(DRAWN[name](language)) for language in ("en", "ar"))
    width = float(english.attrib["width"])
    for tag, attribute in (("circle", "cx"), ("text", "x")):
        pairs = zip(english.iter(f"{{{canvas.SVG}}}{tag}"), arabic.iter(f"{{{canvas.SVG}}}{tag}"), strict=True)
        for left, right in pairs:
            assert float(left.attrib[attribute]) + float(right.attrib[attribute]) == pytest.approx(width, abs=0.02)
            ends = {"start": "end", "end": "start", "middle": "middle"}
            if tag == "text":
                assert right.get("text-anchor") == ends[left.attrib["text-anchor"]]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", EMPTY)
def test_nothing_to_show_is_said(name: str, language: Language) -> None:
    root = _parse(EMPTY[name](language))
    said = sentences(WORDS)["no_data"][language]
    assert root[1].text == said
    assert said in "".join(root.itertext())


def test_digits_are_a_choice() -> None:
    arabic_indic = "".join(_parse(DRAWN["strip"]("ar", digits="arabic_indic")).itertext())
    assert "٥٥٫٠" in arabic_indic
    assert "55.0" not in arabic_indic
    # English offers no choice of digits.
    assert "55.0" in "".join(_parse(DRAWN["strip"]("en", digits="arabic_indic")).itertext())


def test_names_are_escaped() -> None:
    svg = DRAWN["forest"]("en")
    assert "Satisfaction &lt;b&gt;" in svg
    assert "<b>" not in svg


def test_the_forest_has_better_on_one_side() -> None:
    svg = DRAWN["forest"]("en")
    line = float(_marks(svg, "zero")[0].attrib["x1"])
    worse, better = _marks(svg, "mark")
    # The farthest value lies ten from the plot's edge, which is 143 away; 10 below the peers is half way to it (20 away).
    half = 133
    assert _centre(worse)[0] == pytest.approx(line - half / 2)
    # Four complaints fewer than the peers: to the right although the difference is negative; the farthest is 6 away.
    assert _centre(better)[0] == pytest.approx(line + half * 4 / 6, abs=0.01)
    first, second = _marks(svg, "interval")
    assert (float(first.attrib["x1"]), float(first.attrib["x2"])) == pytest.approx((line - half, line))
    assert float(second.attrib["x2"]) == pytest.approx(line + half * 2 / 6, abs=0.01)
    # Five points either way are too small to matter.
    small = _marks(svg, "small")
    assert [float(mark.attrib["width"]) for mark in small] == pytest.approx(
        [2 * half * 5 / 20, 2 * half * 5 / 6], abs=0.01
    )
    # Up for better, down for worse.
    assert _places(worse)[0][1] > _places(worse)[1][1]
    assert _places(better)[0][1] < _places(better)[1][1]
    assert _marks(svg, "reason")[0].text == "fewer than five peers"
    # Of one metric, all rows share the widest row's scale.
    shared = plots.forest(FOREST, "en", "title", has_one_scale=True)
    assert _centre(_marks(shared, "mark")[1])[0] == pytest.approx(line + half * 4 / 20, abs=0.01)


def test_special_causes_lie_beyond_the_limits_they_pass() -> None:
    svg = DRAWN["signals"]("en")
    expected = float(_marks(svg, "expected")[0].attrib["x1"])
    limits = {
        mark.attrib["class"].split()[1]: abs(float(mark.attrib["x1"]) - expected) for mark in _marks(svg, "limit")
    }
    assert limits["action"] / limits["warning"] == pytest.approx(3.090232 / 1.959964, abs=1e-3)
    inside, warning, action = (_centre(mark)[0] - expected for mark in _marks(svg, "signal"))
    assert inside < limits["warning"] < -warning < limits["action"] < action
    assert [mark.attrib["class"].split()[1] for mark in _marks(svg, "signal")] == [
        "within_limits",
        "warning_worse",
        "action_better",
    ]
    assert "B: 60.0 of 100, distance −2.5: beyond the warning limit, worse side" in (_parse(svg)[1].text or "")


def test_the_trend_is_not_joined_over_a_break() -> None:
    svg = DRAWN["trend"]("en")
    points = [_centre(mark) for mark in (*_marks(svg, "point"), *_marks(svg, "signal"))]
    xs = [x for x, _ in points]
    assert xs == sorted(xs)
    assert len({round(second - first, 1) for first, second in pairwise(xs)}) == 1
    # Equal steps of the score are equal steps upwards.
    ys = [y for _, y in points]
    assert [round(first - second, 1) for first, second in pairwise(ys)] == [round(ys[0] - ys[1], 1)] * 3
    series = _marks(svg, "series")
    assert [_places(mark)[0][0] for mark in series] == pytest.approx(xs[1:3], abs=0.01)
    (cut,) = _marks(svg, "break")
    assert xs[0] < float(cut.attrib["x1"]) < xs[1]
    (restated,) = _marks(svg, "restated")
    assert float(restated.attrib["x"]) + float(restated.attrib["width"]) / 2 == pytest.approx(xs[2], abs=0.01)
    (centre,), (upper,) = _marks(svg, "centre"), _marks(svg, "upper_limit")
    assert float(centre.attrib["y1"]) == pytest.approx(ys[2], abs=0.01)
    # Each quarter has the limits it was judged by, over its own place: only the last has any.
    assert float(upper.attrib["x1"]) < xs[3] < float(upper.attrib["x2"])
    assert float(upper.attrib["x2"]) - float(upper.attrib["x1"]) == pytest.approx(xs[3] - xs[2], abs=0.05)
    description = _parse(svg)[1].text or ""
    assert "2025Q2: 60.0 (95 % interval 55.0 to 65.0), start of a new series" in description
    assert "2025Q3: 70.0 (95 % interval 65.0 to 75.0), restated" in description
    assert "six points one way" in description


def test_the_rug_prints_its_values() -> None:
    svg = DRAWN["rug"]("en")
    cells = _marks(svg, "cell")
    corners = [(float(cell.attrib["x"]), float(cell.attrib["y"])) for cell in cells]
    (x1, y1), (x2, y2), (x3, y3) = corners
    assert x1 < x2 == x3
    assert y1 == y2 < y3
    assert [mark.text for mark in _marks(svg, "value")] == ["1.0", "2.0", "−3.0"]
    assert [mark.attrib["class"] for mark in _marks(svg, "mark")] == [
        "mark worse",
        "mark none",
        "mark no_clear_difference",
    ]


def test_the_radar_puts_a_score_at_its_distance() -> None:
    svg = DRAWN["radar"]("en")
    rings = sorted(float(mark.attrib["r"]) for mark in _parse(svg).iter(f"{{{canvas.SVG}}}circle"))
    radius = rings[-1]
    middle = next(_centre(mark) for mark in _parse(svg).iter(f"{{{canvas.SVG}}}circle"))
    away = [math.dist(middle, _centre(mark)) for mark in _marks(svg, "point")]
    assert away == pytest.approx([radius, radius / 2, 0, radius / 4], abs=0.02)
    # The first points upwards, the second to the right.
    (first, second, _, fourth) = [_centre(mark) for mark in _marks(svg, "point")]
    assert first[1] < middle[1] and second[0] > middle[0] > fourth[0]
    assert [mark.attrib["class"] for mark in _marks(svg, "gate")] == ["gate passed", "gate failed"]


def test_the_strip_keeps_the_order_of_the_journey() -> None:
    svg = DRAWN["strip"]("en")
    assert [mark.text for mark in _marks(svg, "value")] == ["55.0", "62.0"]
    boxes = _marks(svg, "stage")
    assert [box.attrib["class"] for box in boxes] == ["stage", "stage weakest", "stage"]
    assert [mark.text for mark in _marks(svg, "weakest")] == ["weakest link"]
    assert [mark.text for mark in _marks(svg, "reason")] == ["withheld: under 30 responses, here or beside it"]
    assert [mark.text for mark in _marks(svg, "weight")] == ["weight 75 %", "weight 25 %"]


def test_funnel_limits_are_those_of_the_angular_scale() -> None:
    svg = DRAWN["funnel"]("en")
    # All units together, by hand: 50+200+240+160+484.2+415.8 = 1550 of 3100, a half. sin^2(45 degrees +- 1.96/(2
    # sqrt(n))): beyond 45.1-54.9 at 400, beyond 46.7-53.3 at 900; 99.8 %: 42.3-57.7, 44.9-55.1.
    for n, half in ((400, 4.9), (900, 3.3)):
        upper = 100 * math.sin(math.pi / 4 + 1.959964 / (2 * math.sqrt(n))) ** 2
        assert upper == pytest.approx(50 + half, abs=0.05)
    assert [mark.attrib["class"] for mark in _marks(svg, "point")] == [
        "point inside",
        "point inside",
        "point beyond-99.8",
        "point beyond-99.8",
        "point beyond-95",
        "point beyond-95",
    ]
    description = _parse(svg)[1].text or ""
    assert "R400: 60.0 of 400, beyond the 99.8 % limits" in description
    limits = _marks(svg, "limit")
    assert [mark.attrib["class"] for mark in limits] == ["limit 95", "limit 95", "limit 99.8", "limit 99.8"]
    (target,) = _marks(svg, "target")
    middle = float(target.attrib["y1"])
    lower, upper = (_places(mark)[-1][1] for mark in limits[:2])
    # Symmetric about a half, narrower for larger numbers.
    assert lower - middle == pytest.approx(middle - upper, abs=0.02)
    assert _places(limits[0])[0][1] - middle > lower - middle > 0


def test_funnel_of_means_pools_the_answers_variance() -> None:
    # The standard deviation is 20 everywhere: at n = 100 the error is 2, so against a mean of 75.x, 80 lies inside, 90
    # beyond.
    rows = [
        {"name_ar": "أ", "name_en": str(score), "unit": "score_0_100", "score": score, "n": 100, "standard_error": 2.0}
        for score in (74.0, 75.0, 76.0, 80.0)
    ]
    svg = plots.funnel(rows, "en", "t")
    # Mean 76.25, limits +- 3.92: 80 (3.75 away) is inside.
    assert [mark.attrib["class"] for mark in _marks(svg, "point")] == ["point inside"] * 4
    rows[-1]["score"] = 81.0
    # Mean 76.5: 4.5 away is beyond 95 % (3.92) and within 99.8 % (6.18).
    assert _marks(plots.funnel(rows, "en", "t"), "point")[-1].attrib["class"] == "point beyond-95"


def _luminance(colour: str) -> float:
    parts = [int(colour[position : position + 2], 16) / 255 for position in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(first: str, second: str) -> float:
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_contrast() -> None:
    # WCAG 2.2, 1.4.3 and 1.4.11, by the formula of the standard.
    assert _contrast("#000000", "#ffffff") == pytest.approx(21)
    for ink in (canvas.INK, canvas.MUTED):
        for paper in (canvas.PAPER, canvas.PALER):
            assert _contrast(ink, paper) >= 4.5, (ink, paper)
    for fill, ink in canvas.VERDICT_FILLS.values():
        assert _contrast(fill, ink) >= 4.5, (fill, ink)
    for colour in (canvas.EDGE, canvas.INK, *canvas.VERDICT_COLOURS.values()):
        assert _contrast(colour, canvas.PAPER) >= 3, colour


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", DRAWN)
def test_no_colour_outside_the_palette(name: str, language: Language) -> None:
    known = {canvas.PAPER, canvas.INK, canvas.MUTED, canvas.EDGE, canvas.PALE, canvas.PALER, "none"}
    known |= set(canvas.VERDICT_COLOURS.values()) | {
        colour for pair in canvas.VERDICT_FILLS.values() for colour in pair
    }
    root = _parse(DRAWN[name](language))
    used = {element.attrib[key] for element in root.iter() for key in ("fill", "stroke") if key in element.attrib}
    assert used <= known
    # Text never has a colour that is only dark enough for a mark.
    inks = {canvas.INK, canvas.MUTED, *(ink for _, ink in canvas.VERDICT_FILLS.values())}
    assert {element.attrib["fill"] for element in root.iter(f"{{{canvas.SVG}}}text")} <= inks


def test_numbers_in_sentences() -> None:
    english, arabic = Phrasing("en", WORDS), Phrasing("ar", WORDS)
    indic = Phrasing("ar", WORDS, "arabic_indic")
    assert english.number(-2.05) == "−2.1"  # half away from zero, as spreadsheets show it
    assert english.number(-0.04) == "0.0"
    assert arabic.number(-2.5) == "\u2066−2.5\u2069"
    assert indic.number(-2.5) == "\u2066−٢٫٥\u2069"
    assert english.interval(60.7, 69.3) == "60.7 to 69.3"
    assert arabic.interval(60.7, 69.3) == "60.7 إلى 69.3"
    assert english.interval(None, 3) == "—"
    assert english.signed(2.04) == "+2.0"
    assert english.signed(-0.01) == "0.0"
    assert english.count(12345) == "12,345"
    assert english.name({"name_ar": "أ", "name_en": ""}) == "أ"


def test_every_sentence_stands_in_both_languages() -> None:
    for key, texts in sentences(WORDS).items():
        assert set(texts) == {"ar", "en"}, key
        fields = [set(re.findall(r"{(\w+)}", text)) for text in texts.values()]
        assert fields[0] == fields[1], key
