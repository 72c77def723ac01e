"""Every reference case passes at its own tolerance, except lines listed with a reason in `cannot_pass.csv`."""

import csv
import importlib
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.reference.harness import ADAPTERS, OWN, SHARED, Case, case_folders

HERE = Path(__file__).parent
for module in sorted(HERE.glob("adapters_*.py")):
    importlib.import_module(f"tests.reference.{module.stem}")

with (HERE / "cannot_pass.csv").open(encoding="utf-8", newline="") as stream:
    CANNOT_PASS = list(csv.DictReader(stream))


def _is_listed(case: Case, key: tuple[str, str]) -> bool:
    return any(
        fnmatchcase(case.method, line["method"])
        and fnmatchcase(key[0], line["group"])
        and fnmatchcase(key[1], line["metric"])
        for line in CANNOT_PASS
    )


@pytest.mark.parametrize("folder", case_folders(), ids=lambda folder: folder.name)
def test_case(folder: Path) -> None:
    case = Case(folder)
    assert case.asked, f"{folder.name} asks nothing"
    assert case.method in ADAPTERS, f"no adapter for {case.method}"
    found = list(case.differences(ADAPTERS[case.method](case)))
    failed = [f"{key}: {what}" for key, what in found if not _is_listed(case, key)]
    assert not failed, f"{len(failed)} of {len(case.asked)} differ:\n" + "\n".join(failed[:20])


def test_every_shared_case_has_an_adapter() -> None:
    if not SHARED.is_dir():
        pytest.skip("the shared reference cases are not here")
    missing = [
        folder.name for folder in sorted(SHARED.iterdir()) if folder.is_dir() and Case(folder).method not in ADAPTERS
    ]
    assert not missing


def test_the_copies_kept_here_are_the_shared_ones() -> None:
    if not SHARED.is_dir():
        pytest.skip("the shared reference cases are not here")
    assert list(OWN.glob("*/expected.csv"))
    # Cases of our own come from the same software (their README says which) and have no shared original.
    for path in sorted(path for path in OWN.glob("*/*.csv") if (SHARED / path.parent.name).is_dir()):
        assert path.read_bytes() == (SHARED / path.relative_to(OWN)).read_bytes(), path.name


def test_a_wrong_answer_is_seen(tmp_path: Path) -> None:
    (tmp_path / "expected.csv").write_text("group,metric,value,rtol,atol\ng,a,1,0,0.1\ng,b,,0,0\ng,c,2,0,0\n")
    answers = {("g", "a"): 1.2, ("g", "b"): 0.0}
    assert [key for key, _ in Case(tmp_path).differences(answers)] == [("g", "a"), ("g", "b"), ("g", "c")]
