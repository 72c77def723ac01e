"""Each agency, instrument and period compared with the period before: what both asked, and what rules out an account.

Belongs here: items that measure service and expectation, faults, whether telemetry was stable. Does not belong here: the account
itself (`expectation_accounts`).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from methodology.frames import only_where
from methodology.lineage import joined

UNIT = ["agency_id", "instrument_id", "period_id"]
SERVICE, EXPECTATION = ["speed", "outcome"], ["expectation"]
ASKED = [*SERVICE, *EXPECTATION]


def paired(cells: pd.DataFrame, completion: pd.DataFrame, thresholds: Mapping[str, float]) -> pd.DataFrame:
    """Return a row per UNIT: `items` asked of enough people in both quarters (joined by +), `fault`, `stable`,
    `expectation_reason`.

    cells: n and sums (missing where not asked) of responses by UNIT, quarter and slice; completion: by agency and quarter.
    """
    units = _with_earlier(cells)
    units["items"] = _asked_in_both(units, thresholds["minimum_n"])
    units = _with_completion(units, completion, thresholds["telemetry_stable_points"])
    units["fault"] = _faults(units)
    has_expectation = units["items"].str.contains("expectation")
    reason = np.select(
        [~has_expectation, units["completion_change"].isna(), ~units["stable"]],
        ["no_disconfirmation_item", "telemetry_unknown", "telemetry_moved"],
        "",
    )
    units["expectation_reason"] = only_where(units["fault"].isna() & (reason != ""), reason)
    names = ["slice_ids", "slice_ids_before", "usage_slices", "usage_slices_before"]
    units["slice_ids"] = [joined(ids for ids in row if isinstance(ids, str)) for row in units[names].to_numpy(object)]
    return units


def _with_earlier(cells: pd.DataFrame) -> pd.DataFrame:
    """Answers to each item by UNIT, joined to those of the same agency and instrument one quarter earlier."""
    answered = cells[[*UNIT, "quarter"]].copy()
    for item in ASKED:
        answered[item] = cells["n"].where(cells[f"sum_{item}"].notna(), 0.0)
    units = answered.groupby([*UNIT, "quarter"], sort=True)[ASKED].sum().reset_index()
    units["slice_ids"] = cells.groupby([*UNIT, "quarter"])["slice_id"].agg(joined).to_numpy()
    before = units.assign(quarter=units["quarter"] + 1).drop(columns="period_id")
    had_any = set(zip(before["agency_id"], before["quarter"], strict=True))
    units = units.merge(before, on=["agency_id", "instrument_id", "quarter"], how="left", suffixes=("", "_before"))
    units["had_another"] = [pair in had_any for pair in zip(units["agency_id"], units["quarter"], strict=True)]
    return units


def _asked_in_both(units: pd.DataFrame, lowest: float) -> "pd.Series[str]":
    asked = {item: (units[item] >= lowest) & (units[f"{item}_before"] >= lowest) for item in ASKED}
    named = ["+".join(item for item in asked if asked[item][row]) for row in range(len(units))]
    return pd.Series(named, index=units.index, dtype="string")


def _with_completion(units: pd.DataFrame, completion: pd.DataFrame, stable_points: float) -> pd.DataFrame:
    """Add the change in the share of completed transactions, and whether it is small enough to call telemetry stable."""
    telemetry = completion[["agency_id", "quarter", "completion", "slice_ids"]].rename(
        columns={"slice_ids": "usage_slices"}
    )
    earlier = telemetry.assign(quarter=telemetry["quarter"] + 1)
    units = units.merge(telemetry, on=["agency_id", "quarter"], how="left")
    units = units.merge(earlier, on=["agency_id", "quarter"], how="left", suffixes=("", "_before"))
    units["completion_change"] = units["completion"] - units["completion_before"]
    return units.assign(stable=units["completion_change"].abs() <= stable_points)


def _faults(units: pd.DataFrame) -> "pd.Series[str]":
    """Why there is no account; None where there is one."""
    no_service = ~units["items"].str.contains("|".join(SERVICE))
    # Both quarters asked somebody about service, though too few people.
    some = (units[SERVICE].sum(axis=1) > 0) & (units[[f"{item}_before" for item in SERVICE]].sum(axis=1) > 0)
    absent = units["slice_ids_before"].isna()
    reasons = ["instrument_differs", "no_earlier_period", "confidential", "no_service_item"]
    fault = np.select([absent & units["had_another"].astype(bool), absent, no_service & some, no_service], reasons, "")
    return pd.Series(fault, index=units.index, dtype=object).replace("", None)
