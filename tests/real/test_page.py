"""The page of the real sets is made of its numbers.

Belongs here: the page's text. Does not belong here: whether the numbers are true (each set's tests).
"""

from tests.real.verdicts import PAGE, page, published


def test_the_page_is_that_of_its_numbers() -> None:
    assert PAGE.read_text("utf-8") == page(published())


def test_rows_and_positions_add_up() -> None:
    assert len(published()) == 8
    for one in published().values():
        assert one["in_no_figure"] == sum(one["rows"].values())
        assert one["owed"] == one["verdicts"] + sum(one["reasons"].values())
