"""Files of SPSS, Stata and SAS transport, read with pyreadstat: codes or their labels, dates as ISO texts.

Belongs here: values and their labels. Does not belong here: what a code means to the centre (a contract's `labels`).
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyreadstat

from ingestion.formats import StatisticsFormat
from ingestion.headers import Headers, resolve
from ingestion.readers.cells import cell_text
from ingestion.readers.input import Input, Source
from ingestion.readers.rows_out import write_rows
from miyar import sql

_READERS: dict[str, Any] = {"sav": pyreadstat.read_sav, "dta": pyreadstat.read_dta, "xpt": pyreadstat.read_xport}


def read_statistics(given: Input, _: duckdb.DuckDBPyConnection, scratch: Path) -> Source:
    """Read the wanted variables into scratch; row numbers are the positions of the cases, from 1."""
    form = given.contract.format
    assert isinstance(form, StatisticsFormat)  # noqa: S101 -- narrows the type; the caller chose by it
    try:
        meta: Any = _READERS[form.type](str(given.path), metadataonly=True, output_format="dict")[1]
        headers = resolve(given.contract, list(meta.column_names), given.shown, None)
        labels = meta.variable_value_labels if form.values == "labels" else {}
        raw = scratch / "raw.parquet"
        count = write_rows(_rows(given, form, headers, meta.column_names, labels), headers, raw)
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, UnicodeDecodeError):
        raise given.fail(
            "file_malformed",
            f"the file is damaged or no readable {form.type} file",
            "Open it in its own program, save it anew, and deliver that.",
        ) from None
    return Source(sql.parquet(raw), headers, count)


def _rows(
    given: Input, form: StatisticsFormat, headers: Headers, names: list[str], labels: dict[str, dict[Any, str]]
) -> Iterator[tuple[int, list[str]]]:
    wanted = [names[position] for position in headers.wanted] or names[:1]
    options: dict[str, Any] = {} if form.type == "xpt" else {"user_missing": True}
    block: Any = _READERS[form.type](str(given.path), usecols=wanted, output_format="dict", **options)[0]
    columns = [[_text(value, labels.get(name, {}), form.decimal) for value in block[name]] for name in wanted]
    for number, cells in enumerate(zip(*columns, strict=True), start=1):
        row = [""] * len(names)
        for position, cell in zip(headers.wanted, cells, strict=False):
            row[position] = cell
        yield number, row


def _text(value: Any, labels: dict[Any, str], decimal: str) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return labels[value] if value in labels else cell_text(value, decimal)
