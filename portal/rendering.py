"""From data to a page: the templates' environment, words in the page's language, numbers as its reader writes them.

Belongs here: how things are written. Does not belong here: what is written (`pages`), the words (`words.yml`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from portal.problems import ReaderProblem
from publication.explain import Step, sentence
from publication.phrasing import LANGUAGES, Digits, Language, Phrasing
from publication.reading import wording

HERE = Path(__file__).parent
DIGITS: tuple[Digits, ...] = ("latin", "arabic_indic")
NONE = "—"
_ISOLATE, _END = "\N{LEFT-TO-RIGHT ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
# A number, or a range of two, inside a sentence; not the digits within a code such as `w2024`.
_NUMBER = r"[-+]?\d+(?:[.,]\d+)*"
_RUN = re.compile(rf"(?<![\w|/.]){_NUMBER}(?: – {_NUMBER})?(?![\w|/])")
_BARE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; font-src 'self'",
    "Cache-Control": "no-store",
}


@cache
def words() -> dict[str, Any]:
    """Return `words.yml`: section -> key -> text per language."""
    source: dict[str, Any] = yaml.safe_load((HERE / "words.yml").read_text("utf-8"))
    return source


@cache
def templates() -> Environment:
    """Return an environment that escapes everything and raises an error for a name that a template misspells."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["LANGUAGES"] = LANGUAGES
    return environment


@dataclass(frozen=True)
class Writing:
    """How one page is written: its language, and the digits its reader chose (only Arabic pages offer a choice)."""

    language: Language
    digits: Digits = "latin"

    @property
    def say(self) -> Phrasing:
        return Phrasing(self.language, HERE / "words.yml", self.digits)

    @property
    def direction(self) -> str:
        return "rtl" if self.say.is_rtl else "ltr"

    @property
    def other(self) -> str:
        return "en" if self.language == "ar" else "ar"

    def text(self, section: str, key: str, /, **given: object) -> str:
        """Return a text of `words.yml`; whole numbers put into it are formatted as such."""
        written = {name: self.plain(value) for name, value in given.items()}
        found = str(words()[section][key][self.language])
        return (found if section == "words" else self.in_words(found)).format_map(written)

    def code(self, kind: str, code: object) -> str:
        """Return the words for a code of the published tables, or the code itself if it has none."""
        if code is None or code == "":
            return NONE
        found = (wording().get(kind) or words()["codes"][kind]).get(str(code))
        return self.in_words(str(found[self.language]) if found else str(code))

    def name(self, row: dict[str, Any], stem: str = "name") -> str:
        return self.say.name(row, stem)

    def number(self, value: object, places: int = 1, signed: bool = False) -> Markup:
        """Return a number as one run of text that surrounding text of the other direction cannot reorder."""
        return Markup('<bdi class="number">{}</bdi>').format(self.plain(value, places, signed))

    def interval(self, low: Any, high: Any, places: int = 1) -> Markup:
        return Markup('<bdi class="number">{}</bdi>').format(self.say.interval(low, high, places))

    def plain(self, value: object, places: int = 1, signed: bool = False) -> str:
        if isinstance(value, bool):
            return self.text("codes", "yes" if value else "no")
        if isinstance(value, int):
            return self.say.count(value)
        if isinstance(value, float | Decimal):
            return self.say.signed(value, places) if signed else self.say.number(value, places)
        return NONE if value is None else str(value)

    def numerals(self, text: object) -> str:
        """Return text with the chosen digits, for an id, a period or a formatted count."""
        return self.say.numerals(str(text))

    def period(self, period_id: object) -> Markup:
        """Return `2026Q3` as a reader would say it."""
        return Markup("<bdi>{}</bdi>").format(self.period_text(period_id))

    def period_text(self, period_id: object) -> str:
        if not period_id:
            return NONE
        year, _, quarter = str(period_id).partition("Q")
        return self.text("words", "period", year=self.numerals(year), quarter=self.numerals(quarter))

    def date(self, moment: str) -> Markup:
        day = datetime.fromisoformat(moment).date().isoformat()
        return Markup('<bdi dir="ltr">{}</bdi>').format(self.say.numerals(day).replace("٫", "."))

    def in_words(self, text: str) -> str:
        """Return a sentence whose numbers have the chosen digits."""
        return _RUN.sub(lambda found: self.numerals(found[0]), text)

    def step(self, step: Step) -> str:
        """Return a step in words; each number and range in it is held together in either direction of writing."""
        text = sentence(step, self.language)
        return _RUN.sub(lambda found: f"{_ISOLATE}{self.numerals(found[0])}{_END}", text)

    def plot(self, draw: Callable[..., str], *rows: object, title: str) -> Markup:
        """Return a plot as a figure of the page, with its words."""
        drawing = draw(*rows, self.language, title, digits=self.digits)
        # Safe: the plots build their text with an XML library, which escapes names.
        return Markup('<figure class="plot" tabindex="0">{}</figure>').format(Markup(drawing))  # noqa: S704


def link(path: str, /, **query: object) -> str:
    """Return a path with those parts of a query that are not empty."""
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


def page_response(template: str, context: dict[str, Any], status: int = 200) -> HTMLResponse:
    return HTMLResponse(templates().get_template(template).render(context, link=link), status)


def problem_response(request: Request, problem: ReaderProblem) -> Response:
    """Return the answer to a problem: a page in both languages, or JSON for a program. It holds no data."""
    texts = words()["problems"][problem.kind]
    headers = {"Retry-After": str(problem.retry_after)} if problem.retry_after else {}
    if problem.kind == "unexpected":
        headers |= _BARE  # answered outside the middleware, which adds the headers elsewhere
    if request.url.path.startswith("/api/"):
        body = {"problem": problem.kind, "ar": texts["ar"], "en": texts["en"]}
        return JSONResponse(body, problem.status, headers)
    visit = getattr(request.state, "visit", None)
    context = {
        "kind": problem.kind,
        "texts": texts,
        "writings": [Writing("ar"), Writing("en")],
        "writing": Writing("ar"),
        "is_signed_in": bool(visit and visit.user),
        "wait": problem.retry_after,
    }
    response = page_response("problem.html", context, problem.status)
    response.headers.update(headers)
    return response
