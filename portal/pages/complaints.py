"""Complaints and closed loops of one agency: the figures of a quarter, each over time and by service.

Belongs here: complaint pages. Does not belong here: cases; an edition holds none.
"""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from portal.context import PAGE_ROWS, AnyPage, Start, part_of
from portal.problems import not_found

router = APIRouter()
COLUMNS = "figure, period_id, status, status_reason, value, ci_low, ci_high, n, closed_only_misleading, caveat"
FIGURES = f"""
    select 'complaints' as kind, {COLUMNS} from bench_complaints
    where unit_type = 'agency' and unit_id = ? and period_id = ?
    union all
    select 'closed_loop' as kind, {COLUMNS} from bench_closed_loop
    where unit_type = 'agency' and unit_id = ? and period_id = ?
    order by kind desc, figure
"""
HISTORY = f"""
    select {COLUMNS} from bench_complaints where unit_type = 'agency' and unit_id = ? and figure = ?
    order by period_id desc limit 50
"""
SERVICES = """
    select rows.*, units.name_ar, units.name_en
    from bench_complaints as rows
    left join dim_units as units on rows.unit_type = units.unit_type and rows.unit_id = units.unit_id
    where rows.unit_type in ('service', 'agency_region') and rows.agency_id = ? and rows.figure = ?
        and rows.period_id = ?
    order by rows.unit_type desc, rows.unit_id
    limit ? offset ?
"""


@router.get("/{language}/{edition_id}/agencies/{agency_id}/complaints")
def complaints(page: AnyPage, agency_id: str, period: str = "") -> Response:
    agency = page.view.agency(agency_id)
    chosen = page.period(period)
    rows = page.view.rows(FIGURES, [agency_id, chosen, agency_id, chosen])
    return page.render("complaints.html", agency=agency, period=chosen, rows=rows)


@router.get("/{language}/{edition_id}/agencies/{agency_id}/complaints/{figure}")
def figure(
    request: Request, page: AnyPage, agency_id: str, figure: str, period: str = "", start: Start = 0
) -> Response:
    agency = page.view.agency(agency_id)
    chosen = page.period(period)
    history = page.view.rows(HISTORY, [agency_id, figure])
    if not history:
        raise not_found()
    rows = page.view.rows(SERVICES, [agency_id, figure, chosen, PAGE_ROWS + 1, start])
    return page.render(
        "complaint_figure.html",
        agency=agency,
        figure=figure,
        period=chosen,
        history=history,
        part=part_of(request, rows, start),
    )
