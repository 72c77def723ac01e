"""Whether every reader may have a journey and its stages.

Belongs here: what agencies add to each part of a journey. Does not belong here: the rules (`contributors`), the figures
(`journeys`).
"""

from collections.abc import Mapping

import pandas as pd

from methodology.contributors import revised, sharing

PARTS = ["whole", "before", "during", "after"]
LARGEST = 100.0  # of a score


JOURNEY = ["journey_id", "instrument_id"]


def withheld_journeys(
    cells: pd.DataFrame, before: pd.DataFrame, thresholds: Mapping[str, float]
) -> set[tuple[str, ...]]:
    """Journeys (as JOURNEY names them) some part of which rests on too few agencies, alone or less what readers were shown.

    One part withholds the journey: weights and gaps mix the parts. cells: JOURNEY, agency_id and, of each part, count, sum and
    sum of squares of scores on 0-100, and `complete_count`, by which stages are weighed, of one period; before: unit_id (the
    journey), instrument_id, metric_id (`journeys.` and the part), contributor_id, version and `contributors.AMOUNTS`.
    """
    rows = cells.rename(columns={"agency_id": "contributor_id"})
    key = [*JOURNEY, "part"]
    counted = [
        rows[[*JOURNEY, "contributor_id"]].assign(part=part, n=rows[f"{part}_count"].astype(float))
        for part in [*PARTS, "complete"]
    ]
    made = sharing(pd.concat(counted), key, thresholds)
    added = pd.concat([_added(rows, part) for part in PARTS], ignore_index=True)
    shown = before.rename(columns={"unit_id": "journey_id"})
    shown = shown.assign(part=shown["metric_id"].astype("string").str.removeprefix("journeys."))
    made = revised(added, shown, made, key, thresholds)
    return set(made.loc[~made["is_shared"], JOURNEY].itertuples(index=False, name=None))


def _added(rows: pd.DataFrame, part: str) -> pd.DataFrame:
    """What each agency adds to a part, answers as 0 to 1."""
    names = {f"{part}_count": "n", f"sum_{part}": "total", f"sum_{part}2": "squares"}
    key = [*JOURNEY, "contributor_id"]
    made = rows[[*key, *names]].rename(columns=names).astype(dict.fromkeys(names.values(), "float64"))
    made = made.groupby(key, sort=True).sum().reset_index()
    made = made[made["n"] > 0]
    return made.assign(part=part, total=made["total"] / LARGEST, squares=made["squares"] / LARGEST**2)
