"""Deliveries nobody would send on purpose: valid files of every format, changed cell by cell, line by line and byte by byte.

Belongs here: which file is drawn and how far it is changed, from a seed. Does not belong here: the files (`forms`,
`corpora`), one change (`mutations`), what must hold of each (`campaign`).

A delivery depends on the campaign's seed and its own number alone, so any one can be drawn again by itself.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingestion.contract import Contract
from tests.fuzz.corpora import Corpus, Seed
from tests.fuzz.forms import FORMS, SHARES, written
from tests.fuzz.mutations import BYTES, TABLES, container_changed, pick, text_changed

TEXTS = {"csv", "tsv", "json", "ndjson", "xml", "fixed"}


@dataclass(frozen=True)
class Drawn:
    """A delivery: whose it is, its name and bytes, and the kinds of changes made to it."""

    corpus: str
    provider: str
    feed: str
    name: str
    content: bytes
    changes: tuple[str, ...]


def drawn(seed: int, number: int, corpora: list[Corpus], scratch: Path) -> Drawn:
    """Delivery `number` of a campaign: a valid file of one corpus, changed at one to three levels or, one in ten, not at all.

    Half of them are the campaign's own tables, of which cells and columns can be changed too.
    """
    rng = np.random.default_rng([seed, number])
    own, *others = corpora
    if number % 2 == 0:
        return _own(rng, own, scratch)
    corpus = others[number // 2 % len(others)]
    return _changed(rng, corpus, pick(rng, corpus.seeds), [], float(rng.random()))


def _own(rng: np.random.Generator, corpus: Corpus, scratch: Path) -> Drawn:
    names = list(SHARES)
    kind = str(rng.choice(names, p=np.array([SHARES[name] for name in names]) / sum(SHARES.values())))
    name = str(rng.choice(list(FORMS)))
    contract = next(one for one in corpus.contracts if one.provider == f"{name}-{kind}")
    columns, changes = FORMS[name].columns(rng, int(rng.integers(1, 25))), []
    depth = float(rng.random())
    if depth > 0.1:
        for _ in range(int(rng.integers(0, 4))):
            change, made = pick(rng, TABLES)
            columns = made(rng, columns)
            changes.append(change)
    content = written(columns, contract, scratch / "drawn")
    return _changed(rng, corpus, Seed(contract, "f.dat", content), changes, depth)


def _changed(rng: np.random.Generator, corpus: Corpus, seed: Seed, changes: list[str], depth: float) -> Drawn:
    content, contract = seed.content, seed.contract
    # Files of others have no columns to change, so their texts are changed more often.
    if depth > (0.45 if corpus.name == "own" else 0.1):
        if contract.format.type in TEXTS:
            change, content = text_changed(rng, content, _encoding(contract), contract.format.type)
        else:
            change, content = container_changed(rng, content)
        changes.append(change)
    if depth > 0.7:
        for _ in range(int(rng.integers(1, 4))):
            change, made = pick(rng, BYTES)
            content = made(rng, content)
            changes.append(change)
    return Drawn(corpus.name, contract.provider, contract.feed, seed.name, content, tuple(changes) or ("none",))


def _encoding(contract: Contract) -> str:
    return str(getattr(contract.format, "encoding", "utf-8"))
