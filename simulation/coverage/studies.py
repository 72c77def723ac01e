"""The register of studies: the subject of each, its number of draws and its seed.

Belongs here: names, draws, seeds, and running one study. Does not belong here: the studies, and how findings are shown.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulation.coverage import (
    attacks,
    bands,
    branches,
    charts,
    clusters,
    durations,
    expectations,
    intervals,
    links,
    modes,
    people,
    rank_sets,
    screening,
    small_units,
    surveys,
    units,
    verdicts,
    weighting,
)
from simulation.coverage.findings import Finding


@dataclass(frozen=True)
class Study:
    """`draws` is for the full run, `short` for the test; a study may draw fewer worlds of slow kinds, as its findings show."""

    name: str
    about: str
    run: Callable[[np.random.Generator, int], list[Finding]]
    seed: int
    draws: int
    short: int

    def findings(self, short: bool = False) -> list[Finding]:
        """The findings of the full or the short run, the same on every machine."""
        return self.run(np.random.default_rng(self.seed), self.short if short else self.draws)


STUDIES = (
    Study("intervals", "Intervals of means, shares, rates and changes", intervals.study, 2026_01, 20_000, 2_000),
    Study("surveys", "Weighted surveys: intervals, and response bias removed", surveys.study, 2026_02, 10_000, 500),
    Study("durations", "Time to resolve with cases still open", durations.study, 2026_03, 4_000, 400),
    Study("units", "Shrunken scores, true spread, like for like", units.study, 2026_04, 1_200, 60),
    Study("rank_sets", "Simultaneous rank sets", rank_sets.study, 2026_05, 1_000, 40),
    Study("modes", "Survey mode and the breaking of series", modes.study, 2026_06, 2_000, 200),
    Study("links", "Links between scales, shared errors, and silence", links.study, 2026_16, 2_000, 160),
    Study("bands", "Special causes: false alarms, and outliers found", bands.study, 2026_07, 4_000, 150),
    Study("expectations", "Drift of expectation told from decline of service", expectations.study, 2026_08, 2_000, 60),
    Study("screening", "Gaming found, honest units left in peace", screening.study, 2026_09, 20_000, 1_000),
    Study("verdicts", "Verdicts against peers", verdicts.study, 2026_11, 2_000, 100),
    Study("clusters", "Answers that come in bunches", clusters.study, 2026_12, 6_000, 600),
    Study("charts", "Control charts and seasons", charts.study, 2026_13, 400, 20),
    Study("weighting", "Caps on weights, and answers without a margin", weighting.study, 2026_14, 4_000, 200),
    Study("branches", "Few drawn branches, shares near an end", branches.study, 2026_22, 3_000, 300),
    Study("people", "The same people in several numbers", people.study, 2026_21, 3_000, 300),
    Study("small_units", "Branches with few answers", small_units.study, 2026_15, 1_000, 40),
    Study("attacks", "Suppressed tables under attack", attacks.study, 2026_10, 1_600, 40),
)
