"""What readers already have: which count of which unit the last edition of each period showed, and which it hid.

Of scores, figures and totals that every reader was shown it also holds what each agency contributed, in rows with a
`contributor_id`: n and, since answers may be corrected, their sum and that of their squares; of every version that readers were
shown, since they keep all editions and take any off the next.

Belongs here: the table that disclosure control compares a new edition with (`int_suppression__decided`,
`int_sharing__decided`), noted at publication. It holds hidden counts, so it is kept with the inputs (`vintages/`), never in
an edition. Does not belong here: decisions based on it, and the editions themselves.
"""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from miyar import atomic_files
from miyar.errors import MiyarError, Problem
from miyar.workspace import Workspace
from publication.hashing import file_hash
from publication.manifest import last_published, readable_manifests

FILE = "vintages/published.parquet"
NEXT = "vintages/published-next.parquet"  # of an edition on its way; it takes the place of FILE when that stands there
KEY = ("unit_type", "unit_id", "metric_id", "period_id", "instrument_id")
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in (*KEY, "agency_id", "contributor_id")),
        ("version", pa.int64()),  # of contributions, from 1; the same ones shown again are no other version
        ("n", pa.int64()),
        ("total", pa.float64()),
        ("squares", pa.float64()),
        ("is_shown", pa.bool_()),
    ]
)
COUNTS = """
    select judged.unit_type, judged.unit_id, judged.metric_id, judged.period_id, judged.instrument_id, judged.agency_id,
        null as contributor_id, null as version, cast(judged.n as bigint) as n,
        null as total, null as squares, scores.n is not null and (scores.agency_id is not null or scores.is_shared) as is_shown
    from intermediate.int_scores__judged as judged
    inner join benchmarks.bench_scores as scores
        using (unit_type, unit_id, metric_id, period_id, instrument_id)
    where judged.n is not null and judged.period_id <= $period
    union all
    select unit_type, unit_id, metric_id, period_id, instrument_id, null as agency_id, counted.contributor_id,
        null as version, counted.n, counted.total, counted.squares, true as is_shown
    from intermediate.int_contributors__counted as counted
    inner join benchmarks.bench_scores as scores
        using (unit_type, unit_id, metric_id, period_id, instrument_id)
    where scores.n is not null and scores.agency_id is null and scores.is_shared and period_id <= $period
    union all
    select unit_type, unit_id, metric_id, period_id, instrument_id, null as agency_id, contributor_id, null as version,
        cast(n as bigint) as n, total, squares, true as is_shown
    from intermediate.int_figures__contributed
    where is_shown and period_id <= $period
    union all
    select unit_type, unit_id, metric_id, period_id, instrument_id, null as agency_id, members.contributor_id,
        null as version, members.n, members.total, members.squares, true as is_shown
    from intermediate.int_members__counted as members
    where period_id <= $period and exists (
        from intermediate.int_trends__estimated as shown
        where shown.status = 'reported' and shown.score is not null and shown.unit_type = members.unit_type
            and shown.unit_id = members.unit_id and shown.metric_id = members.metric_id
            and shown.period_id = members.period_id and shown.instrument_id = members.instrument_id)
"""

_OF_SCORE = ", ".join(KEY)
# Sums are made anew by each build, and the last digits of one may differ.
VERSIONS = f"""
    with versions as (
        select {_OF_SCORE}, is_coming, coalesce(version, 1) as version,
            list(struct_pack(contributor_id, n, total, squares) order by contributor_id) as parts,
            list(struct_pack(contributor_id, n, total := round(total, 6), squares := round(squares, 6))
                order by contributor_id) as rounded
        from (select *, false as is_coming from before union all select *, true from coming)
        group by all
    ),
    numbered as (
        select *, row_number() over (partition by {_OF_SCORE} order by is_coming, version) as number
        from (
            from versions
            qualify row_number() over (partition by {_OF_SCORE}, rounded order by is_coming, version) = 1
        )
    )
    select {_OF_SCORE}, null as agency_id, number as version, true as is_shown, unnest(parts, recursive := true)
    from numbered
"""


def counts_to_publish(connection: duckdb.DuckDBPyConnection, period: str) -> pa.Table:
    """Return the counts behind every score up to a period, and whether readers are shown them."""
    return connection.execute(COUNTS, {"period": period}).to_arrow_table().cast(SCHEMA)


def note_published(workspace: Workspace, counts: pa.Table, period: str) -> str:
    """Lay the counts of earlier editions with these in their place beside them, and return the hash of that file.

    They count from the moment an edition stands there whose manifest has the hash (`settle_noted` then moves the file): a
    publication that is given up before has shown nothing. Later periods already published keep theirs, and contributions
    stay for good: readers keep the editions that showed them.
    """
    before = read_published(workspace)
    later = before.filter(pc.greater(before["period_id"], period))
    is_earlier = pc.less_equal(before["period_id"], period)
    earlier = before.filter(pc.and_(pc.is_valid(before["contributor_id"]), is_earlier))
    alone, shown = pc.is_null(counts["contributor_id"]), pc.is_valid(counts["contributor_id"])
    kept = _versions(earlier, counts.filter(shown))
    order = [(name, "ascending") for name in (*KEY, "version", "contributor_id")]
    table = pa.concat_tables([counts.filter(alone), later, kept]).sort_by(order)
    target = workspace.root / NEXT
    target.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, atomic_files.part_of(target), compression="zstd")
    atomic_files.finish(target)
    return file_hash(target)


def _versions(before: pa.Table, coming: pa.Table) -> pa.Table:
    """Return the contributions of all versions of each score that were shown, with those of this edition if they are others."""
    with duckdb.connect() as connection:
        connection.register("before", before)
        connection.register("coming", coming)
        return connection.execute(VERSIONS).to_arrow_table().select(SCHEMA.names).cast(SCHEMA)


def noted(workspace: Workspace) -> Path:
    """Return the file of what the editions that stand there showed and hid."""
    coming = workspace.root / NEXT
    if coming.is_file():
        last = last_published(readable_manifests(workspace.editions))
        if file_hash(coming) in {one.published_hash for one in last}:
            return coming
    return workspace.root / FILE


def settle_noted(workspace: Workspace) -> None:
    """Let the file that counts be the only one."""
    coming = workspace.root / NEXT
    if noted(workspace) == coming:
        coming.replace(workspace.root / FILE)
    coming.unlink(missing_ok=True)


def read_published(workspace: Workspace) -> pa.Table:
    """Return the counts of the last edition of each period and all that was contributed; no rows before the first edition."""
    path = noted(workspace)
    if not path.is_file():
        return SCHEMA.empty_table()
    try:
        return pq.read_table(path, schema=SCHEMA)
    except (OSError, pa.ArrowException):
        raise MiyarError(
            Problem(
                "vintage_changed",
                "what earlier editions showed and hid cannot be read, and without it nothing is published",
                file=FILE,
                next_step="Restore the folder vintages from backup.",
            )
        ) from None
