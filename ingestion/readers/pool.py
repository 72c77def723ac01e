"""Reading files in processes of their own, which are started once, kept, and replaced when they die.

Belongs here: starting such processes and what their end means. Does not belong here: what they do (`worker`).
"""

import atexit
import contextlib
import json
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
from pathlib import Path

from ingestion.faults import MachineError
from ingestion.readers.answers import heard, stopped
from ingestion.readers.input import Input, Source
from ingestion.readers.worker import ANSWER, UNWRITTEN, Job, receive, send
from miyar.workspace import Settings

_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from ingestion.readers.worker import main; main()"
_PATIENCE_SECONDS = 5
_FROM_OUTSIDE = {-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP}
_idle: list[subprocess.Popen[bytes]] = []
_lock = threading.Lock()


def read(given: Input, settings: Settings, scratch: Path) -> Source:
    """Read a file into scratch; raises MiyarError if it cannot be read, whatever it does to its reader.

    MachineError: the machine is at fault (no disk, no memory, the reader was killed), so the file is tried again.
    """
    answer = scratch / ANSWER
    answer.unlink(missing_ok=True)
    job = Job(given.path, given.shown, given.contract, settings, scratch)
    code = _run(job)
    if code == 0 and answer.is_file():
        return heard(json.loads(answer.read_text("utf-8")))
    raise _ended(given, code)


def _run(job: Job) -> int | None:
    """The exit status of the reading, None where its process is gone too."""
    with _lock:
        process = _idle.pop() if _idle else None
    if process is None or process.poll() is not None:
        process = _start()
    assert process.stdin is not None  # noqa: S101 -- started with pipes
    assert process.stdout is not None  # noqa: S101 -- started with pipes
    try:
        send(process.stdin, pickle.dumps(job))
        message = receive(process.stdout)
    except (OSError, ValueError):
        message = None
    except BaseException:
        _end(process)
        raise
    if message is None:
        _end(process)
        return None
    with _lock:
        _idle.append(process)
    return int(struct.unpack("<i", message)[0])


def _start() -> subprocess.Popen[bytes]:
    # Libraries of linear algebra start threads when they are loaded, which a process that forks must not have.
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(  # noqa: S603 -- this interpreter
        [sys.executable, "-c", _START, json.dumps([os.path.abspath(one) for one in sys.path])],  # noqa: PTH100
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        # A terminal's interrupt is the parent's to handle; when the parent ends, so does this.
        start_new_session=True,
    )


def _ended(given: Input, code: int | None) -> Exception:
    if code == UNWRITTEN:
        return _machine(given, "disk_full", "there is no room left to write the working files", "Free space")
    if code == -signal.SIGALRM:
        why = "reading waited too long for the disk or for other processes"
        return _machine(given, "reading_failed", why, "Look at the disk")
    if code is None or code in _FROM_OUTSIDE:
        why = "the reading process was ended from outside (often: the machine has too little memory)"
        return _machine(given, "reading_failed", why, "Leave the machine more memory")
    crashed = "the reading library crashed, or needed more memory than any table does"
    return stopped(given, "it took more time than any table does" if code == -signal.SIGXCPU else crashed)


def _machine(given: Input, rule: str, why: str, step: str) -> MachineError:
    message = f"{why}; nothing of the file was taken"
    return MachineError(given.problem(rule, message, f"{step} and run again; the file is kept."))


def _end(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    # The end of its requests has it end its fork and itself; killed at once, it would leave the fork behind.
    try:
        process.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _forget() -> None:
    _idle.clear()


@atexit.register
def _close() -> None:
    while _idle:
        _end(_idle.pop())


# A fork of this process has the pipes, but the answers are not its own.
os.register_at_fork(after_in_child=_forget)
