"""The public reports of a built edition: what they may say, and that both languages say it.

Belongs here: `reports`, `documents.national`, `documents.region`. Does not belong here: rendering (`test_packs`).
"""

from pathlib import Path

import duckdb
import pytest
from pypdf import PdfReader

from miyar.workspace import Workspace
from publication.phrasing import LANGUAGES
from tests.publication.documents import counted, numbers, page, pdf_numbers, pdf_text, table_numbers


@pytest.fixture(scope="module")
def edition(built_workspace: Workspace) -> Path:
    return (built_workspace.editions / "current").resolve()


def _query(edition: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(edition / "benchmarks.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def _reports(edition: Path) -> list[Path]:
    return sorted(path for path in (edition / "reports").rglob("*") if path.is_file())


def test_a_national_report_and_a_brief_per_region(edition: Path) -> None:
    regions = _query(edition, "select unit_id from dim_units where unit_type = 'region'")
    stems = ["national", *(f"regions/{region}" for (region,) in regions)]
    wanted = {f"{stem}.{language}.{kind}" for stem in stems for language in LANGUAGES for kind in ("html", "pdf")}
    assert {path.relative_to(edition / "reports").as_posix() for path in _reports(edition)} == wanted


def test_no_agency_is_named(edition: Path) -> None:
    agencies = _query(edition, "select agency_id, name_ar, name_en from dim_agencies")
    for path in _reports(edition):
        text = pdf_text(path) if path.suffix == ".pdf" else path.read_text("utf-8")
        # Fonts inside a page are letters by chance.
        text = text if path.suffix == ".pdf" else text[text.index("<body>") :]
        for _, arabic, english in agencies:
            assert str(arabic) not in text and str(english) not in text, path.name


def test_no_score_of_an_agency_is_shown(edition: Path) -> None:
    own = {str(row[0])[:8] for row in _query(edition, "select score_id from bench_scores where agency_id is not null")}
    for path in _reports(edition):
        if path.suffix == ".html":
            cells = [cell for table in page(path).tables for row in table for cell in row]
            assert not own & set(cells), path.name


def test_statistics_over_agencies_rest_on_more_than_five(edition: Path) -> None:
    read = page(edition / "reports" / "national.en.html")
    tables = [table for table in read.tables if "Agencies" in table[0] and "Median" in table[0]]
    for table in tables:
        place = table[0].index("Agencies")
        assert all(numbers(row[place])[0] >= 6 for row in table[1:])


def test_comparability_reasons_are_counted(edition: Path) -> None:
    period = _query(edition, "select max(period_id) from bench_scores where status = 'reported'")[0][0]
    counted_by_reason = _query(
        edition,
        f"""select count(*) from bench_peer_positions where period_id = '{period}' and comparability_reason is not null
        and comparability_reason not in ('not_owed', 'not_measured') group by comparability_reason order by 1 desc""",
    )
    read = page(edition / "reports" / "national.en.html")
    table = next(table for table in read.tables if table[0][:2] == ["Reason", "Scores"])
    assert [int(row[1].replace(",", "")) for row in table[1:]] == [count for (count,) in counted_by_reason]


def test_both_languages_and_kinds_say_the_same(edition: Path) -> None:
    for stem in sorted({path.name.split(".")[0] for path in _reports(edition)}):
        folder = edition / "reports" if stem == "national" else edition / "reports" / "regions"
        arabic, english = (table_numbers(page(folder / f"{stem}.{language}.html")) for language in LANGUAGES)
        assert arabic == english
    told = counted(table_numbers(page(edition / "reports" / "national.ar.html")))
    assert told.total() > 0
    assert not told - pdf_numbers(edition / "reports" / "national.ar.pdf")


def test_a_report_is_read_in_ten_minutes(edition: Path) -> None:
    for path in _reports(edition):
        if path.suffix == ".pdf":
            assert len(PdfReader(path).pages) <= 5, path.name
