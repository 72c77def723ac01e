"""Joining of ids.

Belongs here: `methodology.lineage`. Does not belong here: where ids lead (`tests/publication`).
"""

from methodology.lineage import joined


def test_each_id_once_and_in_order() -> None:
    assert joined(["b;a", "", "c", "a"]) == "a;b;c"
    assert joined([]) == ""
