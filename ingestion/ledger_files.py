"""Files of the ledger: JSON with a checksum, so that a wrong byte is told and never taken for a fact.

Belongs here: writing and reading such a file. Does not belong here: what stands in it (`submission_ledger`, `rereading`).
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from miyar import atomic_files
from miyar.errors import MiyarError, Problem


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a file of the ledger; it is whole or absent."""
    atomic_files.write_text(path, json_text(content))


def json_text(content: dict[str, Any]) -> str:
    """Return the text of a file of the ledger."""
    sealed = {**content, "checksum": _checksum(content)}
    return json.dumps(sealed, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def read_json(path: Path) -> dict[str, Any]:
    """The content of a file of the ledger (earlier versions wrote no checksum); raises MiyarError if it is torn or changed."""
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
        sealed = content.pop("checksum", "")
    except (OSError, ValueError, AttributeError):
        raise MiyarError(unreadable(path, "the file is torn or cannot be read")) from None
    if sealed and sealed != _checksum(content):
        raise MiyarError(unreadable(path, "the file is not what was written: a byte of it was changed"))
    return content


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:16]


def unreadable(path: Path, what: str) -> Problem:
    """What is told of a file of the ledger that cannot be used."""
    return Problem(
        "account_unreadable",
        f"{what}; nothing is received or published without it, for what people decided stands there",
        file=f"lake/{path.parent.name}/{path.name}",
        next_step="Restore it from backup or from `vintages/`. Or delete it: its file is then received as if it were new, "
        "and has to be withdrawn or accepted again where it was.",
    )
