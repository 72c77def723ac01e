"""dbt's Python models only read relations, call a function of `methodology` and write, and dbt knows every relation they read.

Belongs here: the shape of the models' files. Does not belong here: what they compute (`tests/methodology`).
"""

import ast
import re
from pathlib import Path

import pytest

from warehouse.dbt_runner import DBT

MODELS = sorted((DBT / "models").rglob("*.py"))


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_dbt_sees_every_reference(path: Path) -> None:
    from dbt.parser.models import PythonParseVisitor

    text = path.read_text("utf-8")
    visitor = PythonParseVisitor(None)
    visitor.visit(ast.parse(text))
    seen = {arguments[0] for name, arguments, _ in visitor.dbt_function_calls if name == "ref"}
    assert seen == set(re.findall(r'dbt\.ref\("(\w+)"\)', text))


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_model_reads_calls_and_writes(path: Path) -> None:
    """One function, in which nothing is looped over, branched on or compared."""
    tree = ast.parse(path.read_text("utf-8"))
    functions = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    decided = [
        node for node in ast.walk(tree) if isinstance(node, ast.For | ast.If | ast.IfExp | ast.Compare | ast.Lambda)
    ]
    assert functions == ["model"]
    assert not decided
