"""What one process took: wall and processor seconds, and peak memory.

Belongs here: measuring a process, and its row in a table. Does not belong here: which processes (the benchmarks).
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """One process: wall and processor seconds, and the peak of its resident memory."""

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float


HEAD = "| run | wall s | CPU s | peak MB |\n|---|---:|---:|---:|"


def row(name: str, run: Run) -> str:
    """The run as a line of a Markdown table under `HEAD`."""
    return f"| {name} | {run.wall_seconds:.1f} | {run.cpu_seconds:.1f} | {run.peak_mb:.0f} |"


def measure(*arguments: str) -> Run:
    """Run Python in a separate process and measure it; its output is discarded."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    _, code, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(code)
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}")
    return Run(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
