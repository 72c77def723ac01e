"""The second floor: the least that anybody does who keeps the product's promises on these files, in DuckDB by hand.

Run as `python -m perf.kept_floor WORKSPACE TARGET` after the product built the workspace. Belongs here: SHA-256 of the bytes, all
texts typed, every rule in one pass, typed rows kept and bad ones set aside in Parquet, all cell tables of the two feeds. Rules
and the SQL of the cells are the product's, so that both compute the same; there is no ledger, lineage, isolation or order of
deliveries. Does not belong here: anything reusable.
"""

import hashlib
import sys
from pathlib import Path

import duckdb

from expectations.intake import suite_of
from ingestion.contract import load_contracts
from ingestion.feeds import SQL_TYPES, load_feeds
from miyar.registry import load_registry
from miyar.workspace import Workspace
from publication.method import methodology_of, with_known_names

# What the contracts of these files say (`simulation.perf`): the answer 9 means "don't know", and these columns are constant.
ANSWERS = {
    "agency_id": "split_part(filename, '/', -3)",
    "period_id": "year(try_cast(responded_at as timestamp)) || 'Q' || quarter(try_cast(responded_at as timestamp))",
    "value": "try_cast(nullif(value, '9') as decimal(18, 6))",
    "answer_status": "case when value = '9' then 'dont_know' when value is not null then 'answered' end",
    "scale_id": "'satisfaction_5'",
    "scale_min": "1",
    "scale_max": "5",
    "is_reversed": "false",
    "wording_version": "'w2024'",
    "stage": "'whole'",
    "provider_id": "split_part(filename, '/', -3)",
}
CASES = {
    "period_id": "year(try_cast(opened_at as timestamp)) || 'Q' || quarter(try_cast(opened_at as timestamp))",
    "extracted_at": "max(try_cast(opened_at as timestamp)) over (partition by filename)",
    "provider_id": "'platform'",
}
FEEDS = {"survey_responses": ANSWERS, "complaints": CASES}


def main(root: Path, target: Path) -> None:
    """Write typed rows, bad rows and cells of a built perf workspace beside and into a DuckDB file named warehouse.duckdb."""
    target.mkdir(parents=True, exist_ok=True)
    workspace = Workspace.open(root)
    for path in sorted(workspace.landing.rglob("*.csv")):
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256").hexdigest()
    # Named like the product's, because its compiled SQL names the database.
    with duckdb.connect(
        str(target / "warehouse.duckdb"), config={"threads": 2, "memory_limit": workspace.settings.memory_limit}
    ) as connection:
        connection.execute("set preserve_insertion_order = false")
        connection.execute("create schema staging")
        connection.execute("create schema intermediate")
        for feed, known in FEEDS.items():
            _type(connection, workspace, feed, known, target)
        pending = " union all ".join(
            f"select distinct slice_id, submission_id, 1::bigint as delivery_rank, '' as slice_version "
            f"from staging.stg_lake__{feed}"
            for feed in FEEDS
        )
        connection.execute(f"create table intermediate.int_slices__pending as {pending}")
        for feed in set(load_feeds()) - set(FEEDS):
            # Nothing was delivered of it; some cells join it all the same.
            connection.execute(f"create view staging.stg_lake__{feed} as from '{workspace.lake / feed}/*/*.parquet'")
        items = workspace.lake / "registry" / "items.parquet"
        connection.execute(f"create view staging.stg_methodology__items as from '{items}'")
        for name, query in _cells(workspace):
            connection.execute(f"create table intermediate.{name} as {query}")


def _type(
    connection: duckdb.DuckDBPyConnection, workspace: Workspace, feed: str, known: dict[str, str], target: Path
) -> None:
    landing = workspace.landing
    texts = f"read_csv('{landing}/*/{feed}/*.csv', all_varchar = true, filename = true)"
    headers = {row[0] for row in connection.execute(f"describe from {texts}").fetchall()}
    typed, untyped = dict[str, str](), ["false"]
    for column in load_feeds()[feed].columns:
        kind = SQL_TYPES[column.type]
        if column.name in known:
            typed[column.name] = f"({known[column.name]})::{kind}"
        elif column.name in headers:
            typed[column.name] = f"try_cast({column.name} as {kind})"
            untyped.append(f"({column.name} is not null and try_cast({column.name} as {kind}) is null)")
        else:
            typed[column.name] = f"null::{kind}"
    typed |= {"submission_id": "md5(filename)", "source_row": "0"}
    typed["provider_id"] = known["provider_id"]
    listed = ", ".join(f"{expression} as {name}" for name, expression in typed.items())
    rows = f"select {listed}, ({' or '.join(untyped)}) as is_untyped from {texts}"
    # Constraints of one contract each cover its own agency: one contract's suite asks all rules once, of all agencies.
    registry = with_known_names(load_registry(workspace.registry), methodology_of(workspace))
    contract = next(one for one in load_contracts(workspace.registry) if one.feed == feed)
    rules = suite_of(contract.model_copy(update={"covers": "all"}), workspace, registry, None)
    broken = [
        f"case when {rule.predicate.replace('{batch}', 'typed')} then '{rule.id}' end"
        for rule in rules
        if rule.action != "report"
    ]
    lake = target / f"{feed}.parquet"
    connection.execute(
        f"copy (with typed as materialized ({rows}) select *, "
        f"'{feed}|' || agency_id || '|' || period_id as slice_id, concat_ws(' ', {', '.join(broken)}) as problems from typed) "
        f"to '{lake}' (format parquet, compression zstd)"
    )
    is_bad = "(is_untyped or problems <> '')"
    connection.execute(f"copy (from '{lake}' where {is_bad}) to '{target / f'bad_{feed}.parquet'}' (format parquet)")
    connection.execute(f"create view staging.stg_lake__{feed} as from '{lake}' where not {is_bad}")


def _cells(workspace: Workspace) -> list[tuple[str, str]]:
    """Name and compiled SQL of the cell tables of these feeds."""
    folder = (
        workspace.root / "warehouse" / "dbt" / "compiled" / "miyar" / "models" / "intermediate" / "cells" / "by_slice"
    )
    found = [(path.stem, path.read_text("utf-8")) for path in sorted(folder.glob("*__cells.sql"))]
    return [(name, query) for name, query in found if any(f'"stg_lake__{feed}"' in query for feed in FEEDS)]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
