"""Every planted defect is where the truth says, and of the kind it says."""

import re
import zipfile

import pandas as pd
import pytest

ID = re.compile(r"(?<![0-9])[12][0-9]{9}(?![0-9])")


def luhn(number: str) -> bool:
    digits = [int(char) for char in reversed(number)]
    return sum(digits[0::2]) % 10 == -sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2]) % 10


def notes(simulated, kind: str) -> pd.DataFrame:
    found = simulated.defects[simulated.defects["kind"] == kind]
    assert len(found) >= 3, f"{kind} is planted in every quarter"
    return found


def cells(simulated, note) -> list[str]:
    return simulated.raw(note.path).rows[note.source_row]


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("bad_date", r"2025-02-30.*|30[/.-]02[/.-]2025.*"),
        ("impossible_hijri_date", r"1446[/-]12[/-]30|30/12/1446"),
        ("closed_period", r"15/01/2014 .*|2014-01-15.*"),
        ("unknown_code", r"برق|جزيرة غير معروفة"),
        ("out_of_range", "55"),
        ("region_number", "4"),
        ("other_agency", "lighthouse|kites"),
    ],
)
def test_corrupted_cells_stand_where_the_truth_says(simulated, kind: str, written: str) -> None:
    for note in notes(simulated, kind).itertuples():
        assert any(re.fullmatch(written, cell) for cell in cells(simulated, note)), (note.path, note.source_row)


def test_corrupted_cells_stand_nowhere_else(simulated) -> None:
    """The clean rows of the text files contain no impossible date and no unknown code."""
    wrong = re.compile(r"2025-02-30.*|30/02/2025.*|1446[/-]12[/-]30|برق|جزيرة غير معروفة")
    refused = set(simulated.defects.loc[simulated.defects["fate"] == "refused_file", "path"])
    seen = 0
    for file in sorted(simulated.landing.rglob("*")):
        path = file.relative_to(simulated.landing).as_posix()
        if file.is_file() and path not in refused and "delivered_2025-10-05" not in path:
            clean = simulated.clean(path)
            seen += len(clean)
            assert not clean.map(lambda cell: bool(wrong.fullmatch(str(cell)))).to_numpy().any(), path
    assert seen > 5_000


def test_exact_duplicates_repeat_another_row(simulated) -> None:
    for note in notes(simulated, "exact_duplicate").itertuples():
        rows = simulated.raw(note.path).rows
        assert sum(row == rows[note.source_row] for row in rows.values()) == 2, note.path


def test_conflicting_keys_come_in_pairs_that_differ_in_one_cell(simulated) -> None:
    for path, pair in notes(simulated, "conflicting_key").groupby("path"):
        assert len(pair) == 2, path
        first, second = (simulated.raw(path).rows[row] for row in pair["source_row"])
        assert sum(one != other for one, other in zip(first, second, strict=True)) == 1, path


@pytest.mark.parametrize("kind", ["id_in_comment", "id_in_free_text"])
def test_planted_numbers_look_like_identity_cards(simulated, kind: str) -> None:
    for note in notes(simulated, kind).itertuples():
        # A free text is recorded under its canonical column, a dropped comment under its header.
        texts = [cell for cell in cells(simulated, note) if "رقم" in cell]
        assert len(texts) == 1, (note.path, note.source_row)
        found = ID.findall(texts[0])
        assert len(found) == 1
        assert luhn(found[0])
        assert note.fate == {"id_in_comment": "reported", "id_in_free_text": "quarantined"}[kind]


def test_clean_comments_hold_no_identity_numbers(simulated) -> None:
    rows = simulated.raw("kites/survey_responses/استبانة_2025Q2.csv").frame()
    planted = simulated.defects.query("path.str.startswith('kites/survey') and kind == 'id_in_comment'")
    clean = rows.drop(index=[row for row in planted["source_row"] if row in rows.index])
    assert not clean["ملاحظات"].str.contains(ID).any()
    assert clean["رقم الهوية"].map(luhn).all()


def test_the_refused_file_is_broken_as_a_whole(simulated) -> None:
    refused = simulated.defects[simulated.defects["fate"] == "refused_file"]
    assert list(refused["path"]) == ["wells/survey_responses/2025Q3.xlsx"]
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(simulated.landing / refused["path"].iloc[0])
    assert len(simulated.defects[simulated.defects["path"] == refused["path"].iloc[0]]) == 1


def test_every_fate_and_row_number_is_told(simulated) -> None:
    fates = {"quarantined", "duplicate", "reported", "refused_file", "replaced"}
    assert set(simulated.defects["fate"]) == fates
    whole = simulated.defects["fate"].isin(["refused_file", "replaced"])
    assert (simulated.defects.loc[whole, "source_row"] == 0).all()
    assert (simulated.defects.loc[simulated.defects["fate"] == "quarantined", "rule"] != "").all()
    for path, of_file in simulated.defects[~whole].groupby("path"):
        assert set(of_file["source_row"]) <= set(simulated.raw(path).rows), path
