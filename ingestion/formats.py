"""The formats of delivered files, as a contract states them.

Belongs here: a format's options. Does not belong here: reading (`readers`), what the columns mean (`contract`).
"""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel


class ContractModel(BaseModel):
    """A part of a contract: no unknown fields, names as in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class _Format(ContractModel):
    decimal: Literal[".", ","] = "."
    compression: Literal["gzip", "zip", "tar"] | None = Field(
        None, description="Container the file may come in; a file that comes plain is read as it is"
    )
    members: str = Field(
        "*", description="Glob of the members of a zip or tar that are read, in the order of their names, as one file"
    )


class _TableFormat(_Format):
    skip_rows: int = Field(0, ge=0, description="Banner rows before the header")
    header_rows: Literal[1, 2] = 1
    skip_below_header: int = Field(
        0, ge=0, description="Rows below the header that are none (Qualtrics: 2, the questions and their ids)"
    )


class CsvFormat(_TableFormat):
    """Delimited text. `headerRows: 2` joins the two header cells with ` / `, the upper one filled to the right.

    Columns that share a header are told apart as `q1 [1]`, `q1 [2]`, and any column is also `[column 4]`, wherever a contract
    names a column. Examples: `{type: csv, encoding: windows-1256, skipRows: 2, shortRows: fill}`; a zip of files read as one:
    `{type: csv, compression: zip, members: "2025-*.csv"}`; an export of Qualtrics: `{type: csv, skipBelowHeader: 2}`.
    """

    type: Literal["csv", "tsv"]
    encoding: str = "utf-8-sig"
    delimiter: str | None = Field(None, description="Default: a comma for csv, a tab for tsv")
    quote: str = '"'
    short_rows: Literal["refuse", "fill"] = Field(
        "refuse", description="Rows with fewer cells than the header: the file is refused, or the rest is empty"
    )


class SheetFormat(_TableFormat):
    """A spreadsheet. Rows below `skipRows` and the header are data; fully empty rows are not counted.

    Durations and times of day become texts such as `00:12:30` (hours, minutes, seconds), whatever the cell shows. Hidden rows and
    columns are read and told; a cell covered by a merged one is `#MERGED_CELL`, unless `fillDown` names its column. Examples:
    `{type: xlsx, sheet: Answers, skipRows: 1, headerRows: 2}`; the second visible sheet: `{type: ods, sheet: 1}`.
    """

    type: Literal["xlsx", "ods", "xls", "xlsb"]
    sheet: str | int = Field(0, description="Sheet name, or its number among the visible sheets counted from 0")


class JsonFormat(_Format):
    """JSON: `itemsPath` leads to the records (dots between names). Nested fields are named `a.b`.

    `items` says what stands there: a `list` of records, `one` record, or records by name (`named`: an object whose names
    become the field `[name]`). A field that is an object in some records and empty in others is empty there. Examples: ServiceNow
    `{type: json, itemsPath: result}`; GeoJSON `{type: json, itemsPath: features}`; `{type: json, items: one}`.
    """

    type: Literal["json", "ndjson"]
    items_path: str = ""
    items: Literal["list", "one", "named"] = "list"


class ParquetFormat(_Format):
    """Parquet; nested columns are named `a.b`."""

    type: Literal["parquet"]


class StatisticsFormat(_Format):
    """SPSS (sav), Stata (dta) or SAS transport (xpt). Dates and times become ISO texts, user-missing values are values.

    `values: labels` gives the label of each value that has one (Very satisfied) instead of its code (5). Example:
    `{type: sav, values: labels}`.
    """

    type: Literal["sav", "dta", "xpt"]
    values: Literal["codes", "labels"] = "codes"


class XmlFormat(_Format):
    """XML: `recordPath` names the element of a record, with as many of those above it as are needed (a/b, or b).

    Fields are the elements inside (address.city), attributes (@id, place.@lat), and attributes of the elements around
    the record (Series.@FREQ). With `nameAttribute: id`, <Value id="AREA" value="N"/> is the field AREA. Prefixes are left
    out; an element that stands several times is one text, its parts joined by a semicolon. Examples: Open311
    `{type: xml, recordPath: service_requests/request}`; SDMX-ML `{type: xml, recordPath: Obs, nameAttribute: id}`.
    """

    type: Literal["xml"]
    record_path: str = Field(min_length=1)
    name_attribute: str | None = Field(
        None, description="Attribute that names a field; its value is the attribute `value`, else the text"
    )


class FixedColumn(ContractModel):
    """One column of a fixed-width file, in characters."""

    name: str
    start: int = Field(ge=1, description="First character, counted from 1")
    width: int = Field(ge=1)


class FixedFormat(_Format):
    """Text whose columns stand at fixed characters of each line, without a header.

    Example: `{type: fixed, columns: [{name: agency, start: 1, width: 3}, {name: q1, start: 17, width: 2}]}`.
    """

    type: Literal["fixed"]
    encoding: str = "utf-8-sig"
    skip_rows: int = Field(0, ge=0, description="Lines before the first row")
    columns: list[FixedColumn] = Field(min_length=1)


FileFormat = Annotated[
    CsvFormat | SheetFormat | JsonFormat | ParquetFormat | StatisticsFormat | XmlFormat | FixedFormat,
    Field(discriminator="type"),
]


class RowChoice(ContractModel):
    """Which rows of a file are meant: where the table ends, values said once, and conditions on source columns.

    `where: {Status: [IP Address]}` keeps rows whose column holds one of the texts ("" is an empty cell) in every column
    named; `unless` then leaves out rows that hold one in any of its columns. What is left out is counted, not judged.
    Examples: `{until: "^Total"}`, `{skipFooter: 2}`, `{fillDown: [agency]}`, `{where: {dept: [Water]}, unless: {test: ["1"]}}`.
    """

    until: str | None = Field(
        None,
        description="Regular expression: the first row whose first filled cell it matches is below the table; "
        "`^$` is a blank row",
    )
    skip_footer: int = Field(0, ge=0, description="Filled rows at the end of the file that are none")
    fill_down: list[str] = Field(
        default_factory=list,
        description="Columns whose empty cells mean the value above (merged cells, report layouts)",
    )
    where: dict[str, list[str]] = Field(default_factory=dict, description="Column -> texts of the rows that are meant")
    unless: dict[str, list[str]] = Field(default_factory=dict, description="Column -> texts of the rows that are not")

    @model_validator(mode="after")
    def _readable(self) -> "RowChoice":
        try:
            re.compile(self.until or "")
        except re.error as error:
            raise ValueError(f"rows.until is no regular expression: {error}") from None
        return self

    @property
    def columns(self) -> list[str]:
        """The source columns that are read to choose rows."""
        return list(dict.fromkeys([*self.fill_down, *self.where, *self.unless]))


def has_lines(form: FileFormat) -> bool:
    """True for formats whose rows are lines of a page, so that something may stand below their table."""
    return isinstance(form, CsvFormat | SheetFormat | FixedFormat)


def lines_above(form: FileFormat) -> int:
    """Number of rows above a file's first data row: banner and header; 0 where records name their own fields."""
    if isinstance(form, CsvFormat | SheetFormat):
        return header_end(form) + form.skip_below_header
    return form.skip_rows if isinstance(form, FixedFormat) else 0


def header_end(form: CsvFormat | SheetFormat) -> int:
    """The row of the (last) header row."""
    return form.skip_rows + form.header_rows
