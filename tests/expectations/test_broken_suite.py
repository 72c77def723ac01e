"""A rule that cannot be evaluated ends an intake: what is left behind.

Belongs here: files and accounts after that. Does not belong here: what is said of the rule (`test_suites`).
"""

from dataclasses import replace

import pytest

from expectations import intake
from expectations.intake import receive_all
from ingestion.broken_rules import SuiteError
from tests.expectations.conftest import Centre


def test_nothing_read_stays_in_the_scratch_folder(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in ("p1", "p2"):
        centre.contract(provider)
        centre.land(provider, "q1.csv", "a01,1,2026-01-05,3")
    suite_of = intake.suite_of
    monkeypatch.setattr(
        intake, "suite_of", lambda *given: [replace(rule, violation="no_such_column") for rule in suite_of(*given)]
    )
    with pytest.raises(SuiteError, match="no_such_column"):
        receive_all(centre.workspace, centre.registry, centre.contracts, [])
    assert not list(centre.workspace.scratch.iterdir())
    assert not (centre.root / "lake" / "submissions").exists()
