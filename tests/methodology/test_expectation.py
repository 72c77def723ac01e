"""The account of expectation: a world with known slopes, row form against cells, exact sums, and what is not shown.

Belongs here: `methodology.expectation`. Does not belong here: other decompositions (`test_change.py`).
"""

import numpy as np
import pytest

from methodology.expectation import expectation_account

BLOCKS = {"mix": [0], "mode": [1], "service": [2, 3], "expectation": [4]}
SLOPES = np.array([2.0, -3.0, 1.5, 0.5, -4.0])


def _world(rng: np.random.Generator, units: int, size: int, noise: float) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Drivers and scores of each unit in both periods: expectations rise by 1 in the first unit, nothing else moves."""
    drivers, scores = [], []
    for period in (0, 1):
        for unit in range(units):
            x = rng.normal(0, 1, (size, 5))
            x[:, 4] += period * (unit == 0)
            drivers.append(x)
            scores.append(70 + 3 * unit + x @ SLOPES + noise * rng.standard_normal(size))
    return drivers, scores


def _cells(drivers: list[np.ndarray], scores: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    answers = [np.column_stack([np.ones(y.size), x, y]) for x, y in zip(drivers, scores, strict=True)]
    cells = [v.T @ v for v in answers]
    half = len(cells) // 2
    return np.stack(cells[:half]), np.stack(cells[half:])


def test_without_noise_the_account_is_exact() -> None:
    drivers, scores = _world(np.random.default_rng(1), 4, 40, 0)
    account = expectation_account(*_cells(drivers, scores), BLOCKS)
    assert list(account.slope) == pytest.approx(list(SLOPES))
    for unit in range(4):
        shift = drivers[4 + unit].mean(axis=0) - drivers[unit].mean(axis=0)
        assert account.parts["service"][unit] == pytest.approx(1.5 * shift[2] + 0.5 * shift[3])
        assert account.parts["expectation"][unit] == pytest.approx(-4 * shift[4])
        assert account.contribution[unit] == pytest.approx(SLOPES * shift)
    assert account.residual == pytest.approx(np.zeros(4), abs=1e-9)


def test_slopes_are_the_regression_of_the_rows_with_a_level_for_each_unit_and_period() -> None:
    drivers, scores = _world(np.random.default_rng(2), 3, 60, 5)
    account = expectation_account(*_cells(drivers, scores), BLOCKS)
    x, y = np.vstack(drivers), np.concatenate(scores)
    levels = np.kron(np.eye(6), np.ones((60, 1)))
    design = np.hstack([x, levels])
    fitted, squares, *_ = np.linalg.lstsq(design, y, rcond=None)
    covariance = squares[0] / (360 - 11) * np.linalg.inv(design.T @ design)
    assert account.slope == pytest.approx(fitted[:5], abs=1e-9)
    assert account.slope_error == pytest.approx(np.sqrt(np.diag(covariance))[:5], abs=1e-9)


def test_parts_sum_exactly_and_hold_the_planted_drift() -> None:
    drivers, scores = _world(np.random.default_rng(3), 3, 4000, 5)
    account = expectation_account(*_cells(drivers, scores), BLOCKS)
    assert sum(account.parts.values()) + account.residual == pytest.approx(account.change, abs=1e-12)
    # The first unit's expectations rose by 1 at a slope of -4; its service stood still.
    assert abs(account.parts["expectation"][0] + 4) < 4 * account.errors["expectation"][0] < 1
    assert abs(account.parts["service"][0]) < 4 * account.errors["service"][0] < 0.5


def test_errors_of_parts_match_their_spread_over_worlds() -> None:
    rng = np.random.default_rng(4)
    found = [expectation_account(*_cells(*_world(rng, 2, 50, 5)), BLOCKS) for _ in range(300)]
    spread = np.std([account.parts["expectation"][0] for account in found])
    assert np.mean([account.errors["expectation"][0] for account in found]) == pytest.approx(spread, rel=0.12)


def test_cells_add_up() -> None:
    drivers, scores = _world(np.random.default_rng(5), 2, 30, 5)
    first, second = (
        _cells([x[part] for x in drivers], [y[part] for y in scores]) for part in (slice(11), slice(11, None))
    )
    summed = expectation_account(first[0] + second[0], first[1] + second[1], BLOCKS)
    whole = expectation_account(*_cells(drivers, scores), BLOCKS)
    assert summed.slope == pytest.approx(whole.slope)
    assert summed.parts["service"] == pytest.approx(whole.parts["service"])


def test_expectation_is_not_shown_without_an_item_or_stable_telemetry() -> None:
    cells = _cells(*_world(np.random.default_rng(6), 2, 200, 1))
    account = expectation_account(*cells, BLOCKS, telemetry_stable=[True, False])
    assert list(np.isnan(account.parts["expectation"])) == [False, True]
    left = account.change - sum(account.parts[name] for name in ("mix", "mode", "service"))
    assert account.residual[1] == pytest.approx(left[1])
    without = [np.delete(np.delete(half, 5, axis=-1), 5, axis=-2) for half in cells]
    account = expectation_account(*without, {"mix": [0], "mode": [1], "service": [2, 3]})
    assert np.isnan(account.parts["expectation"]).all()
    assert np.isfinite(account.residual).all()


def test_a_unit_without_answers_is_undefined() -> None:
    before, after = _cells(*_world(np.random.default_rng(8), 2, 60, 1))
    account = expectation_account(before, np.stack([after[0], np.zeros_like(after[1])]), BLOCKS)
    assert list(np.isnan(account.change)) == list(np.isnan(account.residual)) == [False, True]


def test_bad_input_is_refused() -> None:
    cells = _cells(*_world(np.random.default_rng(9), 2, 30, 1))
    with pytest.raises(ValueError, match="exactly one block"):
        expectation_account(*cells, {**BLOCKS, "mode": [0, 1]})
    with pytest.raises(ValueError, match="called wow"):
        expectation_account(*cells, {**BLOCKS, "wow": []})
    with pytest.raises(ValueError, match="drivers \\+ 2"):
        expectation_account(cells[0][0], cells[1][0], BLOCKS)
    drivers, scores = _world(np.random.default_rng(9), 2, 30, 1)
    for x in drivers:
        x[:, 3] = 2 * x[:, 2]
    with pytest.raises(ValueError, match="do not vary apart"):
        expectation_account(*_cells(drivers, scores), BLOCKS)
