"""Files that are whole or absent: written beside their place and renamed into it.

Belongs here: atomic writing. Does not belong here: what is written.
"""

import os
from collections.abc import Iterable
from pathlib import Path


def part_of(path: Path) -> Path:
    """Where a file is written before it is complete: a hidden name that no glob of readers matches."""
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
    """Write a small text file as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part_of(path).write_text(content, "utf-8")
    finish(path)


def remove(paths: Iterable[Path]) -> None:
    """Delete files that may be gone already."""
    for path in paths:
        path.unlink(missing_ok=True)
