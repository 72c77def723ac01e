"""Numbers as people write them: groups of three, signs, units beside them.

Belongs here: one text, one number or one rule. Does not belong here: durations (`test_durations`).
"""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.cases.meanings import column, outcomes

NO = "value_not_number"


@pytest.mark.parametrize(
    ("decimal", "written", "value"),
    [
        # A year and a count in one cell, three digits too far, a code with zeros.
        (".", "2025 123", NO),
        (".", "1 2345", NO),
        (".", "12 345", 12345),
        (".", "0 005", NO),
        (".", "1 234 567", 1234567),
        (".", "1\u00a0234\u00a0567.5", Decimal("1234567.5")),
        (".", "1\u202f234", 1234),
        # Two marks in one number, groups of two (Indian lakhs), a group at the front that is too long or begins with 0.
        (".", "1,234 567", NO),
        (".", "12,34,567", NO),
        (".", "1234,567", NO),
        (".", "0,123", NO),
        (".", "١٬٢٣٤٬٥٦٧", 1234567),
        (".", "١٬٢٣٤٫٥", Decimal("1234.5")),
        (".", "1'234'567.5", Decimal("1234567.5")),
        (".", "1’234", 1234),
        (".", "1.234.567,8", NO),
        (",", "1.234.567,8", Decimal("1234567.8")),
        (",", "1 234,5", Decimal("1234.5")),
        (",", "1,234", Decimal("1.234")),  # the contract says which mark is the decimal one
        (".", "1,234", 1234),
        (",", "1,234,567", NO),
        (",", "12.34.567", NO),
        # Signs of bookkeepers and of typesetters; scientific notation.
        (".", "(1,234.50)", Decimal("-1234.5")),
        (".", "1,234-", -1234),
        (".", "\u2212" + "12.5", Decimal("-12.5")),
        (".", "(-5)", NO),
        (".", "5 (1)", NO),
        (".", "1.5E+3", 1500),
        (",", "1,5e3", 1500),
        # An Arabic comma is a decimal mark to some and groups thousands for others.
        (".", "١،٢٣٤", NO),
    ],
)
def test_marks_and_signs(tmp_path: Path, decimal: str, written: str, value: Any) -> None:
    """globalizejs/globalize#816, dotnet/coreclr#2285 (marks anywhere), andreaspitzer/parse-decimal-number#4 (lakhs)."""
    form = {"type": "csv", "delimiter": ";", "decimal": decimal}
    centre = column(tmp_path, "service_usage", [written], name="cost", contract={"format": form})
    assert outcomes(centre, "cost") == [value]


def test_percent_signs_under_a_factor(tmp_path: Path) -> None:
    """What multiplies by a hundredth reads percents, whether the sign is written or not (sheetwork#188, readr#449)."""
    centre = column(tmp_path, "service_standards", ["85%", "85 %", "٨٥٪", "85"], name="target", multiplyBy=0.01)
    assert outcomes(centre, "target") == [Decimal("0.85")] * 4


@pytest.mark.parametrize(
    ("unit", "values"),
    [
        ("percent", [Decimal("0.85"), Decimal("0.85"), Decimal("0.0085"), Decimal("0.85"), "unit_unclear"]),
        # A text that names its unit is taken by it; only bare numbers need the contract.
        ("share", [Decimal("0.85"), 85, Decimal("0.85"), Decimal("0.85"), "unit_unclear"]),
        (None, ["unit_undeclared", 85, Decimal("0.85"), "unit_undeclared", "unit_undeclared"]),
    ],
)
def test_percents_by_the_contract(tmp_path: Path, unit: str | None, values: list[Any]) -> None:
    texts = ["85%", "85", "0.85", "85 بالمئة", "85 min"]
    assert outcomes(column(tmp_path, "service_standards", texts, name="target", unit=unit), "target") == values


def test_percents_of_a_column_that_holds_percents(tmp_path: Path) -> None:
    """`mean` is 0-100: a share is multiplied, a percentage taken as it is."""
    centre = column(
        tmp_path, "reported_measures", ["85%", "0.85"], name="mean", unit="share",
        contract={"properties": [
            {"name": "agency_id", "constant": "a01"}, {"name": "measure", "physicalName": "id"},
            {"name": "period_id", "constant": "2025Q4"}, {"name": "mean", "physicalName": "x", "unit": "share"},
        ]},
    )  # fmt: skip
    assert outcomes(centre, "mean") == [85, 85]


@pytest.mark.parametrize(
    ("unit", "written", "value"),
    [
        ("SAR", "SAR 1,200.50", Decimal("1200.5")),
        ("SAR", "1,200 ر.س", 1200),
        ("SAR", "١٬٢٠٠ ريال", 1200),
        ("SAR", "1200", 1200),
        ("SAR", "(SAR 1,200)", -1200),
        ("SAR", "$ 12", "unit_unclear"),
        ("USD", "$ 0", 0),
        ("USD", "-$12.50", Decimal("-12.5")),
        ("EUR", "12 €", 12),
        ("KWD", "12.345 د.ك", Decimal("12.345")),
        ("SAR", "about 12", "value_not_number"),
        ("SAR", "12 SAR 13", "value_not_number"),
        (None, "$ 0", "unit_undeclared"),
    ],
)
def test_currencies(tmp_path: Path, unit: str | None, written: str, value: Any) -> None:
    """Matomo exports (`$ 0`), jtablesaw/tablesaw#204: the contract names the currency; none is converted into another."""
    assert outcomes(column(tmp_path, "service_usage", [written], name="cost", unit=unit), "cost") == [value]


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("1e999999999 SAR", "value_not_number"),
        ("1e999999999", "number_out_of_type"),
        ("SAR " + "9" * 60, "number_out_of_type"),
        ("1" + " " * 5000 + "1 SAR", "value_not_number"),
        ("SAR" * 3000, "value_not_number"),
        ("(" * 3000 + "1" + ")" * 3000, "value_not_number"),
    ],
)
def test_texts_made_to_exhaust_their_reader(tmp_path: Path, written: str, rule: str) -> None:
    assert outcomes(column(tmp_path, "service_usage", [written], name="cost", unit="SAR"), "cost") == [rule]
