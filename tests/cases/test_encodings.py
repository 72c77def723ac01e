"""Cases 06 and 35: a provider changes the encoding, letters are lost on the way, line ends of every kind."""

from typing import Any

import pytest

from tests.ingestion import conftest as shared

centre, survey, complaints = shared.centre, shared.survey, shared.complaints

CATEGORY = {"name": "category", "physicalName": "cat"}
TABLE = "case,opened,cat\nC1,2025-02-03,مياه\nC2,2025-02-03,صرف صحي\n"


def with_category(complaints: dict[str, Any]) -> dict[str, Any]:
    return complaints | {"properties": [*complaints["properties"], CATEGORY]}


@pytest.mark.parametrize("encoding", ["windows-1256", "iso-8859-6", "cp1252", "latin-1", "mac-arabic", "cp720"])
def test_utf8_under_a_single_byte_encoding_is_refused(centre: Any, complaints: dict[str, Any], encoding: str) -> None:
    """Case 06; rspeer/python-ftfy#154, frappe/erpnext#18816: any byte is a letter there, so nothing else notices."""
    centre.contract(with_category(complaints), format={"type": "csv", "encoding": encoding})
    centre.land(TABLE)
    [problem] = centre.refusal()
    assert problem.rule == "file_encoding" and "UTF-8" in problem.message and encoding in problem.message


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("windows-1256", TABLE.encode("windows-1256")),
        ("windows-1256", TABLE.replace("مياه", "water").replace("صرف صحي", "waste").encode()),
        # A byte order mark before plain ASCII harms nothing and is not part of the first header.
        ("windows-1256", TABLE.replace("مياه", "w").replace("صرف صحي", "s").encode("utf-8-sig")),
        ("utf-16", TABLE.encode("utf-16")),
        ("utf-16", TABLE.encode("utf-16-le")),
        ("utf-16", TABLE.encode("utf-16-be")),
        ("utf-16-le", TABLE.encode("utf-16")),
        ("utf-8", TABLE.encode("utf-8-sig")),
        ("utf-8-sig", TABLE.encode("utf-8")),
    ],
)
def test_encodings_that_fit(centre: Any, complaints: dict[str, Any], encoding: str, content: bytes) -> None:
    centre.contract(with_category(complaints), format={"type": "csv", "encoding": encoding})
    centre.land(content)
    category = [row[0] for row in centre.rows("category")]
    assert category in (["مياه", "صرف صحي"], ["water", "waste"], ["w", "s"])


def test_utf16_under_utf8_is_called_by_its_name(centre: Any, complaints: dict[str, Any]) -> None:
    """Excel's "Unicode text"; csv-viewer-online/csv-viewer-online.github.io#35."""
    centre.contract(with_category(complaints))
    centre.land(TABLE.encode("utf-16"))
    [problem] = centre.refusal()
    assert problem.rule == "file_encoding" and "UTF-16" in problem.message


def test_a_letter_across_two_blocks(centre: Any, complaints: dict[str, Any]) -> None:
    """datagouv/cdata#1237: a letter cut by the end of a block made valid UTF-8 look like a code page."""
    head = "case,opened,cat\nC1,2025-02-03,"
    block = 8 << 20
    long = "".join(f"x{n:06},2025-02-03,{'y' * 80}\n" for n in range(100_000))
    for shift in (0, 1):
        filled = (head + "z\n" + long)[: block - 1 - shift]
        filled = filled[: filled.rindex("\n") + 1]
        last = "C2,2025-02-03,".ljust(block - 1 - shift - len(filled), "w")
        content = (filled + last).encode() + "مياه\n".encode()
        centre.contract(with_category(complaints), format={"type": "csv", "encoding": "windows-1256"})
        centre.land(content)
        [problem] = centre.refusal()
        assert problem.rule == "file_encoding" and "UTF-8" in problem.message


@pytest.mark.parametrize("lost", ["\ufffd\ufffd\ufffd", "????", "??? ????"])
def test_letters_lost_before_delivery_are_noted(centre: Any, complaints: dict[str, Any], lost: str) -> None:
    centre.contract(with_category(complaints))
    centre.land(TABLE.replace("صرف صحي", lost))
    assert centre.rows("case_id") == [("C1",), ("C2",)]
    [note] = centre.stage().notes
    assert (note.rule, note.column) == ("text_lost", "cat") and "1 cell" in note.message


def test_text_decoded_twice_is_noted(centre: Any, complaints: dict[str, Any]) -> None:
    """UTF-8 read as windows-1256 and saved as UTF-8 again; rspeer/python-ftfy."""
    centre.contract(with_category(complaints))
    centre.land(TABLE.replace("مياه", "مياه".encode().decode("windows-1256")))
    [note] = centre.stage().notes
    assert (note.rule, note.column) == ("text_lost", "cat")


@pytest.mark.parametrize("asked", ["What??? Really????", "نعم؟؟؟", "é", "؟"])
def test_text_that_was_not_lost(centre: Any, complaints: dict[str, Any], asked: str) -> None:
    centre.contract(with_category(complaints))
    centre.land(TABLE.replace("صرف صحي", asked))
    assert centre.stage().notes == []


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r", "\r\r\n", "\n\r\n"])
def test_line_ends(centre: Any, complaints: dict[str, Any], ends: str) -> None:
    """Case 35 (held); duckdb/duckdb#25164, old Mac files of okfn/messytables."""
    centre.contract(with_category(complaints))
    centre.land(TABLE.replace("\n", ends))
    assert centre.rows("case_id, category") == [("C1", "مياه"), ("C2", "صرف صحي")]


def test_line_ends_mixed(centre: Any, complaints: dict[str, Any]) -> None:
    centre.contract(with_category(complaints))
    centre.land("case,opened,cat\r\nC1,2025-02-03,a\nC2,2025-02-03,b\rC3,2025-02-03,c\r\n")
    assert centre.rows("case_id, category") == [("C1", "a"), ("C2", "b"), ("C3", "c")]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085", "\v", "\f", "\x1c", "\x1e"])
def test_what_only_looks_like_a_line_end(centre: Any, complaints: dict[str, Any], separator: str) -> None:
    """Line separators of Unicode stand in answers pasted from the web; awslabs/gluonts#920."""
    centre.contract(with_category(complaints))
    centre.land(TABLE.replace("صرف صحي", f"a{separator}b"))
    assert centre.rows("source_row, category")[1] == (3, f"a{separator}b")
