"""The `miyar` command: one sub-command per user task.

Belongs here: arguments, and printing of results. Does not belong here: the work; each command calls one room, imported
only when needed so that `miyar --help` is quick.
"""

import errno
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.deliveries import app as delivery_commands
from cli.drafts import app as draft_commands
from cli.editions import app as edition_commands
from cli.keeping import app as keeping_commands
from cli.options import HERE, By, Edition, WorkspacePath, operator
from miyar.errors import MiyarError, Problem
from miyar.workspace import Workspace

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Miyar (معيار)")
app.add_typer(delivery_commands)
app.add_typer(edition_commands)
app.add_typer(draft_commands)
app.add_typer(keeping_commands)

RUN_NICENESS = 10  # a run gets a tenth of a page's share of a busy core under Linux

SETTINGS = """\
# One centre's workspace. Periods outside `periods` are refused as closed.
name: {ar: مركز القياس, en: Measurement centre}
methodology: "2026.2"
periods: {first: 2025Q1, last: 2026Q4}
"""


def main(words: list[str] | None = None) -> None:
    """Run the command (default: the process's own words); bad input ends with its problems and exit code 2, never a traceback."""
    try:
        app(words)
    except MiyarError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        # What reads a file says which and why; this is the disk or the rights of the folder itself.
        print(_of_the_disk(error), file=sys.stderr)
        sys.exit(2)
    except Exception as error:
        # Named by its module: importing DuckDB for `--help` costs more than the help. The text may quote cells.
        if type(error).__module__.lstrip("_") != "duckdb":
            raise
        step = "`miyar verify` names a damaged edition; `warehouse/` may be deleted, and the next run makes it again."
        what = f"a table cannot be read ({type(error).__name__})"
        print(Problem("workspace_unreadable", what, next_step=step), file=sys.stderr)
        sys.exit(2)


def _of_the_disk(error: OSError) -> Problem:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    step = "Free space for the workspace and run again." if full else "Check the disk and the rights of the folder."
    rule = "disk_full" if full else "workspace_unreadable"
    return Problem(rule, error.strerror or type(error).__name__, file=str(error.filename or ""), next_step=step)


@app.command()
def demo(folder: Path, seed: int = 2026) -> None:
    """Make the demo workspace: invented agencies with known true scores. Does nothing when it is there already."""
    if (folder / "miyar.yml").is_file():
        typer.echo(f"{folder}: the demo workspace is there already")
        return
    from miyar.progress import progress_bar
    from miyar.workspace import keep_private
    from simulation.workspace import write_workspace

    keep_private()
    with progress_bar("drawing the demo world") as progress:
        write_workspace(folder, seed=seed, progress=progress)
    typer.echo(f"{folder}: demo workspace made (seed {seed}); its truth is in {folder}/truth")


@app.command()
def run(
    workspace_path: WorkspacePath = HERE,
    reason: Annotated[str, typer.Option(help="Why a published period is restated")] = "",
    by: By = "",
    publish: Annotated[bool, typer.Option(help="Publish when figures changed")] = True,
    wait: Annotated[float, typer.Option(help="Seconds to wait for another run")] = 0,
    settle: Annotated[
        bool, typer.Option(help="Wait until files that were just written are at rest", envvar="MIYAR_SETTLE")
    ] = True,
) -> None:
    """Receive what is new, recompute what it touches, publish if figures changed."""
    from dagster_project.pipeline import run_pipeline

    # On a shared machine, readers of the portal go first; a run alone on a machine is as fast as before.
    os.setpriority(os.PRIO_PROCESS, 0, max(RUN_NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
    if settle:
        _settle(workspace_path)
    now = datetime.now(tz=UTC)
    result = run_pipeline(
        *(workspace_path, now),
        reason=reason,
        by=by or operator(),
        publish=publish,
        wait_seconds=wait,
        now=now if settle else None,
        report=typer.echo,
    )
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


def _settle(workspace_path: Path) -> None:
    """Wait until the files that were just written are at rest; those that still change then wait for the next run."""
    from ingestion.landed import landed, seconds_to_rest

    files = [entry.path for entry in landed(Workspace.open(workspace_path).landing) if not entry.left]
    if seconds := seconds_to_rest(files, datetime.now(tz=UTC)):
        typer.echo(f"waiting {seconds:.0f} s for files that were just written (--no-settle takes them as they are)")
        time.sleep(seconds)


@app.command()
def init(folder: Path) -> None:
    """Make an empty workspace: settings and registry tables to fill in."""
    from miyar.registry_texts import registry_texts
    from miyar.workspace import keep_private
    from portal.users import COLUMNS as USER_COLUMNS
    from portal.users import FILE as USERS

    there = [name for name in ("miyar.yml", "registry", "landing") if (folder / name).exists()]
    if there:
        step = "Name a new or empty folder; nothing was written."
        raise MiyarError(
            Problem("workspace_exists", f"there is {', '.join(there)} already", file=str(folder), next_step=step)
        )
    keep_private()
    try:
        (folder / "registry" / "contracts").mkdir(parents=True)
        (folder / "landing").mkdir()
    except OSError as error:
        raise MiyarError(
            Problem(
                "workspace_unwritable",
                f"no workspace can be made here: {error.strerror}",
                file=str(folder),
                next_step="Name a folder in which you may write.",
            )
        ) from None
    (folder / "miyar.yml").write_text(SETTINGS, "utf-8")
    for table in registry_texts():
        (folder / "registry" / f"{table.name}.csv").write_text(table.empty(), "utf-8")
    (folder / "registry" / USERS).write_text(",".join(USER_COLUMNS) + "\n", "utf-8")
    typer.echo(f"{folder}: fill in registry/agencies.csv and registry/owed.csv, then draft contracts (miyar draft)")


@app.command()
def show(
    workspace_path: WorkspacePath = HERE,
    metric: Annotated[str, typer.Option(help="Metric id; default: overall satisfaction")] = "",
    period: Annotated[str, typer.Option(help="Period; default: the last one reported")] = "",
    edition: Edition = "current",
) -> None:
    """Print the benchmark table of one metric from a published edition."""
    from cli.terminal import benchmark_table
    from publication.reading import (
        benchmark_rows,
        first_metric,
        headline_metrics,
        last_period,
        open_edition,
        require_period,
    )
    from publication.standing import standing

    folder = standing(Workspace.open(workspace_path).editions, edition)
    with open_edition(folder) as connection:
        chosen, metric = (
            require_period(connection, period) if period else last_period(connection),
            metric or first_metric(folder, connection),
        )
        rows = benchmark_rows(connection, metric, chosen)
        names = {name: (arabic, english) for name, arabic, english in headline_metrics(connection)}
    benchmark_table(rows, names.get(metric, (metric, metric)), chosen, folder.resolve().name)
    others = ", ".join(name for name in names if name != metric)
    typer.echo(f"other headline metrics (--metric): {others}")
    typer.echo(f"edition:  {folder.resolve()}")
    typer.echo(
        f"query:    python -c \"import duckdb; duckdb.connect('{folder}/benchmarks.duckdb', read_only=True)"
        ".sql('from bench_scores').show()\""
    )
    typer.echo(f"trace:    miyar trace SCORE_ID --workspace {workspace_path}")
    typer.echo(f"pipeline: miyar ui --workspace {workspace_path}   (Dagster, in the browser)")


@app.command()
def check(
    file: Path,
    contract: Annotated[Path, typer.Option(help="The contract, as in registry/contracts/<provider>/<feed>.yml")],
    workspace_path: WorkspacePath = HERE,
    out: Annotated[Path | None, typer.Option(help="Write the answer here: .html, .xlsx or .json")] = None,
    language: Annotated[str, typer.Option(help="ar or en, for .html")] = "ar",
    scores: Annotated[bool, typer.Option(help="Work out what the scores would be (takes longer)")] = True,
) -> None:
    """Say what the pipeline would say about a file before it is delivered: offline, nothing in the workspace is written.

    Exit 1: not accepted.
    """
    from cli.terminal import check_table
    from miyar.registry import load_registry
    from publication.documents.check import require_answer, write_answer
    from warehouse.check_scores import check_with_scores
    from warehouse.comparability import foreseen

    if out is not None:
        require_answer(out, language)
    outcome, rows, hashes = check_with_scores(Workspace.open(workspace_path), file, contract, with_scores=scores)
    check_table(outcome, rows, hashes)
    workspace = Workspace.open(workspace_path)
    for one in foreseen(workspace, load_registry(workspace.registry), rows):
        typer.echo(f"  ! {one.ar}\n    {one.en}")
    if out is not None:
        write_answer(outcome, rows, hashes, out, language)
        typer.echo(f"written: {out}")
    if outcome.account.status != "accepted":
        raise typer.Exit(1)


@app.command()
def publish(
    workspace_path: WorkspacePath = HERE,
    period: Annotated[str, typer.Option(help="Period; default: the last one reported")] = "",
    reason: Annotated[str, typer.Option(help="Why a published period is restated")] = "",
    by: By = "",
    wait: Annotated[float, typer.Option(help="Seconds to wait for another run")] = 0,
) -> None:
    """Publish the warehouse as it stands."""
    from warehouse.inputs import Inputs
    from warehouse.publishing import publish_warehouse

    workspace = Workspace.open(workspace_path)
    with workspace.lock(wait):
        made = publish_warehouse(
            Inputs.read(workspace), datetime.now(tz=UTC), period=period, reason=reason, by=by or operator()
        )
    typer.echo(f"{made.edition_id}: {'published' if made.is_new else 'unchanged'} ({made.content_hash})")


@app.command()
def diff(older: str, newer: str, workspace_path: WorkspacePath = HERE, limit: int = 20) -> None:
    """What changed between two editions, score by score."""
    from cli.terminal import difference_table
    from publication.difference import compare
    from publication.manifest import read_manifest

    editions = Workspace.open(workspace_path).editions
    for name in (older, newer):
        read_manifest(editions / name)
    difference_table(compare(editions / older, editions / newer), limit)


@app.command()
def trace(
    score_id: str,
    workspace_path: WorkspacePath = HERE,
    edition: Edition = "current",
    limit: int = 10,
) -> None:
    """Follow a published score back to its cells, submissions and rows."""
    from cli.terminal import trace_tables
    from publication.standing import standing
    from publication.trace import trace as follow

    workspace = Workspace.open(workspace_path)
    with workspace.lock():
        trace_tables(follow(workspace, standing(workspace.editions, edition), score_id, limit))


Language = Annotated[str, typer.Option(help="ar or en")]


@app.command()
def explain(
    score_id: str,
    workspace_path: WorkspacePath = HERE,
    edition: Edition = "current",
    language: Language = "ar",
) -> None:
    """Say how a published score came about: from rows through weights and peers to its verdict, with its weightiest cells."""
    from cli.terminal import explanation_lines
    from publication.explain import explain as explain_score
    from publication.standing import standing

    workspace = Workspace.open(workspace_path)
    with workspace.lock():
        folder = standing(workspace.editions, edition)
        explanation_lines(explain_score(workspace, folder, score_id), _language(language))


@app.command("why-not")
def why_not(
    unit: str,
    other_unit: str,
    metric: str,
    workspace_path: WorkspacePath = HERE,
    period: Annotated[str, typer.Option(help="Period; default: the last one reported")] = "",
    edition: Edition = "current",
    language: Language = "ar",
) -> None:
    """Say why two agencies' scores may not be compared, or that they may."""
    from cli.terminal import comparison_lines
    from publication.explain import why_not as compare_two
    from publication.reading import last_period, open_edition, require_period
    from publication.standing import standing

    folder = standing(Workspace.open(workspace_path).editions, edition)
    with open_edition(folder) as connection:
        chosen = require_period(connection, period) if period else last_period(connection)
    comparison_lines(compare_two(folder, unit, other_unit, metric, chosen), _language(language))


def _language(code: str) -> str:
    if code not in {"ar", "en"}:
        raise MiyarError(Problem("language_unknown", f"there is no language {code!r}", next_step="Say ar or en."))
    return code


@app.command()
def fetch(contract: str, workspace_path: WorkspacePath = HERE) -> None:
    """Fetch a contract's paged HTTP endpoint into the landing zone; an interrupted fetch goes on where it stopped."""
    from ingestion.contract import load_contracts
    from ingestion.fetch import fetch as fetch_pages

    workspace = Workspace.open(workspace_path)
    found = [one for one in load_contracts(workspace.registry) if one.id == contract]
    if not found:
        raise MiyarError(
            Problem("contract_unknown", f"there is no contract {contract!r}", next_step="See registry/contracts.")
        )
    typer.echo(str(fetch_pages(found[0], workspace, datetime.now(tz=UTC).date().isoformat())))


@app.command()
def ui(workspace_path: WorkspacePath = HERE, port: int = 3000) -> None:
    """Open Dagster on the workspace, on this machine, for who has the printed address (Ctrl-C ends it)."""
    from dagster_project.control import run_ui

    run_ui(Workspace.open(workspace_path).root, port, typer.echo)


@app.command()
def portal(
    workspace_path: WorkspacePath = HERE,
    port: Annotated[int, typer.Option(help="Port on this machine; default: the one of portal.yml's base_url")] = 0,
    user: Annotated[str, typer.Option(help="Print a one-time sign-in link for this line of users.csv")] = "",
) -> None:
    """Serve the agencies' pages (Ctrl-C ends it)."""
    from portal.serve import serve

    serve(workspace_path, port, user, lambda: datetime.now(tz=UTC), typer.echo)


@app.command()
def prepare() -> None:
    """Parse the dbt project and find out what the code means, so that no run has to; part of the installation."""
    from warehouse.dbt_runner import prepare_manifest
    from warehouse.source_code import write_meanings

    prepare_manifest()
    write_meanings()


@app.command()
def docs() -> None:
    """Write the reference pages (contracts, values, registry, rules, tables) in docs/ from what they describe."""
    from cli.reference import write_reference

    for path in write_reference():
        typer.echo(str(path))


if __name__ == "__main__":
    main()
