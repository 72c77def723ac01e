"""Dates as people and programs write them: months in words, halves of the day, epochs, serial numbers, quarters, years.

Belongs here: days and times without a zone. Does not belong here: zones (`test_zones`), durations (`test_durations`).
"""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from tests.cases.meanings import column, outcomes
from tests.ingestion.conftest import build

FIRST = dt.datetime(2025, 10, 1)
WORDS = ["%d %B %Y", "%d/%m/%Y %I:%M %p", "%A %d %B %Y"]


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("1 أكتوبر 2025", FIRST),
        ("١ تشرين الأول ٢٠٢٥", FIRST),
        ("1 اكتوبر 2025", FIRST),
        ("1 October 2025", FIRST),
        ("1 OCTOBER 2025", FIRST),
        ("الأربعاء 1 أكتوبر 2025", FIRST),
        ("01/10/2025 09:12 ص", dt.datetime(2025, 10, 1, 9, 12)),
        ("٠١/١٠/٢٠٢٥ ٠٩:١٢ م", dt.datetime(2025, 10, 1, 21, 12)),
        ("01/10/2025 09:12 مساءً", dt.datetime(2025, 10, 1, 21, 12)),
        ("01/10/2025 12:00 ص", FIRST),
        ("5 كانون الثاني 2025", dt.datetime(2025, 1, 5)),
        ("5 كانون الأول 2025", dt.datetime(2025, 12, 5)),
        ("5 يناير 2025", dt.datetime(2025, 1, 5)),
        ("5 شباط 2025", dt.datetime(2025, 2, 5)),
        ("5 مايو 2025", dt.datetime(2025, 5, 5)),
        ("5 جوان 2025", dt.datetime(2025, 6, 5)),
        ("30 فبراير 2025", "date_impossible"),
        ("5 مبروك 2025", "date_impossible"),
    ],
)
def test_months_and_halves_of_the_day_in_words(tmp_path: Path, written: str, moment: Any) -> None:
    """date-fns/date-fns#1927, scrapinghub/dateparser#1038 and #803, moment/moment#4986, d3/d3-time-format#100."""
    assert outcomes(column(tmp_path, "complaints", [written], name="opened_at", dateFormat=WORDS), "opened_at") == [
        moment
    ]


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("9 ربيع الآخر 1447", FIRST),
        ("9 ربيع الثاني 1447", FIRST),
        ("1447/4/9 هـ", FIRST),
        ("1447/4/9هـ", FIRST),
        ("9 Rabi al-Thani 1447", FIRST),
        ("1 رمضان 1446", dt.datetime(2025, 3, 1)),
        ("1 محرم 1447", dt.datetime(2025, 6, 26)),
        ("31 رمضان 1446", "date_impossible"),
    ],
)
def test_hijri_months_in_words(tmp_path: Path, written: str, moment: Any) -> None:
    """scrapinghub/dateparser#803, and the published pairs of `tests/ingestion/test_mapping.py`."""
    centre = column(
        tmp_path, "complaints", [written], name="opened_at", calendar="umm_al_qura",
        dateFormat=["%d %B %Y", "%Y/%m/%d هـ"],
    )  # fmt: skip
    assert outcomes(centre, "opened_at") == [moment]


@pytest.mark.parametrize(
    ("form", "written", "moment"),
    [
        ("epoch_seconds", "1759276800", FIRST),
        ("epoch_milliseconds", "1759276800000", FIRST),
        ("epoch_milliseconds", "1759276800500", dt.datetime(2025, 10, 1, 0, 0, 0, 500000)),
        ("epoch_seconds", "1759276800000", "date_impossible"),  # the year 57719
        ("epoch_milliseconds", "1759276800", "date_impossible"),  # January 1970, a sign of seconds
        ("serial_1900", "45931", FIRST),
        ("serial_1900", "45931.5", dt.datetime(2025, 10, 1, 12)),
        ("serial_1904", "44469", FIRST),
        ("serial_1900", "59", "date_impossible"),  # before the day that spreadsheets invented
        ("serial_1900", "2025-10-01", "date_impossible"),
    ],
)
def test_numbers_that_are_dates(tmp_path: Path, form: str, written: str, moment: Any) -> None:
    """Epochs and serials are declared, never guessed: taxjar/date_time_parser#11, box/spout#480, exceljs/exceljs#219."""
    centre = column(tmp_path, "complaints", [written], name="opened_at", dateFormat=[form])
    assert outcomes(centre, "opened_at") == [moment]


@pytest.mark.parametrize("form", ["%d/%m/%y", "%y-%m-%d", "%D"])
def test_two_digit_years_are_refused_in_the_contract(tmp_path: Path, form: str) -> None:
    centre = build(tmp_path / "centre")
    centre.contract({"feed": "complaints", "properties": [
        {"name": "agency_id", "constant": "a01"}, {"name": "case_id", "physicalName": "id"},
        {"name": "opened_at", "physicalName": "x", "dateFormat": [form]},
    ]})  # fmt: skip
    with pytest.raises(Exception, match="century"):
        centre.deliveries()


@pytest.mark.parametrize(
    ("written", "year_ends", "period"),
    [
        *((text, None, "2025Q3") for text in (
            "2025Q3", "2025Q03", "2025q3", "2025-Q3", "2025 Q3", "2025/Q3", "2025_Q3", "Q3 2025", "Q3-2025", "Q3/2025", "3Q2025",
            "3Q 2025", "Quarter 3 2025", "3rd quarter 2025", "Third quarter of 2025", "الربع الثالث 2025",
            "الربع الثالث من عام ٢٠٢٥", "الربع الثالث لعام 2025م", "ر3 2025", "2025-07", "07/2025", "July 2025", "يوليو 2025",
            "Jul 2025", "Jul-Sep 2025", "July to September 2025", "2025-M07", "2025-09-30",
        )),
        ("Q3 25", None, "date_impossible"),
        ("2025Q5", None, "date_impossible"),
        ("Feb-Apr 2025", None, "date_impossible"),
        ("2025", None, "period_unclear"),
        ("FY2025", None, "period_unclear"),
        ("السنة المالية 2025", None, "period_unclear"),
        ("2025", 12, "2025Q4"),
        ("FY2025", 6, "2025Q2"),
        ("FY 2024/25", 3, "2025Q1"),
        ("2024-25", 3, "2025Q1"),
        ("2024/2025", 6, "2025Q2"),
        ("2024-26", 6, "date_impossible"),
        ("FY2025 Q1", 6, "2024Q3"),
        ("Q4 FY2025", 6, "2025Q2"),
        ("Q1 2025/26", 3, "2025Q2"),
        ("2025Q3", 6, "2025Q3"),  # without the mark of a fiscal year, a quarter of the calendar
        ("السنة المالية 2025", 12, "2025Q4"),
        ("FY25", 6, "date_impossible"),
    ],
)  # fmt: skip
def test_quarters_and_fiscal_years(tmp_path: Path, written: str, year_ends: int | None, period: str) -> None:
    """scrapinghub/dateparser#1254 (`2025Q01`), tidyverse/lubridate#422 and #1196, moment/luxon#595, date-fns/date-fns#1650."""
    centre = column(tmp_path, "reported_measures", [written], name="period_id", yearEnds=year_ends)
    assert outcomes(centre, "period_id") == [period]
