"""Editions and what each restated: restatements with their cause, and the reasons for revisions.

Belongs here: the history page. Does not belong here: computing restatements (`publication`).
"""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from portal.context import PAGE_ROWS, AnyPage, Start, part_of, portal_of
from publication.manifest import read_manifest

router = APIRouter()
RESTATED = """
    select changed.*, metrics.name_ar as metric_ar, metrics.name_en as metric_en, units.name_ar, units.name_en
    from bench_restatements as changed
    inner join dim_metrics as metrics on changed.metric_id = metrics.metric_id
    left join dim_units as units on changed.unit_type = units.unit_type and changed.unit_id = units.unit_id
    where changed.agency_id = ?
    order by changed.unit_type, abs(changed.total_change) desc nulls last, changed.period_id, changed.score_id
    limit ? offset ?
"""


@router.get("/{language}/{edition_id}/agencies/{agency_id}/history")
def history(request: Request, page: AnyPage, agency_id: str, start: Start = 0) -> Response:
    agency = page.view.agency(agency_id)
    rows = page.view.rows(RESTATED, [agency_id, PAGE_ROWS + 1, start])
    return page.render("history.html", agency=agency, editions=_editions(request), part=part_of(request, rows, start))


@router.get("/{language}/{edition_id}/editions")
def editions(request: Request, page: AnyPage) -> Response:
    return page.render("editions.html", editions=_editions(request))


def _editions(request: Request) -> list[object]:
    """Return the manifests, newest first: they hold the date, the methodology and the reason for a revision."""
    workspace = portal_of(request).workspace
    return [read_manifest(workspace.editions / name) for name in reversed(portal_of(request).edition_cache.ids())]
