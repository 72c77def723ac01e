"""The command that drafts a contract from a file.

Belongs here: arguments, and printing of the draft. Does not belong here: the work (`ingestion.draft`), imported when needed.
"""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import HERE, WorkspacePath
from miyar.errors import MiyarError, Problem
from miyar.workspace import Workspace

app = typer.Typer()


@app.command()
def draft(
    file: Path,
    feed: Annotated[
        str, typer.Option(help="What the file holds: survey_responses, complaints, ... (docs/contracts.md)")
    ],
    provider: Annotated[str, typer.Option(help="Who sends it; also the agency where no column names one")],
    workspace_path: WorkspacePath = HERE,
    out: Annotated[Path | None, typer.Option(help="Write the contract here; default: print it")] = None,
) -> None:
    """Write a first contract from a file: columns, dates, scales and encoding as they seem, the rest as questions."""
    from ingestion.draft import draft as draft_contract
    from miyar.registry import load_registry
    from publication.method import item_names, methodology_of, with_known_names

    workspace = Workspace.open(workspace_path)
    methodology = methodology_of(workspace)
    registry = with_known_names(load_registry(workspace.registry), methodology)
    made = draft_contract(file, feed, provider, workspace, registry, item_names(methodology))
    if out is None:
        typer.echo(made.text, nl=False)
        return
    if out.exists():
        step = "Name another file, or compare the two: nothing was written."
        raise MiyarError(Problem("draft_exists", "there is a file of this name", file=str(out), next_step=step))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(made.text, "utf-8")
    for number, question in enumerate(made.questions, start=1):
        typer.echo(f"{number}. {question}")
    typer.echo(
        f"{out}: drafted, {len(made.questions)} questions; next: miyar check {file} --contract {out} -w {workspace_path}"
    )
