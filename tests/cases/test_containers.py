"""Case 05: what the first bytes of a file say, against what its contract says."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from typing import Any

import pytest

from ingestion.faults import RETRIED
from tests.cases.workbooks import rows, workbook
from tests.ingestion import conftest as shared

centre, survey = shared.centre, shared.survey

HEADER = "agency,id,answered,q1\n"
TABLE = HEADER + "a01,r1,2025-02-03,4\na01,r2,2025-02-03,5\n"
SHEET = workbook(("Data", rows(["agency", "id", "answered", "q1"], ["a01", "r1", "2025-02-03", 4])))


def zipped(members: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(name: str, content: bytes, mode: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def compound(stream: str) -> bytes:
    """The first bytes of an OLE compound file and the name of one stream, as its directory holds it."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + stream.encode("utf-16-le") + bytes(512)


@pytest.mark.parametrize(
    ("compression", "name", "content"),
    [
        ("gzip", "f.csv.gz", gzip.compress(TABLE.encode())),
        ("gzip", "f.csv", gzip.compress(TABLE.encode())),
        ("zip", "f.zip", zipped({"f.csv": TABLE})),
        ("zip", "f.zip", zipped({"data/f.csv": TABLE, "__MACOSX/data/._f.csv": "x"})),
        ("tar", "f.tar", tarred("f.csv", TABLE.encode(), "w")),
        ("tar", "f.tgz", tarred("f.csv", TABLE.encode(), "w:gz")),
        # An HTTP client unpacked it and kept the name: the suffix means nothing.
        ("gzip", "f.csv.gz", TABLE.encode()),
        (None, "plain_named.csv.gz", TABLE.encode()),
        (None, "f.zip", TABLE.encode()),
        (None, "f[1]*?.csv", TABLE.encode()),
    ],
)
def test_containers_are_opened_where_the_contract_says(
    centre: Any, survey: dict[str, Any], compression: str | None, name: str, content: bytes
) -> None:
    """ckan/ckanext-datastorer#64, okfn/messytables horror/simple.zip, Socrata's .csv.gz."""
    form = {"type": "csv"} | ({"compression": compression} if compression else {})
    centre.contract(survey, format=form)
    centre.land(content, name)
    assert centre.rows("source_row, response_id, value") == [(2, "r1", 4), (3, "r2", 5)]


def test_members_of_a_zip_are_one_delivery(centre: Any, survey: dict[str, Any]) -> None:
    form = {"type": "csv", "compression": "zip", "members": "q*.csv"}
    centre.contract(survey, format=form)
    second = "id,agency,q1,answered\nr9,a02,3,2025-02-04\n"
    centre.land(zipped({"q2.csv": second, "q1.csv": TABLE, "readme.txt": "not a table"}), "f.zip")
    # Rows are counted through all members in the order of their names: q2.csv begins below the three lines of q1.csv.
    assert centre.rows("source_row, agency_id, response_id, value") == [
        (2, "a01", "r1", 4),
        (3, "a01", "r2", 5),
        (5, "a02", "r9", 3),
    ]
    [note] = centre.stage().notes
    assert note.rule == "members_read" and "'q1.csv'" in note.message and "'q2.csv'" in note.message


@pytest.mark.parametrize(
    ("form", "content", "rule", "says"),
    [
        ("csv", gzip.compress(TABLE.encode()), "file_other_format", "gzip"),
        ("csv", zipped({"f.csv": TABLE}), "file_other_format", "zip"),
        ("csv", bz2.compress(TABLE.encode()), "file_other_format", "bzip2"),
        ("csv", lzma.compress(TABLE.encode()), "file_other_format", "xz"),
        ("csv", tarred("f.csv", TABLE.encode(), "w"), "file_other_format", "tar"),
        ("csv", SHEET, "file_other_format", "xlsx"),
        ("csv", b"%PDF-1.7\n%", "file_other_format", "PDF"),
        ("csv", b"PAR1" + bytes(40) + b"PAR1", "file_other_format", "Parquet"),
        ("csv", b"<!DOCTYPE html><html><body>Please sign in</body></html>", "file_other_format", "HTML"),
        ("xlsx", b"<html><table><tr><td>agency</td></tr></table></html>", "file_other_format", "HTML"),
        ("xlsx", b'<?xml version="1.0"?><Workbook/>', "file_other_format", "XML"),
        ("xlsx", TABLE.encode(), "file_other_format", "text"),
        ("xlsx", compound("Workbook"), "file_other_format", "xls"),
        ("xlsx", compound("EncryptedPackage"), "file_encrypted", "password"),
        ("json", b"<html><body>502 Bad Gateway</body></html>", "file_other_format", "HTML"),
        ("ndjson", SHEET, "file_other_format", "xlsx"),
        ("parquet", zipped({"f.csv": TABLE}), "file_other_format", "zip"),
        ("csv", b"Rar!\x1a\x07\x01\x00", "file_other_format", "RAR"),
        ("csv", b"7z\xbc\xaf\x27\x1c\x00\x04", "file_other_format", "7z"),
    ],
)
def test_something_else_is_called_by_its_name(
    centre: Any, survey: dict[str, Any], form: str, content: bytes, rule: str, says: str
) -> None:
    """im-anishraj/arnio#2469; SheetJS/sheetjs#18 and qax-os/excelize#1877 (password)."""
    centre.contract(survey, format={"type": form})
    centre.land(content, f"f.{form}")
    [problem] = centre.refusal()
    assert (problem.rule, problem.rule in RETRIED) == (rule, False)
    assert says in problem.message and problem.next_step


def test_a_zip_without_the_agreed_member(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, format={"type": "csv", "compression": "zip", "members": "data.csv"})
    centre.land(zipped({"other.csv": TABLE}), "f.zip")
    [problem] = centre.refusal()
    assert problem.rule == "member_missing" and "'other.csv'" in problem.message


def test_a_bad_member_is_named(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, format={"type": "csv", "compression": "zip"})
    centre.land(zipped({"a.csv": TABLE, "b.csv": HEADER + "a01,r1\n"}), "f.zip")
    [problem] = centre.refusal()
    assert problem.rule == "row_width" and "b.csv" in problem.file


@pytest.mark.parametrize(
    ("file_format", "name", "content"),
    [
        ({"type": "xlsx"}, "f.xlsx", SHEET),
        ({"type": "csv", "compression": "zip"}, "f.zip", zipped({"note.txt": "x" * 90, "f.csv": TABLE})),
    ],
)
@pytest.mark.parametrize("lost", [slice(40, 104), slice(0, 40), slice(-60, -30)])
def test_bytes_lost_inside_an_archive(
    centre: Any, survey: dict[str, Any], file_format: dict[str, Any], name: str, content: bytes, lost: slice
) -> None:
    """Its lists then point before its beginning: python/cpython#91087 (OSError), onekey-sec/unblob#185 and
    python/cpython#83245 (ValueError), icsharpcode/SharpZipLib#856, log2timeline/dfvfs#714. That is the file's fault.
    """
    centre.contract(survey, format=file_format)
    damaged = bytearray(content)
    del damaged[lost]
    centre.land(bytes(damaged), name)
    [problem] = centre.refusal()
    # Without its first bytes it is no archive at all, but bytes.
    assert problem.rule in {"file_truncated", "file_other_format", "file_nul"} and problem.rule not in RETRIED
    assert problem.next_step
