"""An edition of a country's size made from a small one: its agencies are copied many times, and an earlier year is added.

Belongs here: multiplying published rows so that ids still match. Does not belong here: true figures; the copies mean nothing.
"""

import json
from dataclasses import replace
from pathlib import Path

import duckdb

from publication.hashing import file_hash
from publication.manifest import Manifest, TableEntry, read_manifest
from publication.marts import row_order

# IDS are MD5 hashes of a row's keys, made new for each copy. TEXTS contain an agency's id.
IDS = ("score_id", "index_id", "trend_id", "disparity_id", "figure_id")
TEXTS = ("agency_id", "unit_id", "slice_id", "slice_ids", "peer_group", "service_id", "branch_id")
# The demo's eight, plus one more year.
QUARTERS = 12
# This many copies share their agencies' peer groups: about thirteen agencies in each of fifteen, as in a country.
COPIES_IN_A_GROUP = 4


def write_large_edition(source: Path, target: Path, agencies: int) -> Manifest:
    """Write to `target` an edition with this many agencies and a year before the eight quarters of `source`, a demo's edition."""
    manifest = read_manifest(source)
    (target / "packs").mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{source.resolve() / 'benchmarks.duckdb'}' as small (read_only)")
        connection.execute(
            f"attach '{target / 'benchmarks.duckdb'}' as large (storage_version '{manifest.storage_version}')"
        )
        known = [
            str(row[0]) for row in connection.execute("select agency_id from small.dim_agencies order by 1").fetchall()
        ]
        copies = -(-agencies // len(known))
        entries = {
            name: _multiply(connection, name, entry.columns, copies, agencies)
            for name, entry in manifest.tables.items()
        }
        own = [
            str(row[0]) for row in connection.execute("select agency_id from large.dim_agencies order by 1").fetchall()
        ]
    packs = {agency: _pack(source, target, agency, known[0]) for agency in own}
    files = {**dict.fromkeys(sorted(packs.values()), ""), "benchmarks.duckdb": file_hash(target / "benchmarks.duckdb")}
    made = replace(manifest, tables=entries, packs=dict.fromkeys(own, ""), files=files)
    (target / "manifest.json").write_text(made.as_json(), "utf-8")
    return made


def _multiply(
    connection: duckdb.DuckDBPyConnection, name: str, columns: list[str], copies: int, agencies: int
) -> TableEntry:
    """Write one table: rows of agencies once per copy, and all rows of the first year again a year earlier."""
    of_agencies = "agency_id" in columns
    dated = next((column for column in ("period_id", "slice_id") if column in columns), "")
    conditions = ["true"]
    if of_agencies:
        conditions += [
            "(copy = 0 or rows.agency_id is not null)",
            f"(rows.agency_id is null or copy * known.count + known.place < {agencies})",
        ]
    if dated:
        conditions.append(f"(back = 0 or contains(rows.{dated}, '2024Q'))")
    known = """(select agency_id, row_number() over (order by agency_id) - 1 as place, count(*) over () as count
        from small.dim_agencies)"""
    joined = f"left join {known} as known on rows.agency_id = known.agency_id" if of_agencies else ""
    connection.execute(
        f"""create table large.{name} as
        select {", ".join(f"{_copied(column, of_agencies)} as {column}" for column in columns)}
        from small.{name} as rows {joined},
            (select unnest(range({copies if of_agencies else 1})) as copy),
            (select unnest(range({2 if dated else 1})) as back)
        where {" and ".join(conditions)} order by {row_order(columns)}"""
    )
    row = connection.execute(f"select count(*) from large.{name}").fetchone()
    return TableEntry(int(row[0]) if row else 0, columns, "")


def _copied(column: str, of_agencies: bool) -> str:
    """SQL of a column in a copy."""
    text = f"rows.{column}"
    if column in IDS:
        return f"case when copy = 0 and back = 0 then {text} else md5({text} || '-' || copy || '-' || back) end"
    if column == "peer_group":
        return f"{text} || '-' || (copy // {COPIES_IN_A_GROUP})"
    if column in TEXTS and of_agencies:
        renamed = f"replace({text}, rows.agency_id, rows.agency_id || '-' || copy)"
        text = f"case when copy = 0 or rows.agency_id is null then {text} else {renamed} end"
    if column in ("period_id", "slice_id", "slice_ids"):
        text = f"case when back = 0 then {text} else replace({text}, '2024Q', '2023Q') end"
    return text


def _pack(source: Path, target: Path, agency: str, alike: str) -> str:
    """Write what the quality page reads; return the file's name in the manifest."""
    original = agency.rpartition("-")[0] or agency
    quality = json.loads(
        (source / "packs" / (original if (source / "packs" / original).is_dir() else alike) / "quality.json").read_text(
            "utf-8"
        )
    )
    path = target / "packs" / agency / "quality.json"
    path.parent.mkdir()
    path.write_text(json.dumps(quality), "utf-8")
    return path.relative_to(target).as_posix()
