"""The sums that readers of an edition have: scores of regions and journeys, totals of agencies, means of peers, bases of figures.

Belongs here: reading them by the product's own shares of a reader, and which answers each is the sum of, by the warehouse. An
attacker is taken to know the latter, which is more than it is told. Does not belong here: solving them (`algebra`), texts and
files (`artefacts`).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from miyar.workspace import Workspace
from publication.access import Public, Viewer
from tests.disclosure.algebra import COALITIONS, System, Tried, attack, attack_pairs
from tests.disclosure.published import CELL, SCORED, Published, Table, by_table

OF_AGENCIES = f"select {CELL}, agency_id from benchmarks.bench_scores where unit_type = 'agency' and {SCORED}"
NEIGHBOURS = "select agency_id, neighbour_id from benchmarks.bench_neighbours where neighbour_id is not null"
# What every answer and measure counts, by the agency, the region and the journey it is of.
ATOMS = f"""
    select {CELL}, agency_id, coalesce(region_id, '') as region, coalesce(journey_id, '') as journey,
        sum(coalesce(n, n_at_least)) as n
    from intermediate.int_measures__observed group by all
    union all
    select metrics.metric_id, cells.scale_id || '/' || (cells.scale_range + 1) || '|' || cells.wording_version, cells.period_id,
        cells.agency_id, coalesce(cells.region_id, ''), coalesce(cells.journey_id, ''), sum(cells.answered_count)
    from intermediate.int_survey__cells as cells
    inner join staging.stg_methodology__metrics as metrics
        on metrics.measure_id in (cells.item || '.mean', cells.item || '.top_box')
        and coalesce(metrics.stage, '') in ('', coalesce(cells.stage, ''))
    group by all
"""


def located(edition: Published) -> Iterator[System]:
    """Scores of regions and journeys beside pooled totals: their n, and the sums of answers behind n and mean."""
    atoms: dict[Table, dict[tuple[str, str, str], int]] = {}
    for metric, instrument, period, agency, region, journey, n in edition.truth(ATOMS):
        if n and n > 0:
            atoms.setdefault((metric, instrument, period), {})[agency, region, journey] = int(n)
    places = by_table(
        edition.rows(
            f"select {CELL}, unit_type, unit_id from bench_scores where agency_id is null and n is not null and {SCORED}"
        )
    )
    totals = by_table(
        edition.rows(
            f"""select {CELL}, unit_type, unit_id from bench_trends
            where score_kind = 'pooled' and unit_type in ('national', 'peer_group') and {SCORED}"""
        )
    )
    counted = set(edition.truth(OF_AGENCIES))
    groups = edition.groups
    for table, own in sorted(atoms.items()):
        cells = sorted(own)
        agency, region, journey = (np.array(part, object) for part in zip(*cells, strict=True))
        in_total = np.array([(*table, one) in counted for one in agency])
        rows = [
            (region if row["unit_type"] == "region" else journey) == row["unit_id"] for row in places.get(table, [])
        ]
        rows += [
            in_total & np.array([row["unit_id"] in ("all", groups[one]) for one in agency])
            for row in totals.get(table, [])
        ]
        if rows:
            yield System("counts and sums of one table", " ".join(table), np.array(rows, float), agency.astype(str))


def means(edition: Published) -> Iterator[tuple[System, dict[str, list[np.ndarray]]]]:
    """Means of agencies that everybody has, and by agency the means of peers and neighbours that it alone is shown."""
    scored = by_table(
        [
            dict(zip(("metric_id", "instrument_id", "period_id", "agency_id"), row, strict=True))
            for row in edition.truth(OF_AGENCIES)
        ]
    )
    totals = by_table(
        edition.rows(f"""select {CELL}, unit_type, unit_id from bench_trends
            where score_kind = 'mean_of_agencies' and {SCORED}""")
    )
    names = ["metric_id", "instrument_id", "period_id", "agency_id", "comparison_class", "national_class", "passed"]
    names += ["national_passed", "peer_mean", "peer_frame", "national_peer_mean", "neighbour_mean"]
    positions = by_table(
        [
            dict(zip(names, row, strict=True))
            for row in edition.truth(
                """select gated.metric_id, gated.compared_instrument_id, gated.period_id, gated.agency_id, comparison_class,
                national_class, gated.comparability_reason is null and has_peers and gated.instrument_id = compared_instrument_id,
                national_reason is null and has_national_peers and gated.instrument_id = compared_instrument_id, peer_mean,
                peer_frame, national_peer_mean, neighbour_mean
                from intermediate.int_comparability__gated as gated
                inner join benchmarks.bench_peer_positions as shown using (agency_id, metric_id, period_id, instrument_id)"""
            )
        ]
    )
    near: dict[str, set[str]] = {}
    for one, other in edition.truth(NEIGHBOURS):
        near.setdefault(one, set()).add(other)
    groups = edition.groups
    for table in sorted(set(totals) | set(positions)):
        own = positions.get(table, [])
        agencies = sorted({row["agency_id"] for row in scored.get(table, [])} | {row["agency_id"] for row in own})
        is_scored = np.array([any(row["agency_id"] == one for row in scored.get(table, [])) for one in agencies])
        rows = [
            is_scored & np.array([row["unit_id"] in ("all", groups[one]) for one in agencies])
            for row in totals.get(table, [])
        ]
        private = {
            row["agency_id"]: [_members(agencies, chosen, row["agency_id"]) for chosen in _shown(row, own, near)]
            for row in own
        }
        public = np.array(rows, float).reshape(-1, len(agencies))
        yield System("means of agencies", " ".join(table), public, np.array(agencies)), private


def _shown(row: dict[str, Any], own: list[dict[str, Any]], near: dict[str, set[str]]) -> Iterator[set[str]]:
    """The agencies behind each mean in one reader's row."""
    group = {one["agency_id"] for one in own if one["passed"] and one["comparison_class"] == row["comparison_class"]}
    nation = {
        one["agency_id"] for one in own if one["national_passed"] and one["national_class"] == row["national_class"]
    }
    if row["peer_mean"] is not None:
        yield group if row["peer_frame"] == "group" else nation
    if row["national_peer_mean"] is not None:
        yield nation
    if row["neighbour_mean"] is not None:
        yield nation & near.get(row["agency_id"], set())


def _members(agencies: list[str], chosen: set[str], reader: str) -> np.ndarray:
    return np.array([one in chosen and one != reader for one in agencies], float)


def attack_means(system: System, private: dict[str, list[np.ndarray]], tried: Tried) -> None:
    """Strangers by what everybody has; one reader and two by their own rows besides."""
    attack(system, tried, 0)
    agencies = [str(one) for one in system.owner]
    readers = [(one,) for one in private] + [(one, two) for one in private for two in private if one < two]
    for coalition in readers:
        rows = np.vstack([system.rows, *(row for one in coalition for row in private[one])])
        own = np.array([agencies.index(one) for one in coalition])
        rows[:, own] = 0
        victims = _solved(rows)
        found = f"{system.name}: {[agencies[one] for one in victims][:1]} by {list(coalition)}"
        size = "agency" if len(coalition) == 1 else "two agencies"
        tried.add(system.kind, size, len(agencies) - len(coalition), len(victims), what=found)


def _solved(rows: np.ndarray) -> np.ndarray:
    """Which scores the equations determine: their unit vectors lie in the rows' span."""
    if not rows.any():
        return np.zeros(0, np.int64)
    _, size, basis = np.linalg.svd(rows, full_matrices=False)
    return np.flatnonzero((basis[size > 1e-9 * size[0]] ** 2).sum(axis=0) > 1 - 1e-8)


def bases(edition: Published, tried: Tried) -> None:
    """n of two figures of one unit and period: of regions' figures and scores, of stages, and of totals of agencies."""
    found: dict[tuple[str, str, str], dict[str, dict[str, float]]] = {}

    def note(kind: str, unit: str, period: str, figure: str, agency: str, n: Any) -> None:
        if n:
            found.setdefault((kind, unit, period), {}).setdefault(figure, {})[agency] = float(n)

    for table, topic in (("bench_complaints", "complaints"), ("bench_closed_loop", "closed_loop")):
        shown = {
            (row["unit_id"], row["period_id"], row["figure"])
            for row in edition.rows(
                f"select unit_id, period_id, figure from {table} where agency_id is null and status = 'reported'"
            )
        }
        for unit, period, figure, agency, n in edition.truth(
            f"""select split_part(unit_id, '/', -1), period_id, figure, agency_id, n
            from intermediate.int_service_figures__estimated where unit_type = 'agency_region' and topic = '{topic}'"""
        ):
            if (unit, period, figure) in shown:
                note("n of two figures of a region", unit, period, f"{topic} {figure}", agency, n)
    shown = {
        (row["unit_type"], row["unit_id"], row["period_id"], row["metric_id"], row["instrument_id"])
        for row in edition.rows(
            f"select unit_type, unit_id, {CELL} from bench_scores where agency_id is null and n is not null and {SCORED}"
        )
    }
    for kind, unit, period, metric, instrument, agency, n in edition.truth(
        """select unit_type, unit_id, period_id, metric_id, instrument_id, contributor_id, n
        from intermediate.int_contributors__counted"""
    ):
        if (kind, unit, period, metric, instrument) in shown:
            note(f"n of two figures of a {kind}", unit, period, f"{metric} {instrument}", agency, n)
    groups = edition.groups
    totals = {
        (row["unit_id"], row["period_id"], row["metric_id"], row["instrument_id"])
        for row in edition.rows(
            f"""select unit_id, {CELL} from bench_trends where score_kind = 'pooled'
            and unit_type in ('national', 'peer_group') and {SCORED}"""
        )
    }
    for metric, instrument, period, agency, n in edition.truth(
        f"select {CELL}, agency_id, n from benchmarks.bench_scores where unit_type = 'agency' and {SCORED}"
    ):
        for unit in ("all", groups[agency]):
            if (unit, period, metric, instrument) in totals:
                note("n of two totals of agencies", unit, period, f"{metric} {instrument}", agency, n)
    for (kind, unit, period), counts in sorted(found.items()):
        attack_pairs(kind, f"{unit} {period}", counts, tried)


def coverage(edition: Published, tried: Tried) -> None:
    """What counts and means over the nation's agencies tell of one, to readers who know their own.

    A mean or median over those compared or dated is one agency's once a coalition has taken its own off; and if all that is left
    is withheld, whose is withheld is known.
    """
    owed: dict[tuple[str, str], list[str]] = {}
    for metric, period, _, status in edition.truth(
        """select metric_id, period_id, agency_id, case when bool_or(status = 'reported') then 'reported'
        when bool_or(status = 'suppressed') then 'suppressed' else 'other' end
        from benchmarks.bench_scores where unit_type = 'agency' group by all"""
    ):
        owed.setdefault((metric, period), []).append(status)
    for row in edition.rows("select * from bench_coverage"):
        own = owed[row["metric_id"], row["period_id"]]
        for size, attacker in enumerate(COALITIONS[:3]):
            means = {"mean_reliability": row["n"], "days_to_delivery": row["slices_dated"]}
            told = [name for name, count in means.items() if row[name] is not None and count == size + 1]
            is_told = row["agencies_suppressed"] is not None and 0 < own.count("suppressed") == len(own) - size
            told += ["agencies_suppressed"] * is_told
            tried.add(
                "coverage of the nation", attacker, 3, len(told), what=f"{row['metric_id']} {row['period_id']} {told}"
            )


def attack_edition(workspace: Workspace, tried: Tried, viewer: Viewer | None = None) -> None:
    """Every attack by equations on the current edition; `viewer` reads it, by default somebody who owns nothing.

    All agencies are shown the same rows of no single agency, so what differs between attackers is what they own.
    """
    edition = Published(workspace, viewer or Public())
    for system in located(edition):
        attack(system, tried)
    for system, private in means(edition):
        attack_means(system, private, tried)
    bases(edition, tried)
    coverage(edition, tried)
