"""The table of rooms in docs/architecture.md agrees with import-linter's contracts, and dbt and bi keep to it.

Belongs here: who imports whom. Does not belong here: running import-linter (`make lint`).
"""

import ast
import re
import tomllib

import pytest

from tests.repository import REPOSITORY, files

ROW = re.compile(r"^\| `(\w+)/` \|[^|]*\| ([^|]*) \|$", re.MULTILINE)
NO_PACKAGES = ("dbt", "bi")  # scripts, which import-linter does not read


def _table() -> dict[str, set[str]]:
    page = (REPOSITORY / "docs" / "architecture.md").read_text("utf-8")
    return {room: set() if told == "nothing" else set(told.split(", ")) for room, told in ROW.findall(page)}


def test_import_linter_holds_the_table() -> None:
    table = {room: may for room, may in _table().items() if room not in NO_PACKAGES}
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    assert set(settings["root_packages"]) == set(table)
    forbidden = {
        contract["source_modules"][0]: set(contract["forbidden_modules"])
        for contract in settings["contracts"]
        if contract["type"] == "forbidden" and len(contract["source_modules"]) == 1
    }
    assert forbidden == {room: set(table) - {room} - may for room, may in table.items()}
    (layers,) = [contract["layers"] for contract in settings["contracts"] if contract["type"] == "layers"]
    floor = {room: number for number, layer in enumerate(layers) for room in layer.split(" | ")}
    assert set(floor) == set(table)
    assert all(floor[room] < floor[below] for room, may in table.items() for below in may), "an arrow runs uphill"


def test_every_room_is_in_the_table() -> None:
    packages = {path.parent.name for path in REPOSITORY.glob("*/__init__.py")} - {"tests"}
    assert packages | set(NO_PACKAGES) == set(_table())


@pytest.mark.parametrize("room", NO_PACKAGES)
def test_scripts_import_what_the_table_says(room: str) -> None:
    table = _table()
    scripts = [path for path in files(room, "*.py") if "lint" not in path.parts]
    imported = set()
    for script in scripts:
        for node in ast.walk(ast.parse(script.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.split(".")[0])
            elif isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
    assert scripts
    assert imported & set(table) == table[room]
