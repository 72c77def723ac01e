"""What agencies add to the figures of one table, in each version in which these were shown.

Belongs here: finding it, as arrays over all agencies of the table. Does not belong here: what two versions tell (`changed_sums`).
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.arrays import Floats
from methodology.contributors import AMOUNTS

Unit = tuple[str, str]  # unit_type and unit_id
# Figure -> version -> (agencies, AMOUNTS), a row of NaN where the agency is not in it, and which are (agencies,).
Part = tuple[Floats, npt.NDArray[np.bool_]]
Versions = dict[Unit, dict[int, Part]]


def versions(rows: pd.DataFrame) -> Versions:
    """Figures of one table (unit_type, unit_id, version, contributor_id, AMOUNTS) by version, in order."""
    names, agency = np.unique(rows["contributor_id"].to_numpy(object), return_inverse=True)
    amounts = rows[list(AMOUNTS)].to_numpy(float, na_value=np.nan)
    keys = [rows[name].to_numpy(object) for name in ("unit_type", "unit_id", "version")]
    places: dict[tuple[str, str, int], list[int]] = {}
    for place, (kind, unit, version) in enumerate(zip(*keys, strict=True)):
        places.setdefault((str(kind), str(unit), int(version)), []).append(place)
    found: Versions = {}
    for (kind, unit, version), own in sorted(places.items()):
        part, is_there = np.full((len(names), len(AMOUNTS)), np.nan), np.zeros(len(names), bool)
        part[agency[own]], is_there[agency[own]] = amounts[own], True
        found.setdefault((kind, unit), {})[version] = part, is_there
    return found


def added(one: Floats, other: Floats, sign: float = 1.0) -> Floats:
    """The sum or, with `sign` -1, the difference of two parts; what only one of them has counts as nothing in the other."""
    total: Floats = np.where(np.isnan(one) & np.isnan(other), np.nan, np.nan_to_num(one) + sign * np.nan_to_num(other))
    return total
