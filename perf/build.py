"""Build one half of the warehouse, or its edition, in a separate process: `python -m perf.build WORKSPACE heavy|light|edition`.

Belongs here: what the benchmark measures as a process. Does not belong here: the measuring (`__main__`).
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from ingestion.lake import write_empty_files
from miyar.workspace import Workspace
from publication.editions import publish
from publication.manifest import Origin
from publication.method import methodology_of
from warehouse.dbt_runner import HEAVY, LIGHT, run_dbt
from warehouse.inputs import Inputs
from warehouse.snapshots import write_snapshots


def main(root: Path, part: str) -> None:
    """Build cells (heavy) or everything above them (light), without tests, which are not measured; or publish (edition)."""
    workspace = Workspace.open(root)
    if part == "edition":
        # The lake was written without ingestion, so an edition has no contracts or files whose hashes it could name.
        origin = Origin(workspace.settings.methodology, "", "", "", "", {})
        moment = datetime(2026, 1, 1, tzinfo=UTC)
        publish(workspace, origin, moment, methodology=methodology_of(workspace), accounts=[])
        return
    write_empty_files(workspace)
    write_snapshots(Inputs.read(workspace))
    results = list(run_dbt(workspace, HEAVY if part == "heavy" else LIGHT, "run"))
    slowest = sorted(results, key=lambda result: -result.seconds)[:12]
    print("\n".join(f"{result.seconds:8.1f} s  {result.unique_id}" for result in slowest), file=sys.stderr)
    failures = [f"{result.unique_id}: {result.message}" for result in results if result.failed]
    if failures:
        raise RuntimeError("; ".join(failures))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
