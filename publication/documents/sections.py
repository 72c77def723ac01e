"""Sections that packs and reports share: what moved, true differences, complaints, journeys, restatements.

Belongs here: sections about any unit. Does not belong here: what only an agency reads about itself (`agency`), or only
the nation (`national`).
"""

from collections.abc import Callable
from typing import Any

from publication.documents.model import Code, Count, Plot, Section, Sentence, Table, Text, coded, source_code
from publication.documents.tables import (
    Columns,
    Row,
    code,
    count,
    interval,
    named,
    number,
    source,
    table_of,
    table_section,
    words,
)
from publication.phrasing import Language
from publication.plots import strip, trend
from publication.reading import code_text
from publication.shares import Share

# Plots per section, so that a document takes ten minutes to read.
PLOTS = 4


def trends(share: Share, unit_type: str, unit_id: str, period_id: str, *, with_plots: bool) -> Section | None:
    """Show what moved since the previous quarter, and whether the interval and the whole series both say so."""
    if not share.has("bench_trends", "dim_metrics"):
        return None
    rows = share.rows(
        """select trends.*, metrics.name_ar, metrics.name_en
        from bench_trends as trends inner join dim_metrics as metrics using (metric_id)
        where trends.unit_type = ? and trends.unit_id = ? and trends.period_id = ? and trends.status = 'reported'
            and metrics.is_headline
        order by metrics.metric_id, trends.instrument_id, trends.score_kind""",
        unit_type,
        unit_id,
        period_id,
    )
    if not rows:
        return None
    kinds = {row["score_kind"] for row in rows}
    blocks: list[Sentence | Table | Plot] = [Sentence("trends_how")]
    blocks += [Sentence("totals_how"), Sentence("totals_withheld")] if "mean_of_agencies" in kinds else []
    if with_plots:
        moved = sorted(rows, key=lambda row: _reading(row) in ("reading_none", "reading_unknown"))
        drawn = [_trend_plot(share, row) for row in moved if (row["points_count"] or 0) > 2][:PLOTS]
        blocks += side_by_side(drawn)
    columns = _TREND if kinds == {"own"} else _TOTAL
    return Section(Sentence("trends"), [*blocks, table_of(rows, columns)])


def _change_read(row: Row) -> Text:
    return coded(row["change_reason"]) if row["change"] is None else coded(_reading(row), "readings")


def _trend_source(row: Row) -> Code:
    """Return the score's source; statistics over agencies are no single score, so for them it is the row of the trend."""
    return (
        source_code("bench_scores", row["score_id"])
        if row["score_id"]
        else source_code("bench_trends", row["trend_id"])
    )


_TREND: Columns = {
    "metric": named,
    "instrument": code("instrument_id"),
    "score": number("score"),
    "interval": interval("ci_low", "ci_high"),
    "n": count("n"),
    "n_effective": count("n_effective"),
    "change": number("change", is_change=True),
    "change_interval": interval("change_ci_low", "change_ci_high"),
    "reading": _change_read,
    "year_change": number("year_change", is_change=True),
    "year_interval": interval("year_change_ci_low", "year_change_ci_high"),
    "source": _trend_source,
}
# Of a total a reader must see at the number itself whether agencies or people are counted.
_TOTAL: Columns = {"metric": named, "score_kind": words("score_kind", "score_kinds"), **_TREND}


def _reading(row: Row) -> str:
    """Return the word for what the two quarters' interval and the chart of the whole series say together."""
    has_signal = row["control_signal"] not in (None, "none")
    if row["change_is_significant"] is None and row["control_signal"] is None:
        return "reading_unknown"
    if row["change_is_significant"]:
        return "reading_both" if has_signal else "reading_interval"
    return "reading_signal" if has_signal else "reading_none"


def side_by_side(draws: list[Callable[[Language], str]]) -> list[Plot]:
    """Put drawings in pairs."""
    return [Plot(tuple(draws[position : position + 2])) for position in range(0, len(draws), 2)]


def _trend_plot(share: Share, row: dict[str, Any]) -> Callable[[Language], str]:
    points = _series(share, row)
    kind = None if row["score_kind"] == "own" else row["score_kind"]

    def draw(language: Language) -> str:
        told = (row[f"name_{language}"], code_text(kind, language, "score_kinds"))
        return trend(points, language, " – ".join(text for text in told if text))

    return draw


def _series(share: Share, row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all periods of a unit's metric under one instrument, one row each, with restatements."""
    restated = "select score_id from bench_restatements" if share.has("bench_restatements") else "select ''"
    return share.rows(
        f"""select trends.period_id, trends.instrument_id, trends.score, trends.centre, trends.lower_limit,
            trends.upper_limit, trends.control_signal, scores.ci_low, scores.ci_high, scores.series_id,
            trends.score_id in ({restated}) as is_restated
        from bench_trends as trends left join bench_scores as scores using (score_id)
        where trends.unit_type = ? and trends.unit_id = ? and trends.metric_id = ? and trends.instrument_id = ?
            and trends.score_kind = ? and trends.period_id <= ?
        order by trends.period_id""",
        row["unit_type"],
        row["unit_id"],
        row["metric_id"],
        row["instrument_id"],
        row["score_kind"],
        row["period_id"],
    )


def disparities(share: Share, unit_type: str, unit_id: str, period_id: str) -> Section | None:
    """Show how far a family's branches or regions truly differ."""
    if not share.has("bench_disparities", "dim_metrics"):
        return None
    rows = share.rows(
        """select disparities.*, metrics.name_ar, metrics.name_en
        from bench_disparities as disparities inner join dim_metrics as metrics using (metric_id)
        where row_type = 'group' and unit_type = ? and unit_id = ? and period_id = ? and disparities.status = 'reported'
            and metrics.is_headline
        qualify row_number() over (partition by metrics.metric_id order by n desc, instrument_id) = 1
        order by metrics.metric_id""",
        unit_type,
        unit_id,
        period_id,
    )
    columns: Columns = {
        "metric": named,
        "instrument": code("instrument_id"),
        "units_count": count("units_count"),
        "n": count("n"),
        "n_effective": count("n_effective"),
        "tau": number("tau"),
        "tau_interval": interval("tau_ci_low", "tau_ci_high"),
        "source": source("bench_disparities", "disparity_id"),
    }
    return table_section("disparities", "disparities_how", rows, columns)


def figures(share: Share, table: str, unit_type: str, unit_id: str, period_id: str) -> Section | None:
    """Show complaints or closed loops of one unit: reported figures with their interval, the others with their reason."""
    if not share.has(table):
        return None
    rows = share.rows(
        f"""select * from {table} where unit_type = ? and unit_id = ? and period_id = ? order by figure""",
        unit_type,
        unit_id,
        period_id,
    )
    columns: Columns = {
        "figure": words("figure", "figures"),
        "value": number("value"),
        "interval": interval("ci_low", "ci_high"),
        "n": count("n"),
        "remark": lambda row: coded(row["status_reason"]) if row["status_reason"] else coded(row["caveat"], "caveats"),
        "source": source(table, "figure_id"),
    }
    return table_section(table, f"{table}_how", rows, columns)


def journeys(share: Share, period_id: str, only: set[str] | None = None) -> Section | None:
    """Show journeys with their stages and the weakest link; `only` names the ones to show."""
    if not share.has("bench_journeys", "bench_journey_stages", "dim_units"):
        return None
    rows = share.rows(
        """select journeys.*, units.name_ar, units.name_en
        from bench_journeys as journeys inner join dim_units as units using (unit_type, unit_id)
        where period_id = ? order by unit_id, instrument_id""",
        period_id,
    )
    rows = [row for row in rows if only is None or row["unit_id"] in only]
    if not rows:
        return None
    blocks: list[Sentence | Table | Plot] = [Sentence("journeys_how")]
    reported = [row for row in rows if row["status"] == "reported"]
    # Journeys with a known weakest link come first: only they call for a decision.
    for row in sorted(reported, key=lambda row: (row["weakest_stage"] is None, row["score"]))[:PLOTS]:
        stages = share.rows(
            "select * from bench_journey_stages where unit_id = ? and period_id = ? and instrument_id = ?",
            row["unit_id"],
            period_id,
            row["instrument_id"],
        )
        blocks += [Sentence("journey_name", {"journey": named(row)}), _strip_plot(stages, row)]
    columns: Columns = {
        "journey": named,
        "score": number("score"),
        "interval": interval("ci_low", "ci_high"),
        "n": count("n"),
        "n_effective": count("n_effective"),
        "weakest_stage": words("weakest_stage", "stages"),
        "remark": lambda row: coded(row["status_reason"] or row["weights_reason"]),
        "agencies_measured": lambda row: Count(row["agencies_count"] if row["status"] == "reported" else None),
        "owners_count": count("owners_count"),
        "source": source("bench_scores", "score_id"),
    }
    return Section(Sentence("journeys"), [*blocks, table_of(rows, columns)])


def _strip_plot(stages: list[dict[str, Any]], row: dict[str, Any]) -> Plot:
    return Plot((lambda language: strip(stages, language, row[f"name_{language}"]),))
