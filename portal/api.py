"""The JSON API: the rows of the pages for programs, described by OpenAPI.

Belongs here: the API's routes and shapes. Does not belong here: who may read which rows (`view`).
"""

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from portal.context import SignedIn, portal_of, view_of
from portal.explaining import explanation_of
from publication.explain import sentence
from publication.phrasing import LANGUAGES

router = APIRouter(prefix="/api/v1", tags=["editions"])
Value = str | int | float | bool | None
_MOST = 1000


class Told(BaseModel):
    """A problem in one language."""

    title: str
    text: str


class ApiProblem(BaseModel):
    """What went wrong, in both languages. What is not the reader's own is answered like what does not exist."""

    problem: str
    ar: Told
    en: Told


class Editions(BaseModel):
    """Editions, oldest first, and the one that is current."""

    current: str
    editions: list[str]


class Table(BaseModel):
    """A table of which the reader may read rows."""

    table: str
    columns: list[str]


class Rows(BaseModel):
    """Rows of one table in published order; `next_offset` is null at the end."""

    edition_id: str
    table: str
    rows: list[dict[str, Value]]
    offset: int
    next_offset: int | None


class Explained(BaseModel):
    """A score's passport and the steps that led to it, as sentences in both languages."""

    edition_id: str
    passport: dict[str, Value]
    steps: list[dict[str, str]]


_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": ApiProblem} for status in (401, 404, 413, 422, 429, 503)
}
Text = Annotated[str | None, Query(max_length=200)]


@router.get("/openapi.json", include_in_schema=False)
def description(request: Request, _: SignedIn) -> dict[str, Any]:
    found: dict[str, Any] = request.app.openapi()
    return found


@router.get("/editions", responses=_PROBLEMS)
def editions(request: Request, _: SignedIn) -> Editions:
    """Editions there are."""
    cache = portal_of(request).edition_cache
    return Editions(current=cache.current_id(), editions=cache.ids())


@router.get("/editions/{edition_id}/tables", responses=_PROBLEMS)
def tables(request: Request, edition_id: str) -> list[Table]:
    """Tables of an edition of which the reader may read rows."""
    view = view_of(request, edition_id)
    entries = view.edition.manifest.tables
    return [Table(table=name, columns=entries[name].columns) for name in view.tables()]


@router.get("/editions/{edition_id}/tables/{table}", responses=_PROBLEMS)
def rows(
    request: Request,
    edition_id: str,
    table: str,
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 100,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
    agency_id: Text = None,
    unit_type: Text = None,
    unit_id: Text = None,
    metric_id: Text = None,
    period_id: Text = None,
    status: Text = None,
) -> Rows:
    """Rows of one table: the reader's own, and what is shared. A filter on a column the table lacks finds nothing (404)."""
    view = view_of(request, edition_id)
    asked = {
        "agency_id": agency_id,
        "unit_type": unit_type,
        "unit_id": unit_id,
        "metric_id": metric_id,
        "period_id": period_id,
        "status": status,
    }
    filters = {name: value for name, value in asked.items() if value is not None}
    found = view.table(table, filters, limit + 1, offset)
    return Rows(
        edition_id=edition_id,
        table=table,
        rows=[{name: _value(value) for name, value in row.items()} for row in found[:limit]],
        offset=offset,
        next_offset=offset + limit if len(found) > limit else None,
    )


@router.get("/editions/{edition_id}/scores/{score_id}/explanation", responses=_PROBLEMS)
def explanation(request: Request, edition_id: str, score_id: str) -> Explained:
    """How a published score came about."""
    found = explanation_of(view_of(request, edition_id), score_id)
    return Explained(
        edition_id=edition_id,
        passport={name: _value(value) for name, value in found.passport.items()},
        steps=[{language: sentence(step, language) for language in LANGUAGES} for step in found.steps],
    )


def _value(value: object) -> Value:
    if isinstance(value, Decimal):
        return float(value)
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
