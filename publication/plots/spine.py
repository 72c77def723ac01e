"""Spine chart: each metric's value against its peers, the peers' median as the spine, better always on the same side.

Belongs here: the scale of a row and its marks. Does not belong here: verdicts (the rows bring them).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from publication.phrasing import Digits, Language
from publication.plots.canvas import EDGE, HALF, INK, MUTED, PALE, PALER, Canvas, number_of
from publication.reading import reason_text

NAMES, VALUES, PLOT, MEDIANS, MARGIN = 230.0, 70.0, 360.0, 116.0, 10.0
ROW, HEAD, FOOT = 30.0, 40.0, 34.0
_ENDS = ("score", "ci_low", "ci_high", "peer_lower_quartile", "peer_upper_quartile", "worst", "best")


def spine(rows: Sequence[Mapping[str, Any]], language: Language, title: str, *, digits: Digits = "latin") -> str:
    """Draw one line per metric.

    Args:
        rows: name_ar, name_en, polarity, score, ci_low, ci_high, peer_median, peer_lower_quartile, peer_upper_quartile,
            band, comparability_reason; optionally worst and best, for readers who may see single peers. A row without a
            median or a direction is shown in words. Each row has its own scale: the farthest of its values reaches the edge.
    """
    start = MARGIN + NAMES + VALUES
    canvas = Canvas(start + PLOT + MEDIANS + MARGIN, HEAD + ROW * len(rows) + FOOT, language, digits)
    if not rows:
        return canvas.nothing(title)
    say = canvas.say
    spine_x = start + PLOT / 2
    canvas.text(start, HEAD - 16, say.word("spine_worse"), size=11, colour=MUTED)
    canvas.text(start + PLOT, HEAD - 16, say.word("spine_better"), anchor="end", size=11, colour=MUTED)
    canvas.text(MARGIN + NAMES + VALUES / 2, HEAD - 16, say.word("spine_value"), anchor="middle", size=11, colour=MUTED)
    canvas.text(start + PLOT + MEDIANS / 2, HEAD - 16, say.word("spine_median"), anchor="middle", size=11, colour=MUTED)
    told = []
    for position, row in enumerate(rows):
        middle = HEAD + ROW * (position + 0.5)
        canvas.line(MARGIN, middle + ROW / 2, canvas.width - MARGIN, middle + ROW / 2, stroke=PALE)
        canvas.text(MARGIN, middle + 4, say.name(row))
        canvas.text(
            MARGIN + NAMES + VALUES / 2,
            middle + 4,
            say.number(row["score"]),
            anchor="middle",
            is_bold=True,
            kind="value",
        )
        told.append(_row(canvas, row, spine_x, start, middle))
    bottom = HEAD + ROW * len(rows)
    canvas.line(spine_x, HEAD - 8, spine_x, bottom, kind="spine", stroke_width=1.5)
    canvas.rect(start, bottom + 12, 24, 10, fill=PALE, stroke=EDGE)
    canvas.text(start + 30, bottom + 21, say.word("spine_quartiles"), size=11, colour=MUTED)
    if any(number_of(row.get("worst")) is not None for row in rows):
        canvas.rect(start + PLOT / 2 + 30, bottom + 12, 24, 10, fill=PALER, stroke=EDGE, stroke_dasharray="2 2")
        canvas.text(start + PLOT / 2 + 60, bottom + 21, say.word("spine_extremes"), size=11, colour=MUTED)
    return canvas.render(title, "; ".join(told))


def _row(canvas: Canvas, row: Mapping[str, Any], spine_x: float, start: float, middle: float) -> str:
    """Draw a line of the chart and return it in words."""
    say = canvas.say
    median = number_of(row["peer_median"])
    if number_of(row["score"]) is None or median is None or not row["polarity"]:
        reason = reason_text(row["comparability_reason"], say.language)
        canvas.text(spine_x + 2 * HALF, middle + 4, reason, size=11, colour=MUTED, kind="reason")
        return say.word("spine_row_alone", name=say.name(row), score=say.number(row["score"]), reason=reason)
    ends = {name: number_of(row.get(name)) for name in _ENDS}
    reach = max((abs(value - median) for value in ends.values() if value is not None), default=0.0) or 1.0
    direction = int(row["polarity"])

    def at(value: float) -> float:
        return spine_x + direction * (value - median) / reach * (PLOT / 2 - 2 * HALF)

    def bar(low: str, high: str, half: float, kind: str, **style: Any) -> None:
        first, second = ends[low], ends[high]
        if first is not None and second is not None:
            left, right = sorted((at(first), at(second)))
            canvas.rect(left, middle - half, right - left, 2 * half, kind=kind, **style)

    bar("worst", "best", 6, "extremes", fill=PALER, stroke=EDGE, stroke_dasharray="2 2")
    bar("peer_lower_quartile", "peer_upper_quartile", 9, "quartiles", fill=PALE, stroke=EDGE)
    low, high, score = ends["ci_low"], ends["ci_high"], ends["score"]
    if low is not None and high is not None:
        canvas.line(at(low), middle, at(high), middle, kind="interval", stroke=INK, stroke_width=1.5)
        for end in (low, high):
            canvas.line(at(end), middle - 4, at(end), middle + 4, stroke=INK, stroke_width=1.5)
    assert score is not None  # noqa: S101 - rows without a score returned above, in words
    canvas.band_mark(at(score), middle, row["band"])
    canvas.text(
        start + PLOT + MEDIANS / 2, middle + 4, say.number(median), anchor="middle", colour=MUTED, kind="median"
    )
    return say.word(
        "spine_row",
        name=say.name(row),
        score=say.number(score),
        interval=say.interval(low, high),
        median=say.number(median),
        quartiles=say.interval(ends["peer_lower_quartile"], ends["peer_upper_quartile"]),
        verdict=reason_text(row["band"] or row["comparability_reason"], say.language),
    )
