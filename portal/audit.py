"""Who saw what: one line of JSON per request, in the workspace's `portal/audit.jsonl`, without figures or readers' texts.

Belongs here: writing lines. Does not belong here: deciding what a line says (`middleware`).
"""

import json
import os
from pathlib import Path

from portal.sessions import Clock


class Audit:
    """Appends whole lines; only the file's owner may read it."""

    def __init__(self, path: Path, clock: Clock) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._clock = path, clock

    def write(self, **fields: object) -> None:
        """Append one line, time first, in one write, so that lines of several threads never mix.

        It is written in ASCII, because what somebody asked for may contain other line ends.
        """
        line = json.dumps({"at": self._clock().isoformat(timespec="milliseconds"), **fields})
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, line.encode() + b"\n")
        finally:
            os.close(handle)
