"""Whether every reader may have a journey and its stages.

Belongs here: what agencies add to each part of a journey. Does not belong here: the rules (`contributors`), the figures
(`journeys`).
"""

from collections.abc import Mapping

import pandas as pd

from methodology.contributors import revised, sharing

PARTS = ["whole", "before", "during", "after"]
LARGEST = 100.0  # of a score


def is_shared(own: pd.DataFrame, before: pd.DataFrame, thresholds: Mapping[str, float]) -> bool:
    """Whether every part rests on enough agencies, alone and less what readers were shown: weights and gaps mix the parts.

    own: agency_id and, of each part, count, sum and sum of squares of scores on 0-100, and `complete_count`, by which stages are
    weighed; before: metric_id (`journeys.` and the part), contributor_id, version and `contributors.AMOUNTS`.
    """
    rows = own.rename(columns={"agency_id": "contributor_id"})
    counted = [
        rows[["contributor_id"]].assign(part=part, n=rows[f"{part}_count"].astype(float))
        for part in [*PARTS, "complete"]
    ]
    made = sharing(pd.concat(counted), ["part"], thresholds)
    added = pd.concat([_added(rows, part) for part in PARTS], ignore_index=True)
    shown = before.assign(part=before["metric_id"].astype("string").str.removeprefix("journeys."))
    return bool(revised(added, shown, made, ["part"], thresholds)["is_shared"].all())


def _added(rows: pd.DataFrame, part: str) -> pd.DataFrame:
    """What each agency adds to a part, answers as 0 to 1."""
    names = {f"{part}_count": "n", f"sum_{part}": "total", f"sum_{part}2": "squares"}
    made = rows[["contributor_id", *names]].rename(columns=names).astype(dict.fromkeys(names.values(), "float64"))
    made = made.groupby("contributor_id", sort=True).sum().reset_index()
    made = made[made["n"] > 0]
    return made.assign(part=part, total=made["total"] / LARGEST, squares=made["squares"] / LARGEST**2)
