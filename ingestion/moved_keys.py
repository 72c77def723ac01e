"""Rows that a later delivery took to another slice: a case transferred to another agency, an answer whose date was corrected.

Where a provider's files update or add to each other, the latest version of an id counts once, wherever it stands. Within
a slice that is the warehouse's work; between slices it is found here, from the keys in the lake. A row that moved kept
its agency or its moment: an id with another agency and another moment is another event that was given the same id.

Belongs here: finding these rows. Does not belong here: which submissions count for a slice (`slices`).
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ingestion.contract import Contract
from ingestion.feeds import Feed, load_feeds
from ingestion.headers import properties_of
from miyar import sql
from miyar.errors import Problem

MOVED = pa.schema([(name, pa.string()) for name in ("feed", "slice_id", "row_id")])


def moved_rows(
    lake: Path, live: Sequence[dict[str, Any]], order: Sequence[str], contracts: Iterable[Contract], restart_from: int
) -> tuple[pa.Table, list[Problem]]:
    """The rows that no longer count where they stand, in order of slice and row, and slices whose ids seem to start anew.

    Args:
        live: the rows of `slices.parquet` that count.
        order: submission ids in order of delivery.
        restart_from: from so many rows of a slice on, and more than half of it, ids are told to start anew instead.
    """
    tables, problems = [MOVED.empty_table()], list[Problem]()
    places = {submission: place for place, submission in enumerate(order)}
    for contract in sorted(contracts, key=lambda one: one.id):
        feed = load_feeds()[contract.feed]
        own = [row for row in live if (row["provider_id"], row["feed"]) == (contract.provider, contract.feed)]
        several = len({row["slice_id"] for row in own}) > 1 and len({row["submission_id"] for row in own}) > 1
        if contract.delivery != "replace" and has_event_ids(contract) and several:
            found, told = _of_provider(lake, contract, feed, own, places, restart_from)
            tables.append(found)
            problems += told
    return pa.concat_tables(tables).sort_by([("slice_id", "ascending"), ("row_id", "ascending")]), problems


def has_event_ids(contract: Contract) -> bool:
    """Whether every row of a contract's files names its event by an id of the provider."""
    feed, mapped = load_feeds()[contract.feed], {prop.name for prop in properties_of(contract)}
    ids = [name for name in feed.key if feed.by_name[name].event_id]
    return bool(ids) and all(name in mapped for name in ids)


def _of_provider(
    lake: Path,
    contract: Contract,
    feed: Feed,
    own: list[dict[str, Any]],
    places: dict[str, int],
    restart_from: int,
) -> tuple[pa.Table, list[Problem]]:
    names = {f"period={row['period_id']}/{row['submission_id']}.parquet" for row in own}
    files = [path for name in sorted(names) if (path := lake / feed.name / name).is_file()]
    if not files:
        return MOVED.empty_table(), []
    keys = [name for name in feed.key if name != "period_id"]
    same = " and ".join(f"later.{name} is not distinct from earlier.{name}" for name in keys)
    with duckdb.connect() as connection:
        connection.execute("create temp table live (slice_id varchar, submission_id varchar, place integer)")
        connection.executemany(
            "insert into live values (?, ?, ?)",
            [(row["slice_id"], row["submission_id"], places[row["submission_id"]]) for row in own],
        )
        connection.execute(
            f"create temp table versions as select slice_id, row_id, place, agency_id, {feed.event} as event, "
            f"{', '.join(keys)} from {sql.parquet(*files)} inner join live using (slice_id, submission_id)"
        )
        # An id that one file has in two slices names two events.
        connection.execute(
            f"create temp table shared as select distinct {', '.join(keys)} from versions "
            f"group by place, {', '.join(keys)} having count(distinct slice_id) > 1"
        )
        # A join: of `exists` with both inequalities DuckDB 1.5 makes an empty result.
        connection.execute(
            f"""create temp table moved as select distinct earlier.slice_id, earlier.row_id
            from versions as earlier inner join versions as later
            on {same} and later.slice_id <> earlier.slice_id and later.place > earlier.place
                and (later.agency_id = earlier.agency_id or later.event is not distinct from earlier.event)
            anti join shared on {same.replace("later.", "shared.")}"""
        )
        repeated = connection.execute(
            f"""select slice_id, count(moved.row_id) as n, count(*) as every
            from versions left join moved using (slice_id, row_id)
            group by all having n >= {restart_from} and 2 * n > every order by all"""
        ).fetchall()
        restarted = [slice_id for slice_id, _, _ in repeated]
        found = connection.execute(
            f"select {sql.text(feed.name)} as feed, slice_id, row_id from moved "
            f"where slice_id not in ({sql.texts(restarted or [''])})"
        ).to_arrow_table()
    return found.cast(MOVED), [_restarted(contract, *one) for one in repeated]


def _restarted(contract: Contract, slice_id: str, n: int, every: int) -> Problem:
    feed, agency, period = slice_id.split("|")
    return Problem(
        "keys_repeated",
        f"{n:,} of {every:,} ids of {feed} of {period} came again in other quarters or agencies: they seem to start anew "
        "with each, so both count",
        agency,
        f"{contract.provider}/{contract.feed}",
        next_step="If the ids do start anew, deliver ids that do not; if the rows moved, withdraw the submission they left.",
    )
