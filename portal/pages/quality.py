"""The quality of what one agency delivered: its submissions, its slices, and patterns that somebody should look at.

Belongs here: the quality page. Does not belong here: judging rows (`expectations`).
"""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from portal.context import PAGE_ROWS, AnyPage, Start, part_of
from portal.sentences import rule_sentence

router = APIRouter()


@router.get("/{language}/{edition_id}/agencies/{agency_id}/quality")
def quality(request: Request, page: AnyPage, agency_id: str, start: Start = 0) -> Response:
    agency = page.view.agency(agency_id)
    # A file about many agencies in which none of this agency's rows was accepted does not concern it.
    told = [line for line in page.view.quality(agency_id) if "records" in line or line["accepted"]]
    submissions = sorted(told, key=lambda line: (line["periods"], line["file"]), reverse=True)
    screens = page.view.rows(
        "select * from bench_screens where unit_id = ? and is_flagged order by period_id desc, screen, metric_id limit 50",
        [agency_id],
    )
    return page.render(
        "quality.html",
        agency=agency,
        part=part_of(request, submissions[start : start + PAGE_ROWS + 1], start),
        screens=screens,
        sentences=lambda rule: rule_sentence(rule, page.writing.language),
    )
