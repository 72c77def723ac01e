"""Verifying what editions are made from: accounts, the lake's files, and the inputs kept of each edition.

Belongs here: holding them against hashes. Does not belong here: editions themselves (`verify`), reading rows that are gone again
(`ingestion.rereading`).
"""

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.feeds import load_feeds
from ingestion.lake_files import QUARANTINE, differing, file_hash
from ingestion.ledger_files import read_json
from ingestion.receipts import removed_by_receipt
from ingestion.submission_ledger import Account, account_of
from miyar.errors import MiyarError, Problem
from miyar.workspace import Workspace
from publication.manifest import Manifest, last_published, readable_manifests
from publication.proof_secrets import check_secret
from publication.published import FILE, noted
from publication.verify_accounts import AGAIN, against_kept, kept_index
from publication.verify_receipts import sound_receipts, verify_receipts

RESTORE = "Find out who did it, and restore it from backup."


def verify_workspace(workspace: Workspace) -> dict[str, list[Problem]]:
    """Return problems of the lake with its accounts, of the receipts, and of the kept inputs (`vintages`)."""
    manifests = list(readable_manifests(workspace.editions))
    return {
        "lake": _verify_lake(workspace, manifests),
        "receipts": verify_receipts(workspace, manifests),
        "vintages": _verify_vintages(workspace, manifests),
    }


def _verify_lake(workspace: Workspace, manifests: list[Manifest]) -> list[Problem]:
    accounts, problems = _accounts(workspace)
    known = {name for account in accounts for name in account.files}
    found = dict[str, str]()
    for name in sorted(known):
        path = workspace.lake / name
        if path.is_symlink():
            problems.append(_problem("file_linked", "the file is a link; what it leads to can change", f"lake/{name}"))
        elif path.is_file():
            found[name] = file_hash(path)
        else:
            problems.append(
                _problem("lake_missing", "rows that were accepted are gone; a run reads them again", f"lake/{name}")
            )
    problems += differing(accounts, found)
    for account in accounts:
        problems += _counted(workspace, account)
    problems += [
        _problem("file_added", "no account wrote the file", f"lake/{name}")
        for name in _present(workspace)
        if name not in known
    ]
    last = next(reversed(last_published(manifests)), None)
    if last is None:
        return problems
    there = {path.stem for path in workspace.submissions.glob("*.json")}
    problems += [
        _problem(
            "submission_missing", f"it stands in {last.edition_id} and has no account", f"lake/submissions/{one}.json"
        )
        for one in sorted(last.submissions)
        if one not in there
    ]
    return problems + against_kept(workspace, last, accounts)


def _accounts(workspace: Workspace) -> tuple[list[Account], list[Problem]]:
    accounts, problems = [], list[Problem]()
    for path in sorted(workspace.submissions.glob("*.json")):
        try:
            account = account_of(read_json(path), path)
        except MiyarError as error:
            problems += error.problems
            continue
        if account.submission_id != path.stem:
            told = "it is the account of another submission"
            problems.append(_problem("account_differs", told, f"lake/submissions/{path.name}", AGAIN))
        accounts.append(account)
    return accounts, problems


def _counted(workspace: Workspace, account: Account) -> list[Problem]:
    """What is wrong between an account's counts and the rows of its files, as far as these can be read."""
    told = []
    for kind, claimed in (("accepted", account.accepted), ("quarantined", account.quarantined)):
        names = [name for name in account.files if name.startswith(QUARANTINE) == (kind == "quarantined")]
        try:
            rows = sum(pq.read_metadata(workspace.lake / name).num_rows for name in names)
        except (OSError, pa.ArrowException):
            continue  # missing or changed, which is told of the file
        if rows != claimed:
            told.append(f"{claimed:,} rows {kind}, and its files have {rows:,}")
    name = f"lake/submissions/{account.submission_id}.json"
    return [_problem("account_differs", f"it says {one}", name, AGAIN) for one in told]


def _present(workspace: Workspace) -> list[str]:
    """Files of rows in the lake, but for the empty ones that every feed has."""
    feeds = list(load_feeds())
    folders = [*(workspace.lake / feed for feed in feeds), *(workspace.quarantine / feed for feed in feeds)]
    found = [path for folder in folders for path in folder.rglob("*.parquet") if path.parent.name != "period=none"]
    return sorted(path.relative_to(workspace.lake).as_posix() for path in found)


def _verify_vintages(workspace: Workspace, manifests: list[Manifest]) -> list[Problem]:
    folder = workspace.root / "vintages"
    problems, wanted = [], dict[str, str]()
    for manifest in manifests:
        if not manifest.inputs_hash:
            continue  # an edition of before inputs were kept
        index, source = folder / f"{manifest.inputs_hash}.json", kept_index(workspace, manifest)
        wanted |= {digest: path for path, digest in source.items()}
        if not source:
            is_gone = not index.is_file()
            told = f"the list of {manifest.edition_id}'s inputs {'is gone' if is_gone else 'was changed'}"
            rule = "vintage_missing" if is_gone else "vintage_changed"
            problems.append(_problem(rule, told, f"vintages/{index.name}"))
    removed = removed_by_receipt(sound_receipts(workspace))
    for digest, path in sorted(wanted.items()):
        kept = folder / "objects" / digest
        if digest in removed and not kept.is_file():
            continue  # destroyed by law, with a receipt
        if not kept.is_file():
            problems.append(
                _problem("vintage_missing", f"the kept copy of {path} is gone", f"vintages/objects/{digest}")
            )
        elif file_hash(kept) != digest:
            problems.append(
                _problem("vintage_changed", f"the kept copy of {path} was changed", f"vintages/objects/{digest}")
            )
    problems += [
        one for manifest in manifests for one in check_secret(workspace.editions / manifest.edition_id, manifest)
    ]
    last, counts = last_published(manifests), noted(workspace)
    hashes = {one.published_hash for one in last} - {""}
    if hashes and (not counts.is_file() or file_hash(counts) not in hashes):
        step = "Restore the folder vintages from backup."
        told = f"what editions showed and hid is not what {last[-1].edition_id} noted"
        problems.append(_problem("vintage_changed", told, FILE, step))
    return problems


def _problem(rule: str, message: str, name: str, step: str = RESTORE) -> Problem:
    return Problem(rule, message, file=name, next_step=step)
