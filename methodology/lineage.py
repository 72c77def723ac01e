"""The slices behind a figure: their ids, carried as text from cells to every table built on them.

Belongs here: joining ids. Does not belong here: which slices there are (the warehouse) and how a reader follows them.
"""

from collections.abc import Iterable


def joined(slice_ids: Iterable[str]) -> str:
    """Return all ids in these texts, each once and in order, joined by `;`; blank where there are none."""
    return ";".join(sorted({one for ids in set(slice_ids) for one in ids.split(";") if one}))
