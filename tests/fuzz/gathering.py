"""A plugin of pytest that runs tests only as far as they have written a delivery, and keeps what they delivered.

Belongs here: `gathered`, and the hooks for it. Does not belong here: what is done with the files (`corpora`).

The cases' inputs are built by their tests, so that is where they are taken from. Every test ends, as failed, where it
first asks the product for something.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TARGET = "MIYAR_GATHERED"
ASKS = ("deliveries", "stage", "refusal", "rows", "problems", "settle", "receive", "workspace", "registry", "accounts")
REPOSITORY = Path(__file__).resolve().parents[2]
# Of the tests of cases those about files; the others deliver one table again and again.
MODULES = [
    "columns_apart",
    "containers",
    "dates",
    "durations",
    "encodings",
    "expressions",
    "hostile_files",
    "json_kinds",
    "messages",
    "numbers",
    "rows_meant",
    "sheets",
    "statistical_files",
    "told",
    "validity",
    "xml_and_fixed",
    "zones",
]


@dataclass(frozen=True)
class Gathered:
    """A file that a test delivered, and the contract it was delivered under."""

    contract: str  # as YAML
    name: str
    content: bytes


class _EnoughError(Exception):
    """The test has delivered what it is about."""


_found: list[dict[str, str]] = []


def _recording(land: Callable[..., Path]) -> Callable[..., Path]:
    def recorded(centre: Any, *given: Any, **named: Any) -> Path:
        path = land(centre, *given, **named)
        provider, feed, *_ = path.relative_to(centre.root / "landing").parts
        contract = centre.root / "registry" / "contracts" / provider / f"{feed}.yml"
        if path.stat().st_size < 100_000:
            content = base64.b64encode(path.read_bytes()).decode()
            _found.append({"contract": contract.read_text("utf-8"), "name": path.name, "content": content})
        return path

    return recorded


def _enough(*_: Any, **__: Any) -> Any:
    raise _EnoughError


def pytest_configure() -> None:
    """Let both kinds of centre record what is delivered and answer nothing."""
    from tests.cases import deliveries
    from tests.ingestion import conftest

    for centre in (deliveries.Centre, conftest.Centre):
        centre.land = _recording(centre.land)
        for name in ASKS:
            if hasattr(centre, name):
                is_property = isinstance(vars(centre)[name], property)
                setattr(centre, name, property(_enough) if is_property else _enough)


def pytest_sessionfinish() -> None:
    """Write what was recorded."""
    Path(os.environ[TARGET]).write_text(json.dumps(_found), "utf-8")


def gathered() -> list[Gathered]:
    """What the tests of cases deliver, each file and contract once, in the order of the tests."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "gathered.json"
        modules = [f"tests/cases/test_{one}.py" for one in MODULES]
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "tests.fuzz.gathering",
            "--tb=no",
        ]
        subprocess.run(
            [*command, f"--basetemp={folder}/tests", *modules],
            cwd=REPOSITORY,
            env=os.environ | {TARGET: str(target)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=300,
        )
        found = json.loads(target.read_text("utf-8"))
    files = [Gathered(one["contract"], one["name"], base64.b64decode(one["content"])) for one in found]
    return list(dict.fromkeys(files))
