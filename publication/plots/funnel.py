"""Funnel plot: scores against the number they rest on, within limits that narrow as the number grows.

Belongs here: drawing points and limits. Does not belong here: the limits' formula (`methodology.funnels`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from methodology.limits import ACTION_Z, WARNING_Z
from publication.phrasing import Digits, Language
from publication.plots.canvas import EDGE, INK, MUTED, PALE, PAPER, Canvas, number_of

WIDTH, HEIGHT = 440.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 20.0, 36.0, 76.0
# Two and three standard deviations of a normal, as funnels are usually published: 95 % and 99.8 %.
LEVELS = ((WARNING_Z, "95", "6 3"), (ACTION_Z, "99.8", "2 3"))
POINTS = 60
SPACING = 12.0


def funnel(rows: Sequence[Mapping[str, Any]], language: Language, title: str, *, digits: Digits = "latin") -> str:
    """Draw points beyond a limit filled and named, and those inside as empty circles.

    Args:
        rows: name_ar, name_en, score, n, standard_error, unit. Shares (unit share_pct) get limits on the angular scale;
            other scores get normal limits, from the answers' pooled variance.
    """
    canvas = Canvas(WIDTH, HEIGHT, language, digits)
    shown = [row for row in rows if number_of(row["score"]) is not None and row["n"]]
    is_share = all(row["unit"] == "share_pct" for row in shown)
    if not is_share:
        shown = [row for row in shown if number_of(row["standard_error"])]
    if len(shown) < 2:
        return canvas.nothing(title)
    size = np.array([float(row["n"]) for row in shown])
    grid = np.linspace(max(1.0, size.min() * 0.8), size.max() * 1.05, POINTS)
    lines = [(name, dashes, *_limits(shown, grid, z, is_share)) for z, name, dashes in LEVELS]
    own = [_limits(shown, size, z, is_share) for z, _, _ in LEVELS]
    target = _target(shown, is_share)
    scores = np.array([float(row["score"]) for row in shown])
    first, last = float(grid[0]), float(grid[-1])
    low = float(min(scores.min(), *(line[2].min() for line in lines)))
    high = float(max(scores.max(), *(line[3].max() for line in lines)))

    def x_of(n: float) -> float:
        return LEFT + (n - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    def y_of(value: float) -> float:
        return TOP + (high - value) / ((high - low) or 1.0) * (HEIGHT - TOP - BOTTOM)

    say = canvas.say
    canvas.text(LEFT, 18, title, is_bold=True)
    _axes(canvas, grid, low, high, x_of, y_of)
    canvas.line(LEFT, y_of(target), WIDTH - RIGHT, y_of(target), kind="target", stroke=INK)
    for name, dashes, lower, upper in lines:
        for limit in (lower, upper):
            points = [(x_of(n), y_of(value)) for n, value in zip(grid.tolist(), limit.tolist(), strict=True)]
            canvas.polyline(points, kind=f"limit {name}", stroke=EDGE, stroke_dasharray=dashes)
    _legend(canvas)
    told = []
    names: list[tuple[float, float, str]] = []
    for position, row in enumerate(shown):
        beyond = [not float(lower[position]) <= scores[position] <= float(upper[position]) for lower, upper in own]
        x, y = x_of(float(size[position])), y_of(float(scores[position]))
        key = "funnel_row_beyond_99_8" if beyond[1] else "funnel_row_beyond_95" if beyond[0] else "funnel_row_inside"
        _point(canvas, x, y, beyond)
        if any(beyond):
            names.append((y, x, say.name(row)))
        told.append(say.word(key, name=say.name(row), score=say.number(scores[position]), n=say.count(int(row["n"]))))
    _names(canvas, names)
    return canvas.render(title, "; ".join(told))


def _point(canvas: Canvas, x: float, y: float, beyond: list[bool]) -> None:
    """Draw an empty circle inside the limits, a diamond beyond 95 %, a square beyond 99.8 %."""
    if not any(beyond):
        canvas.circle(x, y, 4, kind="point inside", fill=PAPER, stroke=INK, stroke_width=1.5)
        return
    tips = [(x - 5, y), (x, y - 5), (x + 5, y), (x, y + 5)]
    if beyond[1]:
        tips = [(x - 5, y - 5), (x + 5, y - 5), (x + 5, y + 5), (x - 5, y + 5)]
    canvas.polygon(tips, kind=f"point beyond-{'99.8' if beyond[1] else '95'}", fill=INK)


def _target(rows: Sequence[Mapping[str, Any]], is_share: bool) -> float:
    """Return the score of all units together: all successes over all cases, or the mean weighted by n."""
    # Imported here and below, not at start-up: it loads half a second of statistics.
    from methodology.funnels import arcsine_proportion

    size = np.array([float(row["n"]) for row in rows])
    scores = np.array([float(row["score"]) for row in rows])
    if is_share:
        whole = arcsine_proportion(scores / 100 * size, size)
        return 100 * float(whole.back(np.array([whole.target]))[0])
    return float((scores * size).sum() / size.sum())


def _limits(
    rows: Sequence[Mapping[str, Any]], size: npt.NDArray[np.float64], z: float, is_share: bool
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the limits at each size, on the published scale."""
    from methodology.funnels import Funnel, arcsine_proportion

    target = _target(rows, is_share)
    if is_share:
        low, high = arcsine_proportion(target / 100 * size, size).limits(z)
        return 100 * low, 100 * high
    own = np.array([float(row["n"]) for row in rows])
    error = np.array([float(row["standard_error"]) for row in rows])
    # Pooled variance of an answer: each unit's squared error times its n, weighted by n.
    variance = float((error**2 * own**2).sum() / own.sum())
    plain = Funnel(np.full(size.shape, target), target, np.sqrt(variance / size), lambda y: y)
    return plain.limits(z)


def _axes(canvas: Canvas, grid: Any, low: float, high: float, x_of: Any, y_of: Any) -> None:
    canvas.line(LEFT, TOP, LEFT, HEIGHT - BOTTOM, stroke=EDGE)
    canvas.line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, stroke=EDGE)
    for part in range(5):
        value = low + (high - low) * part / 4
        canvas.line(LEFT, y_of(value), WIDTH - RIGHT, y_of(value), stroke=PALE, stroke_width=0.5)
        canvas.text(LEFT - 6, y_of(value) + 4, canvas.say.number(value), anchor="end", size=11, colour=MUTED)
        n = float(grid[0] + (grid[-1] - grid[0]) * part / 4)
        canvas.text(x_of(n), HEIGHT - BOTTOM + 16, canvas.say.count(round(n)), anchor="middle", size=11, colour=MUTED)
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    canvas.text(middle, HEIGHT - BOTTOM + 36, canvas.say.word("funnel_n"), anchor="middle", size=11, colour=MUTED)


def _names(canvas: Canvas, names: list[tuple[float, float, str]]) -> None:
    """Write names next to their points, moved down if they overlap, and out if they would cover a neighbour's mark."""
    lowest = -SPACING
    for y, own_x, name in sorted(names):
        lowest = max(y + 4, lowest + SPACING)
        near = [
            other_x for other_y, other_x, _ in names if abs(other_y - y) < 2 * SPACING and abs(other_x - own_x) < 60
        ]
        x = max(near)
        # Near the far edge, names go on the inner side.
        is_far = x > WIDTH - RIGHT - 120
        canvas.text(x - 8 if is_far else x + 8, lowest, name, size=11, anchor="end" if is_far else "start", kind="name")


def _legend(canvas: Canvas) -> None:
    y, x = HEIGHT - 14, LEFT
    canvas.line(x, y - 4, x + 24, y - 4, stroke=INK)
    canvas.text(x + 30, y, canvas.say.word("funnel_target"), size=11, colour=MUTED)
    for (_, name, dashes), start in zip(LEVELS, (x + 100, x + 230), strict=True):
        canvas.line(start, y - 4, start + 24, y - 4, stroke=EDGE, stroke_dasharray=dashes)
        label = canvas.say.word("funnel_limits", level=canvas.say.number(float(name), 0 if name == "95" else 1))
        canvas.text(start + 30, y, label, size=11, colour=MUTED)
