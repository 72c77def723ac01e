"""Time zones: which texts name one, that a row's zone stays its own, and whose quarter an event falls into.

Belongs here: zones and offsets. Does not belong here: other writings of dates (`test_dates`).
"""

import datetime as dt
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tests.cases.meanings import column, outcomes

UNCLEAR = "zone_unclear"
LEAKING = {
    "2025-10-01 00:30:00 Asia/Riyadh": (dt.datetime(2025, 9, 30, 21, 30), "2025Q3"),
    "2025-10-01 9:00:00": (dt.datetime(2025, 10, 1, 9), "2025Q4"),
    "2025-10-01 00:30": (dt.datetime(2025, 10, 1, 0, 30), "2025Q4"),
    "2025-10-01 09:00:00": (dt.datetime(2025, 10, 1, 9), "2025Q4"),
}


@pytest.mark.parametrize("order", list(permutations(LEAKING))[::5])
def test_a_zone_stays_with_its_row(tmp_path: Path, order: tuple[str, ...]) -> None:
    """duckdb/duckdb#24438: a cast leaked the zone of a row into the next."""
    centre = column(tmp_path, "complaints", list(order), name="opened_at")
    assert centre.rows("opened_at, period_id") == [LEAKING[text] for text in order]


def test_the_zone_of_a_format_stays_with_its_row(tmp_path: Path) -> None:
    texts = ["01.10.2025 00:30 Asia/Riyadh", "01.10.2025 00:30", "01.10.2025 00:30 UTC", "01.10.2025 00:30 +03:00"]
    formats = ["%d.%m.%Y %H:%M %Z", "%d.%m.%Y %H:%M %z", "%d.%m.%Y %H:%M"]
    centre = column(tmp_path, "complaints", texts, name="opened_at", dateFormat=formats)
    late, as_written = dt.datetime(2025, 9, 30, 21, 30), dt.datetime(2025, 10, 1, 0, 30)
    assert outcomes(centre, "opened_at") == [late, as_written, as_written, late]


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2025-07-01 12:00:00 AST", UNCLEAR),
        ("2025-07-01 12:00:00 BST", UNCLEAR),
        ("2025-07-01 12:00:00 EST", UNCLEAR),
        ("2025-07-01 12:00:00 IST", UNCLEAR),
        ("2025-07-01 12:00:00 Asia/Nowhere", UNCLEAR),
        ("2025-07-01 12:00:00 GMT", dt.datetime(2025, 7, 1, 12)),
        ("2025-07-01 12:00:00 UTC", dt.datetime(2025, 7, 1, 12)),
        ("2025-07-01T12:00:00Z", dt.datetime(2025, 7, 1, 12)),
        ("2025-07-01T12:00:00.250+03:00", dt.datetime(2025, 7, 1, 9, 0, 0, 250000)),
        ("2025-07-01T12:00:00+0300", dt.datetime(2025, 7, 1, 9)),
        ("2025-07-01 12:00:00 +03:00", dt.datetime(2025, 7, 1, 9)),
        ("2025-07-01 12:00:00-05", dt.datetime(2025, 7, 1, 17)),
        ("2025-07-01 12:00:00 UTC+3", dt.datetime(2025, 7, 1, 9)),
        ("2025-07-01 12:00:00 GMT+0300 (Arabian Standard Time)", dt.datetime(2025, 7, 1, 9)),
        ("2025-07-01T12:00:00+03:00[Asia/Riyadh]", dt.datetime(2025, 7, 1, 9)),
        ("2025-07-01 12:00 Europe/London", dt.datetime(2025, 7, 1, 11)),
        ("2025-01-01 12:00 Europe/London", dt.datetime(2025, 1, 1, 12)),
        ("2025-07-01 12:00:00+25:00", UNCLEAR),
    ],
)
def test_what_names_a_zone(tmp_path: Path, written: str, moment: Any) -> None:
    """scrapinghub/dateparser#683, dateutil/dateutil#273, wanasit/chrono#254, tkuchiki/go-timezone#10, duckdb/duckdb#3187."""
    assert outcomes(column(tmp_path, "complaints", [written], name="opened_at"), "opened_at") == [moment]


def test_the_contract_says_what_an_abbreviation_means(tmp_path: Path) -> None:
    centre = column(
        tmp_path, "complaints", ["2025-10-01 00:30:00 AST", "2025-10-01 00:30:00 BST"], name="opened_at",
        contract={"zoneNames": {"AST": "Asia/Riyadh"}},
    )  # fmt: skip
    assert outcomes(centre, "opened_at") == [dt.datetime(2025, 9, 30, 21, 30), UNCLEAR]


def test_the_contract_names_the_zone_of_times_without_one(tmp_path: Path) -> None:
    """Times are kept in UTC; a day without a time is a day of the centre and is never moved."""
    texts = ["2025-10-01 00:30", "2025-10-01 00:30+00:00", "2025-10-01"]
    centre = column(tmp_path, "complaints", texts, name="opened_at", contract={"timezone": "Asia/Riyadh"})
    assert centre.rows("opened_at, period_id") == [
        (dt.datetime(2025, 9, 30, 21, 30), "2025Q3"),
        (dt.datetime(2025, 10, 1, 0, 30), "2025Q4"),
        (dt.datetime(2025, 10, 1), "2025Q4"),
    ]


def test_the_quarter_is_that_of_the_centre(tmp_path: Path) -> None:
    """Half past midnight on 1 October in Riyadh is September in UTC, and the fourth quarter to the centre."""
    texts = ["2025-10-01 00:30", "2025-09-30T21:30:00Z", "2025-10-01 00:30 Europe/London", "2025-10-01"]
    centre = column(tmp_path, "complaints", texts, name="opened_at", settings="timezone: Asia/Riyadh\n")
    assert centre.rows("opened_at, period_id") == [
        (dt.datetime(2025, 9, 30, 21, 30), "2025Q4"),
        (dt.datetime(2025, 9, 30, 21, 30), "2025Q4"),
        (dt.datetime(2025, 9, 30, 23, 30), "2025Q4"),
        (dt.datetime(2025, 9, 30, 21), "2025Q4"),
    ]


def test_the_time_between_two_events_does_not_change(tmp_path: Path) -> None:
    """Across the night when clocks go back (26 October 2025 in London), a day is 25 hours, in whatever zone it is told."""
    centre = column(
        tmp_path, "complaints", ["2025-10-25 12:00", "2025-10-26 12:00", "2025-10-26 12:00:00Z"], name="opened_at",
        settings="timezone: Europe/London\n",
    )  # fmt: skip
    before, after, same = outcomes(centre, "opened_at")
    assert after - before == dt.timedelta(hours=25)
    assert after == same


def test_days_are_those_of_the_centre(tmp_path: Path) -> None:
    """A column of days takes the centre's day of an instant, and a written day as it is written."""
    texts = ["2025-09-30T21:30:00Z", "2025-10-02", "2025-10-03 23:30"]
    centre = column(tmp_path, "service_usage", texts, name="used_on", settings="timezone: Asia/Riyadh\n")
    assert outcomes(centre, "used_on") == [dt.date(2025, 10, day) for day in (1, 2, 3)]


def test_a_zone_that_does_not_exist_is_refused_in_contract_and_settings(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="Asia/Nowhere"):
        column(tmp_path, "complaints", ["x"], name="opened_at", contract={"timezone": "Asia/Nowhere"}).deliveries()
    with pytest.raises(Exception, match="Asia/Nowhere"):
        _ = column(tmp_path / "b", "complaints", ["x"], name="opened_at", settings="timezone: Asia/Nowhere\n").workspace
