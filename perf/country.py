"""Cost of everything above the cells for a whole country, of one quarter more and of its edition; `python -m perf.country`.

Belongs here: the order of the builds and the results. Does not belong here: the build itself (`build`), the lake
(`simulation.perf_lake`), assertions.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import duckdb

from perf.process import HEAD, Run, measure, row
from simulation.perf_lake import Scale, write_perf_lake

RESULTS = Path(__file__).parent / "results"


def country(workspace: Path, scale: Scale) -> dict[str, Run]:
    """Build all quarters of a lake at once; then remove the last one, add it as a new delivery, and publish everything."""
    runs = {"lake to cells": _build(workspace, "heavy"), "cells to tables": _build(workspace, "light")}
    ledger = workspace / "lake" / "slices.parquet"
    whole = ledger.read_bytes()
    with duckdb.connect() as connection:
        connection.execute("create table slices as select * from read_parquet(?)", [str(ledger)])
        connection.execute("delete from slices where period_id = ?", [scale.periods[-1]])
        connection.execute("copy slices to '" + str(ledger).replace("'", "''") + "' (format parquet)")
    _build(workspace, "heavy")
    _build(workspace, "light")
    ledger.write_bytes(whole)
    runs["a new quarter, lake to cells"] = _build(workspace, "heavy")
    runs["a new quarter, cells to tables"] = _build(workspace, "light")
    runs["tables to edition"] = _build(workspace, "edition")
    return runs


def _build(workspace: Path, part: str) -> Run:
    return measure("-m", "perf.build", str(workspace), part)


def write_results(scale: Scale, runs: dict[str, Run]) -> None:
    """Write `results/country.json` and `.md`."""
    ratio = runs["a new quarter, cells to tables"].wall_seconds / runs["cells to tables"].wall_seconds
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, DuckDB {duckdb.__version__}"
    found = {
        "machine": machine,
        "scale": asdict(scale),
        "runs": {name: asdict(run) for name, run in runs.items()},
        "new_quarter_to_whole": ratio,
    }
    (RESULTS / "country.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    shown = ", ".join(
        f"{value:,} {key.replace('_', ' ')}" for key, value in asdict(scale).items() if isinstance(value, int)
    )
    lines = [
        "# A whole country above the cells",
        "",
        f"{machine}. Made by `python -m perf.country`.",
        "",
        f"{shown}.",
        "",
        HEAD,
    ]
    lines += [row(name, run) for name, run in runs.items()]
    lines += ["", f"A new quarter takes {ratio:.3f} of the whole (wall, cells to tables)."]
    (RESULTS / "country.md").write_text("\n".join(lines) + "\n", "utf-8")
    print((RESULTS / "country.md").read_text("utf-8"))


def main(words: list[str]) -> None:
    """Measure a country of the size in METHODOLOGY, or of the given number of quarters, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quarters", type=int, default=Scale.quarters)
    scale = Scale(quarters=parser.parse_args(words).quarters)
    with tempfile.TemporaryDirectory() as name:
        workspace = Path(name) / "country"
        write_perf_lake(workspace, scale)
        runs = country(workspace, scale)
    write_results(scale, runs)


if __name__ == "__main__":
    main(sys.argv[1:])
