"""Durations of ISO 8601, and the parts of a contract that say how long personal data is kept."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from ingestion.contract import Contract
from ingestion.stewardship import Retention, later
from ingestion.submission_ledger import contract_hash


@pytest.mark.parametrize(
    ("day", "duration", "expected"),
    [
        (date(2020, 3, 31), "P5Y", date(2025, 3, 31)),
        (date(2020, 2, 29), "P1Y", date(2021, 2, 28)),  # no such day
        (date(2020, 2, 29), "P4Y", date(2024, 2, 29)),
        (date(2025, 8, 31), "P1M", date(2025, 9, 30)),
        (date(2025, 12, 31), "P2M", date(2026, 2, 28)),
        (date(2025, 12, 31), "P18M", date(2027, 6, 30)),
        (date(2025, 12, 31), "P1Y6M", date(2027, 6, 30)),
        (date(2025, 12, 31), "P2W", date(2026, 1, 14)),
        (date(2025, 12, 31), "P90D", date(2026, 3, 31)),
        (date(2025, 12, 31), "P0D", date(2025, 12, 31)),
    ],
)
def test_a_duration_later(day: date, duration: str, expected: date) -> None:
    assert later(day, duration) == expected


@pytest.mark.parametrize("text", ["", "P", "5Y", "P5", "PT5H", "P1D1Y", "P-1Y", "P1.5Y", "p5y", "P5Y "])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="P5Y"):
        later(date(2025, 1, 1), text)


def test_it_is_due_on_the_day_after() -> None:
    """What may be kept for a year after 31 December 2024 may be kept on 31 December 2025."""
    assert Retention(period="P1Y", reason="law").due(date(2024, 12, 31)) == date(2026, 1, 1)


def _contract(survey: dict[str, Any], **more: Any) -> Contract:
    return Contract.model_validate(
        {"id": "c", "provider": "p1", "covers": "all", "format": {"type": "csv"}, **survey, **more}
    )


def test_keeping_is_no_reading(survey: dict[str, Any]) -> None:
    """A clock that is set has no file read again, and the hash is the one that contracts without clocks always had."""
    kept = {"period": "P5Y", "reason": "law"}
    properties = [p | ({"retention": kept} if p["name"] == "value" else {}) for p in survey["properties"]]
    clocked = _contract(survey, properties=properties, retention=kept, processing={"purpose": "to compare"})
    linked = _contract(survey, linkPseudonyms={"keyVersion": 1, "reason": "panel"})
    assert contract_hash(clocked) == contract_hash(linked) == contract_hash(_contract(survey))


@pytest.mark.parametrize("name", ["item", "response_id", "agency_id"])
def test_a_column_that_rows_need_cannot_be_emptied(survey: dict[str, Any], name: str) -> None:
    properties = [
        p | ({"retention": {"period": "P1Y", "reason": "x"}} if p["name"] == name else {}) for p in survey["properties"]
    ]
    with pytest.raises(ValidationError, match="cannot be emptied"):
        _contract(survey, properties=properties)


@pytest.mark.parametrize(
    "kept", [{"period": "five years", "reason": "law"}, {"period": "P5Y"}, {"period": "P5Y", "reason": ""}]
)
def test_a_clock_has_a_duration_and_a_reason(survey: dict[str, Any], kept: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        _contract(survey, retention=kept)
