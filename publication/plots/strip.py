"""Journey strip: the stages of a journey in order, each with its score, and the weakest link marked.

Belongs here: the chain. Does not belong here: deciding which stage is the weakest (the rows say).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from publication.phrasing import Digits, Language
from publication.plots.canvas import EDGE, INK, MUTED, PALER, VERDICT_COLOURS, VERDICT_FILLS, Canvas, number_of
from publication.reading import reason_text

ORDER = ("before", "during", "after")
BOX, GAP, MARGIN, TOP, HEIGHT = 180.0, 34.0, 10.0, 30.0, 92.0


def strip(rows: Sequence[Mapping[str, Any]], language: Language, title: str, *, digits: Digits = "latin") -> str:
    """Draw the stages before, during and after in the reader's direction.

    Args:
        rows: of one journey and instrument: stage, score, ci_low, ci_high, weight, is_weakest, status_reason.
    """
    stages = sorted((row for row in rows if row["stage"] in ORDER), key=lambda row: ORDER.index(row["stage"]))
    canvas = Canvas(2 * MARGIN + BOX * 3 + GAP * 2, TOP + HEIGHT + MARGIN, language, digits)
    if not stages:
        return canvas.nothing(title)
    say = canvas.say
    told = []
    for position, row in enumerate(stages):
        x = MARGIN + (BOX + GAP) * position
        middle = x + BOX / 2
        is_weakest = bool(row["is_weakest"])
        fill, ink = VERDICT_FILLS["worse"] if is_weakest else (PALER, INK)
        kind = "stage weakest" if is_weakest else "stage"
        canvas.rect(x, TOP, BOX, HEIGHT, kind=kind, fill=fill, stroke=EDGE)
        if is_weakest:
            # A second frame and a word, so that the fill is not the only sign.
            canvas.rect(
                x + 3, TOP + 3, BOX - 6, HEIGHT - 6, fill="none", stroke=VERDICT_COLOURS["worse"], stroke_width=2
            )
            canvas.text(
                middle, TOP - 8, say.word("strip_weakest"), anchor="middle", size=11, is_bold=True, kind="weakest"
            )
        if position:
            y = TOP + HEIGHT / 2
            canvas.line(x - GAP + 4, y, x - 10, y, stroke=INK, stroke_width=2)
            canvas.polygon([(x - 4, y), (x - 12, y - 5), (x - 12, y + 5)], kind="arrow", fill=INK)
        stage = say.word(row["stage"])
        canvas.text(middle, TOP + 20, stage, anchor="middle", size=12, colour=ink)
        if number_of(row["score"]) is None:
            reason = reason_text(row["status_reason"], language)
            canvas.text(middle, TOP + 52, reason, anchor="middle", size=10, colour=MUTED, kind="reason")
            told.append(say.word("strip_row_alone", stage=stage, reason=reason))
            continue
        interval = say.interval(row["ci_low"], row["ci_high"])
        canvas.text(middle, TOP + 45, say.number(row["score"]), anchor="middle", size=18, is_bold=True, kind="value")
        canvas.text(middle, TOP + 63, interval, anchor="middle", size=10, colour=ink, kind="interval")
        sentence = say.word("strip_row", stage=stage, score=say.number(row["score"]), interval=interval)
        told.append(f"{sentence} ({say.word('strip_weakest')})" if is_weakest else sentence)
        if number_of(row["weight"]) is not None:
            weight = say.word("strip_weight", weight=say.number(100 * row["weight"], 0))
            canvas.text(middle, TOP + 80, weight, anchor="middle", size=10, colour=ink, kind="weight")
    return canvas.render(title, "; ".join(told))
