"""The public reports of a built edition: what they may say, and that both languages say it.

Belongs here: `reports`, `documents.national`, `documents.region`. Does not belong here: rendering (`test_packs`).
"""

import re
from pathlib import Path

import duckdb
import pytest
from pypdf import PdfReader
from scipy import stats

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
        # Fonts embedded in a page could contain the letters by chance.
        text = text if path.suffix == ".pdf" else text[text.index("<body>") :]
        for _, arabic, english in agencies:
            assert str(arabic) not in text and str(english) not in text, path.name


def test_no_score_of_an_agency_is_shown(edition: Path) -> None:
    own = {str(row[0])[:8] for row in _query(edition, "select score_id from bench_scores where agency_id is not null")}
    for path in _reports(edition):
        if path.suffix == ".html":
            words = [word for table in page(path).tables for row in table for cell in row for word in cell.split()]
            assert not own & set(words), path.name


# Heading of an estimate -> heading of its interval, which comes right after it.
ESTIMATES = {
    "Score": "95 % interval",
    "Value": "95 % interval",
    "Change": "Interval of change",
    "Change in a year": "Interval of it",
    "Staying": "Interval of staying",
    "True spread": "Its interval",
    "Shrunken score": "Its interval",
}
# Headings of numbers that describe a whole population and so have no interval.
DESCRIPTIONS = {
    "n",
    "Effective n",
    "Median",
    "Agencies",
    "Units",
    "Scores",
    "Metrics",
    "Largest change",
    "Practices contradicted",
}
DESCRIPTIONS |= {"Owed", "Reported", "Withheld", "Missing", "Refused", "Comparable"}
DESCRIPTIONS |= {"Agencies measuring", "Agencies owning", "Lower quartile", "Upper quartile", "Peers' quartiles"}
# Effects of who is among those shown, and the sum that the first table has with its interval.
DESCRIPTIONS |= {"Change of members", "Entering", "Leaving", "Agencies staying"}
IDS = {"bench_scores": "score_id", "bench_trends": "trend_id", "bench_disparities": "disparity_id"}
IDS |= {"bench_complaints": "figure_id"}
CODES = {
    "bench_scores": "coalesce(status_reason, status)",
    "bench_complaints": "figure",
    "bench_maturity": "metric_id",
    "bench_peer_positions": "comparability_reason",
    "bench_coverage": "metric_id",
    "bench_restatements": "cause",
}


def test_every_number_has_its_source_and_every_estimate_its_interval(edition: Path) -> None:
    sources: dict[str, int] = {}
    for path in _reports(edition):
        if not path.name.endswith(".en.html"):
            continue
        for heads, *rows in page(path).tables:
            assert heads[-1] == "Source", (path.name, heads)
            for row in rows:
                table, _, told = row[-1].partition(" ")
                is_id = bool(re.fullmatch("[0-9a-f]{8}", told))
                column = IDS[table] if is_id else CODES[table]
                found = _query(edition, f"select * from {table} where starts_with({column}, '{told}')")
                assert found and (len(found) == 1 or not is_id), (path.name, row)
                sources[table] = sources.get(table, 0) + 1
                for place, (head, cell) in enumerate(zip(heads, row, strict=True)):
                    if not numbers(cell) or head not in ESTIMATES:
                        continue
                    assert heads[place + 1] == ESTIMATES[head]
                    bounds = numbers(row[place + 1])
                    if not bounds:
                        # A mean without a sampling error has no interval to show; its own row confirms it.
                        own = _query(edition, f"select ci_low from {table} where starts_with({column}, '{told}')")
                        assert own == [(None,)], (path.name, head, row)
                    elif head != "True spread":
                        assert bounds[0] <= numbers(cell)[0] <= bounds[1], (path.name, head, row)
                numeric = {h for h, c in zip(heads, row, strict=True) if re.fullmatch(r"[−+]?[\d,.]+", c)}
                assert numeric <= set(ESTIMATES) | DESCRIPTIONS | set(ESTIMATES.values()), (path.name, numeric)
    assert set(sources) >= {"bench_scores", "bench_trends", "bench_disparities", "bench_complaints", "bench_coverage"}


def test_the_nation_moves_by_the_mean_of_its_agencies(edition: Path) -> None:
    """The interval of a mean of independent scores by hand: t sqrt(sum of squared errors) / k, t of Satterthwaite's freedom."""
    found = _query(
        edition,
        """select trends.score, trends.ci_low, trends.ci_high, avg(scores.score),
            sqrt(sum(power(scores.standard_error, 2))) / count(*),
            power(sum(power(scores.standard_error, 2)), 2) / sum(power(scores.standard_error, 4) / scores.degrees_of_freedom)
        from bench_trends as trends inner join bench_scores as scores
            on trends.metric_id = scores.metric_id and trends.period_id = scores.period_id
            and trends.instrument_id = scores.instrument_id and scores.unit_type = 'agency' and scores.status = 'reported'
        where trends.unit_type = 'national' and trends.score_kind = 'mean_of_agencies' and trends.status = 'reported'
            and scores.score is not null
        group by all having count(scores.standard_error) = count(*) and sum(scores.standard_error) > 0""",
    )
    assert len(found) > 10
    for row in found:
        score, low, high, mean, error, freedom = (float(str(value)) for value in row)
        half = error * float(stats.t.ppf(0.975, freedom))
        assert (score, low, high) == pytest.approx((mean, mean - half, mean + half), abs=2e-4)


def test_the_nation_pooled_is_every_case_or_answer_counted_once(edition: Path) -> None:
    """Where all count by n: sum(n score) / sum(n), and t sqrt(sum of squared n times error) / sum(n), by hand."""
    found = _query(
        edition,
        """select trends.score, trends.ci_low, trends.ci_high, trends.n, sum(scores.n * scores.score) / sum(scores.n),
            sqrt(sum(power(scores.n * scores.standard_error, 2))) / sum(scores.n), sum(scores.n),
            power(sum(power(scores.n * scores.standard_error, 2)), 2)
                / sum(power(scores.n * scores.standard_error, 4) / scores.degrees_of_freedom)
        from bench_trends as trends inner join bench_scores as scores
            on trends.metric_id = scores.metric_id and trends.period_id = scores.period_id
            and trends.instrument_id = scores.instrument_id and scores.unit_type = 'agency' and scores.status = 'reported'
        where trends.unit_type = 'national' and trends.score_kind = 'pooled' and trends.pooled_by = 'n'
            and trends.status = 'reported'
        group by all having count(scores.standard_error) = count(*) and sum(scores.standard_error) > 0""",
    )
    assert len(found) > 10
    for row in found:
        score, low, high, n, pooled, error, base, freedom = (float(str(value)) for value in row)
        half = error * float(stats.t.ppf(0.975, freedom))
        assert (score, low, high, n) == pytest.approx((pooled, pooled - half, pooled + half, base), abs=2e-4)


def test_the_national_report_says_which_figure_counts_agencies_and_which_people(edition: Path) -> None:
    for language, kinds in (("en", {"mean of agencies", "pooled"}), ("ar", {"متوسط الجهات", "المجموع الكلي"})):
        read = page(edition / "reports" / f"national.{language}.html")
        head = {"en": "Kind of figure", "ar": "نوع الرقم"}[language]
        tables = [table for table in read.tables if head in table[0]]
        assert len(tables) == 2
        for heads, *rows in tables:
            assert {row[heads.index(head)] for row in rows} == kinds


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
        and comparability_reason <> 'not_measured' group by comparability_reason order by 1 desc""",
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
