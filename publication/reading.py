"""Reading an edition: the benchmark table as rows, and the words for its codes.

Belongs here: queries over a published edition that more than one reader needs. Does not belong here: layout of any
page.
"""

from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from miyar import sql
from miyar.errors import MiyarError, Problem
from miyar.unit_types import unit_types
from publication.manifest import Manifest, read_manifest
from publication.method import usual_roles

BENCHMARK = """
    select
        agencies.name_ar, agencies.name_en, scores.score, scores.ci_low, scores.ci_high, scores.n,
        scores.respondents, scores.n_effective, scores.design_effect,
        positions.peers_count, positions.peer_frame, positions.difference, positions.difference_low, positions.difference_high,
        positions.verdict, positions.p_right, positions.turns_with_frame, positions.tier, positions.benchmark,
        positions.special_cause, positions.comparability_reason,
        scores.status, scores.score_id
    from bench_scores as scores
    inner join dim_agencies as agencies
        on scores.unit_type = 'agency' and scores.agency_id = agencies.agency_id
    inner join bench_peer_positions as positions
        on scores.score_id = positions.score_id
    where scores.metric_id = ? and scores.period_id = ?
    order by agencies.peer_group, agencies.agency_id, scores.instrument_id
"""


@cache
def wording() -> dict[str, dict[str, dict[str, str]]]:
    """Return the words of verdicts and reasons: code -> text per language."""
    source: dict[str, dict[str, dict[str, str]]] = yaml.safe_load(
        (Path(__file__).parent / "wording.yml").read_text("utf-8")
    )
    source["unit_types"] = {name: one.name for name, one in unit_types().items()} | source["unit_types"]
    return source


def code_text(code: str | None, language: str, *sections: str) -> str:
    """Return the words of a code in the first section of `wording.yml` that has it; an empty text for no code."""
    if code is None:
        return ""
    for section in sections:
        if code in wording()[section]:
            return wording()[section][code][language]
    # It is better to show a code without words than to hide it; a test requires words for every published code.
    return code


def reason_text(code: str | None, language: str) -> str:
    """Return the words of a verdict, a special cause, a status or a reason."""
    return code_text(code, language, "verdicts", "special_causes", "reasons", "statuses")


def open_edition(edition: Path, threads: int = 0) -> duckdb.DuckDBPyConnection:
    """Open a read-only connection whose queries can neither read other files nor reconfigure it.

    A server of many small queries should take one thread each, because a second one mostly waits. 0: all cores.
    """
    database = edition / "benchmarks.duckdb"
    if not database.is_file():
        raise MiyarError(
            Problem(
                "edition_missing", "there is no such edition", file=edition.name, next_step="Run `miyar run` first."
            )
        )
    # Resolve the path: a process that opened an earlier edition under the same name would go on reading that one.
    config: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": "false",
        "lock_configuration": "true",
        **({"threads": str(threads)} if threads else {}),
    }
    try:
        return duckdb.connect(str(database.resolve()), read_only=True, config=config)
    except (duckdb.Error, UnicodeDecodeError):
        step = "Restore the edition from backup; `miyar verify` names what else was changed."
        told = Problem("edition_unreadable", "its database cannot be opened", file=edition.name, next_step=step)
        raise MiyarError(told) from None


def headline_metrics(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    """Return (id, Arabic name, English name) of the metrics shown first, in the order of their ids."""
    found = connection.execute(
        "select metric_id, name_ar, name_en from dim_metrics where is_headline order by metric_id"
    ).fetchall()
    return [(str(row[0]), str(row[1]), str(row[2])) for row in found]


def satisfaction_metric(manifest: Manifest) -> str:
    """Return the metric most readers come for; an edition whose manifest names no roles has the usual one."""
    return (manifest.roles or usual_roles()).get("satisfaction", "")


def first_metric(edition: Path, connection: duckdb.DuckDBPyConnection) -> str:
    """Return the metric shown by default: overall satisfaction, or else the first headline metric."""
    names = [name for name, _, _ in headline_metrics(connection)]
    wanted = satisfaction_metric(read_manifest(edition))
    return wanted if wanted in names or not names else names[0]


def last_period(connection: duckdb.DuckDBPyConnection) -> str:
    row = connection.execute("select max(period_id) from bench_scores where status = 'reported'").fetchone()
    return str(row[0]) if row and row[0] else ""


def require_period(connection: duckdb.DuckDBPyConnection, period_id: str) -> str:
    """Return a period that somebody asked for; raises MiyarError if the edition does not have it."""
    periods = [
        row[0] for row in connection.execute("select distinct period_id from bench_scores order by 1").fetchall()
    ]
    if period_id not in periods:
        step = f"Try one of {', '.join(periods)}."
        raise MiyarError(Problem("period_unknown", f"there is no period {period_id!r} in this edition", next_step=step))
    return period_id


def benchmark_rows(connection: duckdb.DuckDBPyConnection, metric_id: str, period_id: str) -> list[dict[str, Any]]:
    """Return one line per agency (and instrument) of a metric in a period; raises MiyarError for an unknown metric."""
    if not connection.execute("select 1 from dim_metrics where metric_id = ?", [metric_id]).fetchone():
        listed = ", ".join(metric for metric, _, _ in headline_metrics(connection))
        raise MiyarError(
            Problem("metric_unknown", f"there is no metric {metric_id!r}", next_step=f"Try one of {listed}.")
        )
    return sql.rows(connection.execute(BENCHMARK, [metric_id, period_id]))
