"""The attack report: attempts and successes by kind of attack and attacker, and what it costs, as a page and as JSON.

Belongs here: running every attack on drawn worlds and on a built workspace, the share that each rule withholds, the page. Does
not belong here: the attacks (`algebra`, `equations`, `intervals`, `artefacts`, `doors`, `drawn`).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from methodology.contributors import UNIT, apart, sharing
from miyar.workspace import Workspace
from publication.access import Centre, Public
from tests.disclosure.algebra import Tried, attack
from tests.disclosure.artefacts import attack_files, attack_proofs
from tests.disclosure.doors import attack_errors, attack_explanations, attack_planner
from tests.disclosure.drawn import THRESHOLDS, attack_worlds, published
from tests.disclosure.equations import attack_edition, located
from tests.disclosure.intervals import attack_counts, attack_largest
from tests.disclosure.published import Published

PAGE = Path(__file__).resolve().parents[2] / "docs" / "evidence" / "attacks.md"
WORLDS, SEED = 20, 2026_31
PREFACE = """# What readers work out: attempts and successes

Attackers read what they may read of an edition, by the product's own access rules, and own their rows besides: somebody who
owns nothing, each agency, each pair of agencies, and all readers of published tables together. Not attacked is a stolen pack:
it tells its owner's counts of 5 to 29, and so does a thief of it. They know in which sums and means every agency takes part,
which is more than they are told. The attacks (`tests/disclosure`) share no algebra with the
product. This page and `attacks.json` are written by `python -m tests.disclosure WORKSPACE` (the demo's, after `make run`) and
by nothing else; a short form runs with the tests.

- **exact**: another agency's count, sum, score or status follows from what is read, to the last published digit; or of two
  editions the sum over fewer than five answers, or over all of an agency. **narrow**: it lies in an interval narrower than
  required (ten counts; 25 points of the largest agency's score).
- An attempt is one attacker against one agency, value or pair of figures. A file's values are looked for in texts, hidden sheets,
  properties, statistics, dictionaries and metadata; hashes are compared with those of the right guess.
"""


@dataclass(frozen=True)
class Result:
    """Attempts of one subject."""

    about: str
    tried: Tried


def on_worlds(worlds: int = WORLDS, seed: int = SEED) -> Tried:
    tried = Tried()
    attack_worlds(worlds, seed, published, tried)
    return tried


def on_edition(workspace: Workspace, most: int) -> Tried:
    """By equations and intervals; of each table `most` withheld counts are solved for."""
    tried = Tried()
    edition = Published(workspace, Public())
    attack_edition(workspace, tried)
    attack_counts(edition, tried, most)
    attack_largest(edition, tried)
    return tried


def on_artefacts(workspace: Workspace, agencies: list[str], folder: Path, dsn: str | None) -> Tried:
    """By files, proofs and answers to `agencies`; of a PostgreSQL server where there is one."""
    tried = Tried()
    attack_files(workspace, tried, agencies)
    attack_proofs(workspace, tried, agencies)
    attack_explanations(workspace, tried, agencies)
    attack_errors(workspace, tried, agencies[:2], folder)
    if dsn is not None:
        attack_planner(workspace, tried, agencies, dsn)
    return tried


def contrasts(workspace: Workspace) -> Iterator[Result]:
    """What is not claimed: the same attacks on the rows that only the centre reads, and three agencies that work together."""
    tried = Tried()
    attack_edition(workspace, tried, Centre())
    yield Result("The same attacks on what only the centre reads: they succeed, so they can", tried)
    three = Tried()
    tables = list(located(Published(workspace, Public())))
    for system in tables[:: max(len(tables) // 12, 1)]:
        attack(system, three, 3)
    yield Result("Three agencies together, on twelve tables: measured, no rule is against them", three)


def withheld(workspace: Workspace) -> dict[str, dict[str, float]]:
    """Shares withheld from all readers: of scores of regions and journeys one rule after the other, of totals by reason."""
    with duckdb.connect(str(workspace.warehouse), read_only=True) as connection:
        counted = connection.execute("from intermediate.int_contributors__counted").df()
        reported = connection.execute(
            f"select unit_type, {', '.join(UNIT[1:])}, is_shared from benchmarks.bench_scores "
            "where agency_id is null and status = 'reported'"
        ).df()
        reasons = connection.execute(
            """select score_kind, coalesce(status_reason, 'shown'), count(*) from benchmarks.bench_trends
            where unit_type in ('national', 'peer_group') group by all order by all"""
        ).fetchall()
        cells = connection.execute(
            """select count(*), count(*) filter (where status = 'suppressed'),
                count(*) filter (where owner_reason = 'complementary')
            from intermediate.int_scores__judged where agency_id is not null and n > 0"""
        ).fetchone()
    found = {"regions and journeys": _by_rule(counted, reported)}
    for kind in ("mean_of_agencies", "pooled"):
        own = {reason: count for one, reason, count in reasons if one == kind}
        found[f"totals of agencies: {kind}"] = {reason: count / sum(own.values()) for reason, count in own.items()}
    assert cells is not None
    found["counts of agencies and their parts"] = {
        "withheld, below the minimum or for another's sake": cells[1] / cells[0],
        "of it for another's sake": cells[2] / cells[0],
    }
    return found


def _by_rule(counted: pd.DataFrame, reported: pd.DataFrame) -> dict[str, float]:
    """How many of the reported scores stay shared, with one rule after the other switched on."""
    loose = {**THRESHOLDS, "minimum_contributors": 0.0, "dominance_margin": 0.0, "owner_n": 0.0}
    steps = {
        "on fewer than four agencies": {"minimum_contributors": THRESHOLDS["minimum_contributors"]},
        "dominated by one": {"dominance_margin": THRESHOLDS["dominance_margin"]},
        "no room beside the two largest": {"owner_n": THRESHOLDS["owner_n"]},
    }
    left, found = float(len(reported)), {}
    for name, more in steps.items():
        loose |= more
        made = sharing(counted, UNIT, loose)
        kept = float(reported.merge(made[made["is_shared"]], on=UNIT).shape[0])
        found[name], left = (left - kept) / len(reported), kept
    made = apart(counted, made, ["unit_type", "unit_id", "period_id"], THRESHOLDS)
    kept = float(reported.merge(made[made["is_shared"]], on=UNIT).shape[0])
    found["beside another figure of the unit"], left = (left - kept) / len(reported), kept
    kept = float(reported["is_shared"].sum())
    found["beside totals, other places and earlier editions"] = (left - kept) / len(reported)
    return {**found, "shown": kept / len(reported)}


def table(tried: Tried) -> str:
    rows = ["| attack | attacker | attempts | exact | narrow |", "|---|---|---:|---:|---:|"]
    for kind, attacker in sorted(tried.attempts):
        key = kind, attacker
        rows.append(f"| {kind} | {attacker} | {tried.attempts[key]:,} | {tried.exact[key]:,} | {tried.narrow[key]:,} |")
    return "\n".join(rows)


def page(results: list[Result], shown: list[Result], shares: dict[str, dict[str, float]]) -> str:
    attempts = sum(sum(result.tried.attempts.values()) for result in results)
    found = sum(sum(result.tried.exact.values()) + sum(result.tried.narrow.values()) for result in results)
    lines = [PREFACE, f"{attempts:,} attempts, {found:,} successes.\n"]
    for result in [*results, *shown]:
        lines += [f"## {result.about}\n", table(result.tried), ""]
    lines += ["## What is withheld for it\n", "| what | by | share |", "|---|---|---:|"]
    lines += [f"| {what} | {by} | {100 * share:.1f} % |" for what, own in shares.items() for by, share in own.items()]
    return "\n".join(lines) + "\n"


def write(results: list[Result], shown: list[Result], shares: dict[str, dict[str, float]], target: Path = PAGE) -> None:
    target.write_text(page(results, shown, shares), "utf-8")
    records: list[dict[str, Any]] = [
        {"about": result.about, "attack": kind, "attacker": attacker, "attempts": attempts,
         "exact": result.tried.exact[kind, attacker], "narrow": result.tried.narrow[kind, attacker], "claimed": result in results}
        for result in [*results, *shown]
        for (kind, attacker), attempts in sorted(result.tried.attempts.items())
    ]  # fmt: skip
    told = {
        "attacks": records,
        "withheld": {what: {by: round(share, 6) for by, share in own.items()} for what, own in shares.items()},
    }
    target.with_suffix(".json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
