"""The campaign's own files: three tables in eight formats, and a contract for each.

Belongs here: valid columns, and writing them. Does not belong here: changes (`mutations`), files of others (`corpora`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ingestion.contract import Contract
from simulation.files import opened
from tests.fuzz.mutations import Columns


@dataclass(frozen=True)
class Form:
    """A contract and valid columns for its files; `formats` are those it is delivered in."""

    feed: str
    properties: list[dict[str, Any]]
    columns: Callable[[np.random.Generator, int], Columns]
    extra: dict[str, Any]


def _answers(rng: np.random.Generator, rows: int) -> Columns:
    start = int(rng.integers(1_000_000))
    return {
        "agency": [str(rng.choice(["a01", "a02", "هيئة النور"])) for _ in range(rows)],
        "id": [f"r{start + row}" for row in range(rows)],
        "answered": [f"2025-0{rng.integers(1, 10)}-1{rng.integers(10)} 0{rng.integers(10)}:30" for _ in range(rows)],
        "q1": [str(rng.integers(1, 6)) for _ in range(rows)],
    }


def _cases(rng: np.random.Generator, rows: int) -> Columns:
    start = int(rng.integers(1_000_000))
    return {
        "case": [f"c{start + row}" for row in range(rows)],
        "opened": [f"2025-0{rng.integers(1, 10)}-1{rng.integers(10)}" for _ in range(rows)],
        "outcome": [str(rng.choice(["upheld", "partly", "not_upheld", ""])) or None for _ in range(rows)],
    }


def _counts(rng: np.random.Generator, rows: int) -> Columns:
    started = rng.integers(10, 10_000, rows)
    return {
        "service": [str(rng.choice(["a02-s1", "a02-s2"])) for _ in range(rows)],
        "quarter": [f"2025Q{rng.integers(1, 5)}" for _ in range(rows)],
        "started": [str(one) for one in started],
        "completed": [str(rng.integers(one)) for one in started],
    }


FORMS = {
    "answers": Form(
        "survey_responses",
        [
            {"name": "agency_id", "physicalName": "agency", "lookup": "agencies"},
            {"name": "response_id", "physicalName": "id"},
            {"name": "responded_at", "physicalName": "answered", "dateFormat": ["%Y-%m-%d %H:%M"]},
            {"name": "item", "constant": "overall_satisfaction"},
            {"name": "wording_version", "constant": "w1"},
            {"name": "scale", "constant": "five"},
            {"name": "value", "physicalName": "q1"},
        ],
        _answers,
        {"scales": {"five": {"family": "likert5", "min": 1, "max": 5, "dontKnow": ["9"], "labels": {"راضٍ": 4}}}},
    ),
    "cases": Form(
        "complaints",
        [
            {"name": "agency_id", "constant": "a01"},
            {"name": "case_id", "physicalName": "case"},
            {"name": "opened_at", "physicalName": "opened"},
            {"name": "outcome", "physicalName": "outcome"},
        ],
        _cases,
        {},
    ),
    "counts": Form(
        "service_usage",
        [
            {"name": "agency_id", "constant": "a02"},
            {"name": "service_id", "physicalName": "service", "lookup": "services"},
            {"name": "period_id", "physicalName": "quarter"},
            {"name": "started", "physicalName": "started"},
            {"name": "completed", "physicalName": "completed"},
        ],
        _counts,
        {},
    ),
}
FORMATS = {
    "csv": {"type": "csv"},
    "arabic": {"type": "csv", "encoding": "windows-1256", "delimiter": ";"},
    "tsv": {"type": "tsv"},
    "xlsx": {"type": "xlsx"},
    "ods": {"type": "ods"},
    "json": {"type": "json", "itemsPath": "items"},
    "ndjson": {"type": "ndjson"},
    "parquet": {"type": "parquet"},
}
# Of workbooks fewer: each is opened by a library that takes its time.
SHARES = {"csv": 5, "arabic": 2, "tsv": 1, "xlsx": 2, "ods": 1, "json": 2, "ndjson": 3, "parquet": 2}


def write_contracts(registry: Path) -> None:
    """One provider for each form and format."""
    for name, form in FORMS.items():
        for kind, file_format in FORMATS.items():
            provider = f"{name}-{kind}"
            content = {
                "id": provider,
                "provider": provider,
                "feed": form.feed,
                "covers": "all",
                "format": file_format,
                "properties": form.properties,
                **form.extra,
            }
            path = registry / "contracts" / provider / f"{form.feed}.yml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")


def written(columns: Columns, contract: Contract, path: Path) -> bytes:
    """The columns as a file; a text that the format cannot hold is left out of it."""
    for keep in (lambda text: True, lambda text: text is None or (text.isascii() and text.isprintable())):
        cells = {
            name if keep(name) else "column": np.array([text if keep(text) else "" for text in values], object)
            for name, values in columns.items()
        }
        try:
            with opened(path, contract.format) as writer:
                writer.write(cells)
        except (ValueError, TypeError, AttributeError):
            continue
        finally:
            content = path.read_bytes() if path.is_file() else b""
            path.unlink(missing_ok=True)
        break
    return content
