"""No metric id in code: the product finds the metrics it needs by role (`roles.csv`).

Belongs here: literals in Python, SQL and templates. Left out: `simulation` and `perf`, which invent a centre and name
what they plant; tests; and data (YAML of dashboards and of the semantic layer names the metrics somebody chose to
draw).
"""

import ast
import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repository import REPOSITORY, files

ROOMS = (
    "cli",
    "warehouse",
    "ingestion",
    "expectations",
    "dbt",
    "methodology",
    "publication",
    "portal",
    "dagster_project",
    "miyar",
    "bi",
)
# Code may name roles; one of them is also the name of a metric.
ROLES = {row["role"] for row in csv.DictReader((REPOSITORY / "methodology" / "roles.csv").open(encoding="utf-8"))}


def _metrics() -> set[str]:
    tables = sorted((REPOSITORY / "methodology" / "versions").glob("*/metrics.csv"))
    assert tables
    return {row["metric_id"] for path in tables for row in csv.DictReader(path.open(encoding="utf-8-sig"))}


def _literals(path: Path) -> Iterator[str]:
    """Yield the texts of Python, each whole and by its quoted words (SQL); the quoted words of SQL and templates."""
    text = path.read_text("utf-8")
    texts = [text]
    if path.suffix == ".py":
        nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
        texts = [node.value for node in nodes if isinstance(node.value, str)]
        # A text of ids between commas, slashes or colons names them as well; a sentence has spaces.
        yield from (word for one in texts if " " not in one for word in re.findall(r"\w+", one))
    for one in texts:
        yield from (word for _, word in re.findall(r"""(['"])(\w+)\1""", one))


def _sources() -> list[Path]:
    kinds = ("py", "sql", "j2", "html", "typ")
    return [path for room in ROOMS for kind in kinds for path in files(room, f"*.{kind}")]


def test_no_metric_stands_as_a_literal() -> None:
    sources, metrics = _sources(), _metrics()
    assert len(sources) > 250 and len(metrics) > 30
    named = {
        (path.relative_to(REPOSITORY).as_posix(), word)
        for path in sources
        for word in _literals(path)
        if word in metrics
    }
    assert {(path, word) for path, word in named if word not in ROLES} == set()


@pytest.mark.parametrize("planted", ["metric = 'trust'", "rows(\"select 1 where metric_id = 'trust'\")"])
def test_a_planted_literal_is_found(planted: str, tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text(planted, "utf-8")
    assert "trust" in _metrics() and "trust" in set(_literals(tmp_path / "planted.py"))
    (tmp_path / "planted.sql").write_text("select * from t where metric_id = 'trust'", "utf-8")
    assert "trust" in set(_literals(tmp_path / "planted.sql"))


@pytest.mark.parametrize(
    "planted", ["x = 'overall_satisfaction,trust'.split(',')", "x = '/en/metric/trust/'", "x = f'{y}/trust'"]
)
def test_a_metric_among_other_words_is_found(planted: str, tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text(planted, "utf-8")
    assert "trust" in set(_literals(tmp_path / "planted.py"))
