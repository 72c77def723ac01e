"""The content of pages: the edition's own figures, in both languages, and in the forms a reader may choose."""

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest

from miyar.workspace import Workspace
from portal.rendering import Writing, words
from publication.explain import Step
from publication.reading import wording
from tests.portal.conftest import CENTRE, OWN, SignIn, form_token, reader_of


def published(centre: Workspace, sql: str, *values: object) -> list[tuple[object, ...]]:
    tables = (centre.editions / "current").resolve() / "tables"
    with duckdb.connect() as connection:
        for parquet in sorted(tables.glob("*.parquet")):
            connection.execute(f"create view {parquet.stem} as select * from read_parquet('{parquet}')")
        return connection.execute(sql, list(values)).fetchall()


def cells(page: str, heading: str) -> list[str]:
    """Return the cells of the table row that begins with a heading, as text."""
    for row in re.findall(r"<tr[^>]*>(.*?)</tr>", page, re.DOTALL):
        texts = [
            " ".join(unescape(re.sub(r"<[^>]+>|[\u2066-\u2069]", " ", cell)).split())
            for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        ]
        if texts and texts[0].startswith(heading):
            return texts
    raise AssertionError(f"no row {heading!r}")


def numbers(text: str) -> list[float]:
    return [float(one.replace(",", "").replace("−", "-")) for one in re.findall(r"[-−+]?\d[\d,]*\.?\d*", text)]


@pytest.mark.parametrize("language", ["ar", "en"])
def test_overview_shows_the_published_figures(
    sign_in: SignIn, centre: Workspace, edition_id: str, language: str
) -> None:
    page = sign_in(reader_of(OWN)).get(f"/{language}/{edition_id}/agencies/{OWN}/").text
    rows = published(
        centre,
        f"select metrics.name_{language}, scores.status, scores.score, scores.ci_low, scores.ci_high, scores.n, "
        "scores.respondents, scores.n_effective, scores.design_effect "
        "from bench_scores as scores join dim_metrics as metrics using (metric_id) "
        "where unit_type = 'agency' and unit_id = ? and period_id = ? and is_headline",
        OWN,
        edition_id[:6],
    )
    assert len(rows) >= 8
    assert any(row[-1] is not None for row in rows)
    for name, status, score, low, high, n, persons, effective, effect in rows:
        shown = cells(page, str(name))
        if status != "reported":
            assert not numbers(shown[1].replace("30", "").replace("5", ""))
            continue
        assert numbers(shown[1]) == [pytest.approx(round(float(str(score)), 1), abs=0.051)]
        if low is not None:
            assert numbers(shown[2]) == pytest.approx([float(str(low)), float(str(high))], abs=0.051)
        design = [] if effect is None else [persons, round(effective), round(float(effect), 2)]
        assert numbers(shown[3]) == pytest.approx([n, *design], abs=0.011)


def test_centre_sees_every_agency(sign_in: SignIn, centre: Workspace, edition_id: str) -> None:
    page = sign_in(CENTRE).get(f"/en/{edition_id}/").text
    for name, agency in published(centre, "select name_en, agency_id from dim_agencies"):
        cells(page, unescape(str(name)))
        assert f"/agencies/{agency}/" in page


@pytest.mark.parametrize("language", ["ar", "en"])
def test_score_explains_itself_in_the_steps_of_the_publication(
    sign_in: SignIn, centre: Workspace, edition_id: str, language: str
) -> None:
    rows = published(
        centre,
        "select score_id, score_raw, n from bench_scores where unit_id = ? and unit_type = 'agency' "
        "and status = 'reported' and score_raw is not null and metric_id = 'overall_satisfaction' order by all",
        OWN,
    )
    score_id, raw, n = rows[0]
    page = sign_in(reader_of(OWN)).get(f"/{language}/{edition_id}/scores/{score_id}").text
    steps = re.findall(r"<li>(.*?)</li>", page.partition('class="steps"')[2].partition("</ol>")[0])
    assert len(steps) >= 4
    told = [numbers(re.sub("[\u2066\u2069]", "", unescape(step))) for step in steps]
    rows, cells_count, asked, answered, *absences = published(
        centre,
        "select rows_count, cells_count, asked_count, answered_count, dont_know_count, not_applicable_count, "
        "refused_count, missing_count from bench_explanations where score_id = ?",
        score_id,
    )[0]
    assert (told[0][0], told[0][-1]) == (rows, cells_count)
    assert told[1][-6:] == [asked, answered, *absences]
    assert told[2] == [round(float(str(raw)), 2), n]
    slices = {
        str(row[0]) for row in published(centre, "select slice_id from bench_lineage where score_id = ?", score_id)
    }
    assert slices and all(one in unescape(page) for one in slices)


def test_only_the_centre_reads_what_a_shared_score_was_made_from(
    sign_in: SignIn, centre: Workspace, edition_id: str
) -> None:
    rows = published(
        centre,
        "select score_id, rows_count from bench_explanations where agency_id is null order by rows_count desc limit 1",
    )
    score_id, counted = rows[0]
    paths = published(
        centre,
        "select path from bench_lineage where score_id = ? and path not in "
        "(select path from bench_lineage where agency_id = ?)",
        score_id,
        OWN,
    )
    address = f"/en/{edition_id}/scores/{score_id}"
    whole, shared = sign_in(CENTRE).get(address).text, sign_in(reader_of(OWN)).get(address).text
    steps = [page.partition('class="steps"')[2].partition("</ol>")[0] for page in (whole, shared)]
    assert f"{counted:,}" in steps[0] and steps[0].count("<li>") >= steps[1].count("<li>") + 1
    assert paths and all(str(path) in unescape(whole) and str(path) not in unescape(shared) for (path,) in paths)


def test_arabic_indic_digits_are_a_choice_that_stays(sign_in: SignIn, edition_id: str) -> None:
    client = sign_in(reader_of(OWN))
    here = f"/ar/{edition_id}/agencies/{OWN}/?period=2025Q3"
    before = client.get(here).text
    answer = client.post("/digits", data={"form_token": form_token(before), "digits": "arabic_indic", "here": here})
    assert answer.headers["location"] == here
    table = re.compile(r'<td class="figure">(.*?)</td>', re.DOTALL)
    after = client.get(here).text
    indic = str.maketrans("٠١٢٣٤٥٦٧٨٩٫٬", "0123456789.,")
    assert not re.search(r"\d", "".join(table.findall(after)).translate(str.maketrans("", "", "٠١٢٣٤٥٦٧٨٩")))
    assert [cell.translate(indic) for cell in table.findall(after)] == table.findall(before)
    english = client.get(here.replace("/ar/", "/en/")).text
    assert not set("٠١٢٣٤٥٦٧٨٩") & set("".join(table.findall(english)))


def test_periods_of_the_past_are_readable_and_others_not(sign_in: SignIn, edition_id: str) -> None:
    client = sign_in(reader_of(OWN))
    for period in ("2025Q2", "2025Q3", "2025Q4"):
        assert client.get(f"/en/{edition_id}/agencies/{OWN}/", params={"period": period}).status_code == 200
    for period in ("2019Q1", "2026Q9", "x"):
        assert client.get(f"/en/{edition_id}/agencies/{OWN}/", params={"period": period}).status_code == 404


def test_an_agency_reads_estimates_of_its_branches_its_drivers_and_its_neighbours(
    sign_in: SignIn, centre: Workspace, edition_id: str
) -> None:
    page = sign_in(reader_of(OWN)).get(f"/en/{edition_id}/agencies/{OWN}/").text
    for key in ("branches", "drivers", "neighbours"):
        assert words()["titles"][key]["en"] in page
    rows = published(
        centre,
        "select units.name_en, bench_small_units.status, estimated_score, ci_low, ci_high from bench_small_units "
        "join dim_units as units using (unit_type, unit_id) join dim_metrics as metrics using (metric_id) "
        "where bench_small_units.agency_id = ? and period_id = ? and metric_id = 'overall_satisfaction'",
        OWN,
        edition_id[:6],
    )
    assert rows
    for name, status, score, low, high in rows:
        shown = cells(page, str(name))
        if status == "reported":
            assert numbers(shown[1]) == pytest.approx([float(str(score))], abs=0.06)
            assert numbers(shown[2]) == pytest.approx([float(str(low)), float(str(high))], abs=0.06)
        else:
            assert len(shown) == 2
    near = published(centre, "select count(distinct neighbour_id) from bench_neighbours where agency_id = ?", OWN)
    assert near[0][0] > 0


def test_long_tables_come_in_parts_that_add_up(
    sign_in: SignIn, centre: Workspace, edition_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("context", "pages.places"):
        monkeypatch.setattr(f"portal.{module}.PAGE_ROWS", 4)
    client = sign_in(CENTRE)
    address = f"/en/{edition_id}/regions?metric=digital_completion"
    seen: list[str] = []
    for _ in range(50):
        page = client.get(address).text
        body = page.rpartition("<tbody>")[2]
        seen += re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
        after = re.search(r'rel="next" href="([^"]+)"', page)
        if not after:
            break
        address = unescape(after[1])
    expected = published(
        centre,
        "select count(*) from bench_disparities where row_type = 'unit' and unit_type = 'region' "
        "and metric_id = 'digital_completion' and period_id = ?",
        edition_id[:6],
    )
    assert len(seen) == expected[0][0] > 4
    assert len(set(seen)) == len(seen), "a place measured with two instruments has two rows that differ"


class Markup(HTMLParser):
    """Parses enough of a page's structure to see that it is complete."""

    VOID = frozenset({"meta", "link", "input", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.ids += [str(value) for name, value in attributes if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def pages(edition_id: str) -> list[str]:
    own = f"{edition_id}/agencies/{OWN}"
    rest = ("places", "places?kind=branch", "complaints", "complaints/median_days", "maturity", "quality", "history")
    return [
        f"{own}/",
        f"{own}/?full=true",
        f"{own}/metrics/overall_satisfaction",
        *(f"{own}/{one}" for one in rest),
        *(
            f"{edition_id}/{one}"
            for one in ("journeys", "journeys/shore", "regions", "method", "downloads", "editions")
        ),
        "check",
    ]


@pytest.mark.parametrize("language", ["ar", "en"])
def test_pages_are_whole_and_ask_nobody_else(sign_in: SignIn, edition_id: str, language: str) -> None:
    client = sign_in(reader_of(OWN))
    for path in pages(edition_id):
        page = client.get(f"/{language}/{path}").text
        parsed = Markup()
        parsed.feed(page)
        assert parsed.open == [], path
        assert len(set(parsed.ids)) == len(parsed.ids), path
        assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in page
        assert page.count("<h1>") == 1
        outside = re.findall(r'(?:src|href|action)="((?:https?:)?//[^"]*)"', page)
        assert outside == [], path
        assert "{" not in re.sub(r"<[^>]+>", "", page), path


def test_pages_print_every_code_in_words(sign_in: SignIn, edition_id: str) -> None:
    """An Arabic page shows no code of a table where a reader expects words."""
    client = sign_in(reader_of(OWN))
    known = {code for kind in (*wording().values(), *words()["codes"].values()) for code in kind if "_" in code}
    for path in pages(edition_id):
        page = re.sub(r"<(option|select|input|a|form|th|td|tr|title|label)\b[^>]*>", "", client.get(f"/ar/{path}").text)
        text = re.sub(r"<bdi[^>]*>.*?</bdi>|<[^>]+>", " ", page)
        assert not known & set(re.findall(r"[a-z]+(?:_[a-z]+)+", text)), path


def test_every_text_stands_in_both_languages() -> None:
    def check(tree: object, path: str) -> None:
        assert isinstance(tree, dict), path
        if {"ar", "en"} & set(tree):
            assert set(tree) == {"ar", "en"}, path
            assert isinstance(tree["ar"], dict) == isinstance(tree["en"], dict), path
            if isinstance(tree["ar"], str):
                fields = [set(re.findall(r"{(\w+)}", tree[language])) for language in ("ar", "en")]
                assert fields[0] == fields[1], path
            return
        for key, value in tree.items():
            check(value, f"{path}.{key}")

    check(words(), "words")


def test_templates_hold_no_text_of_their_own() -> None:
    """Every word a reader sees comes from data; a template holds markup and structure only."""
    import portal

    for path in sorted((Path(portal.__file__).parent / "templates").glob("*.html")):
        source = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", " ", path.read_text("utf-8"), flags=re.DOTALL)
        if path.name == "bare.html":
            source = source.replace("معيار Miyar", "")
        text = re.sub(r"<[^>]*>", " ", source)
        assert re.findall(r"[^\W\d_]{3,}", text) == [], path.name


def test_numbers_in_arabic_sentences_keep_their_order() -> None:
    step = Step("special_cause", {"special_cause": "within_limits", "z": -0.52})
    text = Writing("ar", "arabic_indic").step(step)
    assert "\u2066-٠٫٥٢\u2069" in text
    assert "\u2066-0.52\u2069" in Writing("en").step(step)


def test_small_negative_numbers_are_not_minus_nothing() -> None:
    assert Writing("en").plain(-0.04) == "0.0"
    assert Writing("en").plain(1234) == "1,234"
    assert Writing("en").plain(2.25, 1, signed=True) in {"+2.2", "+2.3"}
