"""What an agency's satisfaction hangs on: each item's importance beside how the agency does in it.

Belongs here: which items are drivers, their correlations from sums over pairs, the table. Does not belong here: importance itself
(`relative_importance`), scores and benchmarks (`positions`).
"""

import zlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from methodology.arrays import Floats
from methodology.relative_importance import importance_shares, r_squared_parts, share_intervals

Row = dict[str, object]
# An item and the instrument it was asked with.
Asked = tuple[str, str]
KEY = ["agency_id", "metric_id", "period_id", "instrument_id"]
PERFORMANCE = ["score", "benchmark_distance", "benchmark_low", "benchmark_high"]
IMPORTANCE = ["importance", "importance_low", "importance_high"]
COLUMNS = {
    **dict.fromkeys([*KEY, "driver_metric_id", "own_status", "own_reason"], "string"),
    **dict.fromkeys(["n", "r_squared", *IMPORTANCE, *PERFORMANCE], "float64"),
}
# Orders of more items than this take longer than they tell.
MOST_DRIVERS = 8
SINGULAR = 1e-6
SUMS = ["n", "sum_x", "sum_y", "sum_xx", "sum_yy", "sum_xy"]


class _Pair(NamedTuple):
    """Two items, how many people answered both, how their answers correlate, and whether those to the second differ."""

    first: Asked
    second: Asked
    n: float
    correlation: float
    varies: bool


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
    rows: list[Row] = []
    if outcome in items:
        for (agency, period), own in sorted(_pairs_of(pairs, {items[outcome], *named}).items()):
            for instrument in sorted({name for (item, name), *_ in own if item == items[outcome]}):
                unit: Row = {
                    "agency_id": agency,
                    "metric_id": outcome,
                    "period_id": period,
                    "instrument_id": instrument,
                }
                found = _of_unit(unit, (items[outcome], instrument), own, named, thresholds)
                rows += [{**unit, **row} for row in found]
    columns = {name: kind for name, kind in COLUMNS.items() if name not in PERFORMANCE}
    made = pd.DataFrame(rows, columns=list(columns)).astype(columns)
    made = made.merge(_performance(scores, positions), on=[*KEY[::2], "driver_metric_id"], how="left")
    return made[list(COLUMNS)].sort_values([*KEY, "driver_metric_id"], kind="stable")


def _items(metrics: pd.DataFrame) -> dict[str, str]:
    """The item of each metric that is the plain mean of one."""
    plain = metrics[(metrics["feed"] == "survey_responses") & (metrics["estimator"] == "mean")]
    plain = plain[(plain["stage"].fillna("") == "") & plain["measure_id"].str.endswith(".mean")]
    return dict(zip(plain["metric_id"], plain["measure_id"].str.removesuffix(".mean"), strict=True))


def _pairs_of(pairs: pd.DataFrame, items: set[str]) -> dict[tuple[str, str], list[_Pair]]:
    """Each agency's pairs of these items in each period, from both of their sides."""
    both = _both_ways(pairs)
    both = both[both["item"].isin(items) & both["other_item"].isin(items)]
    variance = _variance(both, "y")
    covariance = both["sum_xy"] - both["sum_x"] * both["sum_y"] / both["n"]
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation: pd.Series[float] = covariance / np.sqrt(_variance(both, "x") * variance)
    made: dict[tuple[str, str], list[_Pair]] = {}
    names = ["agency_id", "period_id", "item", "instrument_id", "other_item", "other_instrument_id", "n"]
    columns = [*(both[name] for name in names), correlation, variance > 0]
    for agency, period, item, instrument, other, with_other, *numbers in zip(*columns, strict=True):
        made.setdefault((agency, period), []).append(_Pair((item, instrument), (other, with_other), *numbers))
    return made


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
    unit: Row, outcome: Asked, own: list[_Pair], named: Mapping[str, str], thresholds: Mapping[str, float]
) -> list[Row]:
    """Importance of one agency's drivers, or why there is none."""
    # Of an item asked with several instruments the one most people met together with the outcome.
    most: dict[str, _Pair] = {}
    for pair in sorted((pair for pair in own if pair.first == outcome), key=lambda pair: (-pair.n, pair.second)):
        most.setdefault(pair.second[0], pair)
    enough = [pair for pair in most.values() if pair.n >= thresholds["minimum_n"]]
    chosen = [outcome, *sorted([pair.second for pair in enough if pair.varies][:MOST_DRIVERS])]
    if len(chosen) < 3:
        return _without("too_few_items" if enough else "n_below_minimum")
    correlation, n = _correlations(own, chosen)
    if n < thresholds["minimum_n"]:
        return _without("n_below_minimum")
    if not np.all(np.isfinite(correlation)) or np.linalg.eigvalsh(correlation)[0] < SINGULAR:
        return _without("drivers_do_not_vary")
    seed = [int(thresholds["monte_carlo_seed"]), zlib.crc32("|".join(map(str, unit.values())).encode())]
    draws = int(thresholds["driver_draws"])
    parts = r_squared_parts(correlation)
    low, high = share_intervals(correlation, n, np.random.default_rng(seed), draws, thresholds["interval_level"])
    whole = {"own_status": "reported", "n": n, "r_squared": float(parts.sum())}
    shares = zip(importance_shares(parts), low, high, strict=True)
    return [
        {**whole, "driver_metric_id": named[item], **dict(zip(IMPORTANCE, share, strict=True))}
        for (item, _), share in zip(chosen[1:], shares, strict=True)
    ]


def _without(reason: str) -> list[Row]:
    return [{"own_status": "not_applicable", "own_reason": reason}]


def _variance(rows: pd.DataFrame, side: str) -> pd.Series:
    return rows[f"sum_{side}{side}"] - rows[f"sum_{side}"] ** 2 / rows["n"]


def _correlations(own: list[_Pair], chosen: list[Asked]) -> tuple[Floats, float]:
    """Correlations (items, items) over the people who answered both, NaN where nobody did, and the fewest of them."""
    place = {key: number for number, key in enumerate(chosen)}
    correlation, n = np.full((len(chosen), len(chosen)), np.nan), np.zeros((len(chosen), len(chosen)))
    for pair in own:
        if pair.first in place and pair.second in place:
            at = place[pair.first], place[pair.second]
            correlation[at], n[at] = pair.correlation, pair.n
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
