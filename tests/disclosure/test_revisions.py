"""A score of several agencies in two editions: what came between may not be a few answers that nobody else knows of.

Belongs here: the product's model on the built workspace, as if an edition with other answers were out. Does not belong here: the
rule by hand (`test_contributors.py`), what is noted at publication (`tests/publication/test_published.py`).
"""

from typing import Any

import duckdb
import pandas as pd
import pytest

from methodology.total_attacks import UNIT
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
            "stg_registry__agencies": connection.execute("from staging.stg_registry__agencies").df(),
            "stg_methodology__thresholds": connection.execute("from staging.stg_methodology__thresholds").df(),
        }


def _shared(tables: dict[str, pd.DataFrame], before: pd.DataFrame) -> set[tuple[Any, ...]]:
    made = run_model("int_sharing__decided", {**tables, "stg_ledger__contributed": before})
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
