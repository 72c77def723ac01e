"""Maturity radar: the score of each dimension from the middle outwards, and next to it the gates of the levels.

Belongs here: the web and the list of gates. Does not belong here: levels (the rows bring them). The area means nothing
because it depends on the order of the dimensions, so it is not filled.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from publication.phrasing import Digits, Language
from publication.plots.canvas import EDGE, INK, MUTED, PALE, PAPER, VERDICT_COLOURS, Canvas, number_of

WIDTH, HEIGHT = 760.0, 360.0
CENTRE_X, CENTRE_Y, RADIUS = 240.0, 180.0, 115.0
GATES_X, GATES_Y, STEP = 520.0, 70.0, 30.0


def radar(
    dimensions: Sequence[Mapping[str, Any]],
    gates: Sequence[Mapping[str, Any]],
    language: Language,
    title: str,
    *,
    digits: Digits = "latin",
) -> str:
    """Draw dimensions clockwise from the top (counter-clockwise when the reader starts at the right).

    Args:
        dimensions: name_ar, name_en, score (0-100).
        gates: name_ar, name_en (of the level), is_passed; lowest first.
    """
    canvas = Canvas(WIDTH, HEIGHT, language, digits)
    shown = [row for row in dimensions if number_of(row["score"]) is not None]
    if not shown:
        return canvas.nothing(title)
    say = canvas.say

    def at(position: int, score: float) -> tuple[float, float]:
        angle = 2 * math.pi * position / len(shown)
        away = RADIUS * score / 100
        return CENTRE_X + away * math.sin(angle), CENTRE_Y - away * math.cos(angle)

    for ring in (25, 50, 75, 100):
        canvas.circle(CENTRE_X, CENTRE_Y, RADIUS * ring / 100, fill="none", stroke=EDGE if ring == 100 else PALE)
        canvas.text(CENTRE_X + 3, CENTRE_Y + RADIUS * ring / 100 - 3, say.number(ring, 0), size=9, colour=MUTED)
    told = []
    corners = []
    for position, row in enumerate(shown):
        score = float(row["score"])
        canvas.line(CENTRE_X, CENTRE_Y, *at(position, 100), stroke=PALE)
        corners.append(at(position, score))
        x, y = at(position, 112)
        # Two lines of text: they end at the edge of the web above it, and start there below it.
        y += -14 if y < CENTRE_Y - RADIUS / 2 else 8 if y > CENTRE_Y + RADIUS / 2 else -4
        anchor = "middle" if abs(x - CENTRE_X) < 12 else ("start" if x > CENTRE_X else "end")
        canvas.text(x, y, say.name(row), anchor=anchor, size=11)
        canvas.text(x, y + 13, say.number(score), anchor=anchor, size=11, is_bold=True, kind="value")
        told.append(say.word("radar_dimension", name=say.name(row), score=say.number(score)))
    canvas.polygon(corners, kind="web", fill="none", stroke=VERDICT_COLOURS["better"], stroke_width=2)
    for x, y in corners:
        canvas.circle(x, y, 4, kind="point", fill=VERDICT_COLOURS["better"])
    if gates:
        canvas.text(GATES_X, GATES_Y - STEP, say.word("radar_gates"), is_bold=True)
    for position, gate in enumerate(gates):
        key = "radar_gate_passed" if gate["is_passed"] else "radar_gate_failed"
        text = say.word(key, level=say.name(gate))
        _gate(canvas, GATES_X + 8, GATES_Y + STEP * position, bool(gate["is_passed"]))
        canvas.text(GATES_X + 24, GATES_Y + STEP * position + 4, text, size=11)
        told.append(text)
    return canvas.render(title, "; ".join(told))


def _gate(canvas: Canvas, x: float, y: float, is_passed: bool) -> None:
    """Draw a filled square with a tick, or an empty one with a cross."""
    fill, ink = (VERDICT_COLOURS["better"], PAPER) if is_passed else (PAPER, INK)
    kind = "gate passed" if is_passed else "gate failed"
    canvas.rect(x - 8, y - 8, 16, 16, kind=kind, fill=fill, stroke=INK)
    if is_passed:
        # The canvas mirrors x in Arabic; a tick must not be mirrored.
        side = -1 if canvas.say.is_rtl else 1
        points = [(x + side * away, y + down) for away, down in ((-4, 0), (-1, 4), (5, -4))]
        canvas.polyline(points, stroke=ink, stroke_width=2)
    else:
        canvas.line(x - 4, y - 4, x + 4, y + 4, stroke=ink, stroke_width=2)
        canvas.line(x - 4, y + 4, x + 4, y - 4, stroke=ink, stroke_width=2)
