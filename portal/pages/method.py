"""How things are measured and judged: metrics, methodology versions, what a verdict means.

Belongs here: the method page. Does not belong here: the definitions (the edition's tables).
"""

from fastapi import APIRouter
from starlette.responses import Response

from portal.context import AnyPage
from publication.reading import wording

router = APIRouter()


@router.get("/{language}/{edition_id}/method")
def method(page: AnyPage) -> Response:
    metrics = page.view.rows("select * from dim_metrics order by is_headline desc, feed, metric_id limit 500")
    versions = page.view.rows("select * from dim_methodology_versions order by valid_from desc")
    return page.render(
        "method.html",
        metrics=metrics,
        versions=versions,
        codes={name: list(wording()[name]) for name in ("verdicts", "special_causes")},
    )
