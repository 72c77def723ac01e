"""Commands on published editions: verify, sign, witness, prove, show as of a day, reproduce, serve by PostgreSQL.

Belongs here: arguments, and printing of results. Does not belong here: the work; each command calls one room, imported
when it is needed.
"""

import json
import secrets
import tempfile
from datetime import UTC, datetime
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
    witness: Annotated[
        list[Path] | None, typer.Option(help="A checkpoint kept elsewhere (of a pack, a mail); may be repeated")
    ] = None,
    key: Annotated[str, typer.Option(help="The public key of the checkpoints, as `miyar key` told it")] = "",
) -> None:
    """Recompute every hash of editions, ledger, lake and kept inputs; exit 1 when anything was touched."""
    from publication.manifest import readable_manifests
    from publication.release_ledger import FILE, read_entries
    from publication.signing_keys import key_at_hand, public_key
    from publication.verify import Anchors, verify_all
    from publication.verify_receipts import told_of_receipts
    from publication.verify_workspace import verify_workspace

    workspace = Workspace.open(workspace_path)
    editions = workspace.editions
    kept = {path.name: _text(path) for path in witness or []}
    own, missing = key_at_hand(workspace)
    if missing:
        typer.echo(f"the key that signs checkpoints is not at hand: {missing}")
    anchors = Anchors(head, public_key(key) if key else None, own, kept)
    found = verify_all(editions, anchors=anchors)
    if list(found) != [FILE]:
        found |= verify_workspace(workspace)
    for name, problems in found.items():
        typer.echo(f"{name}: {'intact' if not problems else 'CHANGED'}")
        for problem in problems:
            typer.echo(f"  {problem}")
    if list(found) == [FILE]:
        typer.echo("nothing is published here")
    typer.echo(_signed(workspace, is_checked=bool(key) or anchors.key is not None))
    if any(found.values()) or list(found) == [FILE]:
        raise typer.Exit(1)
    if told := told_of_receipts(workspace, readable_manifests(editions)):
        typer.echo(told)
    typer.echo(f"head of the ledger, to be noted elsewhere: {read_entries(editions)[-1].entry_hash}")


def _text(path: Path) -> str:
    """The text of a file that somebody named; one that cannot be read is refused later as what it is not."""
    return path.read_text("utf-8", "replace")


def _signed(workspace: Workspace, *, is_checked: bool) -> str:
    """What is said of the checkpoints' signatures."""
    from publication.checkpoints import newest_signers

    names = newest_signers(workspace.editions)
    if not names:
        return "checkpoints: UNSIGNED, for there was no key at publication (`miyar key` makes one)"
    told = "checked" if is_checked else "not checked: name the public key with --key"
    return f"checkpoints: signed by {', '.join(names)} ({told})"


@app.command()
def key(
    name: str,
    file: Path,
    locked: Annotated[
        bool,
        typer.Option(
            "--locked", help="Encrypt it (age) with the passphrase in the file that MIYAR_KEY_PASSPHRASE names"
        ),
    ] = False,
) -> None:
    """Make the key that signs checkpoints (or witnesses them), outside the workspace; NAME is like centre.example/ledger."""
    from publication.notes import WITNESS
    from publication.signing_keys import make_key, passphrase

    made = make_key(file, name, secrets.token_bytes(32), passphrase(file) if locked else None)
    typer.echo(f"{file}: keep it where who writes the workspace cannot; name it in miyar.yml as checkpoint_key")
    typer.echo(f"public key, to be given to everybody:   {made.signer.verifier()}")
    typer.echo(f"public key of its witness's signatures: {made.signer.verifier(WITNESS)}")


@app.command()
def checkpoint(
    workspace_path: WorkspacePath = HERE,
    since: Annotated[
        int, typer.Option(help="Entries the reader has seen: adds the proof that they still stand there")
    ] = 0,
) -> None:
    """Print the newest checkpoint of the ledger, to be kept elsewhere; --since makes it a request to a witness."""
    from publication.witnesses import request

    typer.echo(request(Workspace.open(workspace_path).editions, since), nl=False)


@app.command()
def witness(
    file: Annotated[Path, typer.Argument(help="A checkpoint, or what `miyar checkpoint --since N` prints")],
    key: Annotated[Path, typer.Option(help="The witness's own key file, made by `miyar key`")],
    ledger: Annotated[str, typer.Option(help="The centre's public key; nothing else is then cosigned")] = "",
) -> None:
    """Cosign a checkpoint: print it with the witness's signature and moment, if it continues what was cosigned before."""
    from publication.signing_keys import open_key, public_key
    from publication.witnesses import cosign

    moment = int(datetime.now(tz=UTC).timestamp())
    typer.echo(cosign(_text(file), open_key(key), moment, public_key(ledger) if ledger else None), nl=False)


@app.command()
def prove(score_id: str, workspace_path: WorkspacePath = HERE, edition: Edition = "current") -> None:
    """Print a proof that a published score stands in an edition: JSON that is checked without the other rows."""
    from publication.proofs import prove as make_proof
    from publication.standing import standing

    proof = make_proof(standing(Workspace.open(workspace_path).editions, edition), score_id)
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
    from publication.standing import standing

    editions = Workspace.open(workspace_path).editions
    entries = in_force(editions, day)
    folder = standing(editions, entries[-1].edition_id)
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
    from publication.standing import standing

    served = serve(standing(Workspace.open(workspace_path).editions, edition), dsn, wait_seconds=wait)
    typer.echo(f"{served.edition_id}: {served.tables} tables, {served.rows:,} rows in schema benchmarks")
    typer.echo(f"roles to grant to people: {', '.join(served.roles)}")
    if served.left_open:
        typer.echo("open to every login; have an administrator of the database run:")
        typer.echo("\n".join(f"  {statement};" for statement in served.left_open))
