"""The process that reads untrusted files: it forks for each file, so that whatever a file does ends with that fork.

Belongs here: limits of one reading, and how its outcome crosses to the parent. Does not belong here: starting and keeping
such processes (`pool`), reading itself (`ingestion.readers`).
"""

import contextlib
import errno
import gc
import json
import os
import pickle
import re
import resource
import select
import signal
import struct
import sys
import tempfile
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import IO, Any

import duckdb
import pyarrow as pa

from ingestion.contract import Contract
from ingestion.faults import MachineError, guarded
from ingestion.patterns import mask
from ingestion.readers import read_here
from ingestion.readers.answers import refused, stopped, told
from ingestion.readers.input import Input
from ingestion.readers.limits import (
    CPU_SECONDS,
    CPU_SECONDS_PER_MEGABYTE,
    MOST_MEMORY,
    OUTPUT_BYTES,
    OUTPUT_RATIO,
    WAITING,
)
from miyar import sql
from miyar.errors import MiyarError
from miyar.workspace import Settings

ANSWER = "answer.json"
FAILED, UNWRITTEN = 1, 2  # exit statuses: nothing to tell, or no room to write it
_SIZE = struct.Struct("<Q")


@dataclass(frozen=True)
class Job:
    """One file to read into a folder."""

    path: Path
    shown: str
    contract: Contract
    settings: Settings
    scratch: Path

    @property
    def given(self) -> Input:
        return Input(self.path, self.shown, self.contract)


def send(stream: IO[bytes], message: bytes) -> None:
    """Write one message and its length."""
    stream.write(_SIZE.pack(len(message)) + message)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """The next message, or None when the other side is gone."""
    head = stream.read(_SIZE.size)
    if len(head) < _SIZE.size:
        return None
    (size,) = _SIZE.unpack(head)
    message = stream.read(size)
    return message if len(message) == size else None


def main() -> None:
    """Read jobs from standard input until it closes, and answer each with the exit status of its fork."""
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    answers = os.fdopen(os.dup(1), "wb")
    # Libraries that write warnings must not reach the protocol, nor quote cells to whoever watches.
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)
    awake, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    database = prepared()
    # What stands in memory now is shared with every fork, and a fork's collector would copy it by looking at it.
    gc.collect()
    gc.freeze()
    while (message := receive(requests)) is not None:
        child = os.fork()
        if child == 0:
            signal.set_wakeup_fd(-1)
            _serve(message, database)
        status = _wait(child, requests, awake)
        if status is None:
            return
        send(answers, struct.pack("<i", status))


def _wait(child: int, requests: IO[bytes], awake: int) -> int | None:
    """The exit status of a child, or None, the child being ended, when the parent is gone."""
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        ready, _, _ = select.select([requests, awake], [], [])
        if awake in ready:
            os.read(awake, 4096)
        if requests in ready:
            # The parent sends nothing before it has the answer, so this is its end.
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None


class _WithoutPandas(MetaPathFinder):
    """Arrow imports pandas with its first array, to know its values. No reader has any, and the import takes half a second."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)


def prepared() -> duckdb.DuckDBPyConnection:
    """A database that forks find open and warm, beside all they would else load each for itself.

    It has no thread but this one, for threads are not forked.
    """
    sys.meta_path.insert(0, _WithoutPandas())
    pa.array([""])
    mask("")
    database = sql.database("1GB", 1, Path(os.devnull))
    sql.begin(database)
    with tempfile.NamedTemporaryFile() as file:
        path = sql.text(file.name)
        database.execute(f"copy (select 'a' as c0) to {path} (format csv, header false)")
        database.execute(
            f"select c0 from read_csv({path}, auto_detect = false, columns = {{'c0': 'varchar'}})"
        ).fetchall()
        database.execute(f"copy (select 'a' as c0) to {path} (format parquet, compression lz4)")
        database.execute(f"select max(c0) from {sql.parquet(Path(file.name))}").fetchall()
    return database


def _serve(message: bytes, database: duckdb.DuckDBPyConnection) -> None:
    code = FAILED
    with contextlib.suppress(BaseException):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        job: Job = pickle.loads(message)  # noqa: S301 -- written by the parent
        outcome = json.dumps(_outcome(job, database))
        code = UNWRITTEN
        (job.scratch / ANSWER).write_text(outcome, "utf-8")
        code = 0
    os._exit(code)


def _outcome(job: Job, database: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """The source of a file that was read, or the problems for which it was not, as plain data."""
    limited = _limit(job)
    try:
        with guarded(job.contract.provider, job.shown):
            sql.limit(database, job.settings, job.scratch / "spill")
            return told(read_here(job.given, database, job.scratch))
    except MachineError as error:
        cause = error.__cause__
        if isinstance(cause, MemoryError):
            return refused(stopped(job.given, "it needed more memory than any table does"))
        if limited and "File too large" in str(cause):
            return refused(stopped(job.given, "its working files grew larger than any table's"))
        if _is_of_the_file(cause):
            return refused(stopped(job.given, f"the reading library failed ({type(cause).__name__})"))
        return {"machine": [problem.as_dict() for problem in error.problems]}
    except MiyarError as error:
        return refused(error)
    except BaseException as error:  # whatever a library raises, also what is no Exception
        return refused(stopped(job.given, f"the reading library failed ({type(error).__name__})"))


def _is_of_the_file(cause: BaseException | None) -> bool:
    """Whether a failure comes from what stands in the file, so that reading it once more would end the same way."""
    if isinstance(cause, OSError):
        # Disks and descriptors fail with a number of their own; libraries raise without one, or seek where nothing is.
        return cause.errno in (None, errno.EINVAL)
    return isinstance(cause, duckdb.Error) and not isinstance(cause, duckdb.IOException | duckdb.OutOfMemoryException)


def _limit(job: Job) -> bool:
    """Set this process's limits; returns whether the size of files is limited by us and not by the machine."""
    size = job.path.stat().st_size if job.path.exists() else 0
    seconds = CPU_SECONDS + CPU_SECONDS_PER_MEGABYTE * size // (1 << 20)
    _lower(resource.RLIMIT_CPU, seconds)
    _lower(resource.RLIMIT_DATA, MOST_MEMORY + _bytes(job.settings.memory_limit))
    _lower(resource.RLIMIT_CORE, 0)
    signal.setitimer(signal.ITIMER_REAL, WAITING * seconds)
    return _lower(resource.RLIMIT_FSIZE, OUTPUT_BYTES + OUTPUT_RATIO * size)


def _bytes(limit: str) -> int:
    """The engine's limit (2GB, 500 MiB) as a number; 0 for what is no size."""
    found = re.fullmatch(r"\s*([0-9.]+)\s*([KMGT])i?B\s*", limit, re.IGNORECASE)
    return int(float(found[1]) * 1024 ** ("KMGT".index(found[2].upper()) + 1)) if found else 0


def _lower(what: int, most: int) -> bool:
    soft, hard = resource.getrlimit(what)
    if soft != resource.RLIM_INFINITY and soft <= most:
        return False
    resource.setrlimit(what, (most, hard))
    return True


if __name__ == "__main__":
    main()
