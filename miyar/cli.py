"""The `miyar` command: one sub-command per thing a person wants done.

Belongs here: arguments, and printing of results. Does not belong here: the work; each command calls one room, imported when it
is needed so that `miyar --help` is quick.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from miyar.errors import MiyarError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Miyar (معيار)")
Place = Annotated[Path, typer.Option("--workspace", "-w", help="The centre's folder", envvar="MIYAR_WORKSPACE")]
HERE = Path()


def main() -> None:
    """Run the command; bad input ends with its list of problems and exit code 2, never with a traceback."""
    try:
        app()
    except MiyarError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


@app.command()
def demo(folder: Path, seed: int = 2026) -> None:
    """Make the demo workspace: invented agencies with known true scores. Does nothing when it is there already."""
    if (folder / "miyar.yml").is_file():
        typer.echo(f"{folder}: the demo workspace is there already")
        return
    from miyar.progress import progress_bar
    from simulation.workspace import write_workspace

    with progress_bar("drawing the demo world") as progress:
        write_workspace(folder, seed=seed, progress=progress)
    typer.echo(f"{folder}: demo workspace made (seed {seed}); its truth is in {folder}/truth")


@app.command()
def run(
    workspace: Place = HERE,
    reason: Annotated[str, typer.Option(help="Why a published period is restated")] = "",
    publish: Annotated[bool, typer.Option(help="Publish when figures changed")] = True,
    wait: Annotated[float, typer.Option(help="Seconds to wait for another run")] = 0,
) -> None:
    """Receive what is new, recompute what it touches, publish if figures changed."""
    from dagster_project.pipeline import run_pipeline

    now = datetime.now(tz=UTC)
    result = run_pipeline(workspace, now, reason=reason, publish=publish, wait_seconds=wait, report=typer.echo)
    for problem in result.problems:
        typer.echo(f"  ! {problem}")
    refused = [account for account in result.new if account.status == "refused"]
    for account in refused:
        typer.echo(f"  refused: {account.path}")
        for line in account.problems[:5]:
            typer.echo(f"    [{line['rule']}] {line['message']}")
    rows = sum(account.records for account in result.new)
    if result.new:
        held = sum(account.quarantined for account in result.new)
        copies = sum(account.duplicates for account in result.new)
        accepted = sum(account.accepted for account in result.new)
        typer.echo(
            f"{len(result.new)} files received ({len(refused)} refused): {rows:,} records = {accepted:,} accepted + "
            f"{held:,} quarantined + {copies:,} exact duplicates; {result.known} files were known"
        )
    else:
        typer.echo(f"nothing new: all {result.known} files in the landing zone are known")
    typer.echo("warehouse: " + ("recomputed what changed" if result.is_built else "up to date"))
    state = "published" if result.is_published else "unchanged"
    typer.echo(f"edition: {result.edition_id or 'none'} ({state})")


if __name__ == "__main__":
    main()
