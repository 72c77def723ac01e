"""Great Expectations over the lake, after intake: it finds what intake found, and what today's rules would no longer take.

Belongs here: what `miyar expectations` says. Does not belong here: single rules (`test_suites`).
"""

from expectations.intake import receive_all
from expectations.review import Reviewed, review
from tests.expectations.conftest import Centre

ROWS = ("a01,1,2026-01-05,3", "a01,2,2026-01-06,9", "a01,3,2026-01-07,4")


def _receive(centre: Centre) -> None:
    receive_all(centre.workspace, centre.registry, centre.contracts, [])


def _review(centre: Centre) -> list[tuple[str, str, int, int, bool]]:
    from ingestion.submission_ledger import read_accounts

    found: list[Reviewed] = review(centre.workspace, centre.registry, centre.contracts, read_accounts(centre.workspace))
    return [(one.account.provider, one.rule.id, one.rows, one.waived, one.is_refused) for one in found]


def test_what_was_accepted_breaks_nothing(centre: Centre) -> None:
    for provider in ("p1", "p2"):
        centre.contract(provider)
        centre.land(provider, "q1.csv", *ROWS)
    _receive(centre)
    assert _review(centre) == []


def test_waived_rows_and_rows_only_reported_are_told_apart(centre: Centre) -> None:
    waiver = {"rule": "value_in_scale", "reason": "the old form had ten points", "until": "2026Q1"}
    centre.contract("p1", waivers=[waiver])
    properties = [
        *({"name": name, "physicalName": header} for name, header in (("response_id", "id"), ("agency_id", "agency"))),
        *({"name": name, "physicalName": "answered"} for name in ("responded_at",)),
        {"name": "attempted_at", "constant": "2025-12-01"},
        {"name": "item", "constant": "overall"},
        {"name": "wording_version", "constant": "w1"},
        {"name": "scale", "constant": "five"},
        {"name": "value", "physicalName": "q1"},
    ]
    centre.contract("p2", properties=properties)
    for provider in ("p1", "p2"):
        centre.land(provider, "q1.csv", *ROWS)
    _receive(centre)
    assert _review(centre) == [
        ("p1", "value_in_scale", 1, 1, False),
        ("p2", "recovery_after_answer", 2, 0, False),
    ]


def test_a_contract_that_covers_less_today(centre: Centre) -> None:
    """The rows stay as they were accepted; whoever asks is told which of them today's contract would refuse."""
    centre.contract("p1", covers=["a01", "a02"])
    centre.land("p1", "q1.csv", *ROWS, "a02,4,2026-01-08,2")
    centre.contract("p2")
    centre.land("p2", "q1.csv", *ROWS)
    _receive(centre)
    centre.contract("p1", covers=["a01"])
    assert _review(centre) == [("p1", "agency_not_covered", 1, 0, True)]


def test_rows_changed_in_the_lake_are_found(centre: Centre) -> None:
    import duckdb

    centre.contract("p1")
    centre.land("p1", "q1.csv", *ROWS)
    _receive(centre)
    [path] = (centre.root / "lake" / "survey_responses").glob("period=2026Q1/*.parquet")
    path.chmod(0o600)
    with duckdb.connect() as connection:
        connection.execute(f"create table changed as select * replace (9::decimal(18, 6) as value) from '{path}'")
        connection.execute(f"copy changed to '{path}' (format parquet)")
    assert _review(centre) == [("p1", "value_in_scale", 2, 0, True)]
