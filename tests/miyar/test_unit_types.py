"""Types of units: their file is sound, and an id can be split into its columns again."""

from pathlib import Path

import pytest

from miyar import unit_types


def test_every_type_says_what_it_is_made_of() -> None:
    types = unit_types.unit_types()
    assert next(iter(types)) == "agency"
    for name, one in types.items():
        assert one.columns and all(column.endswith("_id") for column in one.columns), name
        assert set(one.name) == {"ar", "en"} and all(one.name.values()), name
        # No two types show the same thing under two names.
        assert [other for other, second in types.items() if second.columns == one.columns] == [name]


def test_only_the_last_part_of_an_id_may_hold_a_stroke() -> None:
    branch = unit_types.unit_types()["branch"]
    assert branch.values_of("a01/north/2") == {"agency_id": "a01", "branch_id": "north/2"}
    with pytest.raises(ValueError, match=r"shorter"):
        branch.values_of("a01")


def test_an_unknown_frame_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "unit_types.yml"
    file.write_text("agency: {columns: [agency_id], name: {ar: ج, en: a}, records: true, frame: perhaps}\n", "utf-8")
    monkeypatch.setattr(unit_types, "FILE", file)
    unit_types.unit_types.cache_clear()
    with pytest.raises(ValueError, match="'perhaps' is none of"):
        unit_types.unit_types()
    monkeypatch.undo()
    unit_types.unit_types.cache_clear()
