"""That a campaign sees faults; `make fuzz` runs a long one, the portions beside this file short ones.

Belongs here: checks of the checks. Does not belong here: what is drawn (`deliveries`) and what must hold (`campaign`).
"""

from ingestion.submission_ledger import Account
from tests.fuzz.campaign import faults_of


def test_a_campaign_sees_lost_rows_and_refusals_without_a_reason() -> None:
    lost = Account("s", "p", "f", "c", "1", "h", "p/f/x", "", 1, "accepted", records=3, accepted=1, quarantined=1)
    assert faults_of(lost) == ["rows were lost", "accepted rows are in no slice"]
    silent = Account("s", "p", "f", "c", "1", "h", "p/f/x", "", 1, "refused")
    assert faults_of(silent) == ["refused without a reason"]
    problem = {"rule": "r", "message": "ValueError: duckdb", "file": "p/f/x", "next_step": ""}
    told = Account("s", "p", "f", "c", "1", "h", "p/f/x", "", 1, "refused", problems=[problem])
    assert len(faults_of(told)) == 2


def test_a_campaign_sees_a_file_blamed_on_the_machine_and_notes_without_a_next_step() -> None:
    problem = {"rule": "reading_failed", "message": "reading stopped", "file": "p/f/x", "next_step": "Wait."}
    blamed = Account("s", "p", "f", "c", "1", "h", "p/f/x", "", 1, "refused", problems=[problem])
    assert faults_of(blamed) == ["reading_failed blames the machine for a file: reading stopped"]
    note = {"rule": "text_lost", "message": "letters", "file": "p/f/x", "next_step": ""}
    noted = Account("s", "p", "f", "c", "1", "h", "p/f/x", "", 1, "accepted", notes=[note])
    assert faults_of(noted) == ["text_lost lacks rule, message, file or next step"]
