"""Account of each agency's change in overall satisfaction: mix, mode, service, expectation and the rest.

Belongs here: which agencies share a regression, and its sums. Does not belong here: what rules out an account (`account_pairs`),
the regression and its parts (`expectation`).

Agencies that asked the same questions share one regression per period, on the responses that answered them all.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.account_pairs import EXPECTATION, SERVICE, UNIT, paired
from methodology.expectation import BLOCKS, expectation_account

Floats = npt.NDArray[np.float64]

MIX, MODE = ["segment", "age_band", "gender", "nationality_class"], ["mode"]
ITEMS = ["overall", *SERVICE, *EXPECTATION]
COLUMNS = {
    **dict.fromkeys(UNIT, "string"),
    "n": "float64",
    "n_before": "float64",
    "change": "float64",
    **{f"{part}_effect": "float64" for part in BLOCKS},
    **{f"{part}_standard_error": "float64" for part in BLOCKS},
    "completion_change": "float64",
    "fault": "string",
    "expectation_reason": "string",
    "slice_ids": "string",
}


def expectation_accounts(
    cells: pd.DataFrame, completion: pd.DataFrame, *, thresholds: Mapping[str, float], since: int
) -> pd.DataFrame:
    """COLUMNS of each agency, instrument and period from the quarter `since` on; `fault` says why one has no account.

    cells: counts of responses with sums and products of positions on each item's scale, by slice, instrument, mode and mix;
    completion: share of digital transactions completed by agency; both with their quarter, from the one before `since` on.
    """
    cells = _on_0_100(cells)
    units = paired(cells, completion, thresholds)
    units = units[units["quarter"] >= since]
    tables = [
        _accounts(cells, group, str(items).split("+"))
        for (_, items), group in units[units["fault"].isna()].groupby(["period_id", "items"], sort=True)
    ]
    made = pd.concat([units[units["fault"].notna()], *tables], ignore_index=True)
    return made.reindex(columns=list(COLUMNS)).sort_values(UNIT, kind="stable")


def _on_0_100(cells: pd.DataFrame) -> pd.DataFrame:
    """Sums of positions as sums on 0-100; a question nobody in the cell answered has none."""
    steps = {item: 100 / cells[f"{item}_range"].astype(float) for item in ITEMS}
    made = cells[["slice_id", "agency_id", "period_id", "quarter", *MODE, *MIX]].copy()
    made[[*MODE, *MIX]] = made[[*MODE, *MIX]].fillna("")
    points = (cells["overall_range"].astype("int64") + 1).astype(str)
    made["instrument_id"] = cells["scale_id"] + "/" + points + "|" + cells["wording_version"]
    made["n"] = cells["responses_count"].astype(float)
    for position, item in enumerate(ITEMS):
        made[f"sum_{item}"] = cells[f"sum_{item}"].astype(float) * steps[item]
        for other in ITEMS[position:]:
            made[f"{item}*{other}"] = cells[f"sum_{item}_{other}"].astype(float) * steps[item] * steps[other]
            made[f"{other}*{item}"] = made[f"{item}*{other}"]
    keys = [*UNIT, *MODE, *MIX]
    # Sums of floats depend on the order of rows.
    return made.sort_values([*keys, "slice_id", "n", "sum_overall"], kind="stable").reset_index(drop=True)


def _accounts(cells: pd.DataFrame, units: pd.DataFrame, items: list[str]) -> pd.DataFrame:
    """The accounts of agencies that asked the same questions, in one period."""
    units = units.reset_index(drop=True)
    both, drivers = _sums(cells, units, items)
    kept = _apart(both, drivers)
    chosen = [0, *(driver + 1 for driver in kept), both.shape[-1] - 1]
    both = both[:, :, chosen][:, :, :, chosen]
    kinds = [*drivers.parts, *("expectation" if item in EXPECTATION else "service" for item in items)]
    blocks = {part: [k for k, driver in enumerate(kept) if kinds[driver] == part] for part in BLOCKS}
    n_before, n = both[0, :, 0, 0], both[1, :, 0, 0]
    made = units[[*UNIT, "completion_change", "expectation_reason", "slice_ids"]].assign(n=n, n_before=n_before)
    try:
        found = expectation_account(both[0], both[1], blocks, units["stable"].to_numpy(bool))
    except ValueError:
        return made.assign(fault="drivers_do_not_vary", expectation_reason=None)
    for part in BLOCKS:
        effect, error = found.parts[part], found.errors[part]
        # A block without variation explains nothing (0); only expectation is withheld where it may not be read.
        alike = part != "expectation" and not blocks[part]
        made[f"{part}_effect"] = 0.0 if alike else effect
        made[f"{part}_standard_error"] = 0.0 if alike else error
    return made.assign(change=found.change, fault=None)


@dataclass(frozen=True)
class _Drivers:
    """The part of each driver that is constant within a cell (indicators of mix and mode), and the number of items."""

    parts: list[str]
    items: int


def _sums(cells: pd.DataFrame, units: pd.DataFrame, items: list[str]) -> tuple[Floats, _Drivers]:
    """Sums of v v' over responses with v = (1, indicators, items, overall), (2 quarters, units, v, v)."""
    quarter = int(units["quarter"].iloc[0])
    wanted = units[["agency_id", "instrument_id"]].assign(unit=units.index)
    answered = cells[[f"sum_{item}" for item in items]].notna().all(axis=1)
    complete = cells[cells["quarter"].isin([quarter - 1, quarter]) & answered]
    complete = complete.merge(wanted, on=["agency_id", "instrument_id"])
    dummies, parts = _dummies(complete)
    width = len(parts) + len(items) + 2
    both = np.zeros((2, len(units), width, width))
    drawn = _moments(complete, dummies, items)
    np.add.at(both, (complete["quarter"].to_numpy() - quarter + 1, complete["unit"].to_numpy()), drawn)
    return both, _Drivers(parts, len(items))


def _dummies(cells: pd.DataFrame) -> tuple[Floats, list[str]]:
    """Indicator columns of every level but the first of each attribute, and the part each belongs to."""
    columns, parts = [], []
    for attribute in [*MIX, *MODE]:
        for level in sorted(cells[attribute].unique())[1:]:
            columns.append((cells[attribute] == level).to_numpy(float))
            parts.append("mode" if attribute in MODE else "mix")
    return (np.stack(columns, axis=1) if columns else np.zeros((len(cells), 0))), parts


def _moments(cells: pd.DataFrame, dummies: Floats, items: list[str]) -> Floats:
    """Sum of v v' over each cell's responses, v = (1, dummies, items, overall): the dummies are constant within a cell."""
    answers = [*items, "overall"]
    alike = np.column_stack([np.ones(len(cells)), dummies])
    sums = cells[[f"sum_{item}" for item in answers]].to_numpy(float)
    n = cells["n"].to_numpy(float)
    squares = np.stack([cells[[f"{a}*{b}" for b in answers]].to_numpy(float) for a in answers], axis=1)
    cross = np.einsum("ci,cj->cij", alike, sums)
    top = np.concatenate([np.einsum("c,ci,cj->cij", n, alike, alike), cross], axis=2)
    return np.concatenate([top, np.concatenate([cross.transpose(0, 2, 1), squares], axis=2)], axis=1)


def _apart(both: Floats, drivers: _Drivers) -> list[int]:
    """Drivers that vary within units and periods independently of others: answers first, then mode and mix."""
    n = both[..., 0, 0]
    means = np.divide(both[..., 0, :], n[..., None], out=np.zeros(both.shape[:-1]), where=n[..., None] > 0)
    within = (both - n[..., None, None] * means[..., :, None] * means[..., None, :]).sum(axis=(0, 1))[1:-1, 1:-1]
    scale = np.sqrt(np.diag(within))
    dummies = len(drivers.parts)
    kept: list[int] = []
    for driver in [*range(dummies, dummies + drivers.items), *range(dummies)]:
        trial = [*kept, driver]
        # Sums cancel to some ulps where a driver does not vary at all.
        if scale[driver] ** 2 > 1e-9 * n.sum():
            table = within[np.ix_(trial, trial)] / np.outer(scale[trial], scale[trial])
            if np.linalg.matrix_rank(table, tol=1e-8) == len(trial):
                kept = trial
    return sorted(kept)
