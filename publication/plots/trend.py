"""Trend: a score over its periods with intervals, control limits, signals, restatements and breaks of the series.

Belongs here: drawing them. Does not belong here: deciding what is a signal or where a series begins (the rows say).
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from publication.phrasing import Digits, Language
from publication.plots.canvas import EDGE, HALF, INK, MUTED, PALE, PAPER, VERDICT_COLOURS, Canvas, number_of

WIDTH, HEIGHT = 440.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 20.0, 36.0, 66.0
LINES = (("lower_limit", "2 3"), ("centre", "none"), ("upper_limit", "2 3"))
_SIGNALS = ("beyond_limits", "two_of_three", "run", "trend")


def trend(rows: Sequence[Mapping[str, Any]], language: Language, title: str, *, digits: Digits = "latin") -> str:
    """Draw periods in the reader's direction.

    Args:
        rows: in order of time: period_id, instrument_id, series_id, score, ci_low, ci_high, centre, lower_limit,
            upper_limit, control_signal, is_restated. Points are joined only within one series and instrument. Each
            period has the centre and limits it was judged by, so that a point beyond them is one that is told.
    """
    canvas = Canvas(WIDTH, HEIGHT, language, digits)
    values = [
        value
        for row in rows
        for value in map(number_of, (row["score"], row["ci_low"], row["ci_high"]))
        if value is not None
    ]
    if not values:
        return canvas.nothing(title)
    last = next((row for row in reversed(rows) if row["centre"] is not None), None)
    lines = [number_of(row[name]) for row in rows for name, _ in LINES]
    shown = [*values, *(value for value in lines if value is not None)]
    low, high = min(shown), max(shown)
    margin = (high - low) * 0.08 or 1.0
    low, high = low - margin, high + margin
    step = (WIDTH - LEFT - RIGHT) / len(rows)

    def x_of(position: int) -> float:
        return LEFT + step * (position + 0.5)

    def y_of(value: float) -> float:
        return TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)

    canvas.text(LEFT, 18, title, is_bold=True)
    _axis(canvas, low, high, y_of)
    if last:
        _limits(canvas, rows, step, y_of)
    breaks = [position for position, (before, after) in enumerate(pairwise(rows), start=1) if _is_break(before, after)]
    for position in breaks:
        x = LEFT + step * position
        canvas.line(x, TOP, x, HEIGHT - BOTTOM, kind="break", stroke_dasharray="6 3")
        canvas.text(x + 3, TOP + 10, canvas.say.word("trend_break"), size=9)
    told = []
    for position, row in enumerate(rows):
        canvas.text(x_of(position), HEIGHT - BOTTOM + 18, row["period_id"], anchor="middle", size=11, colour=MUTED)
        told.append(_point(canvas, row, x_of(position), y_of, is_break=position in breaks))
    for position, (before, after) in enumerate(pairwise(rows), start=1):
        first, second = number_of(before["score"]), number_of(after["score"])
        if first is not None and second is not None and position not in breaks:
            ends = [(x_of(position - 1), y_of(first)), (x_of(position), y_of(second))]
            canvas.polyline(ends, kind="series", stroke=VERDICT_COLOURS["better"])
    _legend(canvas, bool(last), any(row["is_restated"] for row in rows))
    if last:
        low_limit, centre, high_limit = (number_of(last[name]) for name, _ in LINES)
        told.append(
            canvas.say.word(
                "trend_control", centre=canvas.say.number(centre), limits=canvas.say.interval(low_limit, high_limit)
            )
        )
    return canvas.render(title, "; ".join(told))


def _is_break(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    if after["score"] is None or before["score"] is None:
        return False
    return (before["series_id"], before["instrument_id"]) != (after["series_id"], after["instrument_id"])


def _axis(canvas: Canvas, low: float, high: float, y_of: Any) -> None:
    canvas.line(LEFT, TOP, LEFT, HEIGHT - BOTTOM, stroke=EDGE)
    canvas.line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, stroke=EDGE)
    for part in range(5):
        value = low + (high - low) * part / 4
        canvas.line(LEFT, y_of(value), WIDTH - RIGHT, y_of(value), stroke=PALE, stroke_width=0.5)
        canvas.text(LEFT - 6, y_of(value) + 4, canvas.say.number(value), anchor="end", size=11, colour=MUTED)


def _limits(canvas: Canvas, rows: Sequence[Mapping[str, Any]], step: float, y_of: Any) -> None:
    for position, row in enumerate(rows):
        for name, dashes in LINES:
            value = number_of(row[name])
            if value is not None:
                start = LEFT + step * position
                canvas.line(
                    start, y_of(value), start + step, y_of(value), kind=name, stroke=EDGE, stroke_dasharray=dashes
                )


def _point(canvas: Canvas, row: Mapping[str, Any], x: float, y_of: Any, *, is_break: bool) -> str:
    say = canvas.say
    score, low, high = (number_of(row[name]) for name in ("score", "ci_low", "ci_high"))
    period = say.code(row["period_id"])
    if score is None:
        canvas.text(x, HEIGHT - BOTTOM - 6, "—", anchor="middle", colour=MUTED, kind="missing")
        return say.word("trend_row_missing", period=period)
    if low is not None and high is not None:
        canvas.line(x, y_of(low), x, y_of(high), kind="interval", stroke=INK)
    if row["is_restated"]:
        half = HALF + 3
        canvas.rect(
            x - half, y_of(score) - half, 2 * half, 2 * half, kind="restated", fill="none", stroke=INK, stroke_width=1.2
        )
    signal = row["control_signal"] if row["control_signal"] in _SIGNALS else None
    if signal:
        y = y_of(score)
        tips = [(x - HALF - 1, y), (x, y - HALF - 1), (x + HALF + 1, y), (x, y + HALF + 1)]
        canvas.polygon(tips, kind=f"signal {signal}", fill=INK, stroke=PAPER)
    else:
        canvas.circle(x, y_of(score), 3.5, kind="point", fill=VERDICT_COLOURS["better"])
    text = say.word("trend_row", period=period, score=say.number(score), interval=say.interval(low, high))
    for key, is_met in (("trend_row_break", is_break), ("trend_row_restated", bool(row["is_restated"]))):
        text = say.word(key, row=text) if is_met else text
    return say.word("trend_row_signal", row=text, signal=say.word(signal)) if signal else text


def _legend(canvas: Canvas, has_limits: bool, has_restated: bool) -> None:
    y = HEIGHT - 16
    x = LEFT
    if has_limits:
        canvas.line(x, y - 4, x + 22, y - 4, stroke=EDGE)
        canvas.text(x + 28, y, canvas.say.word("trend_centre"), size=11, colour=MUTED)
        canvas.line(x + 76, y - 4, x + 98, y - 4, stroke=EDGE, stroke_dasharray="2 3")
        canvas.text(x + 104, y, canvas.say.word("trend_limits"), size=11, colour=MUTED)
        tips = [
            (x + 200 - HALF, y - 4),
            (x + 200, y - 4 - HALF),
            (x + 200 + HALF, y - 4),
            (x + 200, y - 4 + HALF),
        ]
        canvas.polygon(tips, fill=INK)
        canvas.text(x + 210, y, canvas.say.word("trend_signal"), size=11, colour=MUTED)
    if has_restated:
        canvas.rect(x + 268, y - 10, 12, 12, fill="none", stroke=INK)
        canvas.text(x + 286, y, canvas.say.word("trend_restated"), size=11, colour=MUTED)
