"""A file without a header: its first row is a person, and nothing of it stands in a message, note or account."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from expectations.intake import receive
from ingestion.draft import draft
from miyar.errors import MiyarError

PERSON = ["نورة بنت سالم التجريبي", "1000000008", "0501234567", "me@example.org", "Villa 12, Palm Street", "5"]
OTHERS = [["سالم", "2000000006", "0509876543", "", "", "4"], ["ريم", "1000000016", "0507654321", "", "", "3"]]


def _csv() -> bytes:
    return "\n".join(",".join(f'"{cell}"' for cell in row) for row in (PERSON, *OTHERS)).encode()


def _tsv() -> bytes:
    return "\n".join("\t".join(row) for row in (PERSON, *OTHERS)).encode()


def _xlsx() -> bytes:
    book = Workbook()
    for row in (PERSON, *OTHERS):
        book.active.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _json() -> bytes:
    """Keyed by person, as a system that has no columns exports it."""
    return json.dumps([dict.fromkeys(PERSON, 1), dict.fromkeys(PERSON, 2)], ensure_ascii=False).encode()


FILES = {"csv": _csv, "tsv": _tsv, "xlsx": _xlsx, "json": _json}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize(
    "takes", [{}, {"dropped": [{"physicalName": "*", "reason": "all", "scan": True}]}], ids=["", "*"]
)
def test_nothing_of_the_first_person_is_told(
    centre: Any, survey: dict[str, Any], kind: str, takes: dict[str, Any]
) -> None:
    centre.contract(survey, format={"type": kind}, **takes)
    centre.land(FILES[kind](), f"f.{kind}")
    [delivery] = centre.deliveries()
    account = receive(delivery, centre.workspace, centre.registry)
    assert account.status == "refused" and account.problems
    told = json.dumps([account.problems, account.notes], ensure_ascii=False)
    for cell in [*PERSON[:-1], "نورة", "Palm"]:
        assert cell not in told
    assert "[column 1]" in told or takes


def test_headers_of_a_header_row_are_told_with_what_is_personal_in_them_hidden(
    centre: Any, survey: dict[str, Any]
) -> None:
    """A header nobody knows is named, for its owner has to find it: but a number or address in it is nobody's business."""
    centre.contract(survey)
    centre.land("agency,id,answered,q1,comment,call 0501234567,me@example.org\na01,r1,2025-02-03,4,,,\n")
    columns = [problem.column for problem in centre.refusal()]
    assert columns == ["comment", "call •••", "•••"]


def test_a_scanned_column_that_is_dropped_by_a_pattern_is_told_masked(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, dropped=[{"physicalName": "x*", "reason": "personal", "scan": True}])
    centre.land("agency,id,answered,q1,x 0501234567\na01,r1,2025-02-03,4,1000000008\n")
    [note] = centre.stage().notes
    assert (note.rule, note.column) == ("personal_data_dropped", "x •••")


def test_a_draft_of_a_file_without_a_header_quotes_nobody(centre: Any, tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(_csv())
    with pytest.raises(MiyarError) as caught:
        draft(path, "survey_responses", "p1", centre.workspace, centre.registry, {})
    [problem] = caught.value.problems
    assert problem.rule == "header_personal"
    assert not any(cell in str(problem) for cell in PERSON[:-1])
