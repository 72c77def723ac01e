"""What the reading of a file took from the registry, so that a change of just that has the file read again.

Belongs here: noting looked-up names, and telling whether they mean the same today. Does not belong here: looking up (`labels`).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from miyar.registry import Registry


@dataclass
class NamesRead:
    """By registry table: the names a file used, in folded form. Only names the registry knows are kept.

    A text it does not know may be anything, a person's name too. It is remembered as a flag: any change of the table may
    make it known.
    """

    known: dict[str, set[str]] = field(default_factory=dict)
    has_unknown: set[str] = field(default_factory=set)

    def note(self, table: str, registry: Registry, key: str) -> None:
        """Remember one looked-up name."""
        names = self.known.setdefault(table, set())
        if any(key in ids for ids in registry.labels(table).values()):
            names.add(key)
        else:
            self.has_unknown.add(table)

    def as_dict(self) -> dict[str, list[str] | None]:
        """Table -> names used; none in place of the list means that the whole table matters."""
        return {
            table: None if table in self.has_unknown else sorted(names) for table, names in sorted(self.known.items())
        }


def names_hash(names: Mapping[str, list[str] | None], registry: Registry) -> str:
    """Hash of what these names mean in a registry: for every agency the id behind each."""
    meaning = []
    for table, keys in sorted(names.items()):
        for agency, ids in sorted(registry.labels(table).items()):
            meaning += [[table, agency, key, ids[key]] for key in (sorted(ids) if keys is None else keys) if key in ids]
    return hashlib.sha256(json.dumps(meaning).encode()).hexdigest()[:16]
