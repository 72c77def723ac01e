"""Who saw what: one line of JSON per request, in the workspace's `portal/audit.jsonl`. No figure, no text of a reader.

Belongs here: writing lines. Does not belong here: deciding what a line says (`middleware`).
"""

import json
import os
from pathlib import Path

from portal.sessions import Clock


class Audit:
    """Appends whole lines; the file is readable by its owner only."""

    def __init__(self, path: Path, clock: Clock) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._clock = path, clock

    def write(self, **fields: object) -> None:
        """One line with the time first, in ASCII (what somebody asked for may hold other line ends); a single write, so that
        lines of several threads never mix.
        """
        line = json.dumps({"at": self._clock().isoformat(timespec="milliseconds"), **fields})
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, line.encode() + b"\n")
        finally:
            os.close(handle)
