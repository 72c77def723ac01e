"""Slices received one at a time, in any order, give the figures of one run over everything; others are not recomputed."""

import random

import duckdb
import pytest

from publication.verify import verify_all

# The cells of every feed, and the record of what they were made from. Scores are recomputed each time from the current
# cells, so tests about cells alone build nothing above them.
CELLS = ["+int_slices__built"]


@pytest.fixture(scope="module")
def whole(micro_factory):
    """Everything received at once, with one delivery withdrawn, and published."""
    whole = micro_factory("whole")
    whole.land()
    assert len(whole.receive().accounts) == len(whole.deliveries)
    whole.withdraw(whole.a04_q4)
    whole.build()
    whole.publish()
    return whole


@pytest.mark.parametrize(("seed", "apart"), [(1, 1), (2, 3)])
def test_any_order_of_deliveries_ends_in_the_same_edition(micro, whole, seed: int, apart: int) -> None:
    """Nine deliveries, a build after each or every third: a slice delivered twice, cases in two extracts, one withdrawal."""
    stream = random.Random(seed)
    order = list(micro.deliveries)
    stream.shuffle(order)
    withdrawn_after = stream.randrange(order.index(micro.a04_q4), len(order))
    for number, path in enumerate(order):
        micro.land([path])
        assert [account.status for account in micro.receive().accounts] == ["accepted"]
        if number == withdrawn_after:
            micro.withdraw(micro.a04_q4)
        if (number + 1) % apart == 0:
            micro.build(CELLS)
    micro.build()
    assert micro.publish().content_hash == whole.content_hash()
    assert whole.cells() == micro.cells()
    assert all(micro.cells()[f"int_{feed}__cells"] for feed in ("survey", "complaints", "usage", "maturity"))
    assert verify_all(micro.workspace.editions) == {"2025Q4-r1": [], "ledger.jsonl": []}


def test_only_touched_slices_are_computed_again(micro) -> None:
    """Cells are marked by hand: a mark survives a build if the slice is left alone, and disappears if it is recomputed."""
    micro.land([micro.first_q3, micro.a01_q4, micro.a02_q4])
    micro.receive()
    micro.build(CELLS)
    with duckdb.connect(str(micro.workspace.warehouse)) as connection:
        connection.execute("update intermediate.int_survey__cells set touchpoint = 'marked'")
    micro.land([micro.second_q3])
    micro.receive()
    micro.build(CELLS)
    pending = "select distinct slice_id from intermediate.int_slices__pending"
    assert micro.sql(pending) == [("survey_responses|a01|2025Q3",)]
    assert micro.sql(
        "select slice_id, bool_and(touchpoint is not distinct from 'marked') from intermediate.int_survey__cells "
        "group by all order by all"
    ) == [
        ("survey_responses|a01|2025Q3", False),
        ("survey_responses|a01|2025Q4", True),
        ("survey_responses|a02|2025Q4", True),
    ]
    micro.build(CELLS)
    assert micro.sql(pending) == []


def test_a_delivery_withdrawn_after_a_stopped_build_leaves_no_cells(micro, make_micro) -> None:
    """A build that stopped between the cells and the record of what was built must not hide its cells from the next build."""
    micro.land([micro.first_q3, micro.a02_q4])
    micro.receive()
    micro.build(CELLS)
    micro.land([micro.second_q3, micro.a04_q4])
    micro.receive()
    # The state after a kill: cells are written, int_slices__built is not.
    micro.build(["+int_survey__cells", "+int_respondents__cells"])
    micro.withdraw(micro.second_q3)
    micro.withdraw(micro.a04_q4)
    micro.build(CELLS)

    plain = make_micro("plain")
    plain.land([micro.first_q3, micro.a02_q4])
    plain.receive()
    plain.build(CELLS)
    assert micro.cells() == plain.cells()


def test_a_first_build_that_stopped_leaves_no_cells_of_a_delivery_withdrawn_since(micro, make_micro) -> None:
    micro.land([micro.first_q3, micro.a02_q4])
    micro.receive()
    micro.build(["+int_survey__cells", "+int_respondents__cells"])
    micro.withdraw(micro.first_q3)
    micro.build(CELLS)
    plain = make_micro("plain")
    plain.land([micro.a02_q4])
    plain.receive()
    plain.build(CELLS)
    assert micro.cells() == plain.cells()
