"""Durations: a text that says how long becomes the unit of its column, whatever unit it is written in.

Belongs here: lengths of time. Does not belong here: times of day and dates (`test_dates`).
"""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.cases.meanings import FEEDS, column, outcomes
from tests.ingestion.conftest import build


def test_cells_of_a_spreadsheet(tmp_path: Path) -> None:
    """tidyverse/readxl#637, nao1215/filesql#301: [mm]:ss 12:30, [h]:mm 0:12, h:mm 0:12 and [h]:mm 1:30, as readers give them."""
    texts = ["PT12M30S", "PT12M", "00:12:00", "PT1H30M"]
    centre = column(tmp_path, "mystery_visits", texts, name="waiting_minutes", unit="minutes")
    assert outcomes(centre, "waiting_minutes") == [Decimal("12.5"), 12, 12, 90]


def test_one_treatment_without_a_unit(tmp_path: Path) -> None:
    texts = ["PT12M30S", "00:12:00", "12 min", "٥ أيام"]
    centre = column(tmp_path, "mystery_visits", texts, name="waiting_minutes")
    assert outcomes(centre, "waiting_minutes") == ["unit_undeclared"] * 4


@pytest.mark.parametrize(
    ("unit", "written", "minutes"),
    [
        ("minutes", "00:10:55", Decimal("10.916667")),  # Matomo
        ("minutes", "12 min", 12),
        ("minutes", "3 days", 4320),
        ("minutes", "٥ أيام", 7200),
        ("minutes", "يومان", 2880),
        ("minutes", "2h 30m", 150),
        ("minutes", "1 hour, 20 minutes", 80),
        ("minutes", "2 ساعة و20 دقيقة", 140),
        ("minutes", "1 day, 2:03:00", 1563),
        ("minutes", "P1DT2H", 1560),
        ("hours", "P41DT16H", 60000),
        ("minutes", "90", 90),
        ("seconds", "90", Decimal("1.5")),
        ("seconds", "PT90S", Decimal("1.5")),
        ("hours", "1.5", 90),
        ("days", "2", 2880),
        ("milliseconds", "90000", Decimal("1.5")),
        ("minutes", "-00:10:00", -10),
        ("minutes", "100:00:00", 6000),
        # Twelve minutes, or twelve seconds: the contract says which of the two pairs it is.
        ("minutes", "0:12", "unit_unclear"),
        ("hh:mm", "0:12", 12),
        ("mm:ss", "0:12", Decimal("0.2")),
        ("mm:ss", "72:30", Decimal("72.5")),
        ("hh:mm", "1:90", "unit_unclear"),
        ("hh:mm", "5", "unit_unclear"),
        ("hh:mm", "01:02:00", 62),
        # Months and working days have no fixed length.
        ("minutes", "2 months", "unit_unclear"),
        ("minutes", "P1M", "unit_unclear"),
        ("minutes", "3 working days", "unit_unclear"),
        ("minutes", "85%", "unit_unclear"),
        ("minutes", "soon", "value_not_number"),
    ],
)
def test_texts(tmp_path: Path, unit: str, written: str, minutes: Any) -> None:
    """opf/OpenProjectExcel#7 (`P41DT16H`), SailScores/SailScores#448, TeamSQL/desktop-app#269, cpvalente/ontime#971."""
    centre = column(tmp_path, "mystery_visits", [written], name="waiting_minutes", unit=unit)
    assert outcomes(centre, "waiting_minutes") == [minutes]


def test_a_factor_names_the_unit_too(tmp_path: Path) -> None:
    centre = column(tmp_path, "mystery_visits", ["2", "1:30:00"], name="waiting_minutes", multiplyBy=60)
    assert outcomes(centre, "waiting_minutes") == [120, 90]


def test_cells_of_a_real_spreadsheet(tmp_path: Path) -> None:
    """Four formats of one column, from the workbook to minutes; without a unit all four are told the same way."""
    xlsxwriter = pytest.importorskip("xlsxwriter")
    centre = build(tmp_path / "centre")
    shared = [one for one in FEEDS["mystery_visits"] if one["name"] != "rubric_item"]
    shared.append({"name": "rubric_item", "physicalName": "id"})
    for unit, found in (("minutes", [Decimal("12.5"), 12, 12, 90]), (None, ["unit_undeclared"] * 4)):
        wait = {"name": "waiting_minutes", "physicalName": "wait", "unit": unit}
        centre.contract({"feed": "mystery_visits", "properties": [*shared, wait]}, format={"type": "xlsx"})
        path = centre.land(b"", "f.xlsx")
        with xlsxwriter.Workbook(str(path)) as book:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, ["id", "wait"])
            cells = (("[mm]:ss", 12.5), ("[h]:mm", 12), ("h:mm", 12), ("[h]:mm", 90))
            for row, (form, minutes) in enumerate(cells, start=1):
                sheet.write_string(row, 0, f"v{row}")
                sheet.write_number(row, 1, minutes / 1440, book.add_format({"num_format": form}))
        assert outcomes(centre, "waiting_minutes") == found
