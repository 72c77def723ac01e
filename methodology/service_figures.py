"""Figures of complaints and closed loops of one period, one row per unit and figure.

Belongs here: the one table of both. Does not belong here: the figures (`complaints`, `closed_loop`).
"""

from collections.abc import Mapping

import pandas as pd

from methodology.closed_loop import loop_figures
from methodology.complaints import complaint_figures
from methodology.figures_by_unit import COLUMNS, KEY

__all__ = ["COLUMNS", "service_figures"]


def service_figures(
    times: pd.DataFrame,
    counts: pd.DataFrame,
    pairs: pd.DataFrame,
    loops: pd.DataFrame,
    *,
    thresholds: Mapping[str, float],
) -> pd.DataFrame:
    """COLUMNS of all figures of one period; the tables are those of `complaint_figures` and `loop_figures`."""
    tables = [complaint_figures(times, counts, pairs, thresholds), loop_figures(loops, thresholds)]
    made = pd.concat([table.reindex(columns=list(COLUMNS)).astype(COLUMNS) for table in tables], ignore_index=True)
    return made.sort_values(["topic", *KEY, "figure"], kind="stable").reset_index(drop=True)
