"""Journeys across agencies: the whole, its stages, its weakest link, and the reader's own part in it.

Belongs here: journey pages. Does not belong here: other agencies' parts in a journey.
"""

from fastapi import APIRouter
from starlette.responses import Response

from portal.context import AnyPage
from publication.plots import strip

router = APIRouter()
JOURNEYS = """
    select journeys.*, units.name_ar, units.name_en
    from bench_journeys as journeys
    left join dim_units as units on journeys.unit_type = units.unit_type and journeys.unit_id = units.unit_id
    where journeys.period_id = ?
    order by journeys.unit_id, journeys.instrument_id
    limit 200
"""
# Stages in the order a person meets them.
STAGES = """
    select * from bench_journey_stages
    where unit_id = ? and period_id = ?
    order by instrument_id, array_position(['before', 'during', 'after'], stage)
"""


@router.get("/{language}/{edition_id}/journeys")
def journeys(page: AnyPage, period: str = "") -> Response:
    chosen = page.period(period)
    return page.render("journeys.html", period=chosen, rows=page.view.rows(JOURNEYS, [chosen]))


@router.get("/{language}/{edition_id}/journeys/{journey_id}")
def journey(page: AnyPage, journey_id: str, period: str = "") -> Response:
    chosen = page.period(period)
    unit = page.view.one("select * from dim_units where unit_type = 'journey' and unit_id = ?", [journey_id])
    history = page.view.rows(
        "select * from bench_journeys where unit_id = ? order by period_id desc, instrument_id limit 50", [journey_id]
    )
    # The rule `owner` leaves an agency only its own parts; the centre sees all.
    parts = page.view.rows(
        "select parts.*, agencies.name_ar, agencies.name_en from bench_journey_agencies as parts "
        "inner join dim_agencies as agencies on parts.agency_id = agencies.agency_id "
        "where parts.unit_id = ? and parts.period_id = ? order by parts.agency_id limit 200",
        [journey_id, chosen],
    )
    stages = page.view.rows(STAGES, [journey_id, chosen])
    title = f"{page.writing.name(unit)} · {page.writing.period_text(chosen)}"
    instruments = list(dict.fromkeys(row["instrument_id"] for row in stages))
    plots = [
        page.writing.plot(strip, [row for row in stages if row["instrument_id"] == one], title=title)
        for one in instruments
    ]
    return page.render(
        "journey.html",
        plots=plots,
        unit=unit,
        period=chosen,
        history=history,
        stages=stages,
        parts=parts,
    )
