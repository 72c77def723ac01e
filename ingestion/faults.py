"""Failures that are not the file's fault (disk, memory, keys, Miyar itself): reported as such, and the file is retried.

Belongs here: distinguishing them from bad input. Does not belong here: rules about files and values.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from miyar.errors import MiyarError, Problem

# A submission refused for one of these was never judged, so the next run receives it again.
RETRIED = {
    "disk_full",
    "memory_exceeded",
    "reading_failed",
    "pseudonym_key_missing",
    "pseudonym_key_open",
    "file_unreadable",
}
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_TEXTS = ("No space left on device", "Disk quota exceeded", "File too large", "max_temp_directory_size")


class MachineError(MiyarError):
    """The machine or Miyar failed, not the input."""


@contextmanager
def guarded(provider: str, shown: str) -> Iterator[None]:
    """Turn failures of the disk, of memory or of the engine into a problem that names the file.

    The engine's own text may quote cells, so it stays in the cause, for a debugger, and out of the message.
    """
    try:
        yield
    except duckdb.InterruptException:
        raise
    except (OSError, duckdb.Error, MemoryError) as error:
        raise MachineError(_problem(error, provider, shown)) from error


def _problem(error: Exception, provider: str, shown: str) -> Problem:
    is_full = isinstance(error, OSError) and error.errno in FULL
    if is_full or any(text in str(error) for text in _FULL_TEXTS):
        return Problem(
            "disk_full",
            "there is no room left to write the working files; nothing of this file was taken",
            provider,
            shown,
            next_step="Free space for the workspace (or raise its quota) and run again.",
        )
    if isinstance(error, MemoryError | duckdb.OutOfMemoryException):
        return Problem(
            "memory_exceeded",
            "the file needs more memory than allowed; nothing of it was taken",
            provider,
            shown,
            next_step="Raise memory_limit in miyar.yml, or deliver the file in parts.",
        )
    return Problem(
        "reading_failed",
        f"reading stopped unexpectedly ({type(error).__name__}); nothing of the file was taken",
        provider,
        shown,
        next_step="Keep the file and report this as a fault of Miyar.",
    )
