"""MetricFlow gives the published number.

Belongs here: one query through `bi/metricflow`. Does not belong here: metrics of the methodology.
"""

import csv
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from miyar.workspace import Workspace

SCRIPT = Path(__file__).resolve().parents[2] / "bi" / "metricflow" / "query.py"


def test_a_metric_is_the_published_number(built_workspace: Workspace, tmp_path: Path) -> None:
    if not (SCRIPT.parent / ".venv" / "bin" / "mf").is_file():
        pytest.skip("MetricFlow's own environment is not made; `python bi/metricflow/query.py` makes it")
    edition = built_workspace.editions / "current"
    groups = "agency,score__instrument_id,metric_time__quarter"
    words = ["--metrics", "overall_satisfaction", "--group-by", groups, "--csv", str(tmp_path / "found.csv")]
    words += ["--decimals", "4"]
    subprocess.run([sys.executable, SCRIPT, edition, *words], check=True, capture_output=True)
    with (tmp_path / "found.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    found = {
        (row["agency"], row["score__instrument_id"], row["metric_time__quarter"][:10]): Decimal(
            row["overall_satisfaction"]
        )
        for row in rows
    }
    # Read straight from the published table; a quarter begins in month 1, 4, 7 or 10.
    months = {"1": "01", "2": "04", "3": "07", "4": "10"}
    with duckdb.connect(str(edition / "benchmarks.duckdb"), read_only=True) as connection:
        published = connection.execute(
            "select agency_id, instrument_id, period_id, score from bench_scores where metric_id = 'overall_satisfaction' "
            "and unit_type = 'agency' and status = 'reported'"
        ).fetchall()
    expected = {(a, i, f"{period[:4]}-{months[period[5]]}-01"): score for a, i, period, score in published}
    assert expected
    assert {key: value.quantize(Decimal("0.0001")) for key, value in found.items()} == expected
