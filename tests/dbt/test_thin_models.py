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
    """One function, in which nothing is looped over, branched on or compared, in Python or with a number in SQL."""
    tree = ast.parse(path.read_text("utf-8"))
    functions = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    decided = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.For | ast.While | ast.If | ast.IfExp | ast.Compare | ast.BoolOp | ast.Lambda)
        or (isinstance(node, ast.comprehension) and node.ifs)
    ]
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    limits = [text for text in texts[1:] if re.search(r"[<>]=?\s*-?\d", text)]
    assert functions == ["model"]
    assert not decided
    assert limits == [], "a limit is a threshold of the methodology"


@pytest.mark.parametrize(
    "decision",
    [
        "while t:\n        t = None",
        "x = [u for u in t if u.isalpha()]",
        "x = t and 3",
        "x = t if session else 3",
        "x = dbt.ref('a').filter('n < 30')",
    ],
)
def test_a_model_that_decides_is_found(decision: str, tmp_path: Path) -> None:
    model = tmp_path / "planted.py"
    model.write_text(
        f'"""Planted."""\ndef model(dbt, session):\n    t = dbt.ref("t")\n    {decision}\n    return t\n', "utf-8"
    )
    with pytest.raises(AssertionError):
        test_a_model_reads_calls_and_writes(model)
