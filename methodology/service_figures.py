"""Figures of complaints and closed loops of one period, one row per unit and figure.

Belongs here: the one table of both. Does not belong here: the figures (`complaints`, `closed_loop`).
"""

from collections.abc import Mapping

import pandas as pd

from methodology.closed_loop import loop_figures
from methodology.complaints import complaint_figures
from methodology.contributors import apart, revised, sharing
from methodology.figures_by_unit import COLUMNS, KEY

__all__ = ["COLUMNS", "service_figures"]


def service_figures(
    times: pd.DataFrame,
    counts: pd.DataFrame,
    pairs: pd.DataFrame,
    loops: pd.DataFrame,
    before: pd.DataFrame,
    *,
    thresholds: Mapping[str, float],
) -> pd.DataFrame:
    """COLUMNS of all figures of one period; the tables are those of `complaint_figures` and `loop_figures`.

    `is_shared` says of a figure of no single agency whether every reader may have it (`contributors`); before: unit_id, metric_id
    (topic.figure), period_id, contributor_id, version, n and total of figures of regions as readers were shown them.
    """
    tables = [complaint_figures(times, counts, pairs, thresholds), loop_figures(loops, thresholds)]
    made = pd.concat([table.reindex(columns=list(COLUMNS)).astype(COLUMNS) for table in tables], ignore_index=True)
    made["is_shared"] = _shared(made, before, thresholds)
    return made.sort_values(["topic", *KEY, "figure"], kind="stable").reset_index(drop=True)


def _shared(made: pd.DataFrame, before: pd.DataFrame, thresholds: Mapping[str, float]) -> "pd.Series[bool]":
    """Whether a region's figure rests on enough agencies: alone, less what it was, and less another one of the region."""
    figure = ["topic", "unit_id", "period_id", "figure"]
    name = before["metric_id"].astype("string").str.split(".", n=1)
    before = before.assign(topic=name.str[0], figure=name.str[1])[[*figure, "contributor_id", "version", "n", "total"]]
    # Times to an event are no sums; a share's hits are, and a correction moves them.
    hits = (made["n"] * made["value"] / 100).where(made["interval_method"] == "wilson")
    parts = made.assign(total=hits)[made["unit_type"] == "agency_region"]
    parts = parts.assign(contributor_id=parts["agency_id"], unit_id=parts["unit_id"].str.rsplit("/", n=1).str[-1])
    added = parts[[*figure, "contributor_id", "n", "total"]]
    found = revised(added, before, sharing(added, figure, thresholds), figure, thresholds)
    found = apart(added, found, ["topic", "unit_id", "period_id"], thresholds)
    known = made[figure].merge(found, on=figure, how="left")["is_shared"].eq(True).to_numpy(bool)
    return made["agency_id"].isna() & known
