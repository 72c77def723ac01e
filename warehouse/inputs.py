"""Everything a warehouse is made from, read once per run: workspace, registry, contracts, methodology, accounts.

Belongs here: reading it, and what identifies it (hashes, tags, an edition's origin). Does not belong here: the rows
(the lake), and what is made from them.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version

from ingestion.contract import Contract, load_contracts
from ingestion.submission_ledger import Account, contract_hash, read_accounts
from methodology.parameters import Methodology
from miyar.registry import Registry, load_registry
from miyar.workspace import Workspace
from publication.manifest import Origin
from publication.method import methodology_of, with_known_names
from warehouse.source_code import code_hash


@dataclass(frozen=True)
class Inputs:
    """The current inputs of one workspace; nothing is read again while they are in use."""

    workspace: Workspace
    registry: Registry
    contracts: list[Contract]
    methodology: Methodology
    accounts: list[Account]

    @classmethod
    def read(cls, workspace: Workspace) -> "Inputs":
        """Read a workspace's inputs; raises MiyarError with every problem of its registry or its contracts."""
        methodology = methodology_of(workspace)
        return cls(
            workspace,
            with_known_names(load_registry(workspace.registry), methodology),
            load_contracts(workspace.registry),
            methodology,
            read_accounts(workspace),
        )

    def with_accounts(self, accounts: list[Account]) -> "Inputs":
        """The same inputs with other accounts: those of an intake and all before it."""
        return replace(self, accounts=accounts)

    @cached_property
    def hash(self) -> str:
        """Hash of all inputs; the accounts stand for the rows."""
        return self._hash_with(self.accounts)

    @cached_property
    def figures_hash(self) -> str:
        """Hash of the inputs that figures come from: a refused file, of which no row was taken, asks for no new edition."""
        return self._hash_with([account for account in self.accounts if account.accepted])

    def _hash_with(self, some: list[Account]) -> str:
        digest = hashlib.sha256()
        accounts = [
            (
                *(a.submission_id, a.contract_hash, a.names_hash, a.accepted, a.status, a.withdrawn, a.sequence),
                *(a.records, a.quarantined, a.duplicates),
                *(f"{one['slice_id']} {one['rows']}" for one in a.decisions),
            )
            for a in some
        ]
        parts = (
            code_hash(),
            self.registry.hash,
            self.contracts_hash,
            self.methodology.hash,
            self.workspace.settings.model_dump_json(),
            json.dumps(sorted(accounts)),
        )
        for part in parts:
            digest.update(part.encode() + b"\0")
        return digest.hexdigest()

    @cached_property
    def contracts_hash(self) -> str:
        """Hash over all contracts, in order of their ids."""
        digest = hashlib.sha256()
        for contract in sorted(self.contracts, key=lambda contract: contract.id):
            # How files replace each other is decided from the accounts, without reading them again.
            ledger = f"{contract.delivery} {contract.precedence}"
            digest.update(f"{contract.id}={contract_hash(contract)} {ledger}\n".encode())
        return digest.hexdigest()

    @property
    def origin(self) -> Origin:
        """What an edition records about its origin, besides the rows."""
        return Origin(
            methodology_version=self.methodology.version,
            methodology_hash=self.methodology.hash,
            registry_hash=self.registry.hash,
            contracts_hash=self.contracts_hash,
            code_hash=code_hash(),
            code_version=version("miyar"),
            submissions={account.submission_id: submission_state(account) for account in self.accounts},
        )


def submission_state(account: Account) -> str:
    """A submission's state in a manifest: accepted, refused or withdrawn."""
    return "withdrawn" if account.withdrawn else account.status
