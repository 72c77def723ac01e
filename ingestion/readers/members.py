"""Several files of one archive as one delivery: rows counted through all of them, columns by their names in the contract.

Belongs here: joining what was read from each member. Does not belong here: opening archives (`containers`).
"""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from ingestion.headers import Headers
from ingestion.readers.input import Input, Source
from miyar import sql

_SHOWN = 20  # members named in one message


def joined(
    given: Input, connection: duckdb.DuckDBPyConnection, sources: list[Source], parts: list[Input], scratch: Path
) -> Source:
    """One source of all members in their order; a note tells which rows are whose."""
    if len(sources) == 1:
        return sources[0]
    taken = _names(source.headers.taken for source in sources)
    scanned = _names(source.headers.scanned for source in sources)
    chosen = _names(source.headers.chosen for source in sources)
    groups = [("taken", taken), ("scanned", scanned), ("chosen", chosen)]
    relations, told, offset = [], [], 0
    for source, part in zip(sources, parts, strict=True):
        columns, position = [], 0
        for group, names in groups:
            for name in names:
                place = getattr(source.headers, group).get(name)
                columns.append(f"c{place} as c{position}" if place is not None else f"'' as c{position}")
                position += 1
        relations.append(f"select source_row + {offset} as source_row, {', '.join(columns)} from {source.relation}")
        told.append(f"{part.member!r} from row {offset + 1:,}")
        offset += sql.count(connection, f"select coalesce(max(source_row), 0) from {source.relation}")
    every = [*taken, *scanned, *chosen]
    place_of = {name: place for place, name in enumerate(every)}
    headers = Headers(
        tuple(every),
        {name: place_of[name] for name in taken},
        {name: len(taken) + place for place, name in enumerate(scanned)},
        (),
        sources[0].headers.row,
        {name: len(taken) + len(scanned) + place for place, name in enumerate(chosen)},
    )
    shown = ", ".join(told[:_SHOWN]) + (", …" if len(told) > _SHOWN else "")
    note = given.problem(
        "members_read",
        f"{len(sources)} files of the archive were read as one; rows are counted through all of them: {shown}",
        "If a file is not meant, name those that are in format.members of the contract.",
    )
    notes = (note, *(one for source in sources for one in source.notes))
    target = scratch / "joined.parquet"
    sql.write(connection, f"select * from ({' union all '.join(relations)}) order by source_row", target)
    return Source(sql.parquet(target), headers, sum(source.rows for source in sources), notes=notes)


def _names(groups: Iterable[dict[str, int]]) -> list[str]:
    return list(dict.fromkeys(name for group in groups for name in group))
