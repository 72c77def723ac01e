"""The national report: what moved, how far regions differ, journeys, complaints, maturity, what could not be compared.

Belongs here: what everybody may read about the nation. Agencies are neither named nor shown one by one: statistics over
them need more than the methodology's minimum of peers. Does not belong here: one region (`region`).
"""

from collections.abc import Callable, Sequence
from typing import Any

from methodology.peers import quartiles
from publication.documents.model import Cell, Code, Count, Document, Number, Section, Sentence
from publication.documents.sections import disparities, journeys, side_by_side, trends
from publication.documents.tables import Columns, code, count, interval, named, number, source, table_section, words
from publication.documents.totals import members
from publication.phrasing import Language
from publication.plots import funnel
from publication.shares import Share


def national_document(
    public: Share, centre: Share, edition_id: str, period_id: str, minimum_peers: int, regional: Sequence[str]
) -> Document:
    """Return the report of a period.

    Args:
        public: what a reader who owns nothing may read; the source of every row shown.
        centre: all rows, used only for counts and statistics over agencies.
        minimum_peers: a statistic over agencies needs more agencies than this, so that each has that many peers in it.
        regional: the metrics by which regions are compared.
    """
    cells: dict[str, Cell] = {"edition": Code(edition_id), "period": Code(period_id)}
    found = [
        trends(public, "national", "all", period_id, with_plots=True),
        members(public, "national", "all", period_id),
        disparities(public, "region", "all", period_id),
        _regions(public, period_id, regional),
        journeys(public, period_id),
        _complaints(centre, period_id, minimum_peers),
        _maturity(centre, period_id, minimum_peers),
        _not_compared(centre, period_id),
        _coverage(public, period_id),
        _restated(centre),
        Section(
            Sentence("how_to_read"), [Sentence("how_intervals"), Sentence("how_statistics"), Sentence("how_sources")]
        ),
    ]
    return Document(
        Sentence("national_title", cells),
        [Sentence("national_lead", cells), Sentence("national_private", {"minimum": Count(minimum_peers + 1)})],
        [section for section in found if section],
    )


def _regions(public: Share, period_id: str, metrics: Sequence[str]) -> Section | None:
    """Draw regions in funnels: which lie beyond what chance explains at their number of answers."""
    if not public.has("bench_scores", "dim_units", "dim_metrics"):
        return None
    drawn = []
    for metric in metrics:
        rows = public.rows(
            """select scores.score, scores.n, scores.standard_error, scores.instrument_id, units.name_ar, units.name_en,
                metrics.unit, metrics.name_ar as metric_ar, metrics.name_en as metric_en
            from bench_scores as scores
            inner join dim_units as units using (unit_type, unit_id)
            inner join dim_metrics as metrics using (metric_id)
            where unit_type = 'region' and metric_id = ? and period_id = ? and scores.status = 'reported'
            order by instrument_id, units.unit_id""",
            metric,
            period_id,
        )
        # A funnel compares scores of one instrument only: the one most regions were measured with.
        instruments = [row["instrument_id"] for row in rows]
        commonest = max(instruments, key=instruments.count, default=None)
        same = [row for row in rows if row["instrument_id"] == commonest]
        if len(same) > 2:
            drawn.append(_funnel_plot(same))
    return Section(Sentence("regions"), [Sentence("regions_how"), *side_by_side(drawn)]) if drawn else None


def _funnel_plot(rows: list[dict[str, Any]]) -> Callable[[Language], str]:
    return lambda language: funnel(rows, language, rows[0][f"metric_{language}"])


def _complaints(centre: Share, period_id: str, minimum_peers: int) -> Section | None:
    """Show each figure's median and quartiles over agencies."""
    if not centre.has("bench_complaints"):
        return None
    rows = _with_quartiles(
        centre.rows(
            """select figure, count(*) as agencies, list(value::double order by value) filter (value is not null) as scores
            from bench_complaints where unit_type = 'agency' and period_id = ? and status = 'reported'
            group by figure having count(*) > ? order by figure""",
            period_id,
            minimum_peers,
        )
    )
    columns: Columns = {
        "figure": words("figure", "figures"),
        "median": number("median"),
        "quartiles": interval("lower", "upper"),
        "agencies_count": count("agencies"),
        "source": source("bench_complaints", "figure"),
    }
    return table_section("bench_complaints", "complaints_national", rows, columns)


def _with_quartiles(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with median, lower and upper quartile of their scores, none of which is one agency's (`peers.quartiles`)."""
    named = [zip(("lower", "median", "upper"), quartiles(row["scores"]), strict=True) for row in rows]
    return [{**row, **dict(own)} for row, own in zip(rows, named, strict=True)]


def _maturity(centre: Share, period_id: str, minimum_peers: int) -> Section | None:
    if not centre.has("bench_maturity", "dim_metrics"):
        return None
    found = centre.rows(
        """select metrics.metric_id, metrics.name_ar, metrics.name_en, maturity.period_id, count(*) as agencies,
            list(counted_score::double order by counted_score) filter (counted_score is not null) as scores,
            sum(contradicted_practices_count) as contradicted
        from bench_maturity as maturity inner join dim_metrics as metrics using (metric_id)
        where maturity.status = 'reported' and maturity.period_id <= ? and unit_type = 'agency'
        group by metrics.metric_id, metrics.name_ar, metrics.name_en, maturity.period_id having count(*) > ?
        qualify row_number() over (partition by metrics.name_en order by maturity.period_id desc) = 1
        order by metrics.name_en""",
        period_id,
        minimum_peers,
    )
    columns: Columns = {
        "model": named,
        "period": code("period_id"),
        "median": number("median"),
        "quartiles": interval("lower", "upper"),
        "agencies_count": count("agencies"),
        "contradicted": count("contradicted"),
        "source": source("bench_maturity", "metric_id"),
    }
    return table_section("maturities", "maturity_national", _with_quartiles(found), columns)


def _not_compared(centre: Share, period_id: str) -> Section | None:
    """Count agencies' scores without a verdict by reason; a metric that was not measured is no score."""
    if not centre.has("bench_peer_positions"):
        return None
    rows = centre.rows(
        """select comparability_reason as reason, count(*) as scores, count(distinct metric_id) as metrics
        from bench_peer_positions
        where period_id = ? and comparability_reason is distinct from 'not_measured'
        group by comparability_reason order by reason is not null, scores desc, reason""",
        period_id,
    )
    compared = sum(row["scores"] for row in rows if row["reason"] is None)
    told = {"compared": Count(compared), "scores": Count(sum(row["scores"] for row in rows))}
    columns: Columns = {
        "reason": words("reason"),
        "scores_count": count("scores"),
        "metrics_count": count("metrics"),
        "source": source("bench_peer_positions", "reason"),
    }
    without = [row for row in rows if row["reason"]]
    section = table_section("not_compared", Sentence("not_compared_national", dict(told)), without, columns)
    if section is None:
        return None
    return Section(section.heading, [section.blocks[0], *_expected_wrong(centre, period_id), *section.blocks[1:]])


def _expected_wrong(centre: Share, period_id: str) -> list[Sentence]:
    """Say how many verdicts told a direction, and how many of these are expected to be wrong: the mean of 1 - p_right."""
    row = centre.rows(
        "select count(*) as told, 100 * avg(1 - p_right) as wrong from bench_peer_positions "
        "where period_id = ? and p_right is not null",
        period_id,
    )[0]
    return (
        [Sentence("verdicts_national", {"told": Count(row["told"]), "wrong": Number(row["wrong"])})]
        if row["told"]
        else []
    )


def _coverage(public: Share, period_id: str) -> Section | None:
    """Show who owed and who reported, by headline metric."""
    if not public.has("bench_coverage", "dim_metrics"):
        return None
    rows = public.rows(
        """select metrics.metric_id, metrics.name_ar, metrics.name_en, agencies_owed as owed,
            agencies_reported as reported, agencies_suppressed as suppressed, agencies_missing as missing,
            agencies_refused as refused, comparable_count as comparable
        from bench_coverage as coverage inner join dim_metrics as metrics using (metric_id)
        where period_id = ? and metrics.is_headline and coverage.unit_type = 'national'
        order by metrics.name_en""",
        period_id,
    )
    columns: Columns = {
        "metric": named,
        **{name: count(name) for name in _COVERED},
        "source": source("bench_coverage", "metric_id"),
    }
    return table_section("coverage", None, rows, columns)


_COVERED = ("owed", "reported", "suppressed", "missing", "refused", "comparable")


def _restated(centre: Share) -> Section | None:
    """Count the published figures that changed since the previous edition, and say why."""
    if not centre.has("bench_restatements"):
        return None
    rows = centre.rows(
        """select period_id, cause, count(*) as scores, max(abs(total_change)) as largest
        from bench_restatements group by all order by period_id, cause"""
    )
    columns: Columns = {
        "period": code("period_id"),
        "cause": words("cause", "causes"),
        "scores_count": count("scores"),
        "largest_change": number("largest"),
        "source": source("bench_restatements", "cause"),
    }
    return table_section("restated", "restated_national", rows, columns, empty="restated_none")
