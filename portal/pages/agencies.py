"""The first pages: all agencies for the centre, one agency's headline figures for everybody else.

Belongs here: overviews. Does not belong here: one metric in detail (`metrics`).
"""

from functools import partial

from fastapi import APIRouter
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.context import PAGE_ROWS, AnyPage, Page, Start, language_of, part_of, portal_of, user_of
from portal.view import Row, View
from publication.access import Agency
from publication.plots import forest, signals
from publication.reading import satisfaction_metric

router = APIRouter()
AGENCY_SCORES = """
    select
        metrics.metric_id, metrics.name_ar, metrics.name_en, metrics.unit, metrics.polarity, scores.score_id, scores.status,
        scores.status_reason, scores.score, scores.ci_low, scores.ci_high, scores.n, scores.respondents, scores.n_effective,
        scores.design_effect, scores.interval_claim, scores.instrument_id, positions.peers_count, positions.peer_frame,
        positions.peer_mean, positions.difference, positions.difference_low, positions.difference_high,
        positions.smallest_difference, positions.verdict, positions.p_right, positions.tipping_gap, positions.tier,
        positions.benchmark, positions.national_verdict, positions.turns_with_frame, positions.comparability_reason,
        positions.neighbours_count, positions.neighbour_verdict, positions.turns_with_neighbours, positions.study_n,
        positions.linked_instrument_id, positions.linked_score, positions.linked_low, positions.linked_high,
        positions.nonresponse_low, positions.nonresponse_high, positions.turns_with_nonresponse, trends.change,
        trends.change_ci_low, trends.change_ci_high, trends.change_is_significant, trends.control_signal
    from bench_scores as scores
    inner join dim_metrics as metrics on scores.metric_id = metrics.metric_id
    left join bench_peer_positions as positions
        on scores.score_id = positions.score_id and positions.agency_id = ?
    left join bench_trends as trends
        on scores.score_id = trends.score_id and trends.unit_type = 'agency' and trends.unit_id = ?
    where scores.unit_type = 'agency' and scores.unit_id = ? and scores.period_id = ? and metrics.is_headline in (true, ?)
    order by metrics.is_headline desc, metrics.feed, metrics.metric_id, scores.instrument_id
"""
# Every agency's score of one metric and period, read once for both the table and the plots.
AGENCIES = """
    select
        agencies.agency_id, agencies.name_ar, agencies.name_en, agencies.peer_group,
        scores.score_id, scores.status, scores.status_reason, scores.score, scores.ci_low, scores.ci_high, scores.n,
        scores.respondents, scores.n_effective, scores.design_effect, scores.interval_claim,
        scores.instrument_id, scores.weighting, scores.mode_set, scores.adjustments, positions.z, positions.special_cause,
        positions.peers_count, positions.peer_frame, positions.peer_mean, positions.difference, positions.difference_low,
        positions.difference_high, positions.smallest_difference, positions.verdict, positions.p_right,
        positions.tipping_gap, positions.tier,
        positions.benchmark, positions.national_verdict, positions.turns_with_frame, positions.comparability_reason,
        positions.linked_instrument_id, positions.linked_score, positions.linked_low, positions.linked_high
    from bench_scores as scores
    inner join dim_agencies as agencies on scores.agency_id = agencies.agency_id
    left join bench_peer_positions as positions
        on scores.score_id = positions.score_id and positions.metric_id = ? and positions.period_id = ?
    where scores.unit_type = 'agency' and scores.metric_id = ? and scores.period_id = ?
    order by agencies.peer_group, agencies.agency_id, scores.instrument_id
    limit 2000
"""

# What can be said of an agency's branches although their own scores are withheld.
BRANCHES = """
    select
        metrics.metric_id, metrics.name_ar as metric_ar, metrics.name_en as metric_en, units.name_ar, units.name_en, small.*
    from bench_small_units as small
    inner join dim_metrics as metrics on small.metric_id = metrics.metric_id
    left join dim_units as units on small.unit_type = units.unit_type and small.unit_id = units.unit_id
    where small.agency_id = ? and small.period_id = ? and small.metric_id = ?
    order by small.instrument_id, small.unit_id
    limit 200
"""

# The agencies nearest in context, and the variable that sets each apart most.
NEIGHBOURS = """
    select near.place, near.distance, near.variable, near.contribution, near.reason, agencies.name_ar, agencies.name_en
    from bench_neighbours as near
    left join dim_agencies as agencies on near.neighbour_id = agencies.agency_id
    where near.agency_id = ?
    qualify row_number() over (partition by near.neighbour_id order by near.contribution desc, near.variable) = 1
    order by near.place
    limit 50
"""

# What satisfaction hangs on, the most important first.
DRIVERS = """
    select drivers.*, metrics.name_ar, metrics.name_en
    from bench_drivers as drivers
    inner join dim_metrics as metrics on drivers.driver_metric_id = metrics.metric_id
    where drivers.agency_id = ? and drivers.period_id = ?
    order by drivers.instrument_id, drivers.importance desc
    limit 50
"""


@router.get("/{language}/")
def home(request: Request, language: str) -> Response:
    """Redirect to the current edition; from here on every link names it."""
    user_of(request)
    current = portal_of(request).edition_cache.current_id()
    return RedirectResponse(f"/{language_of(language)}/{current}/", 303)


@router.get("/{language}/{edition_id}/")
def overview(request: Request, page: AnyPage, metric: str = "", period: str = "", start: Start = 0) -> Response:
    """Show the centre every agency on one metric, and an agency its own figures."""
    if isinstance(page.user.viewer, Agency):
        return _agency_page(page, page.user.viewer.agency_id, period, full=False)
    chosen = page.period(period)
    metrics = headline_metrics(page.view)
    asked = metric or metrics[0]["metric_id"]
    definition = page.view.one("select * from dim_metrics where metric_id = ?", [asked])
    rows = page.view.rows(AGENCIES, [asked, chosen, asked, chosen])
    part = part_of(request, rows[start : start + PAGE_ROWS + 1], start)
    return page.render(
        "agencies.html",
        metrics=metrics,
        metric=definition,
        period=chosen,
        part=part,
        plots=_plots(page, definition, rows),
    )


@router.get("/{language}/{edition_id}/agencies/{agency_id}/")
def agency(page: AnyPage, agency_id: str, period: str = "", full: bool = False) -> Response:
    return _agency_page(page, agency_id, period, full)


def headline_metrics(view: View) -> list[dict[str, str]]:
    """Return the headline metrics, satisfaction first where it is measured: most readers come for it."""
    return view.rows(
        "select metric_id, name_ar, name_en from dim_metrics where is_headline order by metric_id != ?, feed, metric_id",
        [satisfaction_metric(view.edition.manifest)],
    )


def _plots(page: Page, metric: Row, rows: list[Row]) -> list[Markup]:
    """Draw both answers of each group of agencies that were compared with each other; no two groups share a plot."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row["verdict"] is not None:
            frame = row["peer_group"] if row["peer_frame"] == "group" else page.writing.code("peer_frames", "national")
            alike = (
                row["linked_instrument_id"] or row["instrument_id"],
                row["weighting"],
                row["mode_set"],
                row["adjustments"],
            )
            groups.setdefault((frame, *alike), []).append(_as_compared(row) | {"polarity": metric["polarity"]})
    drawn = []
    for (group, *_), own in groups.items():
        told = {"metric": page.writing.name(metric), "group": group}
        title = page.writing.text("titles", "group_against_peers", **told)
        drawn.append(page.writing.plot(partial(forest, has_one_scale=True), own, title=title))
        drawn.append(page.writing.plot(signals, own, title=page.writing.text("titles", "signals", **told)))
    return drawn


def _as_compared(row: Row) -> Row:
    """The row with the score its verdict was told from: the linked one where its peers ask on another scale."""
    if row["linked_score"] is None:
        return row
    return row | {"score": row["linked_score"], "ci_low": row["linked_low"], "ci_high": row["linked_high"]}


def _agency_page(page: AnyPage, agency_id: str, period: str, full: bool) -> Response:
    agency = page.view.agency(agency_id)
    chosen = page.period(period)
    rows = page.view.rows(AGENCY_SCORES, [agency_id, agency_id, agency_id, chosen, not full])
    index = page.view.rows("select * from bench_index where unit_id = ? and period_id = ?", [agency_id, chosen])
    title = page.writing.text("titles", "against_peers", period=page.writing.period_text(chosen))
    placed = [_as_compared(row) for row in rows if row["verdict"] is not None]
    drawing = page.writing.plot(forest, placed, title=title) if placed else ""
    return page.render(
        "agency.html",
        agency=agency,
        period=chosen,
        rows=rows,
        full=full,
        index=index,
        plot=drawing,
        branches=_branches(page.view, agency_id, chosen),
        drivers=_of_table(page.view, "bench_drivers", DRIVERS, [agency_id, chosen]),
        neighbours=_of_table(page.view, "bench_neighbours", NEIGHBOURS, [agency_id]),
    )


def _branches(view: View, agency_id: str, period: str) -> list[Row]:
    """Estimates of the agency's branches by the metric most readers come for."""
    metric = satisfaction_metric(view.edition.manifest)
    return _of_table(view, "bench_small_units", BRANCHES, [agency_id, period, metric])


def _of_table(view: View, table: str, sql: str, values: list[str]) -> list[Row]:
    """Rows of a query over a table that older editions do not have."""
    return view.rows(sql, values) if table in view.tables() else []
