"""Account of each agency's change in overall satisfaction: mix, mode, service, expectation and the rest.

Belongs here: which answers measure service and expectation, which periods are set against each other, whether telemetry was
stable. Does not belong here: the regression and its parts (`methodology.expectation`).

Agencies that asked the same questions share one regression per period, on the responses that answered them all.
"""

import numpy as np
import pandas as pd
import pyarrow as pa

from methodology.expectation import expectation_account
from miyar.periods import shift
from miyar.relations import Dbt, read, written

UNIT = ["agency_id", "instrument_id", "period_id"]
MIX, MODE = ["segment", "age_band", "gender", "nationality_class"], ["mode"]
SERVICE, EXPECTATION = ["speed", "outcome"], ["expectation"]
ITEMS = [*SERVICE, *EXPECTATION, "overall"]
PARTS = ("mix", "mode", "service", "expectation")
COLUMNS = {
    **dict.fromkeys(UNIT, "string"),
    "n": "float64",
    "n_before": "float64",
    "change": "float64",
    **{f"{part}_effect": "float64" for part in PARTS},
    **{f"{part}_standard_error": "float64" for part in PARTS},
    "completion_change": "float64",
    "fault": "string",
    "expectation_reason": "string",
    "slice_ids": "string",
}


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    pending = dbt.ref("int_periods__pending").aggregate("min(period_id)").fetchone()[0]
    if not pending:
        return written(pd.DataFrame(columns=list(COLUMNS)), COLUMNS)
    # Each period is held against the one before it.
    wanted = f"period_id >= '{shift(pending, -1)}'"
    cells = read(dbt.ref("int_expectation__cells").filter(wanted))
    completion = read(dbt.ref("int_usage__completion").filter(wanted))
    thresholds = read(dbt.ref("stg_methodology__thresholds"))
    known = thresholds.set_index("name")["value"].to_dict()
    cells = _on_0_100(cells)
    units = _pairs(cells, completion, known)
    units = units[units["period_id"] >= pending]
    tables = [
        _accounts(cells, group, items.split("+"))
        for (_, items), group in units[units["fault"].isna()].groupby(["period_id", "items"], sort=True)
    ]
    made = pd.concat([units[units["fault"].notna()], *tables], ignore_index=True)
    return written(made.reindex(columns=list(COLUMNS)).sort_values(UNIT, kind="stable"), COLUMNS)


def _on_0_100(cells):
    """Sums of positions as sums on 0-100; a question nobody in the cell answered has none."""
    steps = {item: 100 / cells[f"{item}_range"].astype(float) for item in ITEMS}
    made = cells[["slice_id", "agency_id", "period_id", *MODE, *MIX]].copy()
    made[[*MODE, *MIX]] = made[[*MODE, *MIX]].fillna("")
    points = (cells["overall_range"].astype("int64") + 1).astype(str)
    made["instrument_id"] = cells["scale_id"] + "/" + points + "|" + cells["wording_version"]
    made["place"] = made["period_id"].str[:4].astype("int64") * 4 + made["period_id"].str[5].astype("int64")
    made["n"] = cells["responses_count"].astype(float)
    order = ["overall", "speed", "outcome", "expectation"]
    for place, item in enumerate(order):
        made[f"sum_{item}"] = cells[f"sum_{item}"].astype(float) * steps[item]
        for other in order[place:]:
            made[f"{item}*{other}"] = cells[f"sum_{item}_{other}"].astype(float) * steps[item] * steps[other]
            made[f"{other}*{item}"] = made[f"{item}*{other}"]
    keys = [*UNIT, *MODE, *MIX]
    # Sums of floats follow the order of rows.
    return made.sort_values([*keys, "slice_id", "n", "sum_overall"], kind="stable").reset_index(drop=True)


def _pairs(cells, completion, known):
    """Each agency, instrument and period with the one before: what was asked in both, and what speaks against an account."""
    answered = cells[[*UNIT, "place"]].copy()
    for item in [*SERVICE, *EXPECTATION]:
        answered[item] = cells["n"].where(cells[f"sum_{item}"].notna(), 0.0)
    units = answered.groupby([*UNIT, "place"], sort=True)[[*SERVICE, *EXPECTATION]].sum().reset_index()
    units["slice_ids"] = cells.groupby([*UNIT, "place"])["slice_id"].agg(lambda ids: ";".join(sorted(set(ids)))).values
    before = units.assign(place=units["place"] + 1).drop(columns="period_id")
    had_any = set(zip(before["agency_id"], before["place"], strict=True))
    units = units.merge(before, on=["agency_id", "instrument_id", "place"], how="left", suffixes=("", "_before"))
    lowest = known["minimum_n"]
    asked = {item: (units[item] >= lowest) & (units[f"{item}_before"] >= lowest) for item in [*SERVICE, *EXPECTATION]}
    named = ["+".join(item for item in asked if asked[item][row]) for row in range(len(units))]
    units["items"] = pd.Series(named, index=units.index, dtype="string")
    telemetry = completion.assign(
        place=completion["period_id"].str[:4].astype("int64") * 4 + completion["period_id"].str[5].astype("int64")
    )[["agency_id", "place", "completion", "slice_ids"]].rename(columns={"slice_ids": "usage_slices"})
    earlier = telemetry.assign(place=telemetry["place"] + 1)
    units = units.merge(telemetry, on=["agency_id", "place"], how="left")
    units = units.merge(earlier, on=["agency_id", "place"], how="left", suffixes=("", "_before"))
    units["completion_change"] = units["completion"] - units["completion_before"]
    units["stable"] = units["completion_change"].abs() <= known["telemetry_stable_points"]
    no_item = ~units["items"].str.contains("expectation")
    units["expectation_reason"] = np.select(
        [no_item, units["completion_change"].isna(), ~units["stable"]],
        ["no_disconfirmation_item", "telemetry_unknown", "telemetry_moved"],
        "",
    )
    units["expectation_reason"] = units["expectation_reason"].replace("", None)
    another = [pair in had_any for pair in zip(units["agency_id"], units["place"], strict=True)]
    no_service = ~units["items"].str.contains("|".join(SERVICE))
    some = (units[SERVICE].sum(axis=1) > 0) & (units[[f"{item}_before" for item in SERVICE]].sum(axis=1) > 0)
    absent = units["slice_ids_before"].isna()
    reasons = ["instrument_differs", "no_earlier_period", "confidential", "no_service_item"]
    fault = np.select([absent & np.array(another, bool), absent, no_service & some, no_service], reasons, "")
    units["fault"] = pd.Series(fault, index=units.index, dtype=object).replace("", None)
    units.loc[units["fault"].notna(), "expectation_reason"] = None
    names = ["slice_ids", "slice_ids_before", "usage_slices", "usage_slices_before"]
    units["slice_ids"] = [
        ";".join(sorted({part for ids in row if isinstance(ids, str) for part in ids.split(";")}))
        for row in units[names].itertuples(index=False)
    ]
    return units


def _accounts(cells, units, items):
    """The accounts of agencies that asked the same questions, in one period."""
    units = units.reset_index(drop=True)
    place = int(units["place"].iloc[0])
    wanted = units[["agency_id", "instrument_id"]].assign(unit=units.index)
    complete = cells[
        cells["place"].isin([place - 1, place]) & cells[[f"sum_{item}" for item in items]].notna().all(axis=1)
    ]
    complete = complete.merge(wanted, on=["agency_id", "instrument_id"])
    dummies, names = _dummies(complete)
    both = np.zeros((2, len(units), len(names) + len(items) + 2, len(names) + len(items) + 2))
    drawn = _moments(complete, dummies, items)
    np.add.at(both, (complete["place"].to_numpy() - place + 1, complete["unit"].to_numpy()), drawn)
    kept = _apart(both, len(names), len(items))
    chosen = [0, *(driver + 1 for driver in kept), both.shape[-1] - 1]
    both = both[:, :, chosen][:, :, :, chosen]
    kinds = [*names, *("expectation" if item in EXPECTATION else "service" for item in items)]
    blocks = {part: [k for k, driver in enumerate(kept) if kinds[driver] == part] for part in PARTS}
    n_before, n = both[0, :, 0, 0], both[1, :, 0, 0]
    made = units[[*UNIT, "completion_change", "expectation_reason", "slice_ids"]].assign(n=n, n_before=n_before)
    try:
        found = expectation_account(both[0], both[1], blocks, units["stable"].to_numpy(bool))
    except ValueError:
        return made.assign(fault="drivers_do_not_vary", expectation_reason=None)
    for part in PARTS:
        effect, error = found.parts[part], found.errors[part]
        # A block that nothing varies in explains nothing; expectation alone is withheld where it may not be read.
        alike = part != "expectation" and not blocks[part]
        made[f"{part}_effect"] = 0.0 if alike else effect
        made[f"{part}_standard_error"] = 0.0 if alike else error
    return made.assign(change=found.change, fault=None)


def _dummies(cells):
    """Indicator columns of every level but the first of each attribute, and the part each belongs to."""
    columns, names = [], []
    for attribute in [*MIX, *MODE]:
        for level in sorted(cells[attribute].unique())[1:]:
            columns.append((cells[attribute] == level).to_numpy(float))
            names.append("mode" if attribute in MODE else "mix")
    return (np.stack(columns, axis=1) if columns else np.zeros((len(cells), 0))), names


def _moments(cells, dummies, items):
    """Sum of v v' over each cell's responses, v = (1, dummies, items, overall): the dummies are alike within a cell."""
    answers = [*items, "overall"]
    alike = np.column_stack([np.ones(len(cells)), dummies])
    sums = cells[[f"sum_{item}" for item in answers]].to_numpy(float)
    n = cells["n"].to_numpy(float)
    squares = np.stack([cells[[f"{a}*{b}" for b in answers]].to_numpy(float) for a in answers], axis=1)
    cross = np.einsum("ci,cj->cij", alike, sums)
    top = np.concatenate([np.einsum("c,ci,cj->cij", n, alike, alike), cross], axis=2)
    return np.concatenate([top, np.concatenate([cross.transpose(0, 2, 1), squares], axis=2)], axis=1)


def _apart(both, dummies, items):
    """Drivers that vary within units and periods and not merely along with others: answers first, then mode and mix."""
    n = both[..., 0, 0]
    means = np.divide(both[..., 0, :], n[..., None], out=np.zeros(both.shape[:-1]), where=n[..., None] > 0)
    within = (both - n[..., None, None] * means[..., :, None] * means[..., None, :]).sum(axis=(0, 1))[1:-1, 1:-1]
    scale = np.sqrt(np.diag(within))
    kept = []
    for driver in [*range(dummies, dummies + items), *range(dummies)]:
        trial = [*kept, driver]
        # Sums cancel to some ulps where a driver does not vary at all.
        if scale[driver] ** 2 > 1e-9 * n.sum():
            table = within[np.ix_(trial, trial)] / np.outer(scale[trial], scale[trial])
            if np.linalg.matrix_rank(table, tol=1e-8) == len(trial):
                kept = trial
    return sorted(kept)
