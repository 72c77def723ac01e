"""What a figure stands on: ids of slices, carried as text from cells to every table above them.

Belongs here: putting ids together. Does not belong here: which slices there are (the warehouse) and how a reader follows them.
"""

from collections.abc import Iterable


def joined(slice_ids: Iterable[str]) -> str:
    """All ids of these texts of ids, each once and in order, with `;` between them; blank where there are none."""
    return ";".join(sorted({one for ids in set(slice_ids) for one in ids.split(";") if one}))
