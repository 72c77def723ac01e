"""What the tests of values share: one column of one feed, read from a few lines.

Belongs here: the smallest contracts. Does not belong here: what is right (each test's own).
"""

from pathlib import Path
from typing import Any

from tests.ingestion.conftest import Centre, build

# Where each column is tried: its feed, and what the feed needs beside it.
AGENCY = {"name": "agency_id", "constant": "a01"}
FEEDS: dict[str, list[dict[str, Any]]] = {
    "service_usage": [AGENCY, {"name": "used_on", "constant": "2025-10-01"}],
    "mystery_visits": [
        AGENCY,
        {"name": "visited_at", "constant": "2025-10-01"},
        {"name": "rubric_item", "constant": "greeting"},
        {"name": "score_max", "constant": 5},
    ],
    "service_standards": [
        AGENCY,
        {"name": "period_id", "constant": "2025Q4"},
        {"name": "standard_id", "physicalName": "id"},
    ],
    "reported_measures": [AGENCY, {"name": "measure", "physicalName": "id"}],
    "complaints": [AGENCY, {"name": "case_id", "physicalName": "id"}],
}


def column(folder: Path, feed: str, texts: list[str], *, settings: str = "", **prop: Any) -> Centre:
    """A centre with one delivered file: an id and, beside it, the texts of one column, described by `prop`.

    Contract-wide fields are given as `contract`, lines of `miyar.yml` as `settings`.
    """
    contract = prop.pop("contract", {})
    centre = build(folder / "centre")
    if settings:
        path = centre.root / "miyar.yml"
        path.write_text(path.read_text("utf-8") + settings, "utf-8")
    others = [one for one in FEEDS[feed] if one["name"] != prop["name"]]
    centre.contract(
        {"feed": feed, "properties": [*others, {"physicalName": "x", **prop}]},
        **{"format": {"type": "csv", "delimiter": ";"}, "ignored": ["id"], **contract},
    )
    centre.land("id;x\n" + "".join(f"i{number};{text}\n" for number, text in enumerate(texts)), "f.csv")
    return centre


def outcomes(centre: Centre, name: str) -> list[Any]:
    """The value of each row, or the rule it breaks."""
    broken = {row: rule for row, rule, _, _ in centre.problems()}
    return [broken.get(row, value) for row, value in centre.rows(f"source_row, {name}")]
