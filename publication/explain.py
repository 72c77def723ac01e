"""How a published score came about, step by step, and why two scores may not be compared.

Belongs here: the chain from rows to verdict with the numbers of each step, and the most influential cells. Does not belong
here: the statistics (`methodology`, `dbt`), finding rows (`trace`), the words (`explanations.yml`).
"""

from collections.abc import Callable, Container
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from miyar import sql
from miyar.errors import MiyarError, Problem
from miyar.workspace import Workspace
from publication.manifest import read_manifest
from publication.reading import open_edition, reason_text
from publication.trace import trace

Numbers = dict[str, Any]
MOST_INFLUENTIAL = 10
# The columns by which a reader distinguishes the cells of one score.
_PLACES = (
    "service_id",
    "branch_id",
    "region_id",
    "channel",
    "mode",
    "segment",
    "stage",
    "category_code",
    "practice_id",
)
_ABSENCES = ("dont_know_count", "not_applicable_count", "refused_count", "missing_count")


@dataclass(frozen=True)
class Step:
    """One step of the chain: a code with words in `explanations.yml`, and its numbers."""

    code: str
    numbers: Numbers


@dataclass(frozen=True)
class Influence:
    """The change of the unweighted score without one cell: score - score without it."""

    cell: Numbers
    n: int
    change: float


@dataclass(frozen=True)
class Explanation:
    """A score's passport, the steps that led to it, the submissions it came from, and its most influential cells.

    Readers of an edition get no cells: a cell may hold fewer answers than may ever be shown.
    """

    passport: Numbers
    steps: list[Step]
    lineage: list[Numbers]
    influences: list[Influence] = field(default_factory=list)


# A query with parameters over published tables; it returns only rows its reader may read.
Query = Callable[[str, list[Any]], list[Numbers]]


@cache
def words() -> dict[str, dict[str, str]]:
    """Return step or reason -> sentence per language, with placeholders for the numbers."""
    source: dict[str, dict[str, str]] = yaml.safe_load((Path(__file__).parent / "explanations.yml").read_text("utf-8"))
    return source


def sentence(step: Step, language: str) -> str:
    """Return the step in words: codes in the readers' wording, numbers with at most two decimals, `-` for none."""
    return words()[step.code][language].format_map(
        {name: _shown(value, language) for name, value in step.numbers.items()}
    )


def _shown(value: Any, language: str) -> str:
    if isinstance(value, str):
        return reason_text(value, language)
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{float(value):.2f}"


def explain(workspace: Workspace, edition: Path, score_id: str) -> Explanation:
    """Explain one score of an edition; raises MiyarError for an unknown id. Holds no lock: call it between runs."""
    found = trace(workspace, edition, score_id, limit=1)
    with open_edition(edition) as connection:
        tables = read_manifest(edition).tables
        told = explain_published(lambda query, values: _all(connection, query, values), tables, score_id)
        metric = _one(connection, "select * from dim_metrics where metric_id = ?", [found.passport["metric_id"]])
    assert told is not None  # noqa: S101 - narrows the type; the trace found the score
    cells = [cell for feed in found.cells.values() for cell in feed]
    return replace(told, influences=_influences(cells, metric))


def explain_published(query: Query, tables: Container[str], score_id: str) -> Explanation | None:
    """Explain a score from an edition with these tables, as the reader of `query` may see it; None if they may not."""
    passports = query("select * from bench_scores where score_id = ?", [score_id])
    if not passports:
        return None
    positions = query("select * from bench_peer_positions where score_id = ?", [score_id])
    lineage = query("select * from bench_lineage where score_id = ? order by all", [score_id])
    gathered = []
    # In editions older than this table, the chain begins with the estimate.
    if "bench_explanations" in tables:
        gathered = query("select * from bench_explanations where score_id = ?", [score_id])
    steps = [step for row in gathered for step in (_rows(row, lineage), *_harmonised(row, passports[0]))]
    steps += [*_estimated(passports[0]), *_published(passports[0]), *_placed(positions[0] if positions else None)]
    return Explanation(passports[0], steps, lineage)


def _rows(gathered: Numbers, lineage: list[Numbers]) -> Step:
    files = sorted({str(entry["path"]) for entry in lineage})
    return Step(
        "rows",
        {
            "rows": gathered["rows_count"],
            "submissions": len({entry["submission_id"] for entry in lineage}),
            "providers": ", ".join(sorted({str(entry["provider_id"]) for entry in lineage})),
            "files": "; ".join(files[:3]) + ("; …" if len(files) > 3 else ""),
            "cells": gathered["cells_count"],
        },
    )


def _harmonised(gathered: Numbers, passport: Numbers) -> list[Step]:
    if gathered["asked_count"] is None:
        return []
    counts = {name: gathered[name] for name in ("asked_count", "answered_count", *_ABSENCES)}
    return [Step("harmonised", {"instrument": passport["instrument_id"], **counts})]


def _estimated(passport: Numbers) -> list[Step]:
    steps = []
    if passport.get("score_raw") is not None:
        steps.append(Step("raw", {"score": passport["score_raw"], "n": passport["n"]}))
    if passport.get("score_weighted") is not None:
        numbers = {"score": passport["score_weighted"], "response_rate": passport.get("response_rate")}
        steps.append(Step("weighted", numbers))
    elif passport.get("weighting") == "unweighted" and passport["status"] == "reported":
        steps.append(Step("unweighted", {"reason": passport.get("frame_status") or "-"}))
    if passport.get("respondents") is not None:
        numbers = {name: passport.get(name) for name in ("n", "respondents", "design_effect", "n_effective")}
        steps.append(Step("design", numbers))
    if passport.get("score_adjusted") is not None:
        before = passport.get("score_weighted") or passport.get("score_raw")
        change = None if before is None else passport["score_adjusted"] - before
        steps.append(Step("adjusted", {"score": passport["score_adjusted"], "change": change}))
    return steps


def _published(passport: Numbers) -> list[Step]:
    if passport["status"] != "reported":
        return [Step("withheld", {"status": passport["status"], "reason": passport["status_reason"]})]
    interval = {name: passport[name] for name in ("score", "standard_error", "ci_low", "ci_high", "interval_method")}
    return [Step("interval" if passport["ci_low"] is not None else "no_interval", interval)]


def _placed(position: Numbers | None) -> list[Step]:
    if position is None:
        return []
    frame = "peers_national" if position.get("peer_frame") == "national" else "peers"
    steps = [Step("linked", position)] if position.get("linked_score") is not None else []
    steps += [Step(frame, position)] if position["peer_median"] is not None else []
    if position["verdict"] is None:
        steps.append(Step("no_verdict", position))
        return [*steps, Step("linking_study", position)] if position.get("study_n") else steps
    told = "verdict" if position.get("p_right") is not None else "verdict_none"
    told = "verdict_exact" if position.get("difference_low") is None else told
    steps.append(Step(told, position))
    if position.get("tipping_gap") is not None:
        steps.append(Step("tipping_gap", position))
    if position.get("nonresponse_low") is not None:
        steps.append(Step("nonresponse", position))
    if position.get("special_cause") is not None:
        steps.append(Step("special_cause", position))
    if position.get("turns_with_frame"):
        steps.append(Step("turns_with_frame", position))
    if position.get("turns_with_neighbours"):
        steps.append(Step("turns_with_neighbours", position))
    if position.get("benchmark") is not None:
        steps.append(Step("benchmark", position))
    if position.get("rank_low") is not None:
        steps.append(Step("rank_set", position))
    return steps


def _influences(cells: list[Numbers], metric: Numbers | None) -> list[Influence]:
    """Jackknife over cells of the unweighted score: S/N - (S - s)/(N - n), by size, ties in the order of the cells."""
    parts = [_part(cell, metric) for cell in cells]
    weighty = [(cell, part) for cell, part in zip(cells, parts, strict=True) if part is not None and part[1] > 0]
    total, size = sum(part[0] for _, part in weighty), sum(part[1] for _, part in weighty)
    found = []
    for cell, (amount, n) in weighty:
        if size > n:
            change = total / size - (total - amount) / (size - n)
            places = {name: cell[name] for name in _PLACES if cell.get(name) is not None}
            found.append(Influence(places, int(n), change))
    return sorted(found, key=lambda one: (-abs(one.change), str(one.cell)))[:MOST_INFLUENTIAL]


def _part(cell: Numbers, metric: Numbers | None) -> tuple[float, float] | None:
    """Return a cell's sum and size in the metric's unit; None if the metric is no mean or share of this kind of cell."""
    measure = str(metric["measure_id"]) if metric else ""
    if "sum_position" in cell and measure.endswith(".mean") and cell["sum_position"] is not None:
        return 100 * float(cell["sum_position"]) / float(cell["scale_range"]), float(cell["answered_count"])
    if "sum_score" in cell and cell["sum_score"] is not None:
        return float(cell["sum_score"]), float(cell["observed_count"])
    counted = {
        "complaints.in_time": ("in_time_count", "due_count"),
        "standards.cases_met": ("met_count", "total_count"),
    }
    if measure in counted and cell.get(counted[measure][1]) is not None:
        hits, base = counted[measure]
        return 100 * float(cell[hits] or 0), float(cell[base])
    return None


@dataclass(frozen=True)
class Comparison:
    """Two scores to compare: the reasons that forbid it (codes with numbers), or their difference if there are none."""

    scores: tuple[Numbers, Numbers]
    reasons: list[Step]


# What must be equal before two scores may be compared, and the reason given if it is not.
_ALIKE = (
    ("peer_group", "peer_group_differs"),
    ("instrument_id", "instrument_differs"),
    ("weighting", "weighting_differs"),
    ("mode_set", "modes_differ"),
    ("adjustments", "adjustments_differ"),
    ("methodology_version", "methodology_differs"),
)


def why_not(edition: Path, first: str, second: str, metric_id: str, period_id: str) -> Comparison:
    """Return why the scores of two agencies on a metric may not be compared; no reason means that they may.

    Raises MiyarError naming every unit the edition has no row for.
    """
    with open_edition(edition) as connection:
        rows = [_score_of(connection, unit, metric_id, period_id) for unit in (first, second)]
    problems = [
        Problem(
            "score_unknown",
            f"there is no score of {unit!r} on {metric_id!r} in {period_id}",
            next_step="Look up units in dim_units, metrics in dim_metrics.",
        )
        for unit, row in zip((first, second), rows, strict=True)
        if row is None
    ]
    if problems:
        raise MiyarError(problems)
    one, other = rows
    assert one is not None and other is not None  # noqa: S101 - narrows the types; a missing row raised above
    reasons = [
        Step(f"not_{row['status']}", {"unit": row["unit_id"], "reason": row["status_reason"]})
        for row in (one, other)
        if row["status"] != "reported"
    ]
    if not reasons:
        reasons = [
            Step(reason, {"first": one[name], "second": other[name]})
            for name, reason in _ALIKE
            if name in one and one[name] != other[name]
        ]
        reasons += [
            Step("gate", {"unit": row["unit_id"], "reason": row["comparability_reason"]})
            for row in (one, other)
            if row["comparability_reason"]
        ]
    return Comparison((one, other), reasons)


def _score_of(connection: duckdb.DuckDBPyConnection, unit: str, metric: str, period: str) -> Numbers | None:
    return _one(
        connection,
        """select scores.*, agencies.peer_group, positions.verdict, positions.comparability_reason
        from bench_scores as scores
        inner join dim_agencies as agencies on scores.agency_id = agencies.agency_id
        left join bench_peer_positions as positions on scores.score_id = positions.score_id
        where scores.unit_type = 'agency' and scores.unit_id = ? and scores.metric_id = ? and scores.period_id = ?
        order by scores.status = 'reported' desc, scores.n desc nulls last, scores.instrument_id
        limit 1""",
        [unit, metric, period],
    )


def _one(connection: duckdb.DuckDBPyConnection, query: str, values: list[Any]) -> Numbers | None:
    return next(iter(_all(connection, query, values)), None)


def _all(connection: duckdb.DuckDBPyConnection, query: str, values: list[Any]) -> list[Numbers]:
    return sql.rows(connection.execute(query, values))
