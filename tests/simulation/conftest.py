"""One tiny simulated workspace for all tests here, and readers of its files that are independent of the product's."""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow.parquet
import pytest

from simulation.workspace import write_workspace
from simulation.world import Size

# The files' formats, written again by hand: (path starts with, encoding, delimiter, rows above the data).
TEXT_FILES = [
    ("lighthouse/survey_responses", "utf-8-sig", ",", 1),
    ("kites/survey_responses", "cp1256", ";", 1),
    ("sundials/survey_responses", "utf-8", "\t", 1),
    ("footpaths/reported_measures", "utf-8-sig", ";", 1),
    ("complaints_platform/complaints", "utf-8-sig", ",", 1),
    ("kites/complaints", "cp1256", ";", 1),
    ("sundials/complaints", "utf-8-sig", "\t", 1),
    ("kites/service_usage", "cp1256", ";", 1),
    ("sundials/service_usage", "cp1256", ";", 1),
    ("", "utf-8-sig", ",", 1),
]
SHEET_ROWS_ABOVE = {
    "wells/survey_responses": 4,
    "wells/service_usage": 3,
    "kites/service_standards": 1,
    "wells/service_standards": 1,
    "sundials/service_standards": 1,
    "mystery_contractor/mystery_visits": 3,
    "kites/maturity_assessments": 2,
    "wells/maturity_assessments": 2,
}


@dataclass(frozen=True)
class Raw:
    """A delivered file as cells of text: header, and rows by the number an editor shows."""

    header: list[str]
    rows: dict[int, list[str]]

    def cell(self, row: int, header: str) -> str:
        return self.rows[row][self.header.index(header)]

    def frame(self) -> pd.DataFrame:
        return pd.DataFrame(list(self.rows.values()), columns=self.header, index=list(self.rows))


def read_raw(landing: Path, path: str) -> Raw:
    """Read one file without the product's readers."""
    file = landing / path
    if file.suffix in (".csv", ".tsv"):
        _, encoding, delimiter, above = next(spec for spec in TEXT_FILES if path.startswith(spec[0]))
        lines = list(csv.reader(io.StringIO(file.read_text(encoding)), delimiter=delimiter))
        return Raw(lines[above - 1], dict(enumerate(lines[above:], above + 1)))
    if file.suffix in (".xlsx", ".ods"):
        above = SHEET_ROWS_ABOVE["/".join(path.split("/")[:2])]
        sheet = pd.read_excel(file, header=None, engine="calamine")
        cells = [["" if pd.isna(cell) else _plain(cell) for cell in row] for row in sheet.itertuples(index=False)]
        return Raw(cells[above - 1], dict(enumerate(cells[above:], above + 1)))
    if file.suffix == ".parquet":
        records = pyarrow.parquet.read_table(file, partitioning=None).to_pylist()
    elif file.suffix == ".ndjson":
        records = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    else:
        document = json.loads(file.read_text("utf-8"))
        while isinstance(document, dict):
            document = next(value for key, value in document.items() if key != "schema")
        records = document
    flat = [_flattened(record) for record in records]
    header = list(flat[0])
    return Raw(header, {n: ["" if r[h] is None else str(r[h]) for h in header] for n, r in enumerate(flat, 1)})


def _plain(cell: object) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell == int(cell) else str(cell)


def _flattened(record: dict[str, object], above: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in record.items():
        flat |= _flattened(value, f"{above}{name}.") if isinstance(value, dict) else {above + name: value}
    return flat


@dataclass(frozen=True)
class Simulated:
    """The written workspace with its truth."""

    root: Path
    scores: pd.DataFrame
    defects: pd.DataFrame

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    def raw(self, path: str) -> Raw:
        return read_raw(self.landing, path)

    def clean(self, path: str) -> pd.DataFrame:
        """The file's rows without the planted ones."""
        planted = self.defects[(self.defects["path"] == path) & self.defects["fate"].isin(["quarantined", "duplicate"])]
        return self.raw(path).frame().drop(index=planted["source_row"].unique())

    def score(self, agency: str, metric: str, period: str) -> pd.Series:
        found = self.scores.query("agency_id == @agency and metric_id == @metric and period_id == @period")
        assert len(found) == 1
        return found.iloc[0]


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    root = tmp_path_factory.mktemp("simulated") / "workspace"
    write_workspace(root, 7, Size.tiny())
    defects = pd.read_csv(root / "truth" / "defects.csv", keep_default_na=False)
    return Simulated(root, pd.read_csv(root / "truth" / "scores.csv"), defects)
