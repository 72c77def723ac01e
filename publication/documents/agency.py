"""The pack of one agency: its own figures in full, peers only as statistics.

Belongs here: what an agency reads about itself. Does not belong here: sections it shares with reports (`sections`),
files (`packs`).
"""

from typing import Any

from methodology.parameters import Methodology
from publication.documents.model import (
    Cell,
    Code,
    Count,
    Document,
    Number,
    Plot,
    Section,
    Sentence,
    Table,
    Text,
    coded,
    score_code,
    word,
)
from publication.documents.sections import disparities, figures, journeys, trends
from publication.documents.tables import (
    Columns,
    code,
    count,
    interval,
    name,
    named,
    number,
    score,
    table_of,
    table_section,
    words,
)
from publication.method import dimension_names
from publication.plots import forest, radar, rug
from publication.shares import Share


def agency_document(
    share: Share,
    agency: dict[str, Any],
    edition_id: str,
    period_id: str,
    quality: list[Any],
    methodology: Methodology,
) -> Document:
    """Return the document of one agency.

    Args:
        share: the agency's share of the edition, with its `owner_scores`.
        agency: its row of dim_agencies.
        quality: the accounts of its files, as in `quality.json`.
        methodology: source of the names of its maturity models' dimensions and levels.
    """
    own = str(agency["agency_id"])
    cells: dict[str, Cell] = {"edition": Code(edition_id), "period": Code(period_id), "agency": named(agency)}
    found = [
        _standing(share, period_id),
        _not_compared(share, period_id),
        _over_time(share, period_id),
        trends(share, "agency", own, period_id, with_plots=True),
        disparities(share, "agency_region", own, period_id),
        figures(share, "bench_complaints", "agency", own, period_id),
        figures(share, "bench_closed_loop", "agency", own, period_id),
        journeys(share, period_id, _own_journeys(share, period_id)),
        *_maturity(share, period_id, methodology),
        _owner_only(share, period_id),
        _restated(share),
        _files(quality, period_id),
        Section(
            Sentence("how_to_read"),
            [Sentence("how_intervals"), Sentence("how_peers"), Sentence("how_scores"), Sentence("how_sources")],
        ),
    ]
    return Document(
        Sentence("pack_title", cells),
        [Sentence("pack_lead", cells), Sentence("pack_private", cells)],
        [section for section in found if section],
    )


def _standing(share: Share, period_id: str) -> Section | None:
    if not share.has("bench_peer_positions", "bench_scores", "dim_metrics"):
        return None
    rows = share.rows(
        """select positions.*, scores.ci_low, scores.ci_high, scores.n, scores.n_effective,
            scores.interval_claim, metrics.name_ar, metrics.name_en, metrics.polarity
        from bench_peer_positions as positions
        inner join bench_scores as scores using (score_id)
        inner join dim_metrics as metrics on positions.metric_id = metrics.metric_id
        where positions.period_id = ? and positions.score is not null
        order by metrics.is_headline desc, positions.metric_id, positions.instrument_id""",
        period_id,
    )
    if not rows:
        return Section(Sentence("standing"), [Sentence("standing_none")])
    columns: Columns = {
        "metric": named,
        "score": number("score"),
        "interval": interval("ci_low", "ci_high"),
        "n": count("n"),
        "n_effective": count("n_effective"),
        "peers_count": count("peers_count"),
        "peer_mean": number("peer_mean"),
        "difference": number("difference", is_change=True),
        "difference_interval": interval("difference_low", "difference_high"),
        "verdict": lambda row: coded(row["verdict"] or row["comparability_reason"]),
        "special_cause": lambda row: coded(row["special_cause"]),
        "benchmark": number("benchmark"),
        "benchmark_interval": interval("benchmark_low", "benchmark_high"),
        "ranks": interval("rank_low", "rank_high", 0),
        "score_id": score(),
    }
    return Section(
        Sentence("standing"),
        [
            Sentence(
                "standing_count", {"scores": Count(len(rows)), "compared": Count(sum(bool(r["verdict"]) for r in rows))}
            ),
            Plot((lambda language: forest(rows, language, word("standing", language)),)),
            table_of(rows, columns),
            *_approximate(rows),
        ],
    )


def _approximate(rows: list[dict[str, Any]]) -> list[Sentence]:
    """Name the scores whose intervals the evidence does not bear out."""
    doubtful = [named(row) for row in rows if row["interval_claim"] == "approximate"]
    if not doubtful:
        return []
    told = Text("، ".join(one.ar for one in doubtful), ", ".join(one.en for one in doubtful))
    return [Sentence("approximate_intervals", {"metrics": told})]


def _not_compared(share: Share, period_id: str) -> Section | None:
    """Count the metrics without a verdict by reason; metrics it did not measure are left out."""
    if not share.has("bench_peer_positions"):
        return None
    rows = share.rows(
        """select comparability_reason, count(distinct metric_id) as metrics_count from bench_peer_positions
        where period_id = ? and comparability_reason is not null and comparability_reason <> 'not_measured'
        group by all order by metrics_count desc, comparability_reason""",
        period_id,
    )
    columns: Columns = {"reason": words("comparability_reason"), "metrics_count": count("metrics_count")}
    return table_section("not_compared", None, rows, columns)


def _over_time(share: Share, period_id: str) -> Section | None:
    """Show headline metrics by period, each with the verdict of that period."""
    if not share.has("bench_peer_positions", "dim_metrics"):
        return None
    rows = share.rows(
        """select metrics.name_ar as row_ar, metrics.name_en as row_en, positions.period_id as column_ar,
            positions.period_id as column_en, positions.score, positions.verdict, positions.comparability_reason
        from bench_peer_positions as positions inner join dim_metrics as metrics using (metric_id)
        where metrics.is_headline and positions.period_id <= ?
        qualify row_number() over (
            partition by positions.metric_id, positions.period_id order by (score is null), instrument_id
        ) = 1 and count(positions.score) over (partition by positions.metric_id) > 0
        order by metrics.metric_id, positions.period_id""",
        period_id,
    )
    if not rows:
        return None
    return Section(
        Sentence("over_time"),
        [Sentence("over_time_how"), Plot((lambda language: rug(rows, language, word("over_time", language)),))],
    )


def _own_journeys(share: Share, period_id: str) -> set[str]:
    if not share.has("bench_journey_agencies"):
        return set()
    rows = share.rows("select distinct unit_id from bench_journey_agencies where period_id = ?", period_id)
    return {row["unit_id"] for row in rows}


def _maturity(share: Share, period_id: str, methodology: Methodology) -> list[Section]:
    """Return one section per model, from its last assessment up to the period."""
    if not share.has("bench_maturity", "bench_maturity_parts", "bench_maturity_gaps", "dim_metrics"):
        return []
    rows = share.rows(
        """select maturity.*, metrics.name_ar, metrics.name_en
        from bench_maturity as maturity inner join dim_metrics as metrics using (metric_id)
        where maturity.status = 'reported' and maturity.period_id <= ? and unit_type = 'agency'
        qualify row_number() over (partition by model_id order by maturity.period_id desc) = 1
        order by model_id""",
        period_id,
    )
    return [_model(share, row, methodology) for row in rows]


def _model(share: Share, row: dict[str, Any], methodology: Methodology) -> Section:
    given = (row["score_id"], row["model_id"])
    parts = share.rows(
        "select * from bench_maturity_parts where score_id = ? and model_id = ? order by part_id", *given
    )
    names = dimension_names(methodology.folder).get(row["model_id"], {})
    # For a model that only its assessor knows, dimensions have no names and there are no levels.
    model = methodology.models.get(row["model_id"])
    levels = {str(number): level for number, level in enumerate(model.levels if model else [], start=1)}
    webs = [
        {"name_ar": known["ar"], "name_en": known["en"], "score": part["score"]}
        for part in parts
        if part["part"] == "dimension"
        and (known := names.get(part["part_id"], {"ar": part["part_id"], "en": part["part_id"]}))
    ]
    gates = [
        {"name_ar": level["ar"], "name_en": level["en"], "is_passed": part["is_passed"]}
        for part in parts
        if part["part"] == "gate" and (level := levels.get(part["part_id"]))
    ]
    gaps = share.rows("select * from bench_maturity_gaps where score_id = ? and model_id = ? order by all", *given)
    columns: Columns = {
        "practice": lambda gap: coded("score_gap", "gaps") if gap["practice_id"] is None else named(gap, "practice"),
        "reason": words("gap_reason", "gap_reasons"),
        "counted_adoption": number("counted_adoption"),
        "adoption_needed": number("adoption_needed"),
        "points_missing": number("points_missing"),
    }
    cells: dict[str, Cell] = {
        "model": named(row),
        "period": Code(row["period_id"]),
        "level": Text(str(row["announced_level_ar"] or ""), str(row["announced_level_en"] or "")),
        "probability": Number(row["announced_level_probability"], 2),
        "score": Number(row["counted_score"]),
        "id": score_code(row["score_id"]),
    }
    blocks: list[Sentence | Table | Plot] = [
        Sentence("maturity_level" if row["announced_level"] is not None else "maturity_score", cells),
        Plot((lambda language: radar(webs, gates, language, row[f"name_{language}"]),)),
    ]
    return Section(Sentence("maturity", cells), [*blocks, *([table_of(gaps, columns)] if gaps else [])])


def _owner_only(share: Share, period_id: str) -> Section | None:
    """Show figures from 5 to 29 responses, which only the agency itself sees."""
    rows = share.rows(
        """select * from owner_scores where status = 'owner_only' and unit_type = 'agency' and period_id = ?
        order by metric_id, instrument_id""",
        period_id,
    )
    columns: Columns = {
        "metric": name("metric"),
        "score": number("score"),
        "interval": interval("ci_low", "ci_high"),
        "n": count("n"),
        "n_effective": count("n_effective"),
        "reason": words("status_reason"),
    }
    return table_section("owner_only", "owner_only_how", rows, columns)


def _restated(share: Share) -> Section | None:
    if not share.has("bench_restatements", "dim_metrics", "dim_units"):
        return None
    rows = share.rows(
        """select restated.*, metrics.name_ar as metric_ar, metrics.name_en as metric_en, units.name_ar, units.name_en
        from bench_restatements as restated
        inner join dim_metrics as metrics using (metric_id)
        inner join dim_units as units using (unit_type, unit_id)
        where restated.unit_type = 'agency' and restated.agency_id is not null
        order by period_id, metric_id, instrument_id"""
    )
    columns: Columns = {
        "metric": name("metric"),
        "period": code("period_id"),
        "score_before": number("score_before"),
        "score_after": number("score_after"),
        "data_change": number("data_change", is_change=True),
        "method_change": number("method_change", is_change=True),
        "cause": words("cause", "causes"),
        "score_id": score(),
    }
    return table_section("restated", "restated_how", rows, columns)


def _files(quality: list[Any], period_id: str) -> Section | None:
    """Show what happened to the agency's files of this period."""
    files = [line for line in quality if period_id in line["periods"] or not line["periods"]]
    columns: Columns = {
        "file": code("file"),
        "file_status": words("status", "submission_statuses"),
        "accepted": count("accepted"),
        "quarantined": lambda line: Count(line.get("quarantined")),
        "duplicates": lambda line: Count(line.get("duplicates")),
        "submission_id": code("submission_id"),
    }
    return table_section("files", "files_how", files, columns)
