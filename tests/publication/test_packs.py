"""Packs of a built edition: whose rows they hold, that every rendering says the same, and how a spreadsheet reads them.

Belongs here: `packs`, `documents.agency`, renderings. Does not belong here: publishing as such (`test_editions`),
plots.
"""

import csv
import io
import json
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow as pa
import pytest
from pypdf import PdfReader

from miyar.workspace import Workspace
from publication import packs
from publication.access import access_rules
from publication.manifest import read_manifest
from publication.phrasing import LANGUAGES
from tests.publication.centre import ORIGIN, Centre, publish_as_it_stands
from tests.publication.documents import counted, numbers, page, pdf_numbers, pdf_text, plain, table_numbers

ATTACK = "=HYPERLINK(1)<script>alert(1)</script>"


@pytest.fixture(scope="module")
def edition(built_workspace: Workspace) -> Path:
    return (built_workspace.editions / "current").resolve()


@pytest.fixture(scope="module")
def pack(edition: Path) -> Path:
    """Return the largest pack."""
    return max((edition / "packs").iterdir(), key=lambda folder: len((folder / "index.en.html").read_text("utf-8")))


def test_every_agency_gets_every_file(edition: Path) -> None:
    with duckdb.connect() as connection:
        agencies = connection.execute(
            f"select agency_id from read_parquet('{edition}/tables/dim_agencies.parquet') order by 1"
        ).fetchall()
    assert [(path.name,) for path in sorted((edition / "packs").iterdir())] == agencies
    published = set(read_manifest(edition).tables)
    readable = {name for name, rule in access_rules().items() if rule != "centre"} & published
    for folder in (edition / "packs").iterdir():
        assert {path.name for path in folder.iterdir()} == {
            "index.ar.html",
            "index.en.html",
            "pack.ar.pdf",
            "pack.en.pdf",
            "pack.xlsx",
            "quality.json",
            "tables",
        }
        names = {path.name for path in (folder / "tables").iterdir()}
        assert names == {f"{name}.{kind}" for name in {*readable, "owner_scores"} for kind in ("csv", "parquet")}


def test_own_rows_all_of_them_and_nobody_elses(edition: Path) -> None:
    with duckdb.connect() as connection:
        for folder in (edition / "packs").iterdir():
            for table, rule in access_rules().items():
                if rule not in ("owner", "owner_and_shared"):
                    continue
                whole = f"read_parquet('{edition}/tables/{table}.parquet')"
                own = f"read_parquet('{folder}/tables/{table}.parquet')"
                wanted = f"(select * from {whole} where agency_id = '{folder.name}')"
                assert connection.execute(f"from {wanted} except all from {own}").fetchall() == []
                assert connection.execute(f"from {own} except all from {wanted}").fetchall() == []


def test_own_scores_are_all_of_the_agencys_and_peers_stand_beside_its_own_only(
    built_workspace: Workspace, edition: Path
) -> None:
    """Branches and services are not compared with other agencies. A metric not measured has a position, but no score."""
    keys = "unit_type, unit_id, metric_id, period_id, instrument_id"
    figures = (
        "peers_count, peer_median, peer_lower_quartile, peer_upper_quartile, peer_frame, peer_mean, difference, "
        "difference_low, difference_high, verdict, p_right, special_cause, comparability_reason"
    )
    last = read_manifest(edition).period_id
    with duckdb.connect(str(built_workspace.warehouse), read_only=True) as connection:
        for folder in (edition / "packs").iterdir():
            own = f"read_parquet('{folder}/tables/owner_scores.parquet')"
            judged = connection.execute(
                f"select {keys} from intermediate.int_scores__judged where agency_id = ? and period_id <= ? order by all",
                [folder.name, last],
            ).fetchall()
            assert judged == connection.execute(f"select {keys} from {own} order by all").fetchall()
            peers = connection.execute(
                f"""select metric_id, period_id, instrument_id, {figures} from benchmarks.bench_peer_positions
                where agency_id = ? and period_id <= ? and instrument_id is not null order by all""",
                [folder.name, last],
            ).fetchall()
            found = connection.execute(
                f"""select metric_id, period_id, instrument_id, {figures} from {own}
                where peers_count is not null or verdict is not null or comparability_reason is not null order by all"""
            ).fetchall()
            assert peers and found == peers


def test_peers_are_statistics_of_five_at_least(edition: Path) -> None:
    for folder in (edition / "packs").iterdir():
        with (folder / "tables" / "owner_scores.csv").open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
        shown = [row for row in rows if row["peer_median"] or row["peer_mean"] or row["difference"] or row["verdict"]]
        assert all(int(row["peers_count"]) >= 5 for row in shown)
        # Figures below five responses are shown to nobody, not even to the agency itself.
        assert all(int(row["n"]) >= 5 for row in rows if row["n"] and row["status"] == "owner_only")


def test_arabic_and_english_say_the_same(edition: Path) -> None:
    for folder in (edition / "packs").iterdir():
        arabic, english = (page(folder / f"index.{language}.html") for language in LANGUAGES)
        assert counted(table_numbers(english)).total() > 0
        assert table_numbers(arabic) == table_numbers(english)
        assert [len(table) for table in arabic.tables] == [len(table) for table in english.tables]


def test_the_pdf_says_what_the_page_says(pack: Path) -> None:
    for language in LANGUAGES:
        told = counted(table_numbers(page(pack / f"index.{language}.html")))
        missing = told - pdf_numbers(pack / f"pack.{language}.pdf")
        assert not missing, (language, missing)


def test_the_workbook_says_what_the_page_says(pack: Path) -> None:
    book = openpyxl.load_workbook(pack / "pack.xlsx")
    for language in LANGUAGES:
        sheets = [sheet for sheet in book.worksheets if sheet.title.startswith(f"{language} ")]
        told = table_numbers(page(pack / f"index.{language}.html"))
        # One sheet per table, and one that explains the columns.
        assert len(sheets) == len(told) + 1
        for sheet, table in zip(sheets, told, strict=False):
            assert bool(sheet.sheet_view.rightToLeft) == (language == "ar")
            assert sheet.freeze_panes == "A2"
            shown = [
                [_shown(cell) for cell in row if cell.data_type == "n" and cell.value is not None] for row in sheet
            ]
            assert shown == [[number for cell in row for number in cell] for row in table]
        headings = {cell.value for sheet in sheets[:-1] for cell in sheet[1]}
        meant = {row[0].value for row in sheets[-1].iter_rows(min_row=2)}
        assert headings == meant
        assert all(row[1].value for row in sheets[-1].iter_rows(min_row=2))


def _shown(cell: Any) -> Decimal:
    """Return a cell's number as its format shows it."""
    places = len(cell.number_format.partition(".")[2])
    return Decimal(str(cell.value)).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def test_the_page_says_what_the_tables_say(pack: Path) -> None:
    read = page(pack / "index.en.html")
    table = next(table for table in read.tables if "Peers' mean" in table[0])
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"""select left(score_id, 8), scores.score, ci_low, ci_high, n, peer_mean
            from read_parquet('{pack}/tables/bench_scores.parquet') as scores
            inner join read_parquet('{pack}/tables/bench_peer_positions.parquet') as positions using (score_id)"""
        ).fetchall()
    found = {row[0]: row[1:] for row in rows}
    assert len(table) > 2
    for line in table[1:]:
        cells = dict(zip(table[0], line, strict=True))
        score, low, high, n, mean = found[cells["Score id"]]
        assert numbers(cells["Score"]) == [_round(score)]
        assert numbers(cells["95 % interval"]) == ([] if low is None or high is None else [_round(low), _round(high)])
        assert numbers(cells["n"]) == [n]
        assert numbers(cells["Peers' mean"]) == ([] if mean is None else [_round(mean)])


def _round(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_needs_nothing_else(pack: Path, language: str) -> None:
    read = page(pack / f"index.{language}.html")
    html = next(attributes for tag, attributes in read.tags if tag == "html")
    assert (html["lang"], html["dir"]) == (language, "rtl" if language == "ar" else "ltr")
    tags = {tag for tag, _ in read.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "form", "a"}
    for _, attributes in read.tags:
        assert not set(attributes) & {"src", "href", "srcset", "data", "onload", "onclick", "style"}
    text = (pack / f"index.{language}.html").read_text("utf-8")
    assert text.count("url(") == text.count("url(data:font/woff2;base64,") == 2
    assert "default-src 'none'" in text
    # Headings without a gap in their levels, and one of the first level.
    levels = [int(tag[1]) for tag, _ in read.tags if tag in ("h1", "h2", "h3")]
    assert levels[0] == 1 and levels.count(1) == 1 and set(levels) == {1, 2}
    assert all(attributes.get("scope") == "col" for tag, attributes in read.tags if tag == "th")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_pdf_is_tagged_and_can_be_read_aloud(pack: Path, language: str) -> None:
    reader = PdfReader(pack / f"pack.{language}.pdf")
    root: Any = reader.trailer["/Root"]
    assert root["/Lang"] == language
    assert bool(root["/MarkInfo"]["/Marked"])
    assert b"pdfuaid:part" in root["/Metadata"].get_object().get_data()
    assert reader.metadata is not None and reader.metadata.title
    kinds = _kinds(root["/StructTreeRoot"])
    assert {"/H1", "/H2", "/P", "/Table", "/TH", "/TD", "/Figure"} <= set(kinds)
    # Every figure has an alternative text.
    assert all(kinds["/Figure"])
    text = pdf_text(pack / f"pack.{language}.pdf")
    assert [word for word in plain(reader.metadata.title).split() if word not in plain(text)] == []


def _kinds(element: Any) -> dict[str, list[Any]]:
    """Return kind of structure element -> alternative texts, over the whole tree."""
    found: dict[str, list[Any]] = {}
    waiting = [element.get_object()]
    while waiting:
        node = waiting.pop()
        if not hasattr(node, "get"):
            continue
        if "/S" in node:
            found.setdefault(str(node["/S"]), []).append(node.get("/Alt"))
        children = node.get("/K", [])
        waiting += [child.get_object() for child in (children if isinstance(children, list) else [children])]
    return found


def test_a_name_is_never_a_formula_nor_markup(centre: Centre) -> None:
    centre.change(f"update core.dim_agencies set name_en = '{ATTACK}' where agency_id = 'a01'")
    centre.change(f"update core.dim_units set name_en = '{ATTACK}', name_ar = '@أمر' where unit_id = 'a01'")
    centre.change("update core.dim_metrics set name_en = '+1', name_ar = chr(9) || 'سرعة'")
    folder = centre.publish().path / "packs" / "a01"
    text = (folder / "index.en.html").read_text("utf-8")
    assert "<script" not in text
    assert "=HYPERLINK(1)&lt;script&gt;" in text
    assert ATTACK in pdf_text(folder / "pack.en.pdf").replace("\n", "")
    for path in (folder / "tables").glob("*.csv"):
        for row in csv.reader(io.StringIO(path.read_text("utf-8-sig"))):
            assert not [cell for cell in row if cell[:1] in ("=", "+", "@", "\t", "\r")], path.name
    with (folder / "tables" / "owner_scores.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert rows[0]["name_en"] == f"'{ATTACK}"
    assert rows[0]["metric_en"] == "'+1"
    # A negative number stays a number.
    assert packs._harmless(pa.chunked_array([[-1.5]])).to_pylist() == [-1.5]
    cells = [cell for sheet in openpyxl.load_workbook(folder / "pack.xlsx") for row in sheet for cell in row]
    assert "+1" in [cell.value for cell in cells]
    assert not [cell for cell in cells if cell.data_type == "f"]


def test_the_same_content_is_the_same_bytes_on_any_day(centre: Centre, tmp_path: Path) -> None:
    first = centre.publish()
    other = Centre(tmp_path / "other")
    later = publish_as_it_stands(other.workspace, ORIGIN, datetime(2027, 1, 2, tzinfo=UTC))
    assert later.content_hash == first.content_hash
    # The date must come from the period: with a clock, two files of the same second would be equal by chance.
    made = openpyxl.load_workbook(first.path / "packs" / "a01" / "pack.xlsx").properties
    assert (made.created, made.modified) == (datetime(2026, 3, 31), datetime(2026, 3, 31))
    # The layout of the database file is not promised to be stable; everything written for readers is.
    hashes = [read_manifest(published.path).files for published in (first, later)]
    for files in hashes:
        files.pop("benchmarks.duckdb")
    assert hashes[0] == hashes[1]
    assert [name for name in hashes[0] if name.startswith("reports/national")]


def test_another_compiler_is_no_new_edition(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    first = centre.publish()
    monkeypatch.setattr(packs, "as_pdf", lambda *_: b"%PDF-1.7 of another version")
    again = centre.publish()
    assert (again.is_new, again.content_hash) == (False, first.content_hash)


def test_what_became_of_files_stands_in_the_pack(pack: Path) -> None:
    quality = json.loads((pack / "quality.json").read_text("utf-8"))
    period = read_manifest(pack.parents[1]).period_id
    wanted = sorted(line["submission_id"] for line in quality if period in line["periods"] or not line["periods"])
    table = next(table for table in page(pack / "index.en.html").tables if "Submission" in table[0])
    assert sorted(row[-1] for row in table[1:]) == wanted
