"""A score of several agencies in two editions: what came between may not be a few answers that nobody else knows of.

Belongs here: the product's model on the built workspace, as if an edition with other answers were out. Does not belong here: the
rule by hand (`test_contributors.py`), what is noted at publication (`tests/publication/test_published.py`).
"""

from typing import Any

import duckdb
import pandas as pd
import pytest

from methodology.contributors import UNIT
from methodology.journey_sharing import PARTS, withheld_journeys
from methodology.parameters import load_methodology
from miyar.workspace import Workspace
from tests.dbt.python_models import run_model

AGENCY_COUNTS = (
    "select unit_id, metric_id, instrument_id, period_id, n, respondents from intermediate.int_scores__estimated "
    "where unit_type = 'agency'"
)


@pytest.fixture(scope="module")
def tables(built_workspace: Workspace) -> dict[str, pd.DataFrame]:
    with duckdb.connect(str(built_workspace.warehouse), read_only=True) as connection:
        return {
            "int_contributors__counted": connection.execute("from intermediate.int_contributors__counted").df(),
            "int_contributors__crossed": connection.execute("from intermediate.int_contributors__crossed").df(),
            "int_scores__weighted": connection.execute("from intermediate.int_scores__weighted").df(),
            "int_scores__estimated": connection.execute(AGENCY_COUNTS).df().assign(unit_type="agency"),
            "int_statistics__by_unit": connection.execute("from intermediate.int_statistics__by_unit").df(),
            "stg_registry__agencies": connection.execute("from staging.stg_registry__agencies").df(),
            "stg_methodology__thresholds": connection.execute("from staging.stg_methodology__thresholds").df(),
        }


def _shared(tables: dict[str, pd.DataFrame], before: pd.DataFrame) -> set[tuple[Any, ...]]:
    made = run_model("int_sharing__decided", {**tables, "stg_ledger__contributed": before.assign(version=1)})
    return set(made.loc[made["is_shared"], UNIT].itertuples(index=False, name=None))


def test_only_scores_that_few_answers_moved_are_not_shown_again(tables: dict[str, pd.DataFrame]) -> None:
    now = tables["int_contributors__counted"]
    shared = _shared(tables, now.head(0))
    assert len(shared) > 20
    is_shared = pd.MultiIndex.from_frame(now[UNIT]).isin(list(shared))
    before = now[is_shared].reset_index(drop=True)
    assert _shared(tables, before) == shared
    # The largest agency of each has sent one answer more since, or seven.
    largest = before.groupby(UNIT)["n"].idxmax()
    for late, shown in ((1, set()), (7, shared)):
        earlier = before.assign(n=before["n"] - late * before.index.isin(largest))
        assert _shared(tables, earlier) & shared == shown


SERVICE_FIGURES = [
    "int_complaint_times__by_unit",
    "int_complaint_counts__by_unit",
    "int_complaint_handling__by_unit",
    "int_closed_loop__by_unit",
]


def test_figures_of_complaints_that_few_answers_moved_are_not_shown_again(built_workspace: Workspace) -> None:
    """A late case and one whose outcome was corrected; times to an event have no sums that a correction moves."""
    with duckdb.connect(str(built_workspace.warehouse), read_only=True) as connection:
        tables = {name: connection.execute(f"from intermediate.{name}").df() for name in SERVICE_FIGURES}
        tables["stg_methodology__thresholds"] = connection.execute("from staging.stg_methodology__thresholds").df()
        before = connection.execute(
            "select * exclude (is_shown) from intermediate.int_figures__contributed where is_shown and unit_type = 'region'"
        ).df()

    def shared(earlier: pd.DataFrame) -> set[tuple[Any, ...]]:
        made = run_model(
            "int_service_figures__estimated", {**tables, "stg_ledger__contributed": earlier.assign(version=1)}
        )
        made = made[made["is_shared"].fillna(False).to_numpy(bool)]
        return set(zip(made["topic"] + "." + made["figure"], made["unit_id"], made["period_id"], strict=True))

    every = shared(before.head(0))
    assert len(every) > 20
    assert shared(before) == every
    shown = set(zip(before["metric_id"], before["unit_id"], before["period_id"], strict=True))
    summed = before.dropna(subset="total")
    sums = set(zip(summed["metric_id"], summed["unit_id"], summed["period_id"], strict=True))
    largest = before.index.isin(before.groupby(UNIT)["n"].idxmax())
    assert sums and sums < shown
    assert not shared(before.assign(n=before["n"] - largest)) & shown
    assert not shared(before.assign(total=before["total"] - 0.5 * largest)) & sums
    assert shared(before.assign(n=before["n"] - 7 * largest)) == every


def journey(**answers: float) -> pd.DataFrame:
    """Five agencies, each with 40 answers to every part, all at half of the scale, and what differs of the first."""
    made = pd.DataFrame({"agency_id": [f"a{number}" for number in range(5)], "complete_count": 40})
    made = made.assign(journey_id="j", instrument_id="i")
    for part in PARTS:
        made = made.assign(**{f"{part}_count": 40, f"sum_{part}": 2000.0, f"sum_{part}2": 100_000.0})
    for name, value in answers.items():
        made[name] = made[name].astype(float).where(made["agency_id"] != "a0", value)
    return made


def test_a_journey_of_which_one_stage_was_moved_is_not_shown_again() -> None:
    """Weights and gaps mix the stages, so none is shown if one tells."""
    before = pd.DataFrame(
        [
            {"metric_id": f"journeys.{part}", "contributor_id": f"a{number}", "n": 40, "total": 20.0, "squares": 10.0}
            for part in PARTS
            for number in range(5)
        ]
    ).assign(unit_id="j", instrument_id="i", version=1)
    thresholds = load_methodology("2026.2").thresholds

    def is_shared(cells: pd.DataFrame, before: pd.DataFrame) -> bool:
        return not withheld_journeys(cells, before, thresholds)

    assert is_shared(journey(), before.head(0))
    assert is_shared(journey(), before)
    # What another journey was has nothing to do with it.
    assert is_shared(journey(during_count=41), before.assign(unit_id="k"))
    assert not is_shared(journey(during_count=41), before)
    assert is_shared(journey(during_count=46), before)
    # The same counts, one answer of the last stage corrected from half to full marks.
    assert not is_shared(journey(sum_after=2050.0), before)
    assert not is_shared(journey(sum_after2=107_500.0), before)
