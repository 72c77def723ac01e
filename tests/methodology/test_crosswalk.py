"""Crosswalks between scales against published tables and hand derivation.

Belongs here: `methodology.crosswalk`. Does not belong here: adjustment for mode (`test_adjustment`).
"""

import numpy as np
import pytest

from methodology.crosswalk import equipercentile_crosswalk, linear_crosswalk, linear_equating, people_for_link


def test_linear_by_hand() -> None:
    # 4.1 + 0.8/1.9 * 0.4.
    assert float(linear_equating(8, 7.6, 1.9, 4.1, 0.8)) == pytest.approx(4.268421, abs=5e-7)
    with pytest.raises(ValueError, match="both vary"):
        linear_equating(8, 7.6, 0, 4.1, 0.8)


def test_equipercentile_as_published() -> None:
    # Kolen and Brennan, hypothetical four-item forms X and Y: equivalents .50, 1.75, 2.8333, 3.50, 4.25.
    f, g = np.array([0.2, 0.3, 0.2, 0.2, 0.1]), np.array([0.1, 0.2, 0.2, 0.3, 0.2])
    value, error = equipercentile_crosswalk(1000 * f, range(5), 1000 * g, range(5))
    assert value == pytest.approx([0.5, 1.75, 2.8333, 3.5, 4.25], abs=5e-5)
    # At x = 1: f = .3, P = .35, in the level 2 of Y, where g = .2 and G- = .3.
    variance = (0.35 * 0.65 - 0.075) / 1000 + (0.35 * 0.65 - 0.15 * 0.05 / 0.2) / 1000
    assert error[1] == pytest.approx(variance**0.5 / 0.2, rel=1e-12)


def test_scales_with_the_same_answers_are_the_same() -> None:
    counts = [10, 0, 30, 40, 20]
    value, _ = equipercentile_crosswalk(counts, [1, 2, 3, 4, 5], counts, [0, 25, 50, 75, 100])
    assert value[[0, 2, 3, 4]] == pytest.approx([0, 50, 75, 100], abs=1e-9)
    # A level that nobody chose lies at the border of its neighbours' intervals.
    assert 0 < value[1] < 50
    top, _ = equipercentile_crosswalk([1, 1, 0], [1, 2, 3], [1, 1, 0], [1, 2, 3])
    # Nobody above 2 on either scale: the rank of 3 is one, which ends at 2.5.
    assert top[2] == pytest.approx(2.5, rel=1e-12)


def test_a_scale_that_only_renames_links_without_error() -> None:
    link = linear_crosswalk(np.diag([5, 10, 20, 15]), [1, 2, 3, 4], [0, 100 / 3, 200 / 3, 100])
    value, error = link.convert([1, 2.5, 4])
    assert value == pytest.approx([0, 50, 100], abs=1e-9)
    assert error == pytest.approx([0, 0, 0], abs=1e-9)
    # Then only the score's own error remains, stretched by the slope of 100/3.
    assert float(link.convert(3, 0.06)[1]) == pytest.approx(2, rel=1e-9)


def test_link_error_is_that_of_redrawn_people() -> None:
    # The delta method against the spread of the crosswalk itself over redrawn overlap studies of 800 people.
    rng = np.random.default_rng(5)
    x_levels, y_levels = np.arange(11.0), np.arange(1.0, 6)
    distance = np.abs(np.subtract.outer(x_levels / 10, (y_levels - 1) / 4))
    share = np.exp(-6 * distance) * np.linspace(0.2, 1, 11)[:, None] ** 2
    share /= share.sum()
    tables = rng.multinomial(800, share.ravel(), size=3000).reshape(-1, 11, 5)
    links = [linear_crosswalk(table, x_levels, y_levels) for table in tables]
    for x in (2.0, 7.0, 10.0):
        values = [float(link.convert(x)[0]) for link in links]
        expected = float(linear_crosswalk(800 * share, x_levels, y_levels).convert(x)[1])
        # The standard deviation of 3,000 draws is itself uncertain by 1.3 %.
        assert np.std(values) == pytest.approx(expected, rel=0.05)


def test_equipercentile_error_is_that_of_redrawn_people() -> None:
    rng = np.random.default_rng(6)
    f, g = np.array([0.05, 0.1, 0.2, 0.35, 0.3]), np.array([0.05, 0.05, 0.1, 0.15, 0.25, 0.25, 0.15])
    xs, ys = rng.multinomial(2000, f, size=3000), rng.multinomial(1500, g, size=3000)
    drawn = [equipercentile_crosswalk(x, range(5), y, range(7))[0] for x, y in zip(xs, ys, strict=True)]
    _, expected = equipercentile_crosswalk(2000 * f, range(5), 1500 * g, range(7))
    # Levels whose rank keeps clear of a border between two y levels, where the map has a kink.
    ranks, borders = np.cumsum(f) - f / 2, np.cumsum(g)
    clear = np.abs(ranks[:, None] - borders).min(axis=1) > 0.03
    assert clear.sum() >= 2
    assert np.std(drawn, axis=0)[clear] == pytest.approx(expected[clear], rel=0.05)


def test_bad_tables_are_refused() -> None:
    with pytest.raises(ValueError, match="levels"):
        linear_crosswalk([[1, 2]], [1, 2], [1, 2])
    with pytest.raises(ValueError, match="two people"):
        linear_crosswalk([[1, 0], [0, 0]], [1, 2], [1, 2])
    with pytest.raises(ValueError, match="both vary"):
        linear_crosswalk([[5, 5], [0, 0]], [1, 2], [1, 2])
    with pytest.raises(ValueError, match="even steps"):
        equipercentile_crosswalk([1, 1, 1], [1, 2, 4], [1, 1], [1, 2])
    with pytest.raises(ValueError, match="one at least positive"):
        equipercentile_crosswalk([0, 0], [1, 2], [1, 1], [1, 2])


def test_the_people_a_link_takes_give_the_error_it_may_have() -> None:
    # By hand: 25^2 x .3 x (2 + 1.7) / 2.5^2 = 111.0, and half the error takes four times as many.
    assert people_for_link(25, 0.7, 2.5).item() == 111
    assert people_for_link(25, 0.7, 1.25).item() == 444
    # The delta method on a fine table of the normal distribution, one standard deviation from the mean, says the same.
    step = np.linspace(-4, 4, 161)
    x, y = np.meshgrid(step, step, indexing="ij")
    table = np.exp(-(x**2 - 1.4 * x * y + y**2) / (2 * (1 - 0.49)))
    link = linear_crosswalk(111 * table / table.sum(), 50 + 25 * step, 50 + 25 * step)
    assert float(link.convert(75)[1]) == pytest.approx(2.5, rel=0.01)
