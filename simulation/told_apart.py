"""`python -m simulation.told_apart WORKSPACE`: the verdicts of a simulated edition against the truth beside it.

Belongs here: how many positions carry a verdict, how many real differences are told, how many directions are wrong. Does not
belong here: verdicts in drawn classes (`coverage.verdicts`).
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

# A true difference to the peers' mean of so many points should be told; below the other one agencies are as good as equal.
LARGE, EQUAL = 5.0, 0.5


@dataclass(frozen=True)
class ToldApart:
    """Counts of positions of headline metrics, and shares among them; NaN where there is none."""

    owed: int
    with_verdict: float
    large: int
    large_told: float
    equal: int
    equal_told: float
    told: int
    told_wrong: float
    expected_wrong: float


def told_apart(positions: pd.DataFrame, truth: pd.DataFrame) -> ToldApart:
    """Compare verdicts with the true differences to the same peers.

    positions: agency_id, metric_id, period_id, instrument_id, peer_group, peer_frame, polarity, verdict, p_right and
    comparability_reason of what is owed; truth: true_value by agency_id, metric_id and period_id. A position without a true
    value counts as owed only.
    """
    rows = positions[positions["verdict"].notna()].merge(truth, on=["agency_id", "metric_id", "period_id"])
    together = ["metric_id", "period_id", "instrument_id"]
    in_group, in_nation = (_others_mean(rows, keys) for keys in ([*together, "peer_group"], together))
    others = in_group.where(rows["peer_frame"] == "group", in_nation)
    rows = rows.assign(true=rows["polarity"] * (rows["true_value"] - others))
    said = rows["verdict"].map({"better": 1, "no_clear_difference": 0, "worse": -1})
    given, size = said != 0, rows["true"].abs()
    large, equal = size >= LARGE, size < EQUAL
    return ToldApart(
        owed=len(positions),
        with_verdict=float(positions["verdict"].notna().mean()),
        large=int(large.sum()),
        large_told=float(given[large].mean()),
        equal=int(equal.sum()),
        equal_told=float(given[equal].mean()),
        told=int(given.sum()),
        told_wrong=float((np.sign(rows["true"]) != said)[given].mean()),
        expected_wrong=float(1 - rows.loc[given, "p_right"].astype(float).mean()),
    )


def _others_mean(rows: pd.DataFrame, keys: list[str]) -> "pd.Series[float]":
    """Mean true value of the other rows with the same keys."""
    values = rows.groupby(keys)["true_value"]
    return (values.transform("sum") - rows["true_value"]) / (values.transform("size") - 1)


def of_workspace(root: Path) -> ToldApart:
    """The current edition of a simulated workspace against its `truth/scores.csv`; without metrics that are never ranked."""
    with duckdb.connect(str(root / "editions" / "current" / "benchmarks.duckdb"), read_only=True) as connection:
        positions = connection.sql(
            """select positions.*, metrics.polarity
            from bench_peer_positions as positions
            inner join dim_metrics as metrics using (metric_id)
            where metrics.is_headline and metrics.polarity <> 0"""
        ).df()
    return told_apart(positions, pd.read_csv(root / "truth" / "scores.csv"))


def main(root: Path) -> None:
    """Print one line per figure."""
    found = of_workspace(root)
    print(f"{found.owed:,} positions owed, {found.with_verdict:.1%} with a verdict")
    print(f"{found.large:,} true differences of {LARGE:g} points or more, {found.large_told:.1%} told")
    print(f"{found.equal:,} true differences below {EQUAL:g} points, {found.equal_told:.1%} told")
    print(f"{found.told:,} directions told, {found.told_wrong:.2%} wrong, {found.expected_wrong:.2%} expected to be")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
