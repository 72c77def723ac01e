"""How near readers come where they cannot solve: intervals of withheld counts, and of the largest agency's part of a figure.

Belongs here: linear programs over every count that all readers together have in published tables, and the
second largest agency's look at the largest. Does not belong here: exact solutions (`equations`).
"""

from collections.abc import Iterator
from typing import Any

from simulation.coverage.attacks import SLACK, WIDTH, World, attacked
from tests.disclosure.algebra import Tried
from tests.disclosure.published import CELL, SCORED, Published

UNITS = ("agency", "service", "branch", "agency_region", "region")
# What the rest of a figure must weigh beside the largest agency's part: a quarter (`dominance_margin`).
MARGIN = 0.25


def attack_counts(edition: Published, tried: Tried, most: int) -> None:
    """Every count below the minimum that is withheld, from all that are shown to somebody; `most` of a table are solved for."""
    shown = {
        (row["unit_type"], row["unit_id"], row["metric_id"], row["instrument_id"], row["period_id"])
        for row in edition.truth_rows(
            f"""select unit_type, unit_id, {CELL} from benchmarks.bench_scores
            where n is not null and (agency_id is not null or is_shared)"""
        )
    }
    region: dict[tuple[Any, ...], dict[str, str]] = {}
    for row in edition.truth_rows(
        f"""select {CELL}, agency_id, unit_id, only_region_id from intermediate.int_statistics__by_unit
        where unit_type = 'branch' and only_region_id is not null"""
    ):
        table = tuple(row[name] for name in ("metric_id", "instrument_id", "period_id"))
        region.setdefault(table, {})[row["unit_id"]] = f"{row['agency_id']}/{row['only_region_id']}"
    tables: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in edition.truth_rows(
        f"""select unit_type, unit_id, coalesce(scores.agency_id, '') as agency_id, {CELL}, is_primary,
        coalesce(n_at_least, n) as n, proofs.is_proved is not null as is_hidden
        from intermediate.int_scores__estimated as scores
        left join intermediate.int_suppression__decided as proofs using (unit_type, unit_id, metric_id, instrument_id, period_id)
        where unit_type in {UNITS} and coalesce(n_at_least, n) > 0"""
    ):
        tables.setdefault(tuple(row[name] for name in ("metric_id", "instrument_id", "period_id")), []).append(row)
    for table, rows in sorted(tables.items()):
        keys = {(row["unit_type"], row["agency_id"], row["unit_id"]): row for row in rows}
        hidden = frozenset(key for key in keys if (key[0], key[2], *table) not in shown)
        small = sorted(key for key, row in keys.items() if key in hidden and row["is_hidden"])
        some = frozenset(small[:: max(len(small) // most, 1)])
        if some:
            world = World({key: int(row["n"]) for key, row in keys.items()}, region.get(table, {}))
            narrow = int((attacked(world, hidden, some) < WIDTH - SLACK).sum())
            tried.add(
                "withheld counts between all shown ones", "all readers together", len(some), 0, narrow, " ".join(table)
            )


def attack_largest(edition: Published, tried: Tried) -> None:
    """Every shared figure of several agencies as its second largest reads it, by answers and by the frame that weighs them."""
    for name, parts in _parts(edition):
        largest, second = sorted(parts)[-1], sorted(parts)[-2] if len(parts) > 1 else 0.0
        narrow = sum(parts) - largest - second < MARGIN * largest
        tried.add(name.split(":")[0], "agency", 1, 0, int(narrow), name)


def _parts(edition: Published) -> Iterator[tuple[str, list[float]]]:
    shown = {
        (row["unit_type"], row["unit_id"], row["metric_id"], row["instrument_id"], row["period_id"]): row
        for row in edition.rows(
            f"select unit_type, unit_id, {CELL}, score_weighted from bench_scores where agency_id is null and {SCORED}"
        )
    }
    for kind, query in (
        ("the largest agency's part, by answers", "select *, n as part from intermediate.int_contributors__counted"),
        (
            "the largest agency's part, by the frame",
            """select 'region' as unit_type, split_part(unit_id, '/', -1) as unit_id, * exclude (unit_type, unit_id),
            weight_sum as part from intermediate.int_scores__weighted where unit_type = 'agency_region' and weight_sum > 0""",
        ),
    ):
        found: dict[tuple[Any, ...], list[float]] = {}
        for row in edition.truth_rows(query):
            key = tuple(row[name] for name in ("unit_type", "unit_id", "metric_id", "instrument_id", "period_id"))
            if key in shown and ("frame" not in kind or shown[key]["score_weighted"] is not None):
                found.setdefault(key, []).append(float(row["part"]))
        for key, parts in sorted(found.items()):
            yield f"{kind}: {' '.join(key)}", parts
