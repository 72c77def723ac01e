"""Where the files of an edition lie: inside it, one name each, read-only, and nothing beside them.

Belongs here: names, links and modes of files. Does not belong here: their bytes and tables (`verify`).
"""

import re
import stat
from pathlib import Path, PurePosixPath

from publication.checkpoints import FOLDER
from publication.manifest import EDITION, Manifest
from publication.release_ledger import FILE

# What a publishing that was killed may leave beside the editions; the next one removes or replaces it.
LEFT = re.compile(r"\.building-.*|\.current-next|\.ledger\.jsonl\.part")
NAME = re.compile(r"\w[\w .-]*")
Found = tuple[str, str, str]  # rule, message, name within the edition


def is_inside(name: str) -> bool:
    """Return whether a file's name in a manifest stays within the edition's folder."""
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\\" not in name and "\0" not in name


def misplaced(folder: Path, manifest: Manifest) -> list[Found]:
    """Return which files of an edition are links, have further names, may be written, or are named outside of it."""
    found = [("path_outside", "the manifest names a file outside the edition", one) for one in _outside(manifest)]
    places = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    for name, path in sorted(places.items()):
        state = path.lstat()
        if stat.S_ISLNK(state.st_mode):
            found.append(("file_linked", "the file is a link; what it leads to can change", name))
        elif stat.S_ISDIR(state.st_mode):
            if not any(path.iterdir()):
                found.append(("file_added", "the folder is empty and not of the edition", name))
        elif not stat.S_ISREG(state.st_mode):
            found.append(("file_added", "it is no file and not of the edition", name))
        elif name in manifest.files or name == "manifest.json":
            if state.st_nlink > 1:
                found.append(("file_linked", "the file has a second name elsewhere, by which it can be changed", name))
            if state.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
                found.append(("file_writable", "the file may be written, and was sealed", name))
    return found


def strangers(editions: Path) -> list[str]:
    """Return what lies beside the editions and is none, nor ledger, checkpoints or the current link."""
    known = {FILE, FOLDER, "current"}
    names = [path.name for path in editions.iterdir()] if editions.is_dir() else []
    return sorted(one for one in names if one not in known and not EDITION.fullmatch(one) and not LEFT.fullmatch(one))


def _outside(manifest: Manifest) -> list[str]:
    """Every name of a manifest that is made into a path and would leave the edition's folder."""
    parts = [*manifest.tables, *manifest.packs]
    return sorted(
        [one for one in manifest.files if not is_inside(one)] + [one for one in parts if not NAME.fullmatch(one)]
    )
