"""One metric of one agency over time, and one score with its passport and how it came about.

Belongs here: metric and score pages. Does not belong here: the steps of an explanation (`explaining`).
"""

from fastapi import APIRouter
from starlette.responses import Response

from portal.context import AnyPage
from portal.explaining import explanation_of
from portal.problems import not_found
from publication.plots import trend

router = APIRouter()
HISTORY = """
    select
        scores.score_id, scores.period_id, scores.instrument_id, scores.status, scores.status_reason, scores.score,
        scores.ci_low, scores.ci_high, scores.n, scores.respondents, scores.n_effective, scores.design_effect,
        scores.interval_claim, scores.series_id, positions.peer_median, positions.peer_lower_quartile,
        positions.peer_upper_quartile, positions.peers_count, positions.peer_frame, positions.peer_mean, positions.difference,
        positions.difference_low,
        positions.difference_high, positions.smallest_difference, positions.verdict, positions.p_right,
        positions.tipping_gap, positions.tier,
        positions.benchmark, positions.national_verdict, positions.turns_with_frame,
        positions.comparability_reason, positions.rank_low, positions.rank_high, positions.rank_reason,
        trends.change, trends.change_ci_low, trends.change_ci_high, trends.change_is_significant, trends.change_reason,
        trends.control_signal, trends.centre, trends.lower_limit, trends.upper_limit, trends.season_effect,
        exists (select 1 from bench_restatements as changed where changed.score_id = scores.score_id) as is_restated
    from bench_scores as scores
    left join bench_peer_positions as positions
        on scores.score_id = positions.score_id and positions.agency_id = ?
    left join bench_trends as trends
        on scores.score_id = trends.score_id and trends.unit_type = 'agency' and trends.unit_id = ?
    where scores.unit_type = 'agency' and scores.unit_id = ? and scores.metric_id = ?
    order by scores.period_id, scores.instrument_id
"""
SERVICES = """
    select scores.score_id, scores.instrument_id, units.name_ar, units.name_en, scores.status, scores.status_reason, scores.score,
        scores.ci_low, scores.ci_high, scores.n, scores.respondents, scores.n_effective, scores.design_effect,
        scores.interval_claim
    from bench_scores as scores
    inner join dim_units as units on scores.unit_type = units.unit_type and scores.unit_id = units.unit_id
    where scores.unit_type = 'service' and scores.agency_id = ? and scores.metric_id = ? and scores.period_id = ?
    order by scores.unit_id, scores.instrument_id
    limit 200
"""


@router.get("/{language}/{edition_id}/agencies/{agency_id}/metrics/{metric_id}")
def metric(page: AnyPage, agency_id: str, metric_id: str) -> Response:
    agency = page.view.agency(agency_id)
    definition = page.view.one("select * from dim_metrics where metric_id = ?", [metric_id])
    rows = page.view.rows(HISTORY, [agency_id, agency_id, agency_id, metric_id])
    if not rows:
        raise not_found()
    period = page.view.edition.manifest.period_id
    latest = [row for row in rows if row["period_id"] == period]
    services = page.view.rows(SERVICES, [agency_id, metric_id, period])
    accounts = page.view.rows(
        "select * from bench_expectation_accounts where unit_type = 'agency' and unit_id = ? and metric_id = ? "
        "and status = 'reported' order by period_id desc limit 4",
        [agency_id, metric_id],
    )
    title = page.writing.text("titles", "trend", metric=page.writing.name(definition))
    return page.render(
        "metric.html",
        plot=page.writing.plot(trend, rows, title=title),
        agency=agency,
        metric=definition,
        rows=rows,
        latest=latest,
        period=period,
        services=services,
        accounts=accounts,
    )


@router.get("/{language}/{edition_id}/scores/{score_id}")
def score(page: AnyPage, score_id: str) -> Response:
    """Show the reader's own scores and those of no single agency; any other is not found."""
    found = explanation_of(page.view, score_id)
    passport = found.passport
    definition = page.view.one("select * from dim_metrics where metric_id = ?", [passport["metric_id"]])
    units = page.view.rows(
        "select * from dim_units where unit_type = ? and unit_id = ?", [passport["unit_type"], passport["unit_id"]]
    )
    agency = page.view.agency(passport["agency_id"]) if passport["agency_id"] else None
    return page.render(
        "score.html", agency=agency, metric=definition, unit=units[0] if units else None, found=found, passport=passport
    )
