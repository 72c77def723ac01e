"""An interrupted run stays stopped: an interrupt is not a failed build to retry.

Belongs here: the handling of interrupts and of errors that dbt returns. Does not belong here: killed processes
(`tests/pipeline`).
"""

from pathlib import Path

import dagster as dg
import pytest

from dagster_project.resources import RunInputs
from miyar.registry_tables import REQUIRED, TABLES
from miyar.workspace import Workspace
from warehouse.dbt_runner import could_not_run


def test_an_error_without_a_text_is_named() -> None:
    assert str(could_not_run(MemoryError())) == "dbt could not run: MemoryError"
    assert str(could_not_run(ValueError("the lake is gone"))) == "dbt could not run: ValueError: the lake is gone"
    assert str(could_not_run(None)) == "dbt could not run: no results and no error"


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, dg.DagsterExecutionInterruptedError])
def test_an_interrupted_step_is_not_tried_again(interrupt: type[BaseException], tmp_path: Path) -> None:
    (tmp_path / "miyar.yml").write_text(
        "name: {ar: مركز, en: Centre}\nmethodology: '2026.2'\nperiods: {first: 2025Q1, last: 2025Q4}\n", "utf-8"
    )
    (tmp_path / "registry").mkdir()
    for table in REQUIRED:
        (tmp_path / "registry" / f"{table}.csv").write_text(",".join(TABLES[table][0]) + "\n", "utf-8")
    with pytest.raises(dg.Failure) as caught, RunInputs(tmp_path).hold():
        raise interrupt
    assert caught.value.allow_retries is False
    assert "stopped" in str(caught.value.description)
    with Workspace.open(tmp_path).lock():
        pass  # the lock was released
