"""From one delivered file to typed rows in the scratch folder: readers, records, mapping, removal of duplicates, rules.

Belongs here: the order of these steps and the counts. Does not belong here: what is accepted (`expectations`), the lake.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from ingestion import moments, personal, values
from ingestion.broken_rules import broken_rows
from ingestion.contract import Contract
from ingestion.databases import session
from ingestion.duplicates import take_out_duplicates
from ingestion.erased import (
    QUARANTINE,
    empty_ended,
    ended_note,
    read_erased,
    scopes_of,
    take_out_ended,
    take_out_people,
)
from ingestion.faults import FULL, guarded
from ingestion.feeds import Feed, load_feeds
from ingestion.headers import properties_of
from ingestion.known import UNITS, unknown_names, unregistered_units, untold_names
from ingestion.landed import UnsettledError, copy_with_hash
from ingestion.landing import Delivery, beginning_of, settling, why_unreadable
from ingestion.mapping import typing_queries
from ingestion.names import names_hash
from ingestion.patterns import mask
from ingestion.readers.input import Input, Source
from ingestion.readers.pool import read
from ingestion.records import plan
from ingestion.row_faults import add_faults, find_faults, tables_asked
from ingestion.text_faults import find_text_faults, units_asked
from ingestion.typed_rows import Rows, typed_rows
from miyar import sql
from miyar.errors import MiyarError, Problem
from miyar.registry import Registry, fold
from miyar.workspace import Workspace


@dataclass(frozen=True)
class Staged:
    """Typed rows of one submission before they are judged; source_rows x records per row = records + blank_cells + erased.

    `typed` has the columns of the lake; `problems` (row_id, problems), if any, lists the rows that could not be typed.
    `slices` counts the rows of each slice, without those that lack an agency or period. `names` are the names looked up
    in the registry, by table (`NamesRead`). `left_out` counts source rows that the contract does not mean; they are not
    among `source_rows`; `erased` counts records that may not come back (`ingestion.erased`), taken out before anything else;
    `ended` are the slices that clocks ended, and `keeps_refused` is whether what is refused of the file may be kept.
    `broken` are the ids of the rows that break each of the rules asked, in the order of these.
    """

    submission_id: str
    contract: Contract
    delivery: Delivery
    typed: Path
    problems: Path | None
    source_rows: int
    blank_cells: int
    records: int
    duplicates: int
    slices: list[dict[str, str | int]]
    names: dict[str, list[str] | None]
    names_hash: str
    notes: list[Problem] = field(default_factory=list)
    left_out: int = 0
    erased: int = 0
    ended: list[dict[str, str | int]] = field(default_factory=list)
    keeps_refused: bool = True
    broken: list[list[str]] = field(default_factory=list)


def stage(
    delivery: Delivery,
    workspace: Workspace,
    registry: Registry,
    scratch: Path,
    rules: Sequence[tuple[str, str]] = (),
) -> Staged:
    """Type one delivery into `scratch/typed.parquet` and find the rows that break the rules (`broken_rows`).

    Raises MiyarError when the whole file is refused.
    """
    with guarded(delivery.contract.provider, delivery.shown):
        given = Input(_copied(delivery, scratch), delivery.shown, delivery.contract)
    pseudonyms = _key_for(given, workspace)
    with guarded(given.contract.provider, given.shown):
        source = read(given, workspace.settings, scratch)
    most = source.rows * max(1, len(given.contract.records))
    with guarded(given.contract.provider, given.shown), session(workspace.settings, scratch, most) as connection:
        values.remember(connection)
        moments.remember(connection)
        rows = plan(given, source, delivery.relative)
        queries = typing_queries(
            connection, rows, registry, pseudonyms, _lineage(delivery), timezone=workspace.settings.timezone
        )
        table = typed_rows(connection, queries, scratch / "typed.parquet")
        shown, hidden = _as_delivered(delivery.contract), _hidden_texts(delivery)
        agencies = find_faults(connection, rows.feed, shown, hidden, table.typed, registry, delivery.contract.untold)
        texts = _texts_of(delivery.contract)
        find_text_faults(connection, rows.feed, texts, hidden, table.typed.relation, table.typed.count, registry)
        words = _words_of(rows.feed, delivery.contract, registry)
        personal.find_unusual(connection, words, table.typed.relation, table.typed.count)
        add_faults(connection, table)
        treated = [prop.name for prop in properties_of(delivery.contract) if prop.treatment == "pseudonymise"]
        never = read_erased(workspace)
        ended = never.ended_of(_scopes(delivery))
        keys = personal.load_keys(workspace) if never.people else None
        versions = keys.versions if keys else ()
        erased = take_out_people(connection, table, sorted(set(treated)), never.people, hidden, versions)
        over = take_out_ended(connection, table, ended)
        records = table.typed.count
        names = queries.names_read.as_dict() | tables_asked(connection) | units_asked(connection)
        # An agency that the contract names, and nobody looks up, has a first and a last period too.
        names.setdefault("agencies", sorted(fold(one) for one in agencies if one in registry.ids("agencies")))
        duplicates = take_out_duplicates(connection, rows, table)
        empty_ended(table, ended)
        slices = _slices(connection, table.typed)
        broken = broken_rows(connection, table, rules)
        told = ended_note(delivery.contract.provider, delivery.shown, over.slices)
        notes = [*([told] if told else []), *source.notes, *_scan_dropped(given, connection, source)]
        if table.problems is not None:
            notes += unknown_names(given, connection, rows, table.problems.relation, registry)
        notes += untold_names(given, connection, rows, table.typed.relation, registry)
        notes += unregistered_units(given, connection, rows, table.typed.relation, registry)
        typed, problems = table.typed.written(), table.problems.written() if table.problems else None
    return Staged(
        submission_id=delivery.submission_id,
        contract=delivery.contract,
        delivery=delivery,
        typed=typed,
        problems=problems,
        source_rows=source.rows,
        blank_cells=source.rows * rows.record_count - records - erased - over.rows,
        records=records,
        duplicates=duplicates,
        slices=slices,
        names=names,
        names_hash=names_hash(names, registry),
        notes=notes,
        left_out=source.left_out,
        erased=erased + over.rows,
        ended=[{**one, "rows": 0} for one in over.slices],
        keeps_refused=QUARANTINE not in ended,
        broken=broken,
    )


def _scopes(delivery: Delivery) -> list[str]:
    contract = delivery.contract
    return scopes_of(contract.provider, contract.feed, contract.id, delivery.content)


def _copied(delivery: Delivery, scratch: Path) -> Path:
    """A copy of the delivered file that nobody else writes; raises MiyarError if it is no longer the file that was found."""
    scratch.mkdir(parents=True, exist_ok=True)
    copy = scratch / "delivered.file"  # a name of our own: theirs may mean something to a program
    try:
        content = copy_with_hash(delivery.path, beginning_of(delivery.contract), copy)[:16]
    except UnsettledError:
        content = ""
    except OSError as error:
        if error.errno in FULL:
            raise
        message, step = why_unreadable(error)
        raise MiyarError(
            Problem("file_unreadable", message, delivery.contract.provider, delivery.shown, next_step=step)
        ) from None
    if content != delivery.content:
        raise MiyarError(settling(delivery.shown, delivery.contract.provider))
    return copy


def _as_delivered(contract: Contract) -> set[str]:
    """The columns whose texts stand in the lake as they were delivered."""
    return {prop.name for prop in properties_of(contract) if prop.physical_name is not None and prop.treatment is None}


def _texts_of(contract: Contract) -> set[str]:
    """The columns whose texts come from the file or its name, and are no pseudonyms."""
    return {prop.name for prop in properties_of(contract) if prop.constant is None and prop.treatment is None}


def _words_of(feed: Feed, contract: Contract, registry: Registry) -> list[str]:
    """The delivered columns of ids and words, which no list of the registry or of the feed holds and nobody scans."""
    listed = {"agency_id", "period_id", *UNITS, *registry.known}
    delivered = _texts_of(contract) - listed
    return [
        one.name for one in feed.columns if one.name in delivered and one.type == "text" and not (one.free or one.codes)
    ]


def _hidden_texts(delivery: Delivery) -> str:
    """SQL of `row_id` and the delivered texts of the columns that become pseudonyms, from the typing query's texts."""
    hidden = {prop.name for prop in properties_of(delivery.contract) if prop.treatment == "pseudonymise"}
    columns = "".join(f", t_{name} as {name}" for name in sorted(hidden))
    return f"select {_row_id(delivery)} as row_id{columns} from texts" if hidden else ""


def _row_id(delivery: Delivery) -> str:
    """SQL: the row's id, from its place in the file."""
    record = " || ':' || record_no::varchar" if delivery.contract.records else ""
    return f"{sql.text(delivery.submission_id)} || ':' || source_row::varchar{record}"


def _slices(connection: duckdb.DuckDBPyConnection, typed: Rows) -> list[dict[str, str | int]]:
    found = connection.execute(
        f"select slice_id, agency_id, period_id, count(*) as rows from {typed.relation} "
        "where agency_id is not null and period_id is not null group by all order by all"
    )
    return sql.rows(found)


def _key_for(given: Input, workspace: Workspace) -> personal.Pseudonyms | None:
    columns = [prop.name for prop in properties_of(given.contract) if prop.treatment == "pseudonymise"]
    if not columns:
        return None
    ring = personal.load_keys(workspace)
    if ring is None:
        variable = workspace.settings.pseudonym_key_variable
        raise MiyarError(
            given.problem(
                "pseudonym_key_missing",
                "the contract pseudonymises this column and there is no key",
                f"Set {variable}, or write a random key to pseudonym.key in the workspace with mode 0600.",
                column=column,
            )
            for column in dict.fromkeys(columns)
        )
    key = ring.of(given.contract)
    if key is None:
        raise given.fail(
            "pseudonym_key_missing",
            f"the contract goes on under a version of the key that is not among the {len(ring.versions)} there are",
            "Put the earlier keys back, one a line and the first one first, or take linkPseudonyms out of the contract.",
        )
    return key


def _lineage(delivery: Delivery) -> dict[str, str]:
    submission = sql.text(delivery.submission_id)
    agency = (
        "coalesce(v_agency_id, '')" if any(p.name == "agency_id" for p in properties_of(delivery.contract)) else "''"
    )
    row_id = _row_id(delivery)
    return {
        **_own_ids(delivery.contract, row_id),
        "provider_id": sql.text(delivery.contract.provider),
        "submission_id": submission,
        "row_id": row_id,
        "source_row": "source_row::bigint",
        "slice_id": f"{sql.text(delivery.contract.feed + '|')} || {agency} || '|' || coalesce(v_period_id, '')",
    }


def _own_ids(contract: Contract, row_id: str) -> dict[str, str]:
    """Ids of rows that have none, where files add to each other: row 5 of one file is not row 5 of another."""
    feed, mapped = load_feeds()[contract.feed], {prop.name for prop in properties_of(contract)}
    numbered = [name for name in feed.key if feed.by_name[name].row_default and name not in mapped]
    return {name: f"'row:' || {row_id}" for name in numbered if contract.delivery == "add"}


def _scan_dropped(given: Input, connection: duckdb.DuckDBPyConnection, source: Source) -> list[Problem]:
    notes = []
    for header, position in source.headers.scanned.items():
        found = personal.counts(connection, source.relation, f"c{position}")
        for pattern, rows in found.items():
            notes.append(
                given.problem(
                    "personal_data_dropped",
                    f"{rows:,} cells of this dropped column hold personal data ({pattern}); nothing of it was stored",
                    "Ask the provider not to deliver the column.",
                    column=mask(header),
                )
            )
    return notes
