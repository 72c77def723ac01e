"""Few rows are worked on in memory, many in files: what comes out is the same."""

from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq
import pytest

from ingestion import mapping, typed_rows
from tests.ingestion import conftest as shared

make_centre, complaints = shared.make_centre, shared.complaints
LINES = [
    *(f"c{number},2025-0{1 + number % 6}-03" for number in range(40)),
    "c1,2025-02-03",  # taken out
    "c2,2025-09-09",  # the same id, another day
    "1.23457E+15,2025-02-03",
    "c50,never",
    "c50,never",  # taken out, with its problem
    "c51,2025-13-01",
]


@pytest.mark.parametrize("lines", [LINES, LINES[:20], LINES[-2:], ["c50,never", "c50,never"]])
def test_memory_and_files_give_the_same(
    make_centre: Callable[[str], Any], complaints: dict[str, Any], monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    found = []
    for name, kept in (("memory", mapping.KEPT_TEXTS), ("files", 0)):
        monkeypatch.setattr(mapping, "KEPT_TEXTS", kept)
        monkeypatch.setattr(typed_rows, "KEPT_TEXTS", kept)
        centre = make_centre(name)
        centre.contract(complaints)
        centre.land("case,opened\n" + "".join(f"{line}\n" for line in lines))
        staged = centre.stage()
        tables = [pq.read_table(path) for path in (staged.typed, staged.problems) if path]
        settled = centre.settle(staged)
        lake = [(path.name, pq.read_table(path)) for path in sorted((centre.root / "lake").rglob("*.parquet"))]
        found.append((staged.records, staged.duplicates, staged.slices, tables, settled, lake))
    assert found[0] == found[1]
    records, duplicates, _, _, settled, _ = found[0]
    assert records == len(lines) == settled.accepted + settled.quarantined + duplicates
