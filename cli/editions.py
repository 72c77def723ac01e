"""Commands on published editions: verify, prove, show as of a day, reproduce, serve by PostgreSQL.

Belongs here: arguments, and printing of results. Does not belong here: the work; each command calls one room, imported
when it is needed.
"""

import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from cli.options import HERE, Edition, WorkspacePath
from miyar.workspace import Workspace

app = typer.Typer()


@app.command()
def verify(
    workspace_path: WorkspacePath = HERE,
    head: Annotated[str, typer.Option(help="A head of the ledger noted earlier; it must still be in the chain")] = "",
) -> None:
    """Recompute every hash of every edition and of the ledger; exit 1 when anything was touched."""
    from publication.release_ledger import FILE, read_entries
    from publication.verify import verify_all

    editions = Workspace.open(workspace_path).editions
    found = verify_all(editions, head)
    for name, problems in found.items():
        typer.echo(f"{name}: {'intact' if not problems else 'CHANGED'}")
        for problem in problems:
            typer.echo(f"  {problem}")
    if list(found) == [FILE]:
        typer.echo("nothing is published here")
    if any(found.values()) or list(found) == [FILE]:
        raise typer.Exit(1)
    typer.echo(f"head of the ledger, to be noted elsewhere: {read_entries(editions)[-1].entry_hash}")


@app.command()
def prove(score_id: str, workspace_path: WorkspacePath = HERE, edition: Edition = "current") -> None:
    """Print a proof that a published score stands in an edition: JSON that is checked without the other rows."""
    from publication.proofs import prove as make_proof

    proof = make_proof(Workspace.open(workspace_path).editions / edition, score_id)
    typer.echo(json.dumps(proof, ensure_ascii=False, indent=1))


@app.command()
def asof(
    day: Annotated[str, typer.Argument(help="2026-02-15 (its end, UTC) or a time, 2026-02-15T12:00+03:00")],
    workspace_path: WorkspacePath = HERE,
    metric: Annotated[str, typer.Option(help="Metric id; default: overall satisfaction")] = "",
    period: Annotated[str, typer.Option(help="Period; default: the last one reported then")] = "",
) -> None:
    """What was believed on a day: the editions then in force, and the benchmark table of the current one."""
    from cli.terminal import benchmark_table
    from publication.asof import in_force
    from publication.reading import (
        benchmark_rows,
        first_metric,
        headline_metrics,
        last_period,
        open_edition,
        require_period,
    )

    editions = Workspace.open(workspace_path).editions
    entries = in_force(editions, day)
    folder = editions / entries[-1].edition_id
    with open_edition(folder) as connection:
        chosen, metric = (
            require_period(connection, period) if period else last_period(connection),
            metric or first_metric(folder, connection),
        )
        rows = benchmark_rows(connection, metric, chosen)
        names = {name: (arabic, english) for name, arabic, english in headline_metrics(connection)}
    benchmark_table(rows, names.get(metric, (metric, metric)), chosen, folder.name)
    for entry in entries:
        told = f" ({entry.reason})" if entry.reason else ""
        typer.echo(f"in force: {entry.edition_id}, published {entry.published_at} by {entry.by or 'unnamed'}{told}")
    typer.echo(f"edition:  {folder}")


@app.command()
def reproduce(
    edition: str,
    workspace_path: WorkspacePath = HERE,
    anyway: Annotated[bool, typer.Option(help="Try with other code than the edition was made by")] = False,
) -> None:
    """Make an edition again from its kept inputs, in a temporary workspace; exit 1 when the content differs."""
    from warehouse.reproduction import reproduce as make_again

    workspace = Workspace.open(workspace_path)
    with tempfile.TemporaryDirectory(dir=workspace.root, prefix=".reproduction-") as folder:
        made = make_again(workspace, edition, Path(folder), anyway=anyway)
    typer.echo(f"published:  {made.published}\nmade again: {made.again}")
    for part in made.differing:
        typer.echo(f"  differs: {part}")
    if not made.is_same:
        raise typer.Exit(1)
    typer.echo(f"{edition}: reproduced")


@app.command("serve-postgres")
def serve_postgres(
    dsn: Annotated[str, typer.Option(envvar="MIYAR_POSTGRES_DSN", help="host=… dbname=… user=…; passwords: ~/.pgpass")],
    workspace_path: WorkspacePath = HERE,
    edition: Edition = "current",
    wait: Annotated[float, typer.Option(help="Seconds readers get to end their transactions")] = 60,
) -> None:
    """Put an edition on a PostgreSQL server, with row-level security per agency, in place of the one there."""
    from publication.postgres import serve

    served = serve(Workspace.open(workspace_path).editions / edition, dsn, wait_seconds=wait)
    typer.echo(f"{served.edition_id}: {served.tables} tables, {served.rows:,} rows in schema benchmarks")
    typer.echo(f"roles to grant to people: {', '.join(served.roles)}")
    if served.left_open:
        typer.echo("open to every login; have an administrator of the database run:")
        typer.echo("\n".join(f"  {statement};" for statement in served.left_open))
