"""What every page's route needs: the reader's view of one edition, and the means to write the page.

Belongs here: the dependencies of routes. Does not belong here: any page.
"""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Query
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from portal.problems import ReaderProblem, not_found
from portal.rendering import Writing, link, page_response
from portal.state import Portal
from portal.users import User
from portal.view import Row, View
from portal.visits import Visit
from publication.access import Agency
from publication.checkpoints import read_checkpoint
from publication.phrasing import LANGUAGES, Language

PAGE_ROWS = 50


def visit_of(request: Request) -> Visit:
    visit: Visit = request.state.visit
    return visit


def portal_of(request: Request) -> Portal:
    return visit_of(request).portal


def user_of(request: Request) -> User:
    """Return the signed-in user; raises ReaderProblem if nobody is signed in."""
    visit = visit_of(request)
    if visit.user is None:
        raise ReaderProblem("session_over" if visit.had_token else "sign_in_needed")
    return visit.user


def view_of(request: Request, edition_id: str) -> View:
    """Return the user's view of the edition in the path; from here on the request reads that edition only."""
    user = user_of(request)
    visit, cache = visit_of(request), portal_of(request).edition_cache
    view = View(cache.get(edition_id), user.viewer)
    visit.edition_id = edition_id
    return view


def form_of(request: Request) -> FormData:
    """Return the request's form, which the middleware has read and checked to be ours."""
    form: FormData = request.state.form
    return form


def language_of(language: str) -> Language:
    for known in LANGUAGES:
        if language == known:
            return known
    raise not_found()


@dataclass(frozen=True)
class Page:
    """A page in the making, for a signed-in reader."""

    request: Request
    view: View
    writing: Writing
    user: User

    @property
    def base(self) -> str:
        """Return the path under which this edition's pages are, in this language."""
        return f"/{self.writing.language}/{self.view.edition.edition_id}"

    def periods(self) -> list[str]:
        """Return the edition's periods, newest first."""
        found = self.view.rows("select distinct period_id from bench_coverage order by period_id desc")
        return [str(row["period_id"]) for row in found]

    def period(self, asked: str) -> str:
        """Return the period a page is about: the one asked for, or the edition's own."""
        if not asked:
            return self.view.edition.manifest.period_id
        if asked not in self.periods():
            raise not_found()
        return asked

    def render(self, template: str, agency: Row | None = None, **data: Any) -> Response:
        """Return the page. `agency` is the one it is about: its name heads the page, its pages fill the menu."""
        visit = visit_of(self.request)
        if agency is None and isinstance(self.user.viewer, Agency):
            agency = self.view.agency(self.user.viewer.agency_id)
        url = self.request.url
        rest = url.path.removeprefix(f"/{self.writing.language}")
        context = {
            "page": self,
            "writing": self.writing,
            "t": self.writing.text,
            "base": self.base,
            "agency": agency,
            "user": self.user,
            "centre": visit.portal.workspace.settings.name.model_dump(),
            "edition": self.view.edition.manifest,
            "current_id": visit.portal.edition_cache.current_id(),
            "checkpoint": checkpoint_line(visit.portal.edition_cache.checkpoint()),
            "csrf": visit.session.csrf if visit.session else "",
            "here": f"{url.path}?{url.query}" if url.query else url.path,
            "in_other_language": f"/{self.writing.other}{rest}" + (f"?{url.query}" if url.query else ""),
            **data,
        }
        return page_response(template, context)


def checkpoint_line(content: str) -> dict[str, Any] | None:
    """Return what pages say of the ledger's checkpoint: its size and who signed it by name; None without one."""
    if not content:
        return None
    checkpoint, note = read_checkpoint(content)
    return {"size": checkpoint.size, "signers": [one.name for one in note.signatures]}


def page_of(request: Request, language: str, edition_id: str) -> Page:
    writing = writing_of(request, language)
    view = view_of(request, edition_id)
    return Page(request, view, writing, user_of(request))


def writing_of(request: Request, language: str) -> Writing:
    session = visit_of(request).session
    return Writing(language_of(language), session.digits if session else "latin")


@dataclass(frozen=True)
class Part:
    """One page of a long table: its `rows`, and the links to the parts before and after."""

    rows: list[Row]
    before: str
    after: str
    first: int


def part_of(request: Request, rows: list[Row], start: int) -> Part:
    """Return a part from rows queried with `limit PAGE_ROWS + 1 offset start`."""
    query = {name: value for name, value in request.query_params.items() if name != "start"}
    path = request.url.path
    before = link(path, **query, start=max(0, start - PAGE_ROWS) or None) if start else ""
    after = link(path, **query, start=start + PAGE_ROWS) if len(rows) > PAGE_ROWS else ""
    return Part(rows[:PAGE_ROWS], before, after, start + 1)


def own_path(text: object) -> str:
    """Return the path to go back to if it is one of this portal, otherwise the start page: never another site."""
    parts = urlsplit(text) if isinstance(text, str) and text.startswith(("/ar/", "/en/")) else None
    if parts is None or parts.scheme or parts.netloc or "\\" in parts.path or "//" in parts.path:
        return "/"
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


AnyPage = Annotated[Page, Depends(page_of)]
# The first row of a table's part; no table is nearly as long as the limit.
Start = Annotated[int, Query(ge=0, le=10_000_000)]
SignedIn = Annotated[User, Depends(user_of)]
