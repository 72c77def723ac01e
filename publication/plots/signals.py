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

NAMES, VALUES, PLOT, MARGIN = 230.0, 70.0, 440.0, 10.0
ROW, HEAD, FOOT = 26.0, 40.0, 34.0
LEGEND = (("signals_peers", ""), ("signals_warning", "6 3"), ("signals_action", "2 3"))


def signals(rows: Sequence[Mapping[str, Any]], language: Language, title: str, *, digits: Digits = "latin") -> str:
    """Draw one line per agency: z against its limits, a diamond beyond the warning limit, a square beyond the action limit.

    Args:
        rows: name_ar, name_en, polarity, score, n, z, special_cause. Better is always on the same side; rows without z are
            left out.
    """
    shown = [row for row in rows if row["special_cause"] is not None and number_of(row["z"]) is not None]
    start = MARGIN + NAMES + VALUES
    canvas = Canvas(start + PLOT + MARGIN, HEAD + ROW * len(shown) + FOOT, language, digits)
    if not shown:
        return canvas.nothing(title)
    say = canvas.say
    reach = max(ACTION_Z * 1.3, *(abs(float(row["z"])) for row in shown))

    def at(value: float) -> float:
        return start + PLOT / 2 * (1 + value / reach * 0.96)

    bottom = HEAD + ROW * len(shown)
    canvas.text(start, HEAD - 16, say.word("forest_worse"), size=11, colour=MUTED)
    canvas.text(start + PLOT / 2, HEAD - 16, say.word("signals_z"), anchor="middle", size=11, colour=MUTED)
    canvas.text(start + PLOT, HEAD - 16, say.word("forest_better"), anchor="end", size=11, colour=MUTED)
    canvas.line(at(0), HEAD - 8, at(0), bottom, kind="expected", stroke=INK)
    for z, dashes, kind in ((WARNING_Z, "6 3", "warning"), (ACTION_Z, "2 3", "action")):
        for side in (-z, z):
            canvas.line(
                at(side), HEAD - 8, at(side), bottom, kind=f"limit {kind}", stroke=EDGE, stroke_dasharray=dashes
            )
    told = []
    for position, row in enumerate(shown):
        y = HEAD + ROW * (position + 0.5)
        canvas.text(MARGIN, y + 4, say.name(row))
        score = say.number(row["score"])
        canvas.text(MARGIN + NAMES + VALUES / 2, y + 4, score, anchor="middle", is_bold=True, kind="value")
        _mark(canvas, at(int(row["polarity"]) * float(row["z"])), y, row["special_cause"])
        said = code_text(row["special_cause"], language, "special_causes")
        given = {"name": say.name(row), "score": score, "n": say.count(row["n"]), "z": say.number(row["z"])}
        told.append(say.word("signals_row", **given, special_cause=said))
    for x, (word, dashes) in zip((start, start + 170, start + 310), LEGEND, strict=True):
        style = {"stroke_dasharray": dashes} if dashes else {}
        canvas.line(x, bottom + 17, x + 24, bottom + 17, stroke=EDGE if dashes else INK, **style)
        canvas.text(x + 30, bottom + 21, say.word(word), size=11, colour=MUTED)
    return canvas.render(title, "; ".join(told))


def _mark(canvas: Canvas, x: float, y: float, special_cause: str) -> None:
    if special_cause == "within_limits":
        canvas.circle(x, y, 4, kind=f"signal {special_cause}", fill=PAPER, stroke=INK, stroke_width=1.5)
        return
    tips = [(x - 5, y), (x, y - 5), (x + 5, y), (x, y + 5)]
    if special_cause.startswith("action"):
        tips = [(x - 5, y - 5), (x + 5, y - 5), (x + 5, y + 5), (x - 5, y + 5)]
    canvas.polygon(tips, kind=f"signal {special_cause}", fill=INK)
