"""Valid files of others that a campaign changes: what the simulator delivers, and what the tests of cases deliver.

Belongs here: making them, once per process, with the registry and contracts they belong to. Does not belong here: the
campaign's own files (`forms`), changes (`mutations`).
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ingestion.contract import Contract, load_contracts
from miyar.errors import MiyarError
from simulation.workspace import write_workspace
from simulation.world import Size
from tests.cases import deliveries as cases
from tests.fuzz import forms
from tests.fuzz.gathering import gathered
from tests.ingestion.conftest import build

# Every feed and format, with as few rows as a world can have.
SMALL = Size(7, 21, 35, 3, 2, "2025Q2", 4, 0.05)
LARGEST = 60_000  # bytes; larger files are slower to read and break no other way
FEWEST = 100  # inputs that the tests of cases must give, else gathering them has failed


@dataclass(frozen=True)
class Seed:
    """A file to be changed: below which folder and name it lands."""

    contract: Contract
    name: str
    content: bytes


@dataclass(frozen=True)
class Corpus:
    """A workspace without deliveries, its contracts, and files for it; the campaign's own corpus draws its files."""

    name: str
    root: Path
    contracts: list[Contract]
    seeds: list[Seed]


def corpora(folder: Path) -> list[Corpus]:
    """All corpora, below a folder."""
    return [own(folder / "own"), simulated(folder / "simulated"), of_cases(folder / "cases")]


def own(root: Path) -> Corpus:
    """The campaign's own tables and formats."""
    build(root)
    _adjust(root)
    forms.write_contracts(root / "registry")
    return Corpus("own", root, load_contracts(root / "registry"), [])


def simulated(root: Path) -> Corpus:
    """The smallest file of each provider and feed of a small invented world."""
    write_workspace(root, 7, SMALL)
    contracts = load_contracts(root / "registry")
    seeds = []
    for contract in contracts:
        files = [one for one in (root / "landing" / contract.provider / contract.feed).rglob("*") if one.is_file()]
        smallest = min(files, key=lambda one: (one.stat().st_size, one.name), default=None)
        if smallest is not None and smallest.stat().st_size <= LARGEST:
            seeds.append(Seed(contract, smallest.name, smallest.read_bytes()))
    shutil.rmtree(root / "landing")
    return Corpus("simulated", root, contracts, seeds)


def of_cases(root: Path) -> Corpus:
    """What the tests of cases deliver, each contract as a provider of its own; contracts that are refused are left out."""
    build(root)
    _adjust(root)
    with (root / "registry" / "agencies.csv").open("a", encoding="utf-8") as table:
        table.writelines(cases.AGENCIES.splitlines(keepends=True)[1:])
    found = _gathered()
    numbers = {text: number for number, text in enumerate(dict.fromkeys(one.contract for one in found))}
    folder = root / "registry" / "contracts"
    for text, number in numbers.items():
        content: dict[str, Any] = yaml.safe_load(text)
        content |= {"provider": f"case{number}", "id": f"case{number}"}
        path = folder / f"case{number}" / f"{content['feed']}.yml"
        path.parent.mkdir(parents=True)
        path.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    contracts = {contract.provider: contract for contract in _readable(root / "registry")}
    seeds = [
        Seed(contracts[provider], one.name, one.content)
        for one in found
        if (provider := f"case{numbers[one.contract]}") in contracts and len(one.content) <= LARGEST
    ]
    if len(seeds) < FEWEST:
        raise AssertionError(f"only {len(seeds)} inputs of the tests of cases were found")
    return Corpus("cases", root, list(contracts.values()), seeds)


_gathered: Callable[[], Any] = cache(gathered)


def _adjust(root: Path) -> None:
    settings = root / "miyar.yml"
    settings.write_text(settings.read_text("utf-8").replace("methodology: v1", "methodology: '2026.2'"), "utf-8")
    key = root / "pseudonym.key"
    key.touch(mode=0o600)
    key.write_text("a key that protects nothing", "utf-8")


def _readable(registry: Path) -> list[Contract]:
    """The contracts that stand, after those that are refused were taken away."""
    while True:
        try:
            return load_contracts(registry)
        except MiyarError as error:
            refused = {registry.parent / one.file for one in error.problems} | {
                registry / one.file for one in error.problems
            }
            gone = [path for path in refused if path.is_file()]
            if not gone:
                raise
            for path in gone:
                path.unlink()
