"""Identifiers damaged before they arrive are told as damaged, and nobody's answer is taken out as a copy because of one.

Kind: ids a program turned into numbers or dates. bloom-housing/bloom#4458 and DFE-Digital/register-trainee-teachers#3229
(scientific notation), archimatetool/archi#141 and #192 (hexadecimal ids read as numbers, 4.892E+092), pulibrary/orangelight#2695,
desihub/prospect#88 (target ids as floats), iOfficeAI/OfficeCLI#415 (ids of more than fifteen digits rounded).

Belongs here: which ids are damaged, and what becomes of their rows. Does not belong here: ids that are only repeated.
"""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cases.deliveries import SURVEY, Centre, rows_of


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    centre = Centre(tmp_path / "centre")
    centre.contract(SURVEY)
    return centre


def receive(centre: Centre, *ids: str, day: str = "2025-10-15", value: int = 4) -> dict[str, int]:
    """Deliver one answer of each id; the account's numbers and the rows by rule."""
    centre.land("f.csv", rows_of("id,at,q1", [(one, day, value) for one in ids]))
    (account,) = centre.receive().accounts
    counts = {name: getattr(account, name) for name in ("accepted", "quarantined", "duplicates")}
    return counts | {"id_damaged": account.rule_counts.get("id_damaged", 0)}


def test_nine_people_whose_ids_are_four(centre: Centre) -> None:
    """Two of six are equal in every column, three of nine answers would go as exact duplicates."""
    ids = ["1.18052E+11"] * 3 + ["1.18053E+11"] * 3 + [f"1.1805{n}E+11" for n in (4, 5, 6)]
    found = receive(centre, *ids)
    assert found == {"accepted": 0, "quarantined": 9, "duplicates": 0, "id_damaged": 9}


@pytest.mark.parametrize(
    "damaged",
    [
        "1.18052E+11",  # Excel
        "1,18052E+11",  # Excel with a decimal comma
        "1.18052e+11",  # R, pandas
        "1.18052E11",  # Java
        "1E+15",
        "########",  # a column too narrow, printed to text
        "2-Jan",  # 1-2
        "Mar-03",
    ],
)
def test_forms_no_id_has(centre: Centre, damaged: str) -> None:
    good = [f"r{number}" for number in range(4)]
    assert receive(centre, *good, damaged) == {"accepted": 4, "quarantined": 1, "duplicates": 0, "id_damaged": 1}


@pytest.mark.parametrize(
    "sound", ["12E5", "1E5", "E+11", "A1.5E+3", "2-January-7", "#12", "1.5", "0012", "Mar-2025-3", "٣٤٥"]
)
def test_forms_an_id_may_have(centre: Centre, sound: str) -> None:
    assert receive(centre, "r1", "r2", sound)["id_damaged"] == 0


def test_numbers_of_more_than_fifteen_digits_that_all_end_in_noughts(centre: Centre) -> None:
    """A spreadsheet keeps fifteen digits of a number: 4111222233334444 becomes 4111222233334440."""
    found = receive(centre, *(f"41112222333{number}0" for number in range(4440, 4446)), "r1", "r2", "r3")
    assert found["id_damaged"] == 6


def test_numbers_of_more_than_fifteen_digits_of_which_some_do_not(centre: Centre) -> None:
    found = receive(centre, *(f"41112222333{number}0" for number in range(4440, 4446)), "4111222233334447")
    assert found["id_damaged"] == 0


def test_ids_that_become_pseudonyms(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are looked at as they were delivered, and nothing of them is told or stored."""
    monkeypatch.setenv("MIYAR_PSEUDONYM_KEY", "k" * 32)
    hidden = [p | ({"treatment": "pseudonymise"} if p["name"] == "response_id" else {}) for p in SURVEY["properties"]]
    centre.contract(SURVEY, properties=hidden)
    found = receive(centre, *["1.18052E+11"] * 3, "1.18053E+11", "r1", "r2", "r3", "r4", "r5")
    assert found == {"accepted": 5, "quarantined": 4, "duplicates": 0, "id_damaged": 4}
    stored = [path for path in (centre.root / "lake").rglob("*") if path.is_file()]
    assert stored and not any(b"1.1805" in path.read_bytes() for path in stored if path.suffix != ".parquet")
    told = [
        text
        for path in stored
        if path.suffix == ".parquet"
        for row in pq.read_table(path).to_pylist()
        for text in map(str, row.values())
    ]
    assert told and not any("1.1805" in text for text in told)


def test_what_the_agency_is_told(centre: Centre) -> None:
    from ingestion.rules import rule_texts

    told = rule_texts()["id_damaged"]
    assert "spreadsheet" in told.en and "text" in told.next_en
