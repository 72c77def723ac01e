"""One half of the warehouse, built in a process of its own: `python -m perf.build WORKSPACE heavy|light`.

Belongs here: what the benchmark measures as a process. Does not belong here: the measuring (`__main__`).
"""

import sys
from pathlib import Path

from dagster_project.snapshots import write_snapshots
from dagster_project.warehouse import HEAVY, LIGHT, run_dbt
from ingestion.lake import write_empty_files
from miyar.registry import load_registry
from miyar.workspace import Workspace
from publication.method import methodology_of


def main(root: Path, half: str) -> None:
    """Build cells (heavy) or everything above them (light); models only, tests are not what is measured."""
    place = Workspace.open(root)
    write_empty_files(place)
    write_snapshots(place, load_registry(place.registry), methodology_of(place))
    results = list(run_dbt(place, HEAVY if half == "heavy" else LIGHT, "run"))
    slowest = sorted(results, key=lambda result: -result.seconds)[:12]
    print("\n".join(f"{result.seconds:8.1f} s  {result.unique_id}" for result in slowest), file=sys.stderr)
    failures = [f"{result.unique_id}: {result.message}" for result in results if result.failed]
    if failures:
        raise RuntimeError("; ".join(failures))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
