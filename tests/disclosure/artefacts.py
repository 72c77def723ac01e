"""Everything an agency may have as a file, searched for what is withheld from it: texts, hidden parts, statistics, hashes.

Belongs here: attacks on bytes of an edition's files, and what the strongest guesser would look for. Does not belong here:
equations between figures (`equations`), what answers on request (`doors`).

What is looked for are the values themselves: whoever guesses right is confirmed by nothing but them or a hash of them.
"""

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pypdf import PdfReader

from ingestion.submission_ledger import read_accounts
from miyar.workspace import Workspace
from publication import access
from publication.access import Agency, Centre, Viewer
from publication.hashing import row_text
from publication.packs import _quality_by_agency
from publication.proofs import prove
from publication.shares import open_shares
from tests.disclosure.algebra import Tried

NUMBER = re.compile(r"\d+\.\d{3,}")
HASH = re.compile(r"\b[0-9a-f]{16,64}\b")


def attack_files(workspace: Workspace, tried: Tried, agencies: list[str]) -> None:
    """Each agency with its pack and the reports, after everything that its share of the edition does not hold."""
    edition = (workspace.editions / "current").resolve()
    files = sorted(path.relative_to(edition).as_posix() for path in edition.rglob("*") if path.is_file())
    every = _tokens_of_share(edition, Centre())
    withheld = _withheld(workspace)
    hashes = _hashes_of_rows(edition)
    for agency in agencies:
        own = _tokens_of_share(edition, Agency(agency)) | {token for one, token in withheld if one == agency}
        had = [file for file in files if access.may_have(file, Agency(agency))]
        secret = ({token for one, token in withheld if one != agency} | every) - own
        foreign = {token for one, tokens in hashes.items() if one != agency for token in tokens}
        for file in had:
            kind = f"{file.rsplit('.', 1)[-1]}: values withheld, in texts and hidden parts"
            text = "\n".join(_texts(edition / file))
            found = secret & _rounded(NUMBER.findall(text))
            tried.add(kind, "agency", len(secret), len(found), what=f"{file}: {sorted(found)[:3]}")
            cracked = foreign & set(HASH.findall(text))
            tried.add(
                "hashes over small domains, the right guess tried", "agency", len(foreign), len(cracked), what=file
            )
            if file.endswith(".parquet"):
                wrong = list(_statistics(edition / file))
                columns = len(pq.read_schema(edition / file))
                what = f"{file}: {wrong[:3]}"
                tried.add("Parquet statistics, dictionaries and metadata", "agency", columns, len(wrong), what=what)
            if file.endswith(".xlsx"):
                hidden = list(_hidden_sheets(edition / file))
                tried.add(
                    "xlsx: hidden sheets, names, links and comments", "agency", 1, len(hidden), what=f"{file}: {hidden}"
                )
    _quality(workspace, tried)


def _rounded(tokens: list[str]) -> set[str]:
    """To four digits, as figures are published; more are the engine's."""
    return {f"{Decimal(token):.4f}" for token in tokens}


def _tokens_of_share(edition: Path, viewer: Viewer) -> set[str]:
    """Values with at least three digits after the point that mean something: rounder ones are met by chance."""
    found: set[str] = set()
    with open_shares(edition / "benchmarks.duckdb") as shares, shares.of(viewer) as share:
        for table in share.tables:
            for row in share.rows(f"from {table}"):
                found |= {token for value in row.values() for token in _tokens(value)}
    return found


def _tokens(value: Any) -> Iterator[str]:
    if isinstance(value, Decimal | float):
        text = f"{value:.4f}"
        if text[-1] != "0" and "nan" not in text:
            yield text.lstrip("-")
    elif isinstance(value, str):
        yield from (token for token in NUMBER.findall(value) if token[-1] != "0")


def _withheld(workspace: Workspace) -> set[tuple[str | None, str]]:
    """(agency, value) of every estimate, shown or not, with four digits."""
    names = (
        "score",
        "standard_error",
        "ci_low",
        "ci_high",
        "score_raw",
        "score_weighted",
        "score_adjusted",
        "n_effective",
        "design_effect",
    )
    with duckdb.connect(str(workspace.warehouse), read_only=True) as connection:
        rows = connection.execute(
            f"select agency_id, {', '.join(names)} from intermediate.int_scores__judged"
        ).fetchall()
    return {
        (row[0], token) for row in rows for value in row[1:] if value is not None for token in _tokens(float(value))
    }


def _hashes_of_rows(edition: Path) -> dict[str, set[str]]:
    """By agency, every unsalted hash of its rows: who has the right guess would try these."""
    found: dict[str, set[str]] = {}
    with duckdb.connect(str(edition / "benchmarks.duckdb"), read_only=True) as connection:
        named = (
            "select table_name from duckdb_columns() where column_name = 'agency_id' and table_name <> 'dim_agencies'"
        )
        for (table,) in connection.execute(named + " order by 1").fetchall():
            names = connection.table(table).columns
            rows = connection.execute(
                f"select agency_id, {row_text(names)} from {table} where agency_id is not null"
            ).fetchall()
            for agency, text in rows:
                digest = hashlib.sha256(text.encode()).digest()
                forms = [digest, hashlib.sha256(b"\0" + digest).digest(), hashlib.md5(text.encode()).digest()]  # noqa: S324
                found.setdefault(agency, set()).update(form.hex() for form in forms)
    return found


def _texts(path: Path) -> Iterator[str]:
    """Every text in a file: of archives each part, of a PDF its pages and properties, of Parquet values and all metadata."""
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name).decode("utf-8", "replace") for name in archive.namelist())
    elif path.suffix == ".pdf":
        reader = PdfReader(path)
        yield str(reader.metadata)
        pieces: list[str] = []
        for page in reader.pages:
            # Piece by piece: joined, the numbers of two cells would be one.
            page.extract_text(visitor_text=lambda text, *_: pieces.append(text))
        yield "\n".join(pieces)
    elif path.suffix == ".parquet":
        yield repr(pq.read_schema(path).metadata)
        yield from ("\n".join(map(str, column.to_pylist())) for column in pq.read_table(path).columns)
    else:
        yield path.read_text("utf-8", "replace")


def _statistics(path: Path) -> Iterator[str]:
    """Columns of which the file tells a value that no row has."""
    file = pq.ParquetFile(path)
    table = file.read()
    coded = pq.read_table(
        path, read_dictionary=[field.name for field in table.schema if pa.types.is_string(field.type)]
    )
    metadata = file.metadata
    for number, name in enumerate(table.column_names):
        values = set(table.column(name).to_pylist())
        for group in range(metadata.num_row_groups):
            told = metadata.row_group(group).column(number).statistics
            if told is not None and told.has_min_max and not {told.min, told.max} <= values:
                yield f"{name}: {told.min} to {told.max}"
        for chunk in coded.column(name).chunks:
            if pa.types.is_dictionary(chunk.type) and set(chunk.dictionary.to_pylist()) - values:
                yield f"{name}: words of rows that are not there"
    if metadata.num_rows != table.num_rows:
        yield "rows"


def _hidden_sheets(path: Path) -> Iterator[str]:
    with zipfile.ZipFile(path) as archive:
        book = archive.read("xl/workbook.xml").decode()
        yield from re.findall(r'state="(?:hidden|veryHidden)"', book)
        yield from (
            name for name in re.findall(r'<definedName[^>]*name="([^"]*)"', book) if not name.startswith("_xlnm.")
        )
        yield from (
            name for name in archive.namelist() if re.search(r"external|comment|vba|customXml|custom\.xml", name)
        )


def _quality(workspace: Workspace, tried: Tried) -> None:
    """Counts of a file that another agency's rows were counted in, in the report of an agency that did not send it."""
    accounts = list(read_accounts(workspace))
    named = {account.submission_id: {entry["agency_id"] for entry in account.slices} for account in accounts}
    provider = {account.submission_id: account.provider for account in accounts}
    for agency, lines in _quality_by_agency(accounts).items():
        told = [
            line["file"]
            for line in lines
            if "records" in line
            and named[line["submission_id"]] - {agency}
            and provider[line["submission_id"]] != agency
        ]
        tried.add("counts in quality reports", "agency", len(lines), len(told), what=f"{agency}: {told[:1]}")


def attack_proofs(workspace: Workspace, tried: Tried, agencies: list[str]) -> None:
    """Proofs of an agency's own scores: no hash in them is one of another agency's row, rightly guessed."""
    edition = (workspace.editions / "current").resolve()
    hashes = _hashes_of_rows(edition)
    with duckdb.connect(str(edition / "benchmarks.duckdb"), read_only=True) as connection:
        first = "select agency_id, min(score_id) from bench_scores where agency_id is not null group by 1"
        asked = dict(connection.execute(first).fetchall())
    for agency in agencies:
        shown = set(HASH.findall(json.dumps(prove(edition, asked[agency]))))
        foreign = {token for one, tokens in hashes.items() if one != agency for token in tokens}
        tried.add("siblings in proofs", "agency", len(foreign), len(shown & foreign), what=agency)
