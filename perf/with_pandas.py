"""The same cells in pandas, file by file so that they fit in memory.

Run as `python -m perf.with_pandas WORKSPACE TARGET`. Belongs here: what an analyst would write. Does not belong here:
product code.
"""

import sys
from pathlib import Path

import pandas as pd

KEYS = ["agency_id", "period_id", "service_id", "branch_id", "region_id", "channel", "mode", "segment", "item"]
CASE_KEYS = ["agency_id", "period_id", "service_id", "region_id", "channel", "category_code"]


def _survey(path: Path) -> pd.DataFrame:
    rows = pd.read_csv(path, parse_dates=["responded_at"])
    rows["agency_id"] = path.parts[-3]
    rows["period_id"] = rows["responded_at"].dt.to_period("Q").astype(str)
    position = rows["value"].where(rows["value"].between(1, 5)) - 1
    rows = rows.assign(asked_count=1, answered_count=position.notna(), sum_position=position, sum_position2=position**2)
    boxes = {f"box_{box:02d}_count": position == box for box in range(11)}
    rows = rows.assign(**boxes)
    sums = ["asked_count", "answered_count", "sum_position", "sum_position2", *boxes]
    return rows.groupby(KEYS, dropna=False)[sums].sum().reset_index()


def _complaints(path: Path) -> pd.DataFrame:
    rows = pd.read_csv(path, parse_dates=["opened_at", "due_at", "resolved_at"])
    rows["period_id"] = rows["opened_at"].dt.to_period("Q").astype(str)
    has_outcome = rows["resolved_at"].notna() | (rows["due_at"] <= rows["opened_at"].max())
    rows = rows.assign(
        opened_count=1,
        due_count=rows["due_at"].notna() & has_outcome,
        in_time_count=rows["resolved_at"] <= rows["due_at"],
    )
    return rows.groupby(CASE_KEYS, dropna=False)[["opened_count", "due_count", "in_time_count"]].sum().reset_index()


def main(workspace: Path, target: Path) -> None:
    """Write the cells of a perf workspace as Parquet."""
    landing = workspace / "landing"
    parts = [_survey(path) for path in sorted(landing.glob("*/survey_responses/*.csv"))]
    pd.concat(parts).groupby(KEYS, dropna=False).sum().reset_index().to_parquet(target)
    cases = [_complaints(path) for path in sorted(landing.glob("*/complaints/*.csv"))]
    pd.concat(cases).groupby(CASE_KEYS, dropna=False).sum().reset_index().to_parquet(target.with_suffix(".cases"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
