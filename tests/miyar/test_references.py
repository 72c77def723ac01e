"""Everything in backticks exists: a path, a module, a name in a module, a model of dbt.

A page or docstring that names a file that was moved does more harm than one that names none.

Belongs here: references from pages and from docstrings of modules. Does not belong here: links (`test_documents`).
"""

import ast
import io
import re
import tokenize
from functools import cache
from pathlib import Path

import pytest

from tests.repository import REPOSITORY, files

ROOMS = sorted(path.parent.name for path in REPOSITORY.glob("*/__init__.py") if path.parent.name != "tests")
# Written by `miyar docs` from schemas and catalogues that have their own tests.
MADE = {"contracts.md", "rules.md", "tables.md"}
PAGES = [
    path
    for path in [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md")]
    if path.name not in MADE and path.name != "CHANGELOG.md"  # which names what no longer exists
]
MODULES = sorted(
    path
    for room in [*ROOMS, "tests", "dbt/models", "bi"]
    for path in files(room, "*.py")
    if "real" not in path.parts  # the real sets are not in this repository
)
QUOTED = re.compile(r"`([^`\n]+)`")
SOURCES = {".py", ".sql", ".md", ".toml", ".csv", ".yml", ".json", ".css", ".html", ".lock", ".svg", ".png", ".parquet"}


@cache
def _files() -> frozenset[str]:
    return frozenset(path.relative_to(REPOSITORY).as_posix() for path in files())


@cache
def _models() -> frozenset[str]:
    return frozenset(path.stem for path in files("dbt") if path.suffix in {".sql", ".py"})


@cache
def _names(module: Path) -> frozenset[str]:
    """Return the names a module defines or imports, also inside its classes."""
    tree = ast.parse(module.read_text("utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).rpartition(".")[2])
        elif isinstance(node, ast.arg):
            found.add(node.arg)
    return frozenset(found)


@cache
def _said() -> frozenset[str]:
    """Return words of the product's own texts that could be names of files and folders."""
    texts = (
        node.value
        for room in ROOMS
        for path in files(room, "*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return frozenset(text for text in texts if re.fullmatch(r"[\w-]+(\.\w+)?", text))


@cache
def _defined(module: Path) -> frozenset[str]:
    """Names at the top of a module: what another file can name."""
    found = set()
    for node in ast.parse(module.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        for inner in (
            ast.walk(node) if isinstance(node, ast.Assign | ast.AnnAssign | ast.ImportFrom | ast.Import) else []
        ):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                found.add(inner.id)
            elif isinstance(inner, ast.alias):
                found.add((inner.asname or inner.name).rpartition(".")[2])
    return frozenset(found)


def _has(module: Path, owner: str, *attributes: str) -> bool:
    """Whether a class of the module has the attribute."""
    classes = [
        node
        for node in ast.parse(module.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and node.name == owner
    ]
    names = {
        getattr(node, "name", getattr(node, "id", getattr(node, "attr", "")))
        for one in classes
        for node in ast.walk(one)
    }
    return len(attributes) == 1 and attributes[0] in names


@cache
def _code() -> str:
    """All code of the product without docstrings and comments."""
    found = []
    for module in (path for path in MODULES if "tests" not in path.parts):
        tree = ast.parse(module.read_text("utf-8"))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if (
                isinstance(body, list)
                and body
                and isinstance(body[0], ast.Expr)
                and isinstance(body[0].value, ast.Constant)
            ):
                body[0].value.value = ""
        found.append(ast.unparse(tree))
    return "\n".join(found)


def _module(parts: list[str]) -> Path | None:
    """Return the file of a module or package, if there is one."""
    base = REPOSITORY.joinpath(*parts)
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def is_there(dotted: str) -> bool:
    """Return whether a dotted name exists."""
    parts = dotted.removesuffix("()").split(".")
    for length in range(len(parts), 0, -1):
        module = _module(parts[:length])
        if module is not None:
            rest = parts[length:]
            return not rest or (rest[0] in _defined(module) and (len(rest) == 1 or _has(module, *rest)))
        if REPOSITORY.joinpath(*parts[:length]).is_dir():
            return length == len(parts)
    return False


def _is_missing_path(text: str) -> bool:
    """Return whether `text` is a missing path of this repository; patterns and operators' files do not count."""
    if re.search(r"[<>*{}…$ |=\\]|\.\.\.|^[/~.]|://", text):
        return False
    path = text.rstrip("/")
    if "/" not in path and Path(path).suffix not in SOURCES:
        return False
    if Path(path).suffix not in SOURCES and not text.endswith("/"):
        return False
    known = _files()
    if (
        path in known
        or any(name.endswith("/" + path) for name in known)
        or any(f"/{path}/" in f"/{name}" for name in known)
    ):
        return False
    # The product writes the files of workspaces and editions, under names that its own texts contain.
    return Path(path).suffix == ".py" or not set(path.split("/")) & _said()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_paths_and_names_on_pages_exist(page: Path) -> None:
    missing = []
    for text in QUOTED.findall(re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)):
        is_dotted = re.fullmatch(rf"({'|'.join(ROOMS)})(\.\w+)+(\(\))?", text) and Path(text).suffix not in SOURCES
        is_model = re.fullmatch(r"(stg|int|bench|dim|fct)_\w+", text)
        if _is_missing_path(text) or (is_dotted and not is_there(text)) or (is_model and text not in _models()):
            missing.append(text)
    assert missing == []


def _told(module: Path) -> tuple[str, str]:
    """Return the docstring at the head of a module; and all its other docstrings and comments."""
    text = module.read_text("utf-8")
    tree = ast.parse(text)
    documented = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    others = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, documented)]
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    others += [token.string for token in tokens if token.type == tokenize.COMMENT]
    return ast.get_docstring(tree) or "", "\n".join(others)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_names_in_docstrings_and_comments_exist(module: Path) -> None:
    """The head of a module names its neighbours: a module next to it, a room, a model, or a name of its own.

    Elsewhere backticks also hold parameters, columns and values, so only names with a dot or a path are checked there.
    """
    head, rest = _told(module)
    missing = [told for told in QUOTED.findall(head) if _is_missing(told, module)]
    missing += [told for told in QUOTED.findall(rest) if ("." in told or "/" in told) and _is_missing(told, module)]
    assert missing == []


def _is_missing(told: str, module: Path) -> bool:
    name = told.removesuffix("()")
    if Path(name).suffix in SOURCES or not re.fullmatch(r"[a-z_]\w*(\.\w+)*", name):
        return _is_missing_path(told)
    if re.fullmatch(rf"({'|'.join(ROOMS)}|tests)(\.\w+)+", name):
        return not is_there(name)
    package = module.parent
    if (
        package.parts[-2] == "tests"
        and (REPOSITORY / package.name / "__init__.py").is_file()
        and not name.startswith("test_")
    ):
        package = REPOSITORY / package.name  # tests refer to the room they test
    first, *rest = name.split(".")
    sibling = package / f"{first}.py"
    if rest and sibling.is_file():
        return rest[0] not in _names(sibling)
    if rest and (package / first).is_dir():
        return _module([*(package / first).relative_to(REPOSITORY).parts, rest[0]]) is None
    if rest and name not in _code() and first not in _models():
        return True
    beside = {path.stem for path in [*package.iterdir(), *package.parent.iterdir()]}
    return first not in beside | set(ROOMS) | _models() | _names(module) | _words()


@cache
def _words() -> frozenset[str]:
    sources = [*files("dbt", "*.sql"), *files("dbt", "*.yml"), *REPOSITORY.glob("*/*.yml")]
    return frozenset(word for path in sources for word in re.findall(r"\w+", path.read_text("utf-8")))


def test_what_is_not_there_is_missing() -> None:
    middleware = REPOSITORY / "portal" / "middleware.py"
    assert _is_missing("request.state.portal", middleware)
    assert not is_there("warehouse.inputs.Inputs.nothing") and is_there("warehouse.inputs.Inputs.origin")
    assert not is_there("warehouse.inputs.path") and not is_there("miyar.dbt")
