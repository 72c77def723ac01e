"""What an agency's satisfaction hangs on: each item's importance beside how the agency does in it.

Belongs here: which items are drivers, their correlations from sums over pairs, the table. Does not belong here: importance itself
(`relative_importance`), scores and benchmarks (`positions`).
"""

import zlib
from collections.abc import Mapping

import numpy as np
import pandas as pd

from methodology.arrays import Floats
from methodology.relative_importance import importance_shares, r_squared_parts, share_intervals

KEY = ["agency_id", "metric_id", "period_id", "instrument_id"]
PERFORMANCE = ["score", "benchmark_distance", "benchmark_low", "benchmark_high"]
COLUMNS = {
    **dict.fromkeys([*KEY, "driver_metric_id", "own_status", "own_reason"], "string"),
    **dict.fromkeys(["n", "r_squared", "importance", "importance_low", "importance_high", *PERFORMANCE], "float64"),
}
# Orders of more items than this take longer than they tell.
MOST_DRIVERS = 8
SINGULAR = 1e-6
SUMS = ["n", "sum_x", "sum_y", "sum_xx", "sum_yy", "sum_xy"]


def drivers(
    pairs: pd.DataFrame,
    scores: pd.DataFrame,
    positions: pd.DataFrame,
    *,
    metrics: pd.DataFrame,
    roles: pd.DataFrame,
    thresholds: Mapping[str, float],
) -> pd.DataFrame:
    """Drivers of one period's headline satisfaction, a row with COLUMNS for each agency, instrument and driver.

    pairs: agency_id, period_id, item, other_item, instrument_id, other_instrument_id and SUMS of the people who answered both
    (cells; their order does not matter). scores: KEY, unit_type, status and score of agencies. positions: KEY and benchmark_*.
    metrics: metric_id, feed, estimator, stage, measure_id. roles: role, metric_id. Drivers are the means of single items except
    the outcome and the item that asks whether expectations were met, which is the outcome in other words; of more than
    `MOST_DRIVERS` those asked most. Importance is a driver's share of R^2 with its interval; without `minimum_n` people, two
    drivers or correlations that can be inverted there is one row with the reason.
    """
    by_role = dict(zip(roles["role"], roles["metric_id"], strict=True))
    outcome, items = by_role.get("satisfaction"), _items(metrics)
    left_out = {by_role.get("satisfaction"), by_role.get("expectation")}
    named = {item: metric for metric, item in items.items() if metric not in left_out}
    made = [pd.DataFrame(columns=list(COLUMNS))]
    if outcome in items:
        both = _both_ways(pairs)
        both = both[both["item"].isin([items[outcome], *named]) & both["other_item"].isin([items[outcome], *named])]
        for (agency, period), own in both.groupby(["agency_id", "period_id"], sort=True):
            of_outcome = own[own["item"] == items[outcome]]
            for instrument, asked in of_outcome.groupby("instrument_id", sort=True):
                unit = {"agency_id": agency, "metric_id": outcome, "period_id": period, "instrument_id": instrument}
                made.append(_of_unit(unit, asked, own, named, thresholds))
    rows = pd.concat([part.reindex(columns=list(COLUMNS)).astype(COLUMNS) for part in made])
    rows = rows.drop(columns=PERFORMANCE).merge(
        _performance(scores, positions), on=[*KEY[::2], "driver_metric_id"], how="left"
    )
    return rows[list(COLUMNS)].sort_values([*KEY, "driver_metric_id"], kind="stable")


def _items(metrics: pd.DataFrame) -> dict[str, str]:
    """The item of each metric that is the plain mean of one."""
    plain = metrics[(metrics["feed"] == "survey_responses") & (metrics["estimator"] == "mean")]
    plain = plain[(plain["stage"].fillna("") == "") & plain["measure_id"].str.endswith(".mean")]
    return dict(zip(plain["metric_id"], plain["measure_id"].str.removesuffix(".mean"), strict=True))


def _both_ways(pairs: pd.DataFrame) -> pd.DataFrame:
    """Sums over cells, each pair from both of its sides."""
    keys = ["agency_id", "period_id", "item", "instrument_id", "other_item", "other_instrument_id"]
    summed = pairs.groupby(keys, sort=True)[SUMS].sum().reset_index()
    turned = summed.rename(
        columns={
            "item": "other_item",
            "other_item": "item",
            "instrument_id": "other_instrument_id",
            "other_instrument_id": "instrument_id",
            "sum_x": "sum_y",
            "sum_y": "sum_x",
            "sum_xx": "sum_yy",
            "sum_yy": "sum_xx",
        }
    )
    return pd.concat([summed, turned])


def _of_unit(
    unit: dict[str, object],
    asked: pd.DataFrame,
    own: pd.DataFrame,
    named: Mapping[str, str],
    thresholds: Mapping[str, float],
) -> pd.DataFrame:
    """Importance of one agency's drivers, or why there is none."""
    # Of an item asked with several instruments the one most people met together with the outcome.
    ordered = asked.sort_values(
        ["n", "other_item", "other_instrument_id"], ascending=[False, True, True], kind="stable"
    )
    ordered = ordered.drop_duplicates("other_item")
    ordered = ordered[(ordered["n"] >= thresholds["minimum_n"]) & (_variance(ordered, "y") > 0)].head(MOST_DRIVERS)
    chosen = [
        (str(asked["item"].iloc[0]), str(unit["instrument_id"])),
        *sorted(zip(ordered["other_item"], ordered["other_instrument_id"], strict=True)),
    ]
    if len(chosen) < 3:
        few = (asked["n"] < thresholds["minimum_n"]).all()
        return _without(unit, "n_below_minimum" if few else "too_few_items")
    correlation, n = _correlations(own, chosen)
    if n < thresholds["minimum_n"]:
        return _without(unit, "n_below_minimum")
    if not np.all(np.isfinite(correlation)) or np.linalg.eigvalsh(correlation)[0] < SINGULAR:
        return _without(unit, "drivers_do_not_vary")
    seed = [int(thresholds["monte_carlo_seed"]), zlib.crc32("|".join(map(str, unit.values())).encode())]
    draws = int(thresholds["driver_draws"])
    parts = r_squared_parts(correlation)
    low, high = share_intervals(correlation, n, np.random.default_rng(seed), draws, thresholds["interval_level"])
    return pd.DataFrame(
        {
            **unit,
            "driver_metric_id": [named[item] for item, _ in chosen[1:]],
            "own_status": "reported",
            "n": n,
            "r_squared": float(parts.sum()),
            "importance": importance_shares(parts),
            "importance_low": low,
            "importance_high": high,
        }
    )


def _without(unit: dict[str, object], reason: str) -> pd.DataFrame:
    return pd.DataFrame([{**unit, "own_status": "not_applicable", "own_reason": reason}])


def _variance(rows: pd.DataFrame, side: str) -> pd.Series:
    return rows[f"sum_{side}{side}"] - rows[f"sum_{side}"] ** 2 / rows["n"]


def _correlations(own: pd.DataFrame, chosen: list[tuple[str, str]]) -> tuple[Floats, float]:
    """Correlations (items, items) over the people who answered both, NaN where nobody did, and the fewest of them."""
    place = {key: number for number, key in enumerate(chosen)}
    x = pd.Series(list(zip(own["item"], own["instrument_id"], strict=True)), own.index).map(place)
    y = pd.Series(list(zip(own["other_item"], own["other_instrument_id"], strict=True)), own.index).map(place)
    inside = (x.notna() & y.notna()).to_numpy(bool)
    rows, at = own[inside], (x[inside].to_numpy(int), y[inside].to_numpy(int))
    correlation, n = np.full((len(chosen), len(chosen)), np.nan), np.zeros((len(chosen), len(chosen)))
    covariance = rows["sum_xy"] - rows["sum_x"] * rows["sum_y"] / rows["n"]
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation[at] = covariance / np.sqrt(_variance(rows, "x") * _variance(rows, "y"))
    n[at] = rows["n"]
    np.fill_diagonal(correlation, 1.0)
    return correlation, float(n[~np.eye(len(chosen), dtype=bool)].min())


def _performance(scores: pd.DataFrame, positions: pd.DataFrame) -> pd.DataFrame:
    """Each agency's reported score of a metric and its distance to the benchmark; of several instruments the most used one's."""
    shown = scores[(scores["unit_type"] == "agency") & (scores["status"] == "reported")]
    shown = shown.merge(positions[[*KEY, *PERFORMANCE[1:]]], on=KEY, how="left")
    shown = shown.sort_values(
        [*KEY[:3], "n", "instrument_id"], ascending=[True, True, True, False, True], kind="stable"
    )
    first = shown.drop_duplicates(KEY[:3]).rename(columns={"metric_id": "driver_metric_id"})
    return first[["agency_id", "period_id", "driver_metric_id", *PERFORMANCE]]
