"""Regions, and one agency's regions and branches: raw and shrunken scores, and how much of the spread is real.

Belongs here: places. Does not belong here: ranking them; a few answers do not justify a rank.
"""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from portal.context import PAGE_ROWS, AnyPage, Page, Start, part_of
from portal.pages.agencies import headline_metrics
from portal.problems import not_found

router = APIRouter()
KINDS = ("agency_region", "branch")
UNITS = """
    select places.*, units.name_ar, units.name_en, scores.score_id, scores.ci_low, scores.ci_high,
        scores.respondents, scores.n_effective, scores.design_effect,
        scores.interval_claim
    from bench_disparities as places
    left join dim_units as units on places.unit_type = units.unit_type and places.unit_id = units.unit_id
    left join bench_scores as scores
        on places.unit_type = scores.unit_type and places.unit_id = scores.unit_id
        and places.metric_id = scores.metric_id and places.period_id = scores.period_id
        and places.instrument_id is not distinct from scores.instrument_id
    where places.row_type = 'unit' and places.unit_type = ? and places.agency_id is not distinct from ?
        and places.metric_id = ? and places.period_id = ?
    order by places.instrument_id, places.unit_id
    limit ? offset ?
"""
GROUPS = """
    select * from bench_disparities
    where row_type = 'group' and unit_type = ? and agency_id is not distinct from ? and metric_id = ? and period_id = ?
    order by instrument_id
"""


@router.get("/{language}/{edition_id}/regions")
def regions(request: Request, page: AnyPage, metric: str = "", period: str = "", start: Start = 0) -> Response:
    """Show regions over all agencies: they belong to no agency, so every reader sees them."""
    data = _places(request, page, "region", None, metric, period, start)
    return page.render("places.html", kinds=(), **data)


@router.get("/{language}/{edition_id}/agencies/{agency_id}/places")
def places(
    request: Request,
    page: AnyPage,
    agency_id: str,
    kind: str = KINDS[0],
    metric: str = "",
    period: str = "",
    start: Start = 0,
) -> Response:
    agency = page.view.agency(agency_id)
    if kind not in KINDS:
        raise not_found()
    data = _places(request, page, kind, agency_id, metric, period, start)
    return page.render("places.html", agency=agency, kinds=KINDS, **data)


def _places(
    request: Request, page: Page, kind: str, agency_id: str | None, metric: str, period: str, start: int
) -> dict[str, Any]:
    metrics = headline_metrics(page.view)
    asked = metric or metrics[0]["metric_id"]
    definition = page.view.one("select * from dim_metrics where metric_id = ?", [asked])
    chosen = page.period(period)
    rows = page.view.rows(UNITS, [kind, agency_id, asked, chosen, PAGE_ROWS + 1, start])
    return {
        "kind": kind,
        "metrics": metrics,
        "metric": definition,
        "period": chosen,
        "groups": page.view.rows(GROUPS, [kind, agency_id, asked, chosen]),
        "part": part_of(request, rows, start),
    }
