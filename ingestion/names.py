"""The registry names a file used when it was read, so that the file is read again only when one of them changes.

Belongs here: recording looked-up names, and checking whether they still mean the same. Does not belong here: looking up
(`labels`).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field

from miyar.registry import Registry


@dataclass
class NamesRead:
    """The names a file used, in folded form, by registry table. Only names that the registry knows are kept.

    An unknown text may be anything, even a person's name, so only a flag is kept: any change of the table may make it known.
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
        """Table -> names used; None instead of the list means that the whole table matters."""
        return {
            table: None if table in self.has_unknown else sorted(names) for table, names in sorted(self.known.items())
        }


def names_hash(names: Mapping[str, list[str] | None], registry: Registry) -> str:
    """Hash of what these names mean in a registry: the id behind each, for every agency, and its first and last period."""
    meaning: list[list[str]] = []
    for table, keys in sorted(names.items()):
        valid = {} if table in registry.known else registry.validity(table)
        for agency, ids in sorted(registry.labels(table).items()):
            used = [(key, ids[key]) for key in sorted(ids if keys is None else keys) if key in ids]
            meaning += [[table, agency, key, one] for key, one in used]
            meaning += [[one, *astuple(valid[one])] for _, one in used if one in valid]
    return hashlib.sha256(json.dumps(meaning).encode()).hexdigest()[:16]
