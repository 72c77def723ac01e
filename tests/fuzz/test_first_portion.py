"""The first portion of the fuzzed deliveries."""

from pathlib import Path

import pytest

from tests.fuzz.portions import HANGS_AFTER, check


@pytest.mark.timeout(HANGS_AFTER)
def test_no_delivery_loses_a_row_stops_an_intake_or_ends_without_a_reason(tmp_path: Path) -> None:
    check(0, tmp_path)
