"""Commands on how long data is kept: what is due, erasing people, the record of processing.

Belongs here: arguments, and printing of results. Does not belong here: the work; each command calls one room, imported
when it is needed.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.options import HERE, WorkspacePath, operator
from miyar.workspace import Workspace

app = typer.Typer()
Who = Annotated[str, typer.Option(help="Who decides, for the ledger; default: the user of this machine")]


@app.command()
def retain(
    as_of: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day, e.g. 2026-12-31")],
    apply: Annotated[bool, typer.Option("--apply", help="Destroy what is listed")] = False,
    reason: Annotated[str, typer.Option(help="Why it is destroyed, for the receipt")] = "",
    by: Who = "",
    workspace_path: WorkspacePath = HERE,
) -> None:
    """List what is kept longer than its contract says on a day; with --apply destroy it and write a receipt."""
    from expectations.retention import destroy, due
    from ingestion.contract import load_contracts
    from ingestion.receipts import FILE, Decision
    from miyar.registry import load_registry

    workspace = Workspace.open(workspace_path)
    with workspace.lock():
        found = due(workspace, load_contracts(workspace.registry, with_retired=True), as_of.date())
        for one in found:
            what = f"{one.what} {', '.join(one.columns)}".strip()
            typer.echo(f"{what}: {one.path.relative_to(workspace.root)} (since {one.since}: {one.reason})")
        typer.echo(f"{len(found)} kept too long on {as_of.date()}")
        if apply:
            decision = Decision(reason, by or operator(), datetime.now(tz=UTC))
            destroyed = destroy(workspace, load_registry(workspace.registry), found, decision)
            if destroyed:
                typer.echo(f"{len(destroyed)} destroyed; a receipt of each in {FILE}")
                typer.echo("published editions stay as they are; run `miyar run` to compute without what was destroyed")


@app.command()
def erase(
    people: Annotated[
        Path | None, typer.Option("--from", help="File of people, one a line; default: standard input")
    ] = None,
    pseudonyms: Annotated[
        bool, typer.Option("--pseudonyms", help="The lines are pseudonyms, not ids as delivered")
    ] = False,
    files: Annotated[bool, typer.Option("--files", help="Also remove the delivered files that hold them")] = False,
    reason: Annotated[str, typer.Option(help="Why, for the receipt; never a name")] = "",
    by: Who = "",
    workspace_path: WorkspacePath = HERE,
) -> None:
    """Erase people from all that is kept, for good; who they are is read from a file or standard input, not from the command."""
    from expectations.erasure import erase as erase_people
    from expectations.erasure import pseudonyms_of
    from ingestion.receipts import FILE, Decision
    from miyar.registry import load_registry

    workspace = Workspace.open(workspace_path)
    text = people.read_text("utf-8") if people is not None else sys.stdin.read()
    lines = {line.strip() for line in text.split("\n") if line.strip()}
    decision = Decision(reason, by or operator(), datetime.now(tz=UTC))
    with workspace.lock():
        asked = lines if pseudonyms else pseudonyms_of(workspace, lines)
        outcome = erase_people(workspace, load_registry(workspace.registry), asked, decision, with_files=files)
    typer.echo(
        f"{outcome.rows:,} rows of {len(lines):,} people erased; receipts up to {outcome.receipts} in {FILE} ({outcome.head})"
    )
    for path in outcome.still_delivered:
        typer.echo(
            f"  ! landing/{path} still holds them: remove it (--files), or have the provider deliver it without them"
        )
    typer.echo("published editions stay as they are; run `miyar run` to compute without them")


@app.command()
def processing(
    out: Annotated[Path | None, typer.Option(help="Write the record here; default: print it")] = None,
    workspace_path: WorkspacePath = HERE,
) -> None:
    """The record of processing activities (GDPR article 30, PDPL article 31), from the contracts and the asset graph."""
    from cli.processing import asset_graph, record
    from ingestion.contract import load_contracts

    workspace = Workspace.open(workspace_path)
    contracts = load_contracts(workspace.registry, with_retired=True)
    text = record(workspace, contracts, asset_graph(workspace))
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, "utf-8")
        typer.echo(f"written: {out}")
