"""Plots of published rows: pure functions from rows and a language to the text of an SVG.

Belongs here: `forest`, `signals`, `funnel`, `trend`, `rug`, `radar`, `strip`, and the canvas they draw on. Does not belong here:
reading an edition, computing a score, the page around a plot.

Every plot carries its data as words (`<title>`, `<desc>`), conveys nothing by colour alone, runs right to left in
Arabic, and gives the same text for the same rows.
"""

from publication.plots.forest import forest
from publication.plots.funnel import funnel
from publication.plots.radar import radar
from publication.plots.rug import rug
from publication.plots.signals import signals
from publication.plots.strip import strip
from publication.plots.trend import trend

__all__ = ["forest", "funnel", "radar", "rug", "signals", "strip", "trend"]
