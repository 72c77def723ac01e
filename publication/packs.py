"""One pack per agency: its own scores in full, peers only as statistics, and what became of its rows.

Belongs here: what an agency gets with an edition. Does not belong here: another agency's detail, in any column.
"""

import csv
import io
import json
from pathlib import Path
from typing import Any

import duckdb

from ingestion.ledger import read_accounts
from miyar.workspace import Workspace
from publication.hashing import combined_hash, file_hash

# The agency sees its own figures from 5 responses on (`owner_n`); the public from 30. Nobody below 5.
SCORES = """
    select
        judged.unit_type, judged.unit_id, units.name_ar, units.name_en, judged.metric_id,
        metrics.name_ar as metric_ar, metrics.name_en as metric_en, judged.period_id, judged.instrument_id,
        case
            when judged.status = 'reported' then 'reported'
            when judged.status_reason in ('n_below_minimum', 'complementary') then 'owner_only'
            else judged.status
        end as status,
        judged.status_reason,
        case when shown.is_shown then cast(round(judged.score, 4) as decimal(12, 4)) end as score,
        case when shown.is_shown and isfinite(judged.ci_low) then cast(round(judged.ci_low, 4) as decimal(12, 4)) end
            as ci_low,
        case when shown.is_shown and isfinite(judged.ci_high) then cast(round(judged.ci_high, 4) as decimal(12, 4)) end
            as ci_high,
        case when shown.is_shown then judged.n end as n,
        positions.peers_count, positions.peer_median, positions.peer_lower_quartile, positions.peer_upper_quartile,
        positions.percentile, positions.band, positions.comparability_reason
    from intermediate.int_scores__judged as judged
    cross join lateral (
        select judged.status = 'reported' or judged.status_reason in ('n_below_minimum', 'complementary') as is_shown
    ) as shown
    left join core.dim_units as units
        on judged.unit_type = units.unit_type and judged.unit_id = units.unit_id
    left join core.dim_metrics as metrics
        on judged.metric_id = metrics.metric_id
    left join benchmarks.bench_peer_positions as positions
        on judged.unit_type = 'agency' and judged.agency_id = positions.agency_id
        and judged.metric_id = positions.metric_id and judged.period_id = positions.period_id
        and judged.instrument_id = positions.instrument_id
    where judged.agency_id = ? and judged.period_id <= ?
    order by judged.unit_type, judged.unit_id, judged.metric_id, judged.period_id, judged.instrument_id
"""


def write_packs(
    connection: duckdb.DuckDBPyConnection, workspace: Workspace, building: Path, period: str
) -> dict[str, str]:
    """Write `packs/<agency>/scores.csv` and `quality.json`; returns a content hash per pack."""
    hashes = {}
    quality = _quality_by_agency(workspace)
    agencies = [row[0] for row in connection.execute("select agency_id from core.dim_agencies order by 1").fetchall()]
    for agency in agencies:
        folder = building / "packs" / agency
        folder.mkdir(parents=True)
        result = connection.execute(SCORES, [agency, period])
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([column[0] for column in result.description])
        writer.writerows(result.fetchall())
        # A byte-order mark lets spreadsheets recognise the Arabic.
        (folder / "scores.csv").write_text(text.getvalue(), "utf-8-sig")
        report = json.dumps(quality.get(agency, []), ensure_ascii=False, indent=1, sort_keys=True)
        (folder / "quality.json").write_text(report + "\n", "utf-8")
        hashes[f"packs/{agency}"] = combined_hash({path.name: file_hash(path) for path in sorted(folder.iterdir())})
    return hashes


def _quality_by_agency(workspace: Workspace) -> dict[str, list[dict[str, Any]]]:
    """Per agency, the account of its own rows in every submission that held any."""
    found: dict[str, list[dict[str, Any]]] = {}
    for account in sorted(read_accounts(workspace), key=lambda account: account.path):
        agencies = {entry["agency_id"] for entry in account.slices}
        for agency in sorted(agencies):
            own = [entry for entry in account.slices if entry["agency_id"] == agency]
            line: dict[str, Any] = {
                "submission_id": account.submission_id,
                "file": account.path,
                "status": account.status,
                "accepted": sum(entry["rows"] for entry in own),
                "periods": sorted({entry["period_id"] for entry in own}),
            }
            # Totals and rules of a file about many agencies would tell one agency of another.
            if len(agencies) == 1:
                line |= {
                    "records": account.records,
                    "quarantined": account.quarantined,
                    "duplicates": account.duplicates,
                    "rules": dict(sorted(account.rule_counts.items())),
                }
            found.setdefault(agency, []).append(line)
    return found
