"""The files of this repository, without those that tools make beside them.

Belongs here: which files tests of the source read. Does not belong here: what they must say.
"""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
# Environments, caches and builds, wherever they lie: MetricFlow's own environment, for one, lies in `bi`.
MADE = {"target", "build", "node_modules", "__pycache__"}


def files(folder: str | Path = ".", pattern: str = "*") -> list[Path]:
    """Return the files below a folder of the repository whose names match, in order."""
    start = REPOSITORY / folder
    found = (path for path in start.rglob(pattern) if path.is_file())
    return sorted(path for path in found if not _is_made(path.relative_to(REPOSITORY).parts[:-1]))


def _is_made(folders: tuple[str, ...]) -> bool:
    return any(name in MADE or name.startswith(".") or name.endswith(".egg-info") for name in folders)
