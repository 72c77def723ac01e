"""Maturity of one agency: the level it has reached, its gates, and what is missing for the next.

Belongs here: the maturity page. Does not belong here: how levels are decided (`methodology`).
"""

from fastapi import APIRouter
from markupsafe import Markup
from starlette.responses import Response

from portal.context import AnyPage
from portal.rendering import words
from portal.view import Row
from publication.plots import radar

router = APIRouter()


@router.get("/{language}/{edition_id}/agencies/{agency_id}/maturity")
def maturity(page: AnyPage, agency_id: str) -> Response:
    """Show the latest assessment of each model; older ones are in the list of levels."""
    agency = page.view.agency(agency_id)
    history = page.view.rows(
        "select assessed.*, metrics.name_ar, metrics.name_en from bench_maturity as assessed "
        "inner join dim_metrics as metrics on assessed.metric_id = metrics.metric_id "
        "where assessed.unit_id = ? order by assessed.model_id, assessed.period_id desc limit 50",
        [agency_id],
    )
    latest = list({row["model_id"]: row for row in reversed(history)}.values())
    parts = _of(page, "bench_maturity_parts", latest, "part desc, part_id")
    gaps = _of(page, "bench_maturity_gaps", latest, "gap desc, dimension, practice_id")
    practices = _of(page, "bench_maturity_practices", latest, "dimension, practice_id")
    models = [
        {
            "assessed": row,
            "plot": _radar(page, row, sorted(parts[row["score_id"]], key=lambda one: str(one["part_id"]))),
            "parts": parts[row["score_id"]],
            "gaps": gaps[row["score_id"]],
            "practices": practices[row["score_id"]],
        }
        for row in latest
    ]
    return page.render("maturity.html", agency=agency, models=models, history=history)


def _radar(page: AnyPage, row: Row, parts: list[Row]) -> Markup:
    codes = words()["codes"]["dimension"]
    dimensions = [{**_names(codes.get(one["part_id"])), **one} for one in parts if one["part"] == "dimension"]
    level = words()["titles"]["level"]
    gates = [
        {f"name_{language}": text.format(level=one["part_id"]) for language, text in level.items()} | one
        for one in parts
        if one["part"] == "gate"
    ]
    return page.writing.plot(radar, dimensions, gates, title=page.writing.name(row))


def _names(named: dict[str, str] | None) -> Row:
    return {f"name_{language}": text for language, text in (named or {}).items()}


def _of(page: AnyPage, table: str, assessed: list[Row], order: str) -> dict[str, list[Row]]:
    """Return rows of a table by the assessment they belong to; one query for all models."""
    ids = [row["score_id"] for row in assessed]
    found: dict[str, list[Row]] = {score_id: [] for score_id in ids}
    marks = ", ".join("?" for _ in ids) or "null"
    for row in page.view.rows(f"select * from {table} where score_id in ({marks}) order by {order}", ids):
        found[row["score_id"]].append(row)
    return found
