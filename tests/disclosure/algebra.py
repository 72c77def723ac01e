"""What readers work out of sums they are shown: the algebra of the attacks, in forms that the product does not use.

Belongs here: systems of sums, coalitions, and what a coalition is told. Does not belong here: which sums a reader has
(`equations`, `drawn`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

# An eigenvalue this near 1 is 1: a combination of sums that rests on these agencies alone.
NEAR = 1e-8


@dataclass(frozen=True)
class System:
    """Sums somebody is shown: (sums, cells) what each adds up, and which agency each cell belongs to."""

    kind: str
    name: str
    rows: np.ndarray
    owner: np.ndarray


@dataclass
class Tried:
    """Attempts and successes by kind of attack and attacker, and some of the successes by name."""

    attempts: dict[tuple[str, str], int] = field(default_factory=dict)
    exact: dict[tuple[str, str], int] = field(default_factory=dict)
    narrow: dict[tuple[str, str], int] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def add(self, kind: str, attacker: str, attempts: int, exact: int = 0, narrow: int = 0, what: str = "") -> None:
        for counts, more in ((self.attempts, attempts), (self.exact, exact), (self.narrow, narrow)):
            counts[kind, attacker] = counts.get((kind, attacker), 0) + more
        if exact or narrow:
            self.told.append(f"{kind} ({attacker}): {what}")

    def of(self, kind: str) -> tuple[int, int]:
        """Attempts and successes of a kind, all attackers together."""
        return tuple(  # type: ignore[return-value]
            sum(n for (one, _), n in counts.items() if one == kind) for counts in (self.attempts, self.exact)
        )


COALITIONS = ("stranger", "agency", "two agencies", "three agencies")


def attack(system: System, tried: Tried, largest: int = 2) -> None:
    """Every coalition of up to `largest` agencies against every other agency of the system.

    The coalition takes off its own cells. A victim is told of where some combination of the sums then rests on its cells alone:
    there are more combinations that rest on coalition and victim together than on the coalition. Combinations that rest on a set
    are the eigenvectors with eigenvalue 1 of the set's part of the projection onto the rows' span.
    """
    agencies, owner = np.unique(system.owner, return_inverse=True)
    names = [str(name) for name in agencies]
    told = _dimensions(system.rows, owner.reshape(-1), len(names), largest + 1)
    for size in range(min(largest, len(names) - 1) + 1):
        attempts = exact = 0
        found = ""
        for coalition in combinations(range(len(names)), size):
            own = told.get(coalition, 0)
            others = [one for one in range(len(names)) if one not in coalition]
            attempts += len(others)
            for victim in others:
                if told.get(tuple(sorted((*coalition, victim))), 0) > own:
                    exact += 1
                    found = f"{system.name}: {names[victim]} by {[names[one] for one in coalition]}"
        tried.add(system.kind, COALITIONS[size], attempts, exact, what=found)


def _dimensions(rows: np.ndarray, owner: np.ndarray, agencies: int, largest: int) -> dict[tuple[int, ...], int]:
    """How many independent combinations rest on each set of up to `largest` agencies; sets with none are left out."""
    values = rows[np.any(rows != 0, axis=1)].astype(float)
    if not values.size:
        return {}
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    _, size, basis = np.linalg.svd(values, full_matrices=False)
    basis = basis[size > 1e-9 * size[0]]
    grams = np.stack([basis[:, owner == one] @ basis[:, owner == one].T for one in range(agencies)])
    top = np.linalg.eigvalsh(grams)[:, -1]
    found: dict[tuple[int, ...], int] = {}
    for count in range(1, largest + 1):
        for some in _batches(agencies, count):
            # The largest eigenvalue of a sum is at most the sum of the largest ones.
            some = some[top[some].sum(axis=1) > 1 - NEAR]
            if not len(some):
                continue
            ones = (np.linalg.eigvalsh(grams[some].sum(axis=1)) > 1 - NEAR).sum(axis=1)
            for members, number in zip(some[ones > 0].tolist(), ones[ones > 0].tolist(), strict=True):
                found[tuple(members)] = number
    return found


def _batches(agencies: int, count: int, size: int = 4_000) -> Iterator[np.ndarray]:
    every = np.array(list(combinations(range(agencies), count)), np.int64).reshape(-1, count)
    for start in range(0, len(every), size):
        yield every[start : start + size]


def attack_pairs(kind: str, name: str, counts: dict[str, dict[str, float]], tried: Tried, few: int = 3) -> None:
    """Counts of one unit by agency, of several figures: two that differ in few agencies tell of one of them.

    A coalition of all but one of those that differ takes its own difference off. Each pair is an attempt for each size.
    """
    agencies = sorted({agency for own in counts.values() for agency in own})
    table = np.array([[own.get(agency, 0.0) for agency in agencies] for own in counts.values()])
    names = list(counts)
    pairs = list(combinations(range(len(names)), 2))
    for size in range(few):
        exact, found = 0, ""
        for one, other in pairs:
            differ = int((table[one] != table[other]).sum())
            if differ == size + 1:
                exact += 1
                found = f"{name}: {names[one]} less {names[other]}"
        tried.add(kind, COALITIONS[size], len(pairs), exact, what=found)
