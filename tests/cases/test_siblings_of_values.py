"""More inputs of the kinds of the cases about values, from public reports: one text, one value or one rule.

Belongs here: texts found after the cases themselves (`siblings.yml` counts them). Does not belong here: files, sheets and rows
(`test_siblings_of_files`).
"""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.cases.deliveries import SURVEY, Centre, rows_of
from tests.cases.meanings import column, outcomes

FIRST = dt.datetime(2025, 10, 1)
FORMATS = ["%d %B %Y", "%d/%m/%Y %I:%M %p", "%A %d %B %Y", "%d %b %Y"]


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        pytest.param("5 كانون 2 2025", dt.datetime(2025, 1, 5), id="numbered-month"),
        pytest.param("5 تشرين ١ 2025", dt.datetime(2025, 10, 5), id="numbered-month-arabic-digit"),
        pytest.param("5 تشرين1 2025", dt.datetime(2025, 10, 5), id="numbered-month-joined"),
        pytest.param("1 تشرین الأول 2025", FIRST, id="persian-yeh"),
        pytest.param("5 يناير/ كانون الثاني 2025", dt.datetime(2025, 1, 5), id="both-names"),
        pytest.param("5 يناير (كانون الثاني) 2025", dt.datetime(2025, 1, 5), id="both-names-brackets"),
        # Two names of two months are no date.
        pytest.param("5 يناير/ شباط 2025", "date_impossible", id="two-months"),
        pytest.param("1\u00a0أكتوبر\u00a02025", FIRST, id="no-break-spaces"),
        pytest.param(
            "1\u200f/\u200f10\u200f/\u200f2025 09:12 ص", dt.datetime(2025, 10, 1, 9, 12), id="direction-marks"
        ),
        pytest.param("1/10/2025 09:12\u202fPM", dt.datetime(2025, 10, 1, 21, 12), id="narrow-space"),
        pytest.param("1/10/2025 09:12ص", dt.datetime(2025, 10, 1, 9, 12), id="half-joined"),
        pytest.param("1/10/2025 09:12PM", dt.datetime(2025, 10, 1, 21, 12), id="half-joined-latin"),
        pytest.param("1/10/2025 09:12 a. m.", dt.datetime(2025, 10, 1, 9, 12), id="half-spaced"),
        pytest.param("1/10/2025 12:30 ظهرا", dt.datetime(2025, 10, 1, 12, 30), id="noon"),
        pytest.param("1/10/2025 01:30 ظهراً", dt.datetime(2025, 10, 1, 13, 30), id="after-noon"),
        pytest.param("أربعاء 1 أكتوبر 2025", FIRST, id="weekday-without-article"),
        pytest.param("الأربعاء، 1 أكتوبر 2025", FIRST, id="weekday-comma"),
        pytest.param("1 Sept 2025", dt.datetime(2025, 9, 1), id="sept"),
    ],
)
def test_words_in_dates(tmp_path: Path, written: str, moment: Any) -> None:
    """scrapinghub/dateparser#1038 (numbered months, Persian letters), BBC-archive/psammead#1841 (both names), moment/moment#4986
    (direction marks around the slashes of `L`), wanasit/chrono#656 (noon, weekdays),
    date-fns/date-fns#3348 and php/php-src#11600 (narrow space).
    """
    found = outcomes(column(tmp_path, "complaints", [written], name="opened_at", dateFormat=FORMATS), "opened_at")
    assert found == [moment]


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        # Fourteen hours is the farthest a zone is ahead of UTC, twelve the farthest behind.
        pytest.param("2025-07-01 12:00:00 +14:00", dt.datetime(2025, 6, 30, 22), id="farthest"),
        pytest.param("2025-07-01 12:00:00 +15:00", "zone_unclear", id="too-far"),
        pytest.param("2025-07-01 12:00:00\u221203:00", dt.datetime(2025, 7, 1, 15), id="true-minus"),
        pytest.param("2025-07-01 12:00 ET", "zone_unclear", id="et"),
        pytest.param("2025-07-01 12:00 CET", "zone_unclear", id="cet-in-summer"),
        pytest.param("2025-07-01 12:00 CST", "zone_unclear", id="cst"),
        pytest.param("2025-07-01 12:00 CDT", "zone_unclear", id="cdt"),
        pytest.param("2025-07-01 12:00 AMT", "zone_unclear", id="amt"),
        pytest.param("2025-07-01 12:00:00 (GMT+03:00)", dt.datetime(2025, 7, 1, 9), id="in-brackets"),
        pytest.param("2025-07-01T12:00:00,5+03:00", dt.datetime(2025, 7, 1, 9, 0, 0, 500000), id="decimal-comma"),
    ],
)
def test_zones(tmp_path: Path, written: str, moment: Any) -> None:
    """wanasit/chrono#447 (ET in summer, CET), microsoft/Recognizers-Text#2795 (CST, an offset of -10000),
    taxjar/date_time_parser#12 (AMT), ownaginatious/fbchat-archive-parser#21 (CDT), scrapinghub/dateparser#1366.
    """
    assert outcomes(column(tmp_path, "complaints", [written], name="opened_at"), "opened_at") == [moment]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        # A mark of a footnote is no digit: 12 with note 1 was read as 121.
        pytest.param("12¹", "unit_unclear", id="footnote-superscript"),
        pytest.param("1,234²", "unit_unclear", id="footnote-grouped"),
        pytest.param("12₁", "unit_unclear", id="subscript"),
        pytest.param("12①", "unit_unclear", id="circled"),
        pytest.param("½", "value_not_number", id="fraction"),
        pytest.param("\u202a12\u202c", 12, id="direction-embedding"),
        pytest.param("\u206712\u2069", 12, id="direction-isolate"),
        pytest.param("1\t234", "value_not_number", id="tab-between"),
        pytest.param("15,40", "value_not_number", id="decimal-comma-under-point"),
        pytest.param("10,00", "value_not_number", id="ten"),
        pytest.param("100,0,00.00", "value_not_number", id="marks-anywhere"),
        pytest.param("1.000,50", "value_not_number", id="marks-mixed-up"),
        pytest.param("12 of 100", "value_not_number", id="count-of-count"),
        pytest.param("67 (34-89)", "value_not_number", id="interval"),
    ],
)
def test_numbers(tmp_path: Path, written: str, value: Any) -> None:
    """globalizejs/globalize#616 (15,40 became 1540), #619 and #816, dart-archive/intl#160, mui/base-ui#1577;
    best-practice-and-impact/aftables#141 (marks of notes in cells).
    """
    assert outcomes(column(tmp_path, "service_usage", [written], name="cost", unit="SAR"), "cost") == [value]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        pytest.param("%85", Decimal("0.85"), id="percent-first"),
        pytest.param("85‰", Decimal("0.085"), id="per-mille"),
        pytest.param("(5%)", Decimal("-0.05"), id="percent-in-parentheses"),
        pytest.param("85 في المئة", Decimal("0.85"), id="percent-arabic-words"),
        pytest.param("(5)%", Decimal("-0.05"), id="percent-behind-parentheses"),
        pytest.param("85%*", "unit_unclear", id="percent-with-a-mark"),
    ],
)
def test_percents(tmp_path: Path, written: str, value: Any) -> None:
    """georgian-io-archive/foreshadow#11, Mottie/tablesorter#47 and globalizejs/globalize#44 (parentheses)."""
    assert outcomes(column(tmp_path, "service_standards", [written], name="target", unit="percent"), "target") == [
        value
    ]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        pytest.param("-($1.00)", "value_not_number", id="two-signs"),
        pytest.param("($1.00)", -1, id="sign-inside"),
        pytest.param("$(1.00)", -1, id="sign-before"),
        pytest.param("1.00 $", 1, id="sign-behind"),
        pytest.param("-$1", -1, id="minus-before-sign"),
        pytest.param("$-1", -1, id="minus-behind-sign"),
    ],
)
def test_money(tmp_path: Path, written: str, value: Any) -> None:
    """telerik/kendo-intl#39, globalizejs/globalize#44 and #11, autoNumeric/autoNumeric#142, expangine/expangine-vue#144."""
    assert outcomes(column(tmp_path, "service_usage", [written], name="cost", unit="USD"), "cost") == [value]


@pytest.mark.parametrize(
    ("written", "minutes"),
    [
        pytest.param("1500:00:00", 90000, id="beyond-sixty-days"),
        pytest.param("-03:12:00", -192, id="negative"),
        pytest.param("30:00:00", 1800, id="beyond-a-day"),
        pytest.param("24:51:44", Decimal("1491.733333"), id="just-beyond-a-day"),
        pytest.param("0 days 00:12:00.000000000", 12, id="pandas"),
        pytest.param("1900-01-01T06:00:00", "value_not_number", id="a-moment-of-1900"),
        pytest.param("25:61:00", "value_not_number", id="sixty-one-minutes"),
        pytest.param("12 - 15 min", "value_not_number", id="a-range"),
    ],
)
def test_durations(tmp_path: Path, written: str, minutes: Any) -> None:
    """justkawal/excel#316, JanKallman/EPPlus#282, SheetJS/ssf#94 (negative), dream-num/univer#7648, qax-os/excelize#2004 and
    NemusLoren/php-excel-reader#187 (beyond a day), jmcnamara/XlsxWriter#731 (beyond sixty days).
    """
    centre = column(tmp_path, "mystery_visits", [written], name="waiting_minutes", unit="minutes")
    assert outcomes(centre, "waiting_minutes") == [minutes]


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param("4,687E+11", id="decimal-comma"),
        pytest.param("6.93217E+12", id="noughts-lost-too"),
        pytest.param("4.687687688339434e+17", id="javascript"),
        pytest.param("nan", id="nan"),
        pytest.param("None", id="none"),
        pytest.param("undefined", id="undefined"),
        pytest.param("null", id="null"),
        pytest.param("[object Object]", id="object"),
        pytest.param("Inf", id="infinity"),
        pytest.param("1180520001.0", id="float"),
        pytest.param("2-Sept", id="sept"),
        pytest.param("02-Jan-25", id="day-month-year"),
        pytest.param("2-يناير", id="arabic-month"),
        pytest.param('="0012"', id="formula"),
    ],
)
def test_ids_that_are_none(tmp_path: Path, damaged: str) -> None:
    """react-csv/react-csv#136, bowenliang123/markdown-exporter#73, n3mo/massmine#8,
    desihub/prospect#88 (floats), thinkingmachines/linksight-2018#155 (nan),
    JnLlnd/ObjCSV#10 (a formula).
    """
    centre = Centre(tmp_path / "centre")
    centre.contract(SURVEY)
    good = [f"r{number}" for number in range(6)]
    centre.land("f.csv", rows_of("id,at,q1", [(one, "2025-10-15", 4) for one in [*good, damaged, damaged]]))
    (account,) = centre.receive().accounts
    # Neither of the two is taken out as a copy of the other.
    expected = (6, 2, 0, {"id_damaged": 2})
    assert (account.accepted, account.quarantined, account.duplicates, account.rule_counts) == expected


def test_ids_of_eighteen_digits_that_lost_three(tmp_path: Path) -> None:
    """react-csv/react-csv#136: 468768768833943384 became 468768768833943000; MicrosoftDocs/OfficeDocs-Support#622."""
    centre = Centre(tmp_path / "centre")
    centre.contract(SURVEY)
    centre.land("f.csv", rows_of("id,at,q1", [(f"46876876883394{n}000", "2025-10-15", 4) for n in range(6)]))
    (account,) = centre.receive().accounts
    assert account.rule_counts == {"id_damaged": 6}
