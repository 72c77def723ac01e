"""Special causes: how far each agency lies from what its peers let expect, within warning and action limits.

Belongs here: the picture of `z`, which the limits were applied to. Does not belong here: z itself (the rows bring it) and limits
of units without one, such as regions (`funnel`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from methodology.limits import ACTION_Z, WARNING_Z
from publication.phrasing import Digits, Language
from publication.plots.canvas import EDGE, INK, MUTED, PAPER, Canvas, number_of
from publication.reading import code_text

# A name stands over its line, so that the whole fits a telephone.
VALUES, PLOT, MARGIN = 54.0, 366.0, 10.0
ROW, NAME, HEAD, FOOT = 40.0, 16.0, 76.0, 34.0
LEGEND = (("signals_peers", "", 0.0), ("signals_warning", "6 3", 170.0), ("signals_action", "2 3", 290.0))
LIMITS = (
    (0.0, "", "expected"),
    *((side * WARNING_Z, "6 3", "limit warning") for side in (-1, 1)),
    *((side * ACTION_Z, "2 3", "limit action") for side in (-1, 1)),
)


def signals(rows: Sequence[Mapping[str, Any]], language: Language, title: str, *, digits: Digits = "latin") -> str:
    """Draw one line per agency: z against its limits, a diamond beyond the warning limit, a square beyond the action limit.

    Args:
        rows: name_ar, name_en, polarity, score, n, z, special_cause. Better is always on the same side; rows without z are
            left out.
    """
    shown = [row for row in rows if row["special_cause"] is not None and number_of(row["z"]) is not None]
    start = MARGIN + VALUES
    canvas = Canvas(start + PLOT + MARGIN, HEAD + ROW * len(shown) + FOOT, language, digits)
    if not shown:
        return canvas.nothing(title)
    say = canvas.say
    reach = max(ACTION_Z * 1.3, *(abs(float(row["z"])) for row in shown))

    def at(value: float) -> float:
        return start + PLOT / 2 * (1 + value / reach * 0.96)

    canvas.text(MARGIN, 18, title, is_bold=True)
    canvas.text(MARGIN, 38, say.word("signals_z"), size=11, colour=MUTED)
    canvas.text(start, HEAD - 12, say.word("forest_worse"), size=11, colour=MUTED)
    canvas.text(start + PLOT, HEAD - 12, say.word("forest_better"), anchor="end", size=11, colour=MUTED)
    told = []
    for position, row in enumerate(shown):
        top = HEAD + ROW * position
        y = top + (NAME + ROW) / 2
        for z, dashes, kind in LIMITS:
            style = {"stroke": EDGE, "stroke_dasharray": dashes} if dashes else {"stroke": INK}
            canvas.line(at(z), top + NAME + 2, at(z), top + ROW, kind=kind, **style)
        canvas.text(MARGIN, top + NAME - 2, say.name(row))
        score = say.number(row["score"])
        canvas.text(MARGIN + VALUES / 2, y + 4, score, anchor="middle", is_bold=True, kind="value")
        _mark(canvas, at(int(row["polarity"]) * float(row["z"])), y, row["special_cause"])
        said = code_text(row["special_cause"], language, "special_causes")
        given = {"name": say.name(row), "score": score, "n": say.count(row["n"]), "z": say.number(row["z"])}
        told.append(say.word("signals_row", **given, special_cause=said))
    _legend(canvas, HEAD + ROW * len(shown))
    return canvas.render(title, "; ".join(told))


def _legend(canvas: Canvas, bottom: float) -> None:
    for word, dashes, away in LEGEND:
        style = {"stroke": EDGE, "stroke_dasharray": dashes} if dashes else {"stroke": INK}
        canvas.line(MARGIN + away, bottom + 17, MARGIN + away + 24, bottom + 17, **style)
        canvas.text(MARGIN + away + 30, bottom + 21, canvas.say.word(word), size=11, colour=MUTED)


def _mark(canvas: Canvas, x: float, y: float, special_cause: str) -> None:
    if special_cause == "within_limits":
        canvas.circle(x, y, 4, kind=f"signal {special_cause}", fill=PAPER, stroke=INK, stroke_width=1.5)
        return
    tips = [(x - 5, y), (x, y - 5), (x + 5, y), (x, y + 5)]
    if special_cause.startswith("action"):
        tips = [(x - 5, y - 5), (x + 5, y - 5), (x + 5, y + 5), (x - 5, y + 5)]
    canvas.polygon(tips, kind=f"signal {special_cause}", fill=INK)
