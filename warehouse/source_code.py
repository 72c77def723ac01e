"""The source files that compute numbers, and one hash of what they mean.

Belongs here: which files these are, and remembering what was found of each. Does not belong here: what a file means (`meaning`).
"""

import hashlib
import inspect
import json
from functools import cache
from pathlib import Path

from miyar import atomic_files
from warehouse.meaning import meaning

REPOSITORY = Path(__file__).resolve().parents[1]
# The rooms that compute numbers. A change of pages, commands or orchestration recomputes no score.
ROOMS = ("miyar", "ingestion", "expectations", "methodology", "publication", "warehouse", "dbt")
SOURCES = {".py", ".sql", ".yml", ".csv"}
MEANINGS = REPOSITORY / "dbt" / "target" / "meanings.json"


def source_files() -> list[Path]:
    """The source files of the rooms that compute numbers, in order; tests of dbt models and who reads them compute nothing."""
    return sorted(
        path
        for room in ROOMS
        for path in (REPOSITORY / room).rglob("*")
        if path.suffix in SOURCES
        and not {"target", "logs"} & set(path.relative_to(REPOSITORY).parts)
        and not path.name.startswith("_unit_tests")
        and path.name != "exposures.yml"
    )


@cache
def code_hash() -> str:
    """Hash of what every source file of the rooms that compute numbers means (`warehouse.meaning`)."""
    known, digest = _known_meanings(), hashlib.sha256()
    for path in source_files():
        content = path.read_bytes()
        said = known.get(_name(content, path.suffix)) or meaning(content, path.suffix)
        digest.update(path.relative_to(REPOSITORY).as_posix().encode() + b"\0" + said.encode() + b"\0")
    return digest.hexdigest()


def write_meanings() -> None:
    """Note what the files mean, by their bytes and suffix; part of the installation, because finding it out takes seconds."""
    contents = [(path.read_bytes(), path.suffix) for path in source_files()]
    known = {_name(content, kind): meaning(content, kind) for content, kind in contents}
    atomic_files.write_text(MEANINGS, json.dumps({"by": _found_by(), "known": known}, indent=0, sort_keys=True))


def _known_meanings() -> dict[str, str]:
    """What was noted; a note that is lost, torn or found in another way only costs time."""
    try:
        noted = json.loads(MEANINGS.read_text("utf-8"))
        return dict(noted["known"]) if noted["by"] == _found_by() else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _name(content: bytes, kind: str) -> str:
    """A file's name in the note: an empty SQL file means something else than an empty Python file."""
    return f"{_digest(content)}{kind}"


def _found_by() -> str:
    return _digest(Path(inspect.getfile(meaning)).read_bytes())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
