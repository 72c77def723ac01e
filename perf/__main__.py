"""`python -m perf`: time the pipeline and two floors on simulated data, and write table and plot to perf/results/.

Belongs here: the order of measurements. Does not belong here: assertions; a ratio is reported, never tested.
"""

import argparse
import json
import os
import platform
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path

import duckdb

from perf import country, portal
from perf.process import HEAD, Run, measure, row
from simulation.perf import write_perf_workspace

RESULTS = Path(__file__).parent / "results"
SUBMISSIONS = 100  # so that the last file is 1 % of the rows


def pipeline(workspace: Path) -> Run:
    return measure("-m", "cli.main", "run", "--workspace", str(workspace), "--reason", "benchmark")


def bench(folder: Path, answers: int, complaints: int, fixed: Run) -> dict[str, object]:
    """Run all measurements at one size."""
    workspace = folder / f"answers_{answers}"
    write_perf_workspace(workspace, answers, complaints, SUBMISSIONS)
    last = sorted((workspace / "landing").glob("*/survey_responses/*.csv"))[-1]
    held_back = folder / last.name
    shutil.move(last, held_back)
    full = pipeline(workspace)
    shutil.move(held_back, last)
    increment = pipeline(workspace)
    agencies = workspace / "registry" / "agencies.csv"
    agencies.write_bytes(agencies.read_bytes() + b"\n")
    above_cells = pipeline(workspace)
    floor = measure("-m", "perf.floor", str(workspace), str(folder / "floor.duckdb"))
    kept_floor = measure("-m", "perf.kept_floor", str(workspace), str(folder / "kept"))
    differing = _differing_cells(workspace, folder / "floor.duckdb", folder / "kept" / "warehouse.duckdb")
    shutil.rmtree(folder / "kept")
    shutil.rmtree(workspace)
    runs = {"full": full, "increment": increment, "above_cells": above_cells}
    work = {name: max(run.wall_seconds - fixed.wall_seconds, 0) for name, run in runs.items()}
    cpu_work = {name: max(run.cpu_seconds - fixed.cpu_seconds, 0) for name, run in runs.items()}
    return {
        "answers": answers,
        "complaints": complaints,
        "runs": {
            name: asdict(run)
            for name, run in {
                "fixed": fixed,
                "full": full,
                "increment_1_percent": increment,
                "cells_to_edition": above_cells,
                "floor": floor,
                "kept_floor": kept_floor,
            }.items()
        },
        "ratios": {
            "full_work_to_floor": work["full"] / floor.wall_seconds,
            # Wall time is distorted when other work shares the machine; processor time is not.
            "full_cpu_work_to_floor": cpu_work["full"] / floor.cpu_seconds,
            "full_work_to_kept_floor": work["full"] / kept_floor.wall_seconds,
            "full_cpu_work_to_kept_floor": cpu_work["full"] / kept_floor.cpu_seconds,
            "increment_work_to_full_work": work["increment"] / work["full"],
            "increment_cpu_work_to_full_cpu_work": cpu_work["increment"] / cpu_work["full"],
            "cells_to_edition_work_seconds": work["above_cells"],
        },
        "cells_that_differ_from_the_floors": differing,
    }


def _differing_cells(workspace: Path, floor: Path, kept_floor: Path) -> int:
    """Number of cells that only one side has; a floor proves nothing if it computes something else."""
    keys = "agency_id, period_id, service_id, branch_id, region_id, channel, mode, segment, item"
    counts = ("asked_count", "answered_count", "sum_position", "sum_position2", "box_00_count", "box_04_count")
    listed = ", ".join([keys, *(f"{name}::bigint" for name in counts)])
    with duckdb.connect() as connection:
        for name, path in {
            "ours": workspace / "warehouse" / "warehouse.duckdb",
            "floor": floor,
            "kept": kept_floor,
        }.items():
            connection.execute(f"attach '{path}' as {name} (read_only)")
        pairs = [
            (f"select {listed} from ours.intermediate.int_survey__cells", f"select {listed} from floor.survey_cells")
        ]
        tables = "select table_name from duckdb_tables() where database_name = 'kept' and table_name like '%__cells'"
        for (table,) in connection.execute(tables).fetchall():
            columns = ", ".join(row[0] for row in connection.execute(f"describe kept.intermediate.{table}").fetchall())
            both = (f"select {columns} from {side}.intermediate.{table}" for side in ("ours", "kept"))
            pairs.append((next(both), next(both)))
        return sum(
            len(connection.execute(f"({one} except all {other})").fetchall())
            for pair in pairs
            for one, other in (pair, pair[::-1])
        )


def main() -> None:
    """Measure every requested size and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, nargs="+", default=[2_000_000, 20_000_000])
    parser.add_argument("--complaints", type=int, default=2_000_000)
    parser.add_argument("--country", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--portal", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # The fixed cost of a run before its first row: a workspace of one tiny file.
        tiny = folder / "tiny"
        write_perf_workspace(tiny, 1_000, 80, 1)
        fixed = pipeline(tiny)
        sizes: list[dict[str, object]] = []
        for answers in options.answers:
            sizes.append(bench(folder, answers, options.complaints, fixed))
            _write(sizes)
    print((RESULTS / "bench.md").read_text("utf-8"))
    if options.country:
        country.main([])
    if options.portal:
        portal.main()


def _write(sizes: list[dict[str, object]]) -> None:
    """Write the results so far, because a large size takes long and an interrupted run must keep the earlier ones."""
    RESULTS.mkdir(exist_ok=True)
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, DuckDB {duckdb.__version__}"
    (RESULTS / "bench.json").write_text(json.dumps({"machine": machine, "sizes": sizes}, indent=1) + "\n", "utf-8")
    (RESULTS / "bench.md").write_text(_table(machine, sizes), "utf-8")
    if sizes:
        _plot(sizes, RESULTS / "bench.svg")


def _table(machine: object, sizes: list[dict[str, object]]) -> str:
    lines = [f"# Benchmarks\n\n{machine}. Made by `make bench`; ratios of one run on one machine.\n"]
    for size in sizes:
        runs, ratios = size["runs"], size["ratios"]
        assert isinstance(runs, dict)  # noqa: S101
        assert isinstance(ratios, dict)  # noqa: S101
        lines.append(f"## {size['answers']:,} answers, {size['complaints']:,} complaints\n")
        lines += [HEAD, *(row(name, Run(**run)) for name, run in runs.items())]
        lines.append("\n| ratio | value |\n|---|---:|")
        lines += [f"| {name} | {value:.3f} |" for name, value in ratios.items()]
        lines.append(f"\nCells that differ from the floors': {size['cells_that_differ_from_the_floors']}.\n")
    return "\n".join(lines)


def _plot(sizes: list[dict[str, object]], target: Path) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(sizes), figsize=(5 * len(sizes), 3.2), squeeze=False)
    for axis, size in zip(axes[0], sizes, strict=True):
        runs = size["runs"]
        assert isinstance(runs, dict)  # noqa: S101
        names = list(runs)
        axis.barh(names, [runs[name]["wall_seconds"] for name in names], color="#4a6fa5")
        axis.invert_yaxis()
        axis.set_title(f"{size['answers']:,} answers")
        axis.set_xlabel("wall seconds")
    figure.tight_layout()
    figure.savefig(target)


if __name__ == "__main__":
    main()
