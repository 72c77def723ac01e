"""Tartan rug: units by metrics, each crossing with its value printed and its verdict as fill and shape.

Belongs here: the grid. Does not belong here: which units and metrics it shows.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from publication.phrasing import Digits, Language
from publication.plots.canvas import EDGE, INK, MUTED, PAPER, VERDICT_FILLS, Canvas, number_of
from publication.reading import reason_text

MARGIN, NAMES, CELL, ROW, HEAD = 10.0, 230.0, 84.0, 30.0, 36.0


def rug(rows: Sequence[Mapping[str, Any]], language: Language, title: str, *, digits: Digits = "latin") -> str:
    """Draw a grid with one crossing per row of `rows`; their order sets the order of lines and columns.

    Args:
        rows: row_ar, row_en, column_ar, column_en, score, verdict, comparability_reason. Absent crossings stay empty.
    """
    lines = _labels(rows, "row")
    columns = _labels(rows, "column")
    canvas = Canvas(2 * MARGIN + NAMES + CELL * len(columns), HEAD + ROW * len(lines) + MARGIN, language, digits)
    if not rows:
        return Canvas(2 * MARGIN + NAMES, HEAD, language, digits).nothing(title)
    say = canvas.say
    for position, label in enumerate(columns):
        x = MARGIN + NAMES + CELL * (position + 0.5)
        canvas.text(x, HEAD - 10, say.name(label, "column"), anchor="middle", size=11, colour=MUTED)
    for position, label in enumerate(lines):
        canvas.text(MARGIN, HEAD + ROW * (position + 0.5) + 4, say.name(label, "row"))
    told = []
    for row in rows:
        x = MARGIN + NAMES + CELL * _place(columns, row, "column")
        y = HEAD + ROW * _place(lines, row, "row")
        fill, ink = VERDICT_FILLS.get(row["verdict"], (PAPER, INK))
        canvas.rect(x, y, CELL, ROW, kind=f"cell {row['verdict'] or 'none'}", fill=fill, stroke=EDGE)
        canvas.text(
            x + CELL * 0.6, y + ROW / 2 + 4, say.number(row["score"]), anchor="middle", colour=ink, kind="value"
        )
        if number_of(row["score"]) is not None:
            # A disc of paper under the mark gives it contrast on any fill.
            canvas.circle(x + 16, y + ROW / 2, 9, fill=PAPER)
            canvas.verdict_mark(x + 16, y + ROW / 2, row["verdict"])
        verdict = reason_text(row["verdict"] or row["comparability_reason"], language) or say.word("rug_no_verdict")
        told.append(
            say.word(
                "rug_cell",
                row=say.name(row, "row"),
                column=say.name(row, "column"),
                value=say.number(row["score"]),
                verdict=verdict,
            )
        )
    return canvas.render(title, "; ".join(told))


def _labels(rows: Sequence[Mapping[str, Any]], stem: str) -> list[Mapping[str, Any]]:
    """Return one row per label, in order of first appearance."""
    found: dict[tuple[Any, Any], Mapping[str, Any]] = {}
    for row in rows:
        found.setdefault((row[f"{stem}_ar"], row[f"{stem}_en"]), row)
    return list(found.values())


def _place(labels: list[Mapping[str, Any]], row: Mapping[str, Any], stem: str) -> int:
    keys = [(label[f"{stem}_ar"], label[f"{stem}_en"]) for label in labels]
    return keys.index((row[f"{stem}_ar"], row[f"{stem}_en"]))
