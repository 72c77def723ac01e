"""The formats of delivered files, as a contract states them.

Belongs here: a format's options. Does not belong here: reading (`readers`), what the columns mean (`contract`).
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class ContractModel(BaseModel):
    """A part of a contract: no unknown fields, names as in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class CsvFormat(ContractModel):
    """Delimited text. `headerRows: 2` joins the two header cells with ` / `, the upper one filled to the right."""

    type: Literal["csv", "tsv"]
    encoding: str = "utf-8-sig"
    delimiter: str | None = Field(None, description="Default: a comma for csv, a tab for tsv")
    quote: str = '"'
    decimal: Literal[".", ","] = "."
    skip_rows: int = Field(0, ge=0, description="Banner rows before the header")
    header_rows: Literal[1, 2] = 1


class SheetFormat(ContractModel):
    """A spreadsheet. Rows below `skipRows` and the header are data; fully empty rows are not counted."""

    type: Literal["xlsx", "ods"]
    sheet: str | int = Field(0, description="Sheet name, or its number counted from 0")
    decimal: Literal[".", ","] = "."
    skip_rows: int = Field(0, ge=0, description="Banner rows before the header")
    header_rows: Literal[1, 2] = 1


class JsonFormat(ContractModel):
    """JSON: `itemsPath` leads to the list of records (dots between names). Nested fields are named `a.b`."""

    type: Literal["json", "ndjson"]
    items_path: str = ""
    decimal: Literal[".", ","] = "."


class ParquetFormat(ContractModel):
    """Parquet; nested columns are named `a.b`."""

    type: Literal["parquet"]
    decimal: Literal[".", ","] = "."


FileFormat = Annotated[CsvFormat | SheetFormat | JsonFormat | ParquetFormat, Field(discriminator="type")]


def lines_above(form: FileFormat) -> int:
    """Number of rows above a file's first data row: banner and header; 0 where records name their own fields."""
    return form.skip_rows + form.header_rows if isinstance(form, CsvFormat | SheetFormat) else 0
