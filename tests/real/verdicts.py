"""What comes of each real set: owed positions with a verdict, the reasons of the others, and rows that no figure uses.

Belongs here: these counts of a built workspace, and the page `docs/evidence/real_sets.md`. Does not belong here: the figures
themselves (each set's tests).
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb

from ingestion.submission_ledger import read_accounts, untold_count
from miyar.workspace import Workspace
from publication.reading import wording

PAGE = Path(__file__).resolve().parents[2] / "docs" / "evidence" / "real_sets.md"
# A position is an agency's place in a metric and a quarter that it owes, or delivered without owing it. Metrics of the feeds
# that nobody in the set delivers are owed too, and say nothing about the set: they are counted apart.
POSITIONS = """
    with positions as (
        select metric_id, verdict, comparability_reason as reason,
            bool_or(coalesce(comparability_reason, '') not in ('not_measured', 'no_submission'))
                over (partition by metric_id) as is_delivered
        from benchmarks.bench_peer_positions
    )
    select is_delivered, verdict is not null as has_verdict, coalesce(reason, '') as reason, count(*) as positions
    from positions group by all
"""


def counted(workspace: Workspace) -> dict[str, Any]:
    """Counts of a built workspace: accepted rows and those in no figure, positions owed with a verdict and without, by reason."""
    accounts = read_accounts(workspace)
    untold = Counter[str]()
    for account in accounts:
        for one in account.untold:
            untold[one["reason"]] += one["rows"]
    with duckdb.connect(str(workspace.warehouse), read_only=True) as connection:
        rows = connection.execute(POSITIONS).fetchall()
    reasons = Counter({reason: n for is_delivered, has_verdict, reason, n in rows if is_delivered and not has_verdict})
    return {
        "accepted": sum(account.accepted for account in accounts),
        "in_no_figure": sum(map(untold_count, accounts)),
        "rows": dict(sorted(untold.items())),
        "owed": sum(n for is_delivered, *_, n in rows if is_delivered),
        "verdicts": sum(n for is_delivered, has_verdict, _, n in rows if is_delivered and has_verdict),
        "reasons": dict(sorted(reasons.items(), key=lambda one: (-one[1], one[0]))),
        "undelivered": sum(n for is_delivered, *_, n in rows if not is_delivered),
    }


def published() -> dict[str, dict[str, Any]]:
    """Set -> its counts as they stand beside the page."""
    found: dict[str, dict[str, Any]] = json.loads(PAGE.with_suffix(".json").read_text("utf-8"))
    return found


def write(found: dict[str, dict[str, Any]]) -> None:
    """Write the page and its numbers."""
    PAGE.with_suffix(".json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", "utf-8")
    PAGE.write_text(page(found), "utf-8")


def page(found: dict[str, dict[str, Any]]) -> str:
    """The page in Markdown."""
    lines = [
        "<!-- Made by `python -m tests.real`; do not edit. -->",
        "",
        "# What comes of the real sets",
        "",
        "Eight public data sets, read by contract alone, judged and compared by the whole product (`python -m tests.real`; each",
        "set's tests check its line). A position is an agency's place in a metric and a quarter that it owes. Metrics of the",
        "catalogue that nobody in a set delivers are owed by its feeds too; they are counted apart.",
        "",
        "| set | accepted rows | in no figure | positions | with a verdict | share | of metrics nobody delivers |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, one in sorted(found.items()):
        share = f"{100 * one['verdicts'] / one['owed']:.1f} %" if one["owed"] else "–"
        lines.append(
            f"| `{name}` | {one['accepted']:,} | {one['in_no_figure']:,} | {one['owed']:,} | {one['verdicts']:,} | {share} | "
            f"{one['undelivered']:,} |"
        )
    lines += ["", "## Why the others have none", "", "| set | positions | reason | in words |", "|---|---|---|---|"]
    for name, one in sorted(found.items()):
        lines += [
            f"| `{name}` | {n:,} | `{reason}` | {wording()['reasons'][reason]['en']} |"
            for reason, n in one["reasons"].items()
        ]
    lines += ["", "## Accepted rows in no figure", "", "| set | rows | reason |", "|---|---|---|"]
    for name, one in sorted(found.items()):
        lines += [f"| `{name}` | {n:,} | `{reason}` |" for reason, n in one["rows"].items()]
    return "\n".join(lines) + "\n"
