"""A short campaign of fuzzed deliveries; `make fuzz` runs a long one.

Belongs here: that no delivery of the campaign shows a fault, and that the campaign would see one. Does not belong here: what is
drawn (`deliveries`) and what must hold (`campaign`).
"""

from pathlib import Path

from ingestion.submission_ledger import Account
from tests.fuzz.campaign import campaign, faults_of

COUNT, SEED = 500, 2026


def test_no_delivery_loses_a_row_stops_an_intake_or_ends_without_a_reason(tmp_path: Path) -> None:
    outcome = campaign(COUNT, SEED, tmp_path)
    assert outcome.faults == []
    assert outcome.deliveries == COUNT
    # The campaign reaches what it is for: files that are taken, and refusals of many kinds.
    assert outcome.outcomes["accepted"] > COUNT // 10 and outcome.outcomes["refused"] > COUNT // 10
    assert len(outcome.rules) > 15


def test_a_campaign_sees_lost_rows_and_refusals_without_a_reason() -> None:
    lost = Account("s", "p", "f", "c", "1", "h", "p/f/x", "", 1, "accepted", records=3, accepted=1, quarantined=1)
    assert faults_of(lost) == ["rows were lost", "accepted rows are in no slice"]
    silent = Account("s", "p", "f", "c", "1", "h", "p/f/x", "", 1, "refused")
    assert faults_of(silent) == ["refused without a reason"]
    problem = {"rule": "r", "message": "ValueError: duckdb", "file": "p/f/x", "next_step": ""}
    told = Account("s", "p", "f", "c", "1", "h", "p/f/x", "", 1, "refused", problems=[problem])
    assert len(faults_of(told)) == 2
