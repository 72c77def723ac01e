"""Where a run's results come from: hashes of code, registry and contracts, for tags and manifests.

Belongs here: hashing of this repository's own rooms and of a workspace's registry. Does not belong here: hashes of data.
"""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

from ingestion.contract import Contract
from ingestion.submission_ledger import Account, contract_hash, read_accounts
from miyar.registry import Registry, load_registry
from miyar.workspace import Workspace
from publication.editions import Origin
from publication.method import methodology_of

REPOSITORY = Path(__file__).resolve().parents[1]
ROOMS = ("miyar", "ingestion", "expectations", "methodology", "publication", "warehouse", "dbt")
SOURCES = {".py", ".sql", ".yml", ".csv"}


@cache
def code_hash() -> str:
    """Hash of every source file of the rooms that make numbers."""
    digest = hashlib.sha256()
    for room in ROOMS:
        for path in sorted((REPOSITORY / room).rglob("*")):
            relative = path.relative_to(REPOSITORY)
            if path.suffix in SOURCES and not {"target", "logs"} & set(relative.parts):
                digest.update(relative.as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def contracts_hash(contracts: list[Contract]) -> str:
    """Hash over all contracts, in order of their ids."""
    digest = hashlib.sha256()
    for contract in sorted(contracts, key=lambda contract: contract.id):
        digest.update(f"{contract.id}={contract_hash(contract)}\n".encode())
    return digest.hexdigest()


def run_tags(workspace: Workspace) -> dict[str, str]:
    """Tags every run carries: short hashes of code and registry."""
    return {"miyar/code": code_hash()[:16], "miyar/registry": load_registry(workspace.registry).hash[:16]}


def submission_state(account: Account) -> str:
    """What a manifest says of a submission: accepted, refused or withdrawn."""
    return "withdrawn" if account.withdrawn else account.status


def origin_of(workspace: Workspace, registry: Registry, contracts: list[Contract]) -> Origin:
    """Everything an edition of this workspace is made from, beside the rows."""
    methodology = methodology_of(workspace)
    return Origin(
        methodology_version=methodology.version,
        methodology_hash=methodology.hash,
        registry_hash=registry.hash,
        contracts_hash=contracts_hash(contracts),
        code_hash=code_hash(),
        code_version=version("miyar"),
        submissions={account.submission_id: submission_state(account) for account in read_accounts(workspace)},
    )
