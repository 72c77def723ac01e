"""From which loss on a replacement waits for a person: the limits of `replacement.yml`.

Belongs here: reading and applying them. Does not belong here: which delivery counts (`slices`).
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Limits:
    """From which loss on a replacement waits for a person; `replacement.yml` gives the reasons."""

    shrinks_below_share: float
    edge_below_share: float
    restart_from_rows: float

    def hold(self, rows: int, before: int, largest: int) -> bool:
        """Whether `rows` may not stand for the `before` rows of a slice by themselves.

        Args:
            largest: rows of the agency's largest slice in the same delivery.
        """
        is_edge = rows < before and rows < self.edge_below_share * largest
        return is_edge or rows < self.shrinks_below_share * before


@cache
def limits() -> Limits:
    """The centre's limits for replacement."""
    source = yaml.safe_load((Path(__file__).parent / "replacement.yml").read_text("utf-8"))
    return Limits(**{name: float(entry["value"]) for name, entry in source.items()})
