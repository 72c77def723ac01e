"""Errors that several scores share, because one study adjusted or linked them all: as text, as loadings, and against others.

Belongs here: how far such an error moves scores together. Does not belong here: the adjustments that bring it (`adjusted_scores`,
`linked_scores`) and the errors of an agency's own sample.

A shared error is u_f ~ N(0, 1) by factor f, the same for all scores; a score moves by its loading L_f u_f. Between scores that
load alike it cancels; a mean of many does not average it out.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from methodology.arrays import Floats


def as_text(loadings: Mapping[str, float]) -> str:
    """`factor=loading;...` of the loadings that are not zero, by name; "" where a score shares no error."""
    # A name with the separator in it would read as two.
    return ";".join(f"{name.replace(';', ',')}={loadings[name]:.9g}" for name in sorted(loadings) if loadings[name])


def loadings_by_factor(texts: Iterable[object]) -> list[dict[str, float]]:
    """The loadings of each text made by `as_text`, by factor; none of a missing text."""
    parts = [text.split(";") if isinstance(text, str) and text else [] for text in texts]
    return [{name: float(value) for name, value in (part.rsplit("=", 1) for part in own)} for own in parts]


def loadings_of(texts: Iterable[object]) -> Floats:
    """Loadings (units, factors) of texts made by `as_text`; a missing text shares nothing."""
    rows = loadings_by_factor(texts)
    factors = sorted({name for row in rows for name in row})
    return np.array([[row.get(name, 0.0) for name in factors] for row in rows], float).reshape(len(rows), -1)


def apart(loadings: Floats) -> Floats:
    """Errors (units,) that, taken as independent, cover what the shared ones add to the difference of any two units.

    sqrt 2 |L_i - mean L|: |L_i - L_j|^2 is never above 2 |L_i - mean|^2 + 2 |L_j - mean|^2, and units that load alike add
    nothing.
    """
    return np.asarray(np.sqrt(2 * ((loadings - loadings.mean(axis=0)) ** 2).sum(axis=1)))


def of_totals(rows: pd.DataFrame, group: Floats | np.ndarray, groups: int) -> Floats:
    """What shared errors add to the variance of each group's sum (groups,) beyond those taken as independent.

    rows: `weight` and `shared_errors` of the scores; group: 0 to `groups` - 1 of each. sum_f (sum_i w_i L_if)^2 - sum_i w_i^2
    |L_i|^2.
    """
    has = (rows["shared_errors"].fillna("") != "").to_numpy(bool)
    if not has.any():
        return np.zeros(groups)
    moved = loadings_of(rows.loc[has, "shared_errors"]) * rows.loc[has, "weight"].to_numpy(float)[:, None]
    at = np.asarray(group)[has]
    together = np.zeros((groups, moved.shape[1]))
    np.add.at(together, at, moved)
    alone = np.bincount(at, (moved**2).sum(axis=1), groups)
    return np.asarray((together**2).sum(axis=1) - alone)
