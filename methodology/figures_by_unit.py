"""Tables of figures of services: one row per unit, period and figure.

Belongs here: the columns every such figure has, its unit and the slices behind it, figures of the time to an event. Does not
belong here: which clocks and shares make which figure (`complaints`, `closed_loop`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from methodology.frames import Ints, numbers_by
from methodology.lineage import joined
from methodology.survival import Cells
from methodology.time_figures import time_figures

KEY = ["unit_type", "unit_id", "agency_id", "period_id"]
COLUMNS = {
    "topic": "string",
    "unit_type": "string",
    "unit_id": "string",
    "agency_id": "string",
    "period_id": "string",
    "figure": "string",
    "value": "float64",
    "standard_error": "float64",
    "ci_low": "float64",
    "ci_high": "float64",
    "interval_method": "string",
    "n": "float64",
    "closed_only_misleading": "float64",
    "fault": "string",
    "caveat": "string",
    "is_shared": "boolean",
    "slice_ids": "string",
}
# Counts at a duration: had the event, were still open, were taken over, and left by a competing event.
KINDS = ["ended_count", "censored_count", "entered_count", "competing_count"]
TIME_FAULTS = {
    "median": "fewer_than_half_ended",
    "by_target": "not_watched_to_target",
    "mean": "not_watched_to_horizon",
}


@dataclass(frozen=True)
class Clock:
    """How the time to an event is reported: its target, the horizon it is watched to, and the figures' names by kind.

    Kinds: `median`, `by_target` (share that had it by the target), `mean` (restricted to the horizon). intervals: the method's
    name, Kaplan-Meier's where no event competes.
    """

    target: float
    horizon: float
    names: Mapping[str, str]
    intervals: str = "kaplan_meier"


def units_of(rows: pd.DataFrame) -> tuple[Ints, pd.DataFrame]:
    """Number of each row's unit, and one row per unit with the slices behind it."""
    units = numbers_by(rows, KEY)
    _, first, counts = np.unique(units, return_index=True, return_counts=True)
    texts = rows["slice_ids"].to_numpy(object)[np.argsort(units, kind="stable")]
    heads = rows[KEY].iloc[first].reset_index(drop=True)
    ends = zip(counts, counts.cumsum(), strict=True)
    return units, heads.assign(slice_ids=[joined(texts[end - count : end]) for count, end in ends])


def timed(rows: pd.DataFrame, clock: Clock, level: float) -> pd.DataFrame:
    """Figures of the time to an event by unit, from `duration` and the KINDS of counts at it."""
    rows = rows[rows[KINDS].sum(axis=1) > 0]
    units, heads = units_of(rows)
    duration = rows["duration"].to_numpy(float)
    cells = Cells.of(units, duration, *(rows[name].to_numpy(float) for name in KINDS))
    found = time_figures(cells, clock.target, clock.horizon, level)
    parts = {
        "median": (found.median, found.closed_only.median, 1),
        "by_target": (found.by_target, found.closed_only.by_target, 100),
        "mean": (found.mean, found.closed_only.mean, 1),
    }
    tables = []
    for kind, name in clock.names.items():
        figure, closed_only, scale = parts[kind]
        numbers = figure.columns("value") | {"closed_only_misleading": closed_only}
        own = heads.assign(**{column: scale * values for column, values in numbers.items()})
        tables.append(own.assign(figure=name, interval_method=clock.intervals, n=found.n, fault=TIME_FAULTS[kind]))
    return pd.concat(tables) if tables else heads
