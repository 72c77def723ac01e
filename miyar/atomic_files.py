"""Atomic file writing: a file is written under a hidden name in its folder, then renamed, so it is whole or absent.

Belongs here: how a file is written. Does not belong here: its content.
"""

import os
from collections.abc import Iterable
from pathlib import Path


def part_of(path: Path) -> Path:
    """Return the hidden name a file has until it is complete; no reader's glob matches it."""
    return path.with_name(f".{path.name}.part")


def finish(path: Path) -> None:
    """Flush the finished part to disk and rename it into place."""
    part = part_of(path)
    descriptor = os.open(part, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.replace(path)


def write_text(path: Path, content: str) -> None:
    """Write a small text file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part_of(path).write_text(content, "utf-8")
    finish(path)


def remove(paths: Iterable[Path]) -> None:
    """Delete files, ignoring those that do not exist."""
    for path in paths:
        path.unlink(missing_ok=True)
