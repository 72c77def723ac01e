"""Every code a reader can meet has words in both languages.

Belongs here: `wording.yml`, and the words and columns of documents. Does not belong here: sentences of plots (`plots/`).
"""

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from miyar.workspace import Workspace
from publication.documents.model import COLUMNS, WORDS
from publication.phrasing import sentences
from publication.reading import code_text, reason_text, wording
from warehouse.dbt_runner import DBT

# Column of the published tables -> sections of the wording that hold its codes.
CODED = {
    "verdict": ("verdicts",),
    "national_verdict": ("verdicts",),
    "neighbour_verdict": ("verdicts",),
    "special_cause": ("special_causes",),
    "peer_frame": ("peer_frames",),
    "benchmark_frame": ("peer_frames",),
    "status_reason": ("reasons",),
    "comparability_reason": ("reasons",),
    "rank_reason": ("reasons",),
    "change_reason": ("reasons",),
    "year_change_reason": ("reasons",),
    "expectation_reason": ("reasons",),
    "weights_reason": ("reasons",),
    "control_signal": ("signals",),
    "figure": ("figures",),
    "caveat": ("caveats",),
    "weakest_stage": ("stages",),
    "gap_reason": ("gap_reasons",),
    "cause": ("causes",),
    "unit_type": ("unit_types",),
    "score_kind": ("score_kinds",),
    "pooled_by": ("pooled_by",),
    "interval_claim": ("interval_claims",),
}


def _lacking(column: str, codes: set[str]) -> set[str]:
    known = {code for section in CODED[column] for code in wording()[section]}
    return codes - known


def test_codes_of_a_built_edition(built_workspace: Workspace) -> None:
    database = (built_workspace.editions / "current" / "benchmarks.duckdb").resolve()
    met = 0
    with duckdb.connect(str(database), read_only=True) as connection:
        columns = connection.execute(
            "select table_name, column_name from duckdb_columns() where column_name in (select unnest(?::varchar[]))",
            [list(CODED)],
        ).fetchall()
        for table, column in columns:
            found = connection.execute(f"select distinct {column} from {table} where {column} is not null").fetchall()
            codes = {str(row[0]) for row in found}
            met += len(codes)
            assert _lacking(column, codes) == set(), f"{table}.{column}"
    assert met > 50


def test_codes_that_the_tables_may_hold() -> None:
    """The codes of the contracts (accepted values) and those named in a description, even if the demo has none of them."""
    checked = 0
    for path in (DBT / "models" / "marts").rglob("*.yml"):
        for model in (yaml.safe_load(path.read_text("utf-8")) or {}).get("models", []):
            for column in model.get("columns", []):
                if column["name"] in CODED and path.stem == model["name"]:
                    codes = _accepted(column) | _named(column)
                    checked += len(codes)
                    assert _lacking(column["name"], codes) == set(), f"{model['name']}.{column['name']}"
    assert checked > 80


def _accepted(column: dict[str, Any]) -> set[str]:
    """The codes that the column's constraint lists."""
    listed = [one["expression"] for one in column.get("constraints", []) if f"{column['name']} in (" in str(one)]
    return {code for expression in listed for code in re.findall(r"'([^']*)'", expression)}


def _named(column: dict[str, Any]) -> set[str]:
    """Return the codes in the description of a reason: words with an underscore, such as `base_unknown`."""
    if not column["name"].endswith("_reason"):
        return set()
    names = set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", column.get("description", "")))
    return {name for name in names if not name.startswith(("bench_", "dim_", "score_"))} - _COLUMNS


# Columns and tables named in descriptions of reasons.
_COLUMNS = {"not_applicable", "rank_reason", "status_reason", "comparability_reason"}


@pytest.mark.parametrize("path", [WORDS, COLUMNS, Path("publication/wording.yml")], ids=lambda path: path.name)
def test_arabic_stands_beside_english(path: Path) -> None:
    source = sentences(path) if path.is_absolute() else {}
    for section in wording().values() if not source else [source]:
        for key, texts in section.items():
            assert {"ar", "en"} <= set(texts), key
            assert re.search("[\u0620-\u064a]", texts["ar"]) or texts["ar"].startswith("{"), key
            fields = [set(re.findall(r"{(\w+)}", texts[language])) for language in ("ar", "en")]
            assert fields[0] == fields[1], key
            if "meaning_en" in texts:
                assert texts["meaning_ar"] and texts["meaning_en"], key


def test_a_code_without_words_is_shown_not_hidden() -> None:
    assert reason_text("never_heard_of", "en") == "never_heard_of"
    assert reason_text(None, "ar") == ""
    assert code_text("run", "en", "signals") == "eight points on one side"


def test_verdicts_special_causes_reasons_and_statuses_share_no_code() -> None:
    sections = [wording()[name] for name in ("verdicts", "special_causes", "reasons", "statuses")]
    assert len({code for section in sections for code in section}) == sum(map(len, sections))
