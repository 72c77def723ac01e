"""The canvas of all plots: positions from the reader's starting edge, colours, marks, and the finished SVG.

Belongs here: what more than one plot draws. Does not belong here: what a plot means.
"""

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from publication.phrasing import Digits, Language, Phrasing

WORDS = Path(__file__).parent / "words.yml"
SVG = "http://www.w3.org/2000/svg"
FONT = "IBM Plex Sans Arabic, Noto Sans Arabic, Tahoma, sans-serif"
PAPER = "#ffffff"
INK = "#1b1f24"
MUTED = "#57606a"
EDGE = "#6e7781"
# Fills behind text or under outlined marks; they are never the only sign of anything.
PALE, PALER = "#d8dee4", "#eef1f4"
# Blue and orange rather than green and red, which one man in twelve cannot distinguish.
VERDICT_COLOURS = {"better": "#0a58a6", "no_clear_difference": "#57606a", "worse": "#a84300"}
VERDICT_FILLS = {"better": ("#d3e5f8", INK), "no_clear_difference": (PALER, INK), "worse": ("#fbe0cd", INK)}
# Half the size of a mark, and the height of a line of text.
HALF = 5.0
NARROW = 440.0
LINE = 17.0


def number_of(value: Any) -> float | None:
    """Return a cell's number as a float; None stays None."""
    return None if value is None else float(value)


class Canvas:
    """Collects marks. All x are measured from the edge where the reader starts: the right one in Arabic."""

    def __init__(self, width: float, height: float, language: Language, digits: Digits = "latin") -> None:
        self.width, self.height = width, height
        self.say = Phrasing(language, WORDS, digits)
        self._marks: list[ElementTree.Element] = []

    def x(self, x: float) -> float:
        """Return where a distance from the starting edge lies on the drawing."""
        return self.width - x if self.say.is_rtl else x

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        anchor: str = "start",
        size: float = 12,
        colour: str = INK,
        is_bold: bool = False,
        kind: str = "",
    ) -> None:
        """Add a line of text; `anchor` is start, middle or end in the reader's direction."""
        if self.say.is_rtl:
            anchor = {"start": "end", "end": "start"}.get(anchor, anchor)
        given = {"x": self.x(x), "y": y, "text-anchor": anchor, "font-size": size, "fill": colour}
        mark = self._add("text", given | ({"font-weight": "bold"} if is_bold else {}), kind)
        mark.text = self.say.line(text)

    def rect(self, x: float, y: float, width: float, height: float, kind: str = "", **style: Any) -> None:
        left = self.x(x) - width if self.say.is_rtl else x
        self._add("rect", {"x": left, "y": y, "width": width, "height": height, **style}, kind)

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str = "", **style: Any) -> None:
        given = {"x1": self.x(x1), "y1": y1, "x2": self.x(x2), "y2": y2, "stroke": INK, "stroke_width": 1}
        self._add("line", given | style, kind)

    def polyline(self, points: list[tuple[float, float]], kind: str = "", **style: Any) -> None:
        text = " ".join(f"{_short(self.x(x))},{_short(y)}" for x, y in points)
        self._add("polyline", {"points": text, "fill": "none", "stroke": INK, "stroke_width": 1.5, **style}, kind)

    def polygon(self, points: list[tuple[float, float]], kind: str = "", **style: Any) -> None:
        text = " ".join(f"{_short(self.x(x))},{_short(y)}" for x, y in points)
        self._add("polygon", {"points": text, **style}, kind)

    def circle(self, x: float, y: float, radius: float, kind: str = "", **style: Any) -> None:
        self._add("circle", {"cx": self.x(x), "cy": y, "r": radius, **style}, kind)

    def verdict_mark(self, x: float, y: float, verdict: str | None) -> None:
        """Draw a verdict as a shape: a triangle up or down, a disc for no clear difference, or for none an empty diamond."""
        if verdict is None:
            points = [(x - HALF, y), (x, y - HALF), (x + HALF, y), (x, y + HALF)]
            self.polygon(points, kind="mark none", fill=PAPER, stroke=INK, stroke_width=1.5)
            return
        colour = VERDICT_COLOURS[verdict]
        if verdict == "no_clear_difference":
            self.circle(x, y, HALF, kind=f"mark {verdict}", fill=colour)
            return
        tip, base = (y - HALF, y + HALF) if verdict == "better" else (y + HALF, y - HALF)
        points = [(x, tip), (x + HALF, base), (x - HALF, base)]
        self.polygon(points, kind=f"mark {verdict}", fill=colour, stroke=PAPER, stroke_width=0.5)

    def render(self, title: str, description: str) -> str:
        """Return the SVG, named and described in words, without script, style sheet or anything external."""
        digest = hashlib.sha256(f"{title}\n{description}".encode()).hexdigest()[:10]
        root = ElementTree.Element(
            "svg",
            {
                "xmlns": SVG,
                "viewBox": f"0 0 {_short(self.width)} {_short(self.height)}",
                "width": _short(self.width),
                "height": _short(self.height),
                # A page may shrink a narrow plot to a telephone's width without its words becoming too small.
                **({"class": "narrow"} if self.width <= NARROW else {}),
                "role": "img",
                "lang": self.say.language,
                "aria-labelledby": f"t{digest} d{digest}",
                # A page's right-to-left direction would swap every anchor; each line of text carries its own instead.
                "direction": "ltr",
                "font-family": FONT,
            },
        )
        ElementTree.SubElement(root, "title", {"id": f"t{digest}"}).text = title
        ElementTree.SubElement(root, "desc", {"id": f"d{digest}"}).text = description
        paper = {"x": "0", "y": "0", "width": _short(self.width), "height": _short(self.height), "fill": PAPER}
        ElementTree.SubElement(root, "rect", paper)
        root.extend(self._marks)
        return ElementTree.tostring(root, encoding="unicode")

    def nothing(self, title: str) -> str:
        """Return the plot of no rows, which says so."""
        empty = Canvas(self.width, 60, self.say.language, self.say.digits)
        text = self.say.word("no_data")
        empty.text(10, 35, text, colour=MUTED)
        return empty.render(title, text)

    def _add(self, tag: str, given: Mapping[str, Any], kind: str) -> ElementTree.Element:
        attributes = {name.replace("_", "-"): _short(value) for name, value in given.items()}
        if kind:
            attributes["class"] = kind
        mark = ElementTree.Element(tag, attributes)
        self._marks.append(mark)
        return mark


def _short(value: Any) -> str:
    """Format with at most two decimals, so that the text is the same on every machine."""
    if isinstance(value, int | float | Decimal):
        text = f"{float(value):.2f}".rstrip("0").rstrip(".")
        return "0" if text == "-0" else text
    return str(value)
