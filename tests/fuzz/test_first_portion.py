"""The first portion of the fuzzed deliveries."""

from pathlib import Path

from tests.fuzz.portions import check


def test_no_delivery_loses_a_row_stops_an_intake_or_ends_without_a_reason(tmp_path: Path) -> None:
    check(0, tmp_path)
