"""The canonical feeds as Python objects, read once from `feeds.yml`.

Belongs here: the columns of a feed. Does not belong here: how a provider names them (`contract`), or rules on values.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow as pa
import yaml

ARROW_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "decimal": pa.decimal128(18, 6),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
    "boolean": pa.bool_(),
}
SQL_TYPES = {
    "text": "varchar",
    "integer": "bigint",
    "decimal": "decimal(18,6)",
    "timestamp": "timestamp",
    "date": "date",
    "boolean": "boolean",
}
FILE = Path(__file__).with_suffix(".yml")
# Columns that Miyar adds to every lake row, after the canonical ones.
LINEAGE = {
    "provider_id": "text",
    "submission_id": "text",
    "row_id": "text",
    "source_row": "integer",
    "slice_id": "text",
}


@dataclass(frozen=True)
class Column:
    """One canonical column; the head of `feeds.yml` explains the flags."""

    name: str
    type: str
    about: str
    required: bool = False
    codes: tuple[str, ...] = ()
    free: bool = False
    row_default: bool = False
    unit: str | None = None
    event_id: bool = False


@dataclass(frozen=True)
class Feed:
    """One kind of data: its columns in lake order, its row key, the column that gives its period, and its table of cells."""

    name: str
    about: str
    event: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    cells: str

    @property
    def by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @property
    def lake_schema(self) -> pa.Schema:
        """Arrow schema of a lake file: canonical columns, then lineage."""
        fields = [(column.name, ARROW_TYPES[column.type]) for column in self.columns]
        fields += [(name, ARROW_TYPES[kind]) for name, kind in LINEAGE.items()]
        return pa.schema(fields)


@cache
def load_feeds() -> dict[str, Feed]:
    """All feeds by name, in the order of the file."""
    source = yaml.safe_load(FILE.read_text("utf-8"))
    codes: dict[str, list[str]] = source["codes"]
    feeds = {}
    for name, spec in source["feeds"].items():
        columns = []
        for column, options in {**source["common"], **spec["columns"]}.items():
            settings = dict(options)
            settings["codes"] = tuple(codes[settings["codes"]]) if "codes" in settings else ()
            columns.append(Column(name=column, **{"about": "", **settings}))
        feeds[name] = Feed(name, spec["about"], spec["event"], tuple(spec["key"]), tuple(columns), spec["cells"])
    return feeds


def slice_id(feed: str, agency_id: str, period_id: str) -> str:
    """One agency x feed x period: the unit that is replaced, recomputed or withdrawn."""
    return f"{feed}|{agency_id}|{period_id}"
