"""Figures of complaints and closed loops of one period, one row per unit and figure.

Belongs here: the one table of both. Does not belong here: the figures (`complaints`, `closed_loop`).
"""

from collections.abc import Mapping

import pandas as pd

from methodology.closed_loop import loop_figures
from methodology.complaints import complaint_figures
from methodology.contributors import apart, sharing
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
    """COLUMNS of all figures of one period; the tables are those of `complaint_figures` and `loop_figures`.

    `is_shared` says of a figure of no single agency whether every reader may have it (`contributors.sharing`).
    """
    tables = [complaint_figures(times, counts, pairs, thresholds), loop_figures(loops, thresholds)]
    made = pd.concat([table.reindex(columns=list(COLUMNS)).astype(COLUMNS) for table in tables], ignore_index=True)
    made["is_shared"] = _shared(made, thresholds)
    return made.sort_values(["topic", *KEY, "figure"], kind="stable").reset_index(drop=True)


def _shared(made: pd.DataFrame, thresholds: Mapping[str, float]) -> "pd.Series[bool]":
    """Whether a region's figure rests on enough agencies, alone and less another one of the region."""
    figure = ["topic", "unit_id", "period_id", "figure"]
    parts = made[made["unit_type"] == "agency_region"]
    parts = parts.assign(contributor_id=parts["agency_id"], unit_id=parts["unit_id"].str.rsplit("/", n=1).str[-1])
    added = parts[[*figure, "contributor_id", "n"]]
    found = apart(added, sharing(added, figure, thresholds), ["topic", "unit_id", "period_id"], thresholds)
    known = made[figure].merge(found, on=figure, how="left")["is_shared"].eq(True).to_numpy(bool)
    return made["agency_id"].isna() & known
