"""The brief of one region: its scores against what noise explains, what moved, complaints.

Belongs here: what everybody may read about a region as a whole. Agencies within it are not shown. Does not belong here:
the nation (`national`).
"""

from statistics import NormalDist
from typing import Any

from publication.documents.model import Cell, Code, Document, Section, Sentence
from publication.documents.sections import figures, trends
from publication.documents.tables import Columns, code, count, interval, named, number, source, table_section, words
from publication.documents.totals import members
from publication.shares import Share


def region_document(public: Share, region: dict[str, Any], edition_id: str, period_id: str, level: float) -> Document:
    """Return the brief of `region`, a row of dim_units; `level` is the level of its intervals."""
    cells: dict[str, Cell] = {"region": named(region), "edition": Code(edition_id), "period": Code(period_id)}
    own = str(region["unit_id"])
    found = [
        _scores(public, own, period_id),
        _differences(public, own, period_id, level),
        trends(public, "region", own, period_id, with_plots=True),
        members(public, "region", own, period_id),
        figures(public, "bench_complaints", "region", own, period_id),
        _withheld(public, own, period_id),
        Section(Sentence("how_to_read"), [Sentence("how_intervals"), Sentence("how_regions"), Sentence("how_sources")]),
    ]
    return Document(
        Sentence("region_title", cells), [Sentence("region_lead", cells)], [section for section in found if section]
    )


def _scores(public: Share, unit_id: str, period_id: str) -> Section | None:
    rows = _rows(public, unit_id, period_id, "scores.status = 'reported'")
    columns: Columns = {
        "metric": named,
        "instrument": code("instrument_id"),
        "score": number("score"),
        "interval": interval("ci_low", "ci_high"),
        "n": count("n"),
        "n_effective": count("n_effective"),
        "source": source("bench_scores", "score_id"),
    }
    return table_section("region_scores", None, rows, columns, empty="standing_none")


def _differences(public: Share, unit_id: str, period_id: str, level: float) -> Section | None:
    """Show the region's raw and shrunken scores, and how much of the raw one is due to the region."""
    if not public.has("bench_disparities", "bench_scores", "dim_metrics"):
        return None
    quantile = NormalDist().inv_cdf(0.5 + level / 2)
    rows = public.rows(
        """select disparities.* exclude (tau, tau_ci_low, tau_ci_high), metrics.name_ar, metrics.name_en,
            scores.ci_low, scores.ci_high, family.tau, family.tau_ci_low, family.tau_ci_high,
            disparities.shrunken_score - ? * disparities.shrunken_standard_error as shrunken_low,
            disparities.shrunken_score + ? * disparities.shrunken_standard_error as shrunken_high
        from bench_disparities as disparities
        inner join dim_metrics as metrics using (metric_id)
        inner join bench_disparities as family
            on family.row_type = 'group' and family.unit_type = 'region' and family.unit_id = 'all'
            and disparities.metric_id = family.metric_id and disparities.period_id = family.period_id
            and disparities.instrument_id = family.instrument_id
        left join bench_scores as scores
            on disparities.unit_type = scores.unit_type and disparities.unit_id = scores.unit_id
            and disparities.metric_id = scores.metric_id and disparities.period_id = scores.period_id
            and disparities.instrument_id = scores.instrument_id
        where disparities.row_type = 'unit' and disparities.unit_type = 'region' and disparities.unit_id = ?
            and disparities.period_id = ? and disparities.status = 'reported' and metrics.is_headline
        order by metrics.metric_id, disparities.instrument_id""",
        quantile,
        quantile,
        unit_id,
        period_id,
    )
    columns: Columns = {
        "metric": named,
        "instrument": code("instrument_id"),
        "score": number("score"),
        "interval": interval("ci_low", "ci_high"),
        "shrunken_score": number("shrunken_score"),
        "shrunken_interval": interval("shrunken_low", "shrunken_high"),
        "tau": number("tau"),
        "tau_interval": interval("tau_ci_low", "tau_ci_high"),
        "source": source("bench_disparities", "disparity_id"),
    }
    return table_section("differences", "differences_how", rows, columns)


def _withheld(public: Share, unit_id: str, period_id: str) -> Section | None:
    """Count what is not shown by reason."""
    rows = _rows(public, unit_id, period_id, "scores.status <> 'reported'")
    counted: dict[str, set[str]] = {}
    for row in rows:
        counted.setdefault(row["status_reason"] or row["status"], set()).add(row["metric_id"])
    reasons = [{"reason": reason, "metrics": len(counted[reason])} for reason in sorted(counted)]
    columns: Columns = {
        "reason": words("reason"),
        "metrics_count": count("metrics"),
        "source": source("bench_scores", "reason"),
    }
    return table_section("withheld", None, reasons, columns)


def _rows(public: Share, unit_id: str, period_id: str, condition: str) -> list[dict[str, Any]]:
    if not public.has("bench_scores", "dim_metrics"):
        return []
    return public.rows(
        f"""select scores.*, metrics.name_ar, metrics.name_en
        from bench_scores as scores inner join dim_metrics as metrics using (metric_id)
        where unit_type = 'region' and unit_id = ? and period_id = ? and metrics.is_headline and {condition}
        order by metric_id, instrument_id""",
        unit_id,
        period_id,
    )
