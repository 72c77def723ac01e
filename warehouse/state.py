"""What the warehouse and the last edition were made from, so that nothing is done twice and nothing stale is published.

Belongs here: the hash of all inputs and the two marks. Does not belong here: doing the work (`pipeline`, the assets).
"""

import hashlib
import json

from ingestion.contract import Contract
from ingestion.submission_ledger import read_accounts
from miyar.errors import MiyarError, Problem
from miyar.registry import Registry
from miyar.workspace import Workspace
from publication.method import methodology_of
from warehouse.origin import code_hash, contracts_hash


def inputs_hash(workspace: Workspace, registry: Registry, contracts: list[Contract]) -> str:
    """Hash of everything the warehouse is built from; the accounts stand for the rows."""
    digest = hashlib.sha256()
    accounts = [
        (a.submission_id, a.contract_hash, a.names_hash, a.accepted, a.status, a.withdrawn, a.sequence)
        for a in read_accounts(workspace)
    ]
    parts = (
        code_hash(),
        registry.hash,
        contracts_hash(contracts),
        methodology_of(workspace).hash,
        workspace.settings.model_dump_json(),
        json.dumps(sorted(accounts)),
    )
    for part in parts:
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()


class State:
    """Marks `built` and `published`, each the inputs' hash of its last success; losing them only costs a rebuild."""

    def __init__(self, workspace: Workspace) -> None:
        self._folder = workspace.root / "warehouse"

    def read(self, step: str) -> str:
        path = self._folder / f"{step}.hash"
        return path.read_text("utf-8") if path.is_file() else ""

    def write(self, step: str, value: str) -> None:
        self._folder.mkdir(exist_ok=True)
        part = self._folder / f"{step}.hash.part"
        part.write_text(value, "utf-8")
        part.replace(self._folder / f"{step}.hash")


def require_built(workspace: Workspace, registry: Registry, contracts: list[Contract]) -> None:
    """Raise MiyarError unless the warehouse was built, with all tests passed, from exactly today's inputs."""
    if State(workspace).read("built") != inputs_hash(workspace, registry, contracts):
        raise MiyarError(
            Problem(
                "warehouse_stale",
                "the warehouse is not what today's files, registry and code give: its last build failed or is due",
                file="warehouse",
                next_step="Run `miyar run --no-publish` and mend what it names; nothing stale is published.",
            )
        )
