"""Commands on what was delivered: its state, and what a person decides about it.

Belongs here: arguments, and printing of results. Does not belong here: the work; each command calls one room, imported
when it is needed.
"""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.options import HERE, WorkspacePath, operator
from miyar.workspace import Workspace

app = typer.Typer()


@app.command()
def status(workspace_path: WorkspacePath = HERE) -> None:
    """Every submission's account and every file in the landing zone, and what is contested, refused or waits for a decision."""
    from cli.terminal import accounts_table, files_table, waiting_table
    from ingestion.arrivals import roll_call
    from ingestion.contract import load_contracts
    from ingestion.rereading import read_proposals
    from ingestion.slices import decide
    from ingestion.submission_ledger import read_accounts
    from publication.checkpoints import newest_signers
    from publication.manifest import list_editions

    workspace = Workspace.open(workspace_path)
    accounts = read_accounts(workspace)
    accounts_table(accounts)
    contracts = load_contracts(workspace.registry)
    files_table(roll_call(workspace, contracts, accounts, datetime.now(tz=UTC)))
    _, problems, waiting = decide(accounts, contracts)
    waiting_table(waiting, read_proposals(workspace))
    for problem in problems:
        typer.echo(f"  ! {problem}")
    if list_editions(workspace.editions):
        signers = newest_signers(workspace.editions)
        typer.echo(
            f"editions: {'signed by ' + ', '.join(signers) if signers else 'UNSIGNED (`miyar key` makes a key)'}"
        )


@app.command()
def expectations(
    feed: Annotated[str, typer.Option(help="Only this feed")] = "", workspace_path: WorkspacePath = HERE
) -> None:
    """Have Great Expectations judge once more what was accepted; exit code 1 where today's rules would refuse accepted rows."""
    from cli.terminal import reviewed_table
    from expectations.review import review
    from ingestion.contract import load_contracts
    from ingestion.submission_ledger import read_accounts
    from miyar.progress import progress_bar
    from miyar.registry import load_registry
    from publication.method import methodology_of, with_known_names

    workspace = Workspace.open(workspace_path)
    registry = with_known_names(load_registry(workspace.registry), methodology_of(workspace))
    contracts = load_contracts(workspace.registry)
    accepted = [one for one in read_accounts(workspace) if one.accepted and feed in ("", one.feed)]
    accounts = [one for one in accepted if one.contract_id in {contract.id for contract in contracts}]
    with progress_bar("judging again") as progress:
        found = review(workspace, registry, contracts, accounts, progress)
    reviewed_table(found, sum(one.accepted for one in accounts))
    for one in accepted:
        if one not in accounts:
            typer.echo(f"  not judged: {one.path}, whose contract {one.contract_id} is gone")
    if any(one.is_refused for one in found):
        raise typer.Exit(1)


@app.command()
def accept(
    submission_id: str,
    slice_id: Annotated[str, typer.Argument(help="feed|agency|quarter; default: all it waits for")] = "",
    reason: Annotated[str, typer.Option(help="Why the rows may replace what counts")] = "",
    by: Annotated[str, typer.Option(help="Who decides, for the ledger; default: the user of this machine")] = "",
    workspace_path: WorkspacePath = HERE,
) -> None:
    """Let a submission that waits replace what counts, from the next run on; to refuse it, withdraw it."""
    from ingestion.contract import load_contracts
    from ingestion.decisions import accept as accept_submission
    from ingestion.rereading import accept_reading, read_proposal

    workspace = Workspace.open(workspace_path)
    now, who = datetime.now(tz=UTC), by or operator()
    with workspace.lock():
        proposal = read_proposal(workspace, submission_id)
        if proposal is not None and not proposal.decision:
            decisions = accept_reading(workspace, submission_id, reason, now, who).changes
        else:
            contracts = load_contracts(workspace.registry)
            decisions = accept_submission(workspace, submission_id, reason, now, who, contracts, slice_id)
    for one in decisions:
        typer.echo(f"{one['slice_id']}: {one['rows']:,} rows in place of {one['rows_before']:,}")
    typer.echo("accepted; run `miyar run` to recompute and publish")


@app.command()
def keep(
    submission_id: str,
    reason: Annotated[str, typer.Option(help="Why it stays as it was read then")] = "",
    by: Annotated[str, typer.Option(help="Who decides, for the ledger; default: the user of this machine")] = "",
    workspace_path: WorkspacePath = HERE,
) -> None:
    """Leave a submission as it was accepted, though today's contract, registry or periods would read it otherwise."""
    from ingestion.rereading import accept_reading

    workspace = Workspace.open(workspace_path)
    with workspace.lock():
        now = datetime.now(tz=UTC)
        kept = accept_reading(workspace, submission_id, reason, now, by or operator(), is_refused=True)
    typer.echo(f"{kept.account.path}: stays as it was accepted")


@app.command()
def withdraw(submission_id: str, reason: str, workspace_path: WorkspacePath = HERE) -> None:
    """Withdraw a submission; its slices fall back to the delivery before, at the next run."""
    from ingestion.submission_ledger import withdraw as withdraw_submission

    workspace = Workspace.open(workspace_path)
    with workspace.lock():
        account = withdraw_submission(workspace, submission_id, reason)
    typer.echo(f"{account.path}: withdrawn; run `miyar run` to recompute and publish")
