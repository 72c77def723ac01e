"""Forest of differences to the peers' mean with their intervals: the picture of the verdict, better always on the same side.

Belongs here: the scale of a row and its marks. Does not belong here: verdicts and differences (the rows bring them).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from publication.phrasing import Digits, Language
from publication.plots.canvas import EDGE, HALF, INK, MUTED, PALE, PALER, Canvas, number_of
from publication.reading import reason_text

# A name stands over its line, so that the whole fits a telephone.
VALUES, PLOT, MEANS, MARGIN = 54.0, 286.0, 80.0, 10.0
ROW, NAME, HEAD, FOOT = 46.0, 16.0, 60.0, 34.0
_ENDS = ("difference", "difference_low", "difference_high", "smallest_difference")


def forest(
    rows: Sequence[Mapping[str, Any]],
    language: Language,
    title: str,
    *,
    digits: Digits = "latin",
    has_one_scale: bool = False,
) -> str:
    """Draw one line per row: the difference and its interval against zero, which is the peers' mean.

    Args:
        rows: name_ar, name_en, polarity, score, peer_mean, difference, difference_low, difference_high, smallest_difference,
            verdict, comparability_reason. A row without a verdict is shown in words, one without an interval (nothing was
            sampled) without its line. The verdict's triangle stands where its
            difference lies; the pale box holds differences that are too small to matter.
        has_one_scale: rows of one metric share a scale; otherwise the farthest value of each row reaches its edge.
    """
    start = MARGIN + VALUES
    canvas = Canvas(start + PLOT + MEANS + MARGIN, HEAD + ROW * len(rows) + FOOT, language, digits)
    if not rows:
        return canvas.nothing(title)
    say = canvas.say
    zero = start + PLOT / 2
    canvas.text(MARGIN, 18, title, is_bold=True)
    canvas.text(start, HEAD - 16, say.word("forest_worse"), size=11, colour=MUTED)
    canvas.text(start + PLOT - 14, HEAD - 16, say.word("forest_better"), anchor="end", size=11, colour=MUTED)
    for x, word in ((MARGIN + VALUES / 2, "forest_value"), (start + PLOT + MEANS / 2, "forest_mean")):
        canvas.text(x, HEAD - 16, say.word(word), anchor="middle", size=11, colour=MUTED)
    reaches = [_reach(row) for row in rows]
    told = []
    for position, (row, reach) in enumerate(zip(rows, reaches, strict=True)):
        top = HEAD + ROW * position
        middle = top + (NAME + ROW) / 2
        canvas.line(MARGIN, top + ROW, canvas.width - MARGIN, top + ROW, stroke=PALE)
        canvas.text(MARGIN, top + NAME - 2, say.name(row))
        value = MARGIN + VALUES / 2
        canvas.text(value, middle + 4, say.number(row["score"]), anchor="middle", is_bold=True, kind="value")
        told.append(_row(canvas, row, zero, middle, max(reaches) if has_one_scale else reach))
    bottom = HEAD + ROW * len(rows)
    for position in range(len(rows)):
        top = HEAD + ROW * position
        canvas.line(zero, top + NAME + 2, zero, top + ROW, kind="zero", stroke_width=1.5)
    canvas.rect(start, bottom + 12, 24, 10, fill=PALER, stroke=EDGE)
    canvas.text(start + 30, bottom + 21, say.word("forest_small"), size=11, colour=MUTED)
    return canvas.render(title, "; ".join(told))


def _reach(row: Mapping[str, Any]) -> float:
    return max((abs(value) for name in _ENDS if (value := number_of(row[name])) is not None), default=0.0) or 1.0


def _row(canvas: Canvas, row: Mapping[str, Any], zero: float, middle: float, reach: float) -> str:
    """Draw a line of the chart and return it in words."""
    say = canvas.say
    difference, low, high, smallest = (number_of(row[name]) for name in _ENDS)
    if row["verdict"] is None or difference is None:
        reason = reason_text(row["comparability_reason"], say.language)
        canvas.text(zero + 2 * HALF, middle + 4, reason, size=11, colour=MUTED, kind="reason")
        return say.word("forest_row_alone", name=say.name(row), score=say.number(row["score"]), reason=reason)

    def at(value: float) -> float:
        return zero + int(row["polarity"]) * value / reach * (PLOT / 2 - 2 * HALF)

    if smallest:
        left, right = sorted((at(-smallest), at(smallest)))
        canvas.rect(left, middle - 9, right - left, 18, kind="small", fill=PALER, stroke=EDGE)
    if low is not None and high is not None:
        canvas.line(at(low), middle, at(high), middle, kind="interval", stroke=INK, stroke_width=1.5)
        for end in (low, high):
            canvas.line(at(end), middle - 4, at(end), middle + 4, stroke=INK, stroke_width=1.5)
    canvas.verdict_mark(at(difference), middle, row["verdict"])
    mean = say.number(row["peer_mean"])
    canvas.text(canvas.width - MARGIN - MEANS / 2, middle + 4, mean, anchor="middle", colour=MUTED, kind="mean")
    return say.word(
        "forest_row",
        name=say.name(row),
        score=say.number(row["score"]),
        mean=mean,
        difference=say.number(difference),
        interval=say.interval(low, high),
        verdict=reason_text(row["verdict"], say.language),
    )
