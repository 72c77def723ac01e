"""Times of the portal's pages over a country's edition while a pipeline runs; `python -m perf.portal` measures only this.

Belongs here: requests to the server, percentiles, the results. Does not belong here: the server (`portal_server`),
making the edition (`large_edition`), assertions.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import duckdb
import httpx2
import numpy as np

from perf.large_edition import QUARTERS, write_large_edition
from portal.users import COLUMNS, FILE
from publication.manifest import read_manifest
from publication.reading import open_edition
from publication.release_ledger import record_unrecorded
from simulation.workspace import write_workspace

RESULTS = Path(__file__).parent / "results"
AGENCIES = 200
PORT = 18080
ROUNDS = 20
CENTRE = "centre@miyar.invalid"
_ASKED = """
    select agency_id, max(score_id) from bench_scores
    where unit_type = 'agency' and metric_id = 'overall_satisfaction' and status = 'reported' and period_id = ?
        and agency_id in (select agency_id from bench_complaints where unit_type = 'agency' and figure = 'median_days')
    group by agency_id order by agency_id
"""
_METRICS = "select metric_id from dim_metrics where is_headline order by 1"


def pages(edition: str, agency: str, score: str, metric: str, period: str) -> dict[str, tuple[bool, str]]:
    """Page -> whether the centre requests it, and its path; shared pages show the given metric and period."""
    chosen = f"?metric={metric}&period={period}"
    own = f"/ar/{edition}/agencies/{agency}"
    agencys = {
        "agency": "/",
        "all metrics": "/?full=true",
        "metric": "/metrics/overall_satisfaction",
        "regions of an agency": "/places",
        "branches": "/places?kind=branch",
        "complaints": "/complaints",
        "complaint figure": "/complaints/median_days",
        "maturity": "/maturity",
        "quality": "/quality",
        "history": "/history",
    }
    shared = {
        "score": f"/scores/{score}",
        "journeys": f"/journeys?period={period}",
        "regions": f"/regions{chosen}",
        "method": "/method",
    }
    shared |= {"downloads": "/downloads", "editions": "/editions"}
    found = {name: (False, own + path) for name, path in agencys.items()}
    found |= {name: (False, f"/ar/{edition}{path}") for name, path in shared.items()}
    return {"centre": (True, f"/ar/{edition}/{chosen}"), "check": (False, "/ar/check"), **found}


def measure_pages(workspace: Path) -> dict[str, dict[str, float]]:
    """Milliseconds per page: median and 95th percentile of a browser's wait, and the server's processor time.

    Each round is for another agency and, on shared pages, another metric and period, so that nearly every figure is requested for
    the first time. A round requests every page once, so that other load on the machine affects all pages alike.
    """
    edition = (workspace / "editions" / "current").resolve()
    with open_edition(edition) as connection:
        asked = connection.execute(_ASKED, [read_manifest(edition).period_id]).fetchall()
        metrics = [row[0] for row in connection.execute(_METRICS).fetchall()]
        periods = [
            row[0] for row in connection.execute("select distinct period_id from bench_scores order by 1").fetchall()
        ]
    chosen = [asked[position * len(asked) // (ROUNDS + 1)] for position in range(ROUNDS + 1)]
    # Each round gets another pair; pairs repeat only after the least common multiple of the two lengths.
    about = [(metrics[turn % len(metrics)], periods[-1 - turn % len(periods)]) for turn in range(ROUNDS + 1)]
    _write_readers(workspace, [agency for agency, _ in chosen])
    waits: dict[str, list[float]] = {}
    cpu: dict[str, float] = {}
    server = subprocess.Popen(
        [sys.executable, "-m", "perf.portal_server", str(workspace), str(PORT)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None  # noqa: S101 - narrows the type
        links = [server.stdout.readline().strip() for _ in range(len(chosen) + 1)]
        centre = _signed_in(links[0])
        for turn, (agency, score) in enumerate(chosen):
            own = _signed_in(links[turn + 1])
            for name, (is_centres, path) in pages(edition.name, agency, score, *about[turn]).items():
                before, started = _cpu_seconds(server.pid), time.perf_counter()
                answer = (centre if is_centres else own).get(path)
                waited = time.perf_counter() - started
                if answer.status_code != 200:
                    raise RuntimeError(f"{name}: {answer.status_code}")
                if turn:  # the first round opens the edition
                    waits.setdefault(name, []).append(1000 * waited)
                    cpu[name] = cpu.get(name, 0) + 1000 * (_cpu_seconds(server.pid) - before) / ROUNDS
    finally:
        server.kill()
        server.wait()
    return {
        name: {
            "median_ms": float(np.percentile(values, 50)),
            "p95_ms": float(np.percentile(values, 95)),
            "cpu_ms": cpu[name],
        }
        for name, values in waits.items()
    }


def _signed_in(link: str) -> httpx2.Client:
    base, _, token = link.partition("/signin/link/")
    client = httpx2.Client(base_url=base, transport=httpx2.HTTPTransport(retries=8), timeout=120)
    page = client.get(link).text
    form = re.search(r'name="form_token" value="([^"]+)"', page)
    if form is None:
        raise RuntimeError("the portal shows no form")
    client.post("/signin/link", data={"form_token": form[1], "link_token": token})
    return client


def _cpu_seconds(pid: int) -> float:
    """A process's user and system time so far, as Linux reports it."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _write_readers(workspace: Path, agencies: list[str]) -> None:
    rows = [COLUMNS, (CENTRE, "centre", ""), *((f"{agency}@miyar.invalid", "agency", agency) for agency in agencies)]
    (workspace / "registry" / FILE).write_text("\n".join(",".join(row) for row in rows) + "\n", "utf-8")


@contextmanager
def running(workspace: Path) -> Iterator[None]:
    """Keep a pipeline running in another process during the context, recomputing everything above the cells repeatedly."""
    over = Event()

    def again() -> None:
        agencies = workspace / "registry" / "agencies.csv"
        while not over.is_set():
            agencies.write_bytes(agencies.read_bytes() + b"\n")
            _pipeline(workspace)

    thread = Thread(target=again)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _pipeline(workspace: Path) -> None:
    command = [sys.executable, "-m", "cli.main", "run", "--workspace", str(workspace), "--reason", "benchmark"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Measure and write `results/portal.*`."""
    with tempfile.TemporaryDirectory() as name:
        small, country = Path(name) / "small", Path(name) / "country"
        write_workspace(small, seed=2026)
        _pipeline(small)
        country.mkdir()
        shutil.copytree(small / "registry", country / "registry")
        shutil.copy(small / "miyar.yml", country)
        edition = (small / "editions" / "current").resolve()
        made = write_large_edition(edition, country / "editions" / edition.name, AGENCIES)
        (country / "editions" / "current").symlink_to(edition.name)
        record_unrecorded(country / "editions")
        alone = measure_pages(country)
        with running(small):
            beside = measure_pages(country)
    rows = {name: made.tables[name].rows for name in ("bench_scores", "bench_trends", "bench_peer_positions")}
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, DuckDB {duckdb.__version__}"
    found = {"machine": machine, "agencies": AGENCIES, "quarters": QUARTERS, "rows": rows}
    found |= {"alone": alone, "while_a_pipeline_runs": beside}
    (RESULTS / "portal.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    told = ", ".join(f"{count:,} rows of {table}" for table, count in rows.items())
    lines = [
        f"# Pages of the portal\n\n{machine}. {AGENCIES} agencies, {QUARTERS} quarters: {told}. Each round is another agency's: "
        f"every figure of its pages is asked for the first time; {ROUNDS} rounds. Made by `make bench`.\n",
        "| page | alone: median ms | p95 ms | CPU ms | while a pipeline runs: median ms | p95 ms | CPU ms |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for page in alone:
        cells = [one[page][kind] for one in (alone, beside) for kind in ("median_ms", "p95_ms", "cpu_ms")]
        lines.append(f"| {page} | {' | '.join(f'{cell:.0f}' for cell in cells)} |")
    slowest = [max(one.values(), key=lambda page: page["p95_ms"])["p95_ms"] for one in (alone, beside)]
    lines.append(f"\nThe slowest page's p95: {slowest[0]:.0f} ms alone, {slowest[1]:.0f} ms while a pipeline runs.")
    (RESULTS / "portal.md").write_text("\n".join(lines) + "\n", "utf-8")
    print((RESULTS / "portal.md").read_text("utf-8"))


if __name__ == "__main__":
    main()
