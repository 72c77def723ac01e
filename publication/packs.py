"""One pack per agency: its own figures in full, peers only as statistics, and what happened to its rows.

Belongs here: the files of a pack. Does not belong here: another agency's detail, in any column; the content of the
document (`documents.agency`).
"""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from ingestion.submission_ledger import Account
from methodology.parameters import Methodology
from miyar import sql
from publication.access import Agency
from publication.documents.agency import agency_document
from publication.documents.rendering import as_html, as_pdf, values
from publication.documents.workbook import write_workbook
from publication.hashing import combined_hash, file_hash, table_hash
from publication.phrasing import LANGUAGES
from publication.shares import Shares

OWNER_SCORES = "owner_scores"
WRITERS = 2  # packs written at once: typesetting, Parquet and queries wait for each other only in the interpreter
# Beginnings of a text that a spreadsheet would take for a formula (OWASP, CSV injection).
FORMULA = r"^([=+\-@\t\r])"
# The agency sees its own figures from 5 responses on (`owner_n`), the public from 30. Nobody sees fewer than 5.
SCORES = """
    select
        judged.agency_id, judged.unit_type, judged.unit_id, units.name_ar, units.name_en, judged.metric_id,
        metrics.name_ar as metric_ar, metrics.name_en as metric_en, judged.period_id, judged.instrument_id,
        case
            when judged.status = 'reported' then 'reported'
            when shown.is_shown then 'owner_only'
            else judged.status
        end as status,
        judged.owner_reason as status_reason,
        case when shown.is_shown then cast(round(judged.score, 4) as decimal(12, 4)) end as score,
        case when shown.is_shown and isfinite(judged.ci_low) then cast(round(judged.ci_low, 4) as decimal(12, 4)) end
            as ci_low,
        case when shown.is_shown and isfinite(judged.ci_high) then cast(round(judged.ci_high, 4) as decimal(12, 4)) end
            as ci_high,
        case when shown.is_shown then judged.n end as n,
        case when shown.is_shown then judged.respondents end as respondents,
        case
            when shown.is_shown and isfinite(judged.n_effective)
                then cast(round(judged.n_effective, 4) as decimal(18, 4))
        end as n_effective,
        case
            when shown.is_shown and isfinite(judged.design_effect)
                then cast(round(judged.design_effect, 4) as decimal(12, 4))
        end as design_effect,
        positions.peers_count, positions.peer_median, positions.peer_lower_quartile, positions.peer_upper_quartile,
        positions.peer_frame, positions.peer_mean, positions.difference, positions.difference_low,
        positions.difference_high, positions.verdict, positions.p_right, positions.special_cause,
        positions.comparability_reason, positions.linked_instrument_id, positions.linked_score
    from intermediate.int_scores__judged as judged
    cross join lateral (
        select
            judged.status = 'reported'
            or coalesce(judged.owner_reason in ('n_below_minimum', 'complementary'), false) as is_shown
    ) as shown
    left join core.dim_units as units
        on judged.unit_type = units.unit_type and judged.unit_id = units.unit_id
    left join core.dim_metrics as metrics
        on judged.metric_id = metrics.metric_id
    left join benchmarks.bench_peer_positions as positions
        -- Not `unit_type = 'agency' and ...`: DuckDB then holds every row against every other.
        on case when judged.unit_type = 'agency' then judged.agency_id end = positions.agency_id
        and judged.metric_id = positions.metric_id and judged.period_id = positions.period_id
        and judged.instrument_id = positions.instrument_id
    where judged.agency_id is not null and judged.period_id <= $period
    order by judged.agency_id
"""


def write_owner_files(
    connection: duckdb.DuckDBPyConnection, accounts: list[Account], building: Path, period: str
) -> dict[str, str]:
    """Write what a pack holds beyond the edition's tables: `tables/owner_scores.parquet` and `quality.json`.

    Returns a hash per pack over the content of both. All other files of a pack follow from them, the edition's tables
    and the access rules.
    """
    hashes = {}
    quality = _quality_by_agency(accounts)
    agencies = [row[0] for row in connection.execute("select agency_id from core.dim_agencies order by 1").fetchall()]
    # The rows of all agencies are judged once and stored in order of agency, so that each pack reads only its own.
    connection.execute("create or replace temp table owned as " + SCORES, {"period": period})
    for agency in agencies:
        folder = building / "packs" / agency
        (folder / "tables").mkdir(parents=True)
        own = f"select * exclude (agency_id) from owned where agency_id = {sql.text(agency)} order by all"
        sql.write(connection, own, folder / "tables" / f"{OWNER_SCORES}.parquet")
        report = json.dumps(quality.get(agency, []), ensure_ascii=False, indent=1, sort_keys=True)
        (folder / "quality.json").write_text(report + "\n", "utf-8")
        hashes[agency] = pack_hash(connection, folder)
    connection.execute("drop table owned")
    return hashes


def pack_hash(connection: duckdb.DuckDBPyConnection, folder: Path) -> str:
    """Return the hash of what a pack adds to the edition's tables; raises duckdb.Error or OSError if it is unreadable."""
    parts = {
        OWNER_SCORES: table_hash(connection, sql.parquet(folder / "tables" / f"{OWNER_SCORES}.parquet")),
        "quality.json": file_hash(folder / "quality.json"),
    }
    return combined_hash(parts)


def write_packs(shares: Shares, building: Path, edition_id: str, period: str, methodology: Methodology) -> None:
    """Fill the packs of an edition under construction: the agency's rows of every table, workbook, pages and PDFs."""

    def write(folder: Path) -> None:
        _write_pack(shares, folder, edition_id, period, methodology)

    with ThreadPoolExecutor(WRITERS) as writers:
        # The first failure stops the rest: packs not yet begun are not written.
        for _ in writers.map(write, sorted((building / "packs").iterdir())):
            pass


def _write_pack(shares: Shares, folder: Path, edition_id: str, period: str, methodology: Methodology) -> None:
    own = pq.read_table(folder / "tables" / f"{OWNER_SCORES}.parquet")
    with shares.of(Agency(folder.name), **{OWNER_SCORES: own}) as share:
        for name, rows in share.own_tables(folder.name):
            _write_table(rows, folder / "tables" / name)
        agency = share.rows("select * from dim_agencies where agency_id = ?", folder.name)[0]
        quality = json.loads((folder / "quality.json").read_text("utf-8"))
        document = agency_document(share, agency, edition_id, period, quality, methodology)
        # Plots query the reader's rows, so everything is rendered while the share is open.
        for language in LANGUAGES:
            told = values(document, language)
            (folder / f"index.{language}.html").write_text(as_html(told), "utf-8")
            (folder / f"pack.{language}.pdf").write_bytes(as_pdf(told, period))
        write_workbook(document, folder / "pack.xlsx", period)


def _write_table(rows: pa.Table, stem: Path) -> None:
    """Write as Parquet, and as CSV in which spreadsheets take no text for a formula."""
    if stem.name != OWNER_SCORES:
        pq.write_table(rows, stem.with_suffix(".parquet"), compression="zstd")
    columns = [_harmless(rows.column(name)) for name in rows.column_names]
    with stem.with_suffix(".csv").open("wb") as stream:
        # A byte-order mark lets spreadsheets recognise the Arabic.
        stream.write(b"\xef\xbb\xbf")
        csv.write_csv(pa.table(columns, names=rows.column_names), stream)


def _harmless(column: Any) -> Any:
    """Put an apostrophe before texts that begin like a formula; numbers stay numbers."""
    if not pa.types.is_string(column.type):
        return column
    return pc.replace_substring_regex(column, FORMULA, r"'\1")


def _quality_by_agency(accounts: list[Account]) -> dict[str, list[dict[str, Any]]]:
    """Return per agency the account of its own rows in every submission that held any."""
    found: dict[str, list[dict[str, Any]]] = {}
    for account in sorted(accounts, key=lambda account: account.path):
        named = {entry["agency_id"] for entry in account.slices}
        # A single refused row that names another agency does not show that agency this file.
        agencies = {entry["agency_id"] for entry in account.slices if entry["rows"] > 0} or named & {account.provider}
        for agency in sorted(agencies):
            own = [entry for entry in account.slices if entry["agency_id"] == agency]
            line: dict[str, Any] = {
                "submission_id": account.submission_id,
                "file": account.path,
                "status": account.status,
                "accepted": sum(entry["rows"] for entry in own),
                "periods": sorted({entry["period_id"] for entry in own}),
            }
            # For a file about many agencies, totals and rules would reveal one agency's data to another.
            if len(agencies) == 1:
                line |= {
                    "records": account.records,
                    "quarantined": account.quarantined,
                    "duplicates": account.duplicates,
                    "rules": dict(sorted(account.rule_counts.items())),
                }
            found.setdefault(agency, []).append(line)
    return found
