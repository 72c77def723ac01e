"""Files of SPSS, Stata and SAS, as survey houses send them: value labels, user-missing values, dates, letters of any script.

Kinds and sources: Roche/pyreadstat#19 and WizardMac/ReadStat#176 (user-missing values), Roche/pyreadstat#42 (values without a
label), IQSS/dataverse#823 (dates), Roche/pyreadstat#45 (damaged files).
"""

import datetime as dt
from pathlib import Path
from typing import Any

import pandas as pd
import pyreadstat
import pytest

from tests.ingestion import conftest as shared

centre, survey = shared.centre, shared.survey

FRAME = pd.DataFrame(
    {
        "agency": ["a01", "a01", "a02", "a01"],
        "id": ["r1", "r2", "r3", "r4"],
        "answered": [dt.date(2025, 2, 3)] * 3 + [dt.date(2025, 4, 30)],
        "q1": [5.0, 9.0, None, 4.0],
        "noted": ["ممتاز", "", "x", "y"],
    }
)
LABELS = {"q1": {5.0: "راضٍ جدا", 4.0: "راضٍ", 9.0: "لا أعرف"}}
EXPECTED = [("r1", 5), ("r2", None), ("r3", None), ("r4", 4)]


def written(kind: str, path: Path, **options: Any) -> bytes:
    frame = FRAME if kind != "xpt" else FRAME.rename(columns={"answered": "answered"})
    write = {"sav": pyreadstat.write_sav, "dta": pyreadstat.write_dta, "xpt": pyreadstat.write_xport}[kind]
    if kind != "xpt":
        options["variable_value_labels"] = LABELS
    write(frame, str(path), **options)
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["sav", "dta", "xpt"])
def test_codes(centre: Any, survey: dict[str, Any], kind: str, tmp_path: Path) -> None:
    """The contract's scale says what the codes mean: 9 is "don't know"."""
    centre.contract(survey, format={"type": kind}, ignored=["noted"])
    centre.land(written(kind, tmp_path / f"made.{kind}"), f"f.{kind}")
    assert centre.rows("response_id, value") == EXPECTED
    assert centre.rows("source_row, period_id") == [(1, "2025Q1"), (2, "2025Q1"), (3, "2025Q1"), (4, "2025Q2")]
    assert [row[0] for row in centre.rows("answer_status")] == ["answered", "dont_know", "missing", "answered"]


@pytest.mark.parametrize("kind", ["sav", "dta"])
def test_labels(centre: Any, survey: dict[str, Any], kind: str, tmp_path: Path) -> None:
    scale = {"family": "likert5", "min": 1, "max": 5, "dontKnow": ["لا أعرف"], "labels": {"راضٍ": 4, "راضٍ جدا": 5}}
    centre.contract(survey | {"scales": {"five": scale}}, format={"type": kind, "values": "labels"}, ignored=["noted"])
    centre.land(written(kind, tmp_path / f"made.{kind}"), f"f.{kind}")
    assert centre.rows("response_id, value") == EXPECTED


def test_user_missing_values_are_values(centre: Any, survey: dict[str, Any], tmp_path: Path) -> None:
    """SPSS users declare 9 as missing; what it means is the contract's to say, so it is not dropped here."""
    centre.contract(survey, format={"type": "sav"}, ignored=["noted"])
    content = written("sav", tmp_path / "made.sav", missing_ranges={"q1": [9]})
    centre.land(content, "f.sav")
    assert [row[0] for row in centre.rows("answer_status")] == ["answered", "dont_know", "missing", "answered"]


def test_compressed_spss(centre: Any, survey: dict[str, Any], tmp_path: Path) -> None:
    centre.contract(survey, format={"type": "sav"}, ignored=["noted"])
    centre.land(written("sav", tmp_path / "made.zsav", compress=True), "f.zsav")
    assert centre.rows("response_id, value") == EXPECTED


def test_letters_of_any_script(centre: Any, survey: dict[str, Any], tmp_path: Path) -> None:
    noted = [*survey["properties"], {"name": "segment", "physicalName": "noted"}]
    centre.contract(survey | {"properties": noted}, format={"type": "sav"})
    centre.land(written("sav", tmp_path / "made.sav"), "f.sav")
    assert centre.rows("segment")[0] == ("ممتاز",)


@pytest.mark.parametrize("kind", ["sav", "dta", "xpt"])
@pytest.mark.parametrize("kept", [0.3, 0.8])
def test_a_file_that_is_cut_off(centre: Any, survey: dict[str, Any], kind: str, kept: float, tmp_path: Path) -> None:
    centre.contract(survey, format={"type": kind}, ignored=["noted"])
    whole = written(kind, tmp_path / f"made.{kind}")
    centre.land(whole[: int(len(whole) * kept)], f"f.{kind}")
    problems = centre.refusal()
    assert all(problem.next_step for problem in problems)


def test_spss_under_another_contract(centre: Any, survey: dict[str, Any], tmp_path: Path) -> None:
    centre.contract(survey, format={"type": "csv"})
    centre.land(written("sav", tmp_path / "made.sav"), "f.csv")
    [problem] = centre.refusal()
    assert problem.rule == "file_other_format" and "type: sav" in problem.next_step
