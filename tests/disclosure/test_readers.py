"""Readers who own data, over every edition table: what one agency, or two together, can work out of a third one's.

Belongs here: attacks on the built workspace by readers' shares of its edition and what their owners know. Does not belong here:
the rules by themselves (`test_contributors.py`, `test_total_attacks.py`), readers who own nothing (`tests/dbt`).

The attacker shares no code with the product: it knows every row its share grants, every answer of its own, and in which sums any
agency takes part, which is more than it is told.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import duckdb
import numpy as np
import pytest
from scipy.linalg import null_space

from miyar.workspace import Workspace
from publication.access import Agency, Centre, Public, Viewer
from publication.shares import open_shares

Table = tuple[str, str, str]
CELL = "metric_id, instrument_id, period_id"
PARTS = "split_part(unit_id, '/', -1)"


@dataclass(frozen=True)
class Sums:
    """The shared sums of one metric, instrument and period: (sums, cells), the agency of each cell, and each cell's count."""

    rows: np.ndarray
    owner: np.ndarray
    names: list[str]


def _warehouse(workspace: Workspace, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(workspace.warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()


def _shared(workspace: Workspace, viewer: Viewer, query: str) -> list[dict[str, Any]]:
    with (
        open_shares(workspace.editions / "current" / "benchmarks.duckdb") as shares,
        shares.of(viewer) as share,
    ):
        return share.rows(query)


@pytest.fixture(scope="module")
def counts(built_workspace: Workspace) -> dict[Table, dict[tuple[str, str], int]]:
    """What every agency counts in every region, by table; "" holds its answers elsewhere."""
    found: dict[Table, dict[tuple[str, str], int]] = {}
    query = f"select {CELL}, agency_id, {PARTS}, sum(n) from intermediate.int_statistics__by_unit where unit_type = "
    for *table, agency, region, n in _warehouse(built_workspace, f"{query} 'agency_region' group by all"):
        found.setdefault(tuple(table), {})[agency, region] = int(n or 0)  # type: ignore[index]
    for *table, agency, _, n in _warehouse(built_workspace, f"{query} 'agency' group by all"):
        own = found.setdefault(tuple(table), {})  # type: ignore[arg-type]
        own[agency, ""] = int(n or 0) - sum(count for (name, region), count in own.items() if name == agency and region)
    return {table: {cell: n for cell, n in own.items() if n > 0} for table, own in found.items()}


def _sums(workspace: Workspace, counts: dict[Table, dict[tuple[str, str], int]], viewer: Viewer) -> Iterator[Sums]:
    """The sums of counts a reader may subtract from each other: shared regions, pooled totals of groups and the nation."""
    regions = _shared(
        workspace,
        viewer,
        f"select {CELL}, unit_id from bench_scores where unit_type = 'region' and status = 'reported' and n is not null",
    )
    totals = _shared(
        workspace,
        viewer,
        f"""select {CELL}, unit_type, unit_id from bench_trends
        where score_kind = 'pooled' and unit_type in ('national', 'peer_group') and status = 'reported'""",
    )
    group = dict(_warehouse(workspace, "select agency_id, peer_group from staging.stg_registry__agencies"))
    counted = (
        f"select {CELL}, agency_id from benchmarks.bench_scores where unit_type = 'agency' and status = 'reported'"
    )
    in_totals = {tuple(row) for row in _warehouse(workspace, counted)}
    for table, own in sorted(counts.items()):
        cells = sorted(own)
        owner = np.array([agency for agency, _ in cells])
        place = np.array([region for _, region in cells])
        rows, names = [], []
        for row in regions:
            if (row["metric_id"], row["instrument_id"], row["period_id"]) == table:
                rows.append(place == row["unit_id"])
                names.append(f"region {row['unit_id']}")
        for row in totals:
            if (row["metric_id"], row["instrument_id"], row["period_id"]) == table:
                members = [
                    (*table, agency) in in_totals and row["unit_id"] in ("all", group[agency]) for agency in owner
                ]
                rows.append(np.array(members))
                names.append(f"{row['unit_type']} {row['unit_id']}")
        if rows:
            yield Sums(np.array(rows, float), owner, [f"{' '.join(table)}: {name}" for name in names])


def _told(sums: Sums, coalition: tuple[str, ...]) -> set[str]:
    """Agencies of which the coalition works out a sum exactly: their own cells are known, and some combination leaves one's."""
    unknown = ~np.isin(sums.owner, coalition)
    found = set()
    for agency in np.unique(sums.owner[unknown]):
        others = sums.rows[:, unknown & (sums.owner != agency)]
        free = null_space(others.T) if others.size else np.eye(len(sums.rows))
        if free.size and np.abs(free.T @ sums.rows[:, sums.owner == agency]).max(initial=0) > 1e-7:
            found.add(str(agency))
    return found


def test_no_reader_works_out_another_agencys_count(
    built_workspace: Workspace, counts: dict[Table, dict[tuple[str, str], int]]
) -> None:
    """Nor do two of them together, nor somebody who owns nothing; all agencies are shown the same shared rows."""
    told, attempts = [], 0
    names = sorted({agency for own in counts.values() for agency, _ in own})
    for sums in _sums(built_workspace, counts, Agency(names[0])):
        there = sorted({str(agency) for agency in sums.owner})
        for coalition in [(), *((one,) for one in there), *combinations(there, 2)]:
            attempts += len(there) - len(coalition)
            told += [(coalition, victim, sums.names) for victim in _told(sums, coalition)]
    assert attempts > 1_000
    assert told == []


def test_the_attack_finds_what_the_rule_withholds(
    built_workspace: Workspace, counts: dict[Table, dict[tuple[str, str], int]]
) -> None:
    """On the rows that only the centre reads it succeeds: one that never does would prove nothing."""
    told = [victim for sums in _sums(built_workspace, counts, Centre()) for victim in _told(sums, ())]
    assert told


def test_every_agency_is_shown_the_same_shared_rows(built_workspace: Workspace) -> None:
    """Otherwise two readers would have to be attacked by what either sees."""
    agencies = [name for (name,) in _warehouse(built_workspace, "select agency_id from staging.stg_registry__agencies")]
    query = "select score_id, n, score from bench_scores where agency_id is null order by score_id"
    shown = [_shared(built_workspace, viewer, query) for viewer in (Public(), *map(Agency, agencies[:3]))]
    assert shown[0]
    assert all(one == shown[0] for one in shown)


@pytest.mark.parametrize(
    "table", ["bench_complaints", "bench_closed_loop", "bench_journeys", "bench_journey_stages", "bench_disparities"]
)
def test_shared_figures_rest_on_four_agencies(built_workspace: Workspace, table: str) -> None:
    """By the slices behind them, which only the centre reads."""
    rows = _warehouse(
        built_workspace,
        f"select slice_ids, unit_id from benchmarks.{table} where is_shared and status = 'reported' and agency_id is null",
    )
    for slices, unit in rows:
        assert len({name.split("|")[1] for name in slices.split(";")}) >= 4, unit
