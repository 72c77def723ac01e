"""The account of expectation: whether it distinguishes a planted drift of expectation from a service that got worse.

Belongs here: worlds in which satisfaction follows service and expectation with known slopes. Does not belong here: mode
alone (`modes`).
"""

import numpy as np
from scipy import stats

from methodology.expectation import expectation_account
from simulation.coverage.findings import COVERS, Claim, Finding, Floats, at_least, drawn, holds

AGENCIES, ANSWERS = 20, 200
# Drivers: old (mix), web (mode), speed (service), the answer on what was expected (expectation).
SLOPES = np.array([3.0, 5.0, 0.5, -0.4])
BLOCKS = {"mix": [0], "mode": [1], "service": [2], "expectation": [3]}
BASE = np.array([0.3, 0.4, 70.0, 60.0])
Z = stats.norm.ppf(0.975)


def study(rng: np.random.Generator, draws: int) -> list[Finding]:
    """All findings of this module."""
    drift = np.array([0.0, 0.0, 0.0, 10.0])
    worse = np.array([0.0, 0.0, -8.0, 0.0])
    both = np.array([0.15, 0.2, -4.0, 5.0])
    found = []
    for name, shift in (
        ("expectation rises", drift),
        ("service falls", worse),
        ("mix, mode, service, expectation move", both),
    ):
        found += _attributed(rng, draws, name, shift)
    return [*found, *_noisy(rng, draws, drift), _withheld(rng)]


def _attributed(rng: np.random.Generator, draws: int, name: str, shift: Floats) -> list[Finding]:
    held: dict[str, list[float]] = {part: [] for part in BLOCKS}
    parts, changes = [], []
    for _ in range(draws):
        account = expectation_account(*world(rng, shift), BLOCKS)
        for part, own in BLOCKS.items():
            true = float(SLOPES[own] @ shift[own])
            half = Z * account.errors[part]
            held[part].append(float(holds(true, (account.parts[part] - half, account.parts[part] + half)).mean()))
        parts.append(account.parts["expectation"].mean())
        changes.append(account.change.mean())
    due = float(SLOPES[3] * shift[3] / (SLOPES @ shift))
    found = [drawn(f"true part held by its interval, {part}; {name}", values, COVERS) for part, values in held.items()]
    what = f"share of the fall attributed to expectation ({100 * due:.0f} % are true); {name}"
    return [*found, _share(what, parts, changes, Claim(round(due - 0.05, 3), round(due + 0.05, 3)))]


def _noisy(rng: np.random.Generator, draws: int, shift: Floats) -> list[Finding]:
    """Expectation measured with error: its slope is attenuated, so part of the drift stays unexplained."""
    accounts = [expectation_account(*world(rng, shift, noise=10.0), BLOCKS) for _ in range(draws)]
    parts = [account.parts["expectation"].mean() for account in accounts]
    changes = [account.change.mean() for account in accounts]
    what = "share of the fall attributed to expectation, all of it true, expectation asked with reliability 0.69"
    return [_share(what, parts, changes)]


def _share(what: str, parts: list[float], changes: list[float], claim: Claim | None = None) -> Finding:
    """Mean part over mean change, a ratio of means because a single world's ratio has a noisy denominator."""
    part, change = np.array(parts), np.array(changes)
    share = float(part.mean() / change.mean())
    spread = float(np.std((part - share * change) / change.mean(), ddof=1))
    return Finding(what, share, part.size, claim, spread)


def _withheld(rng: np.random.Generator) -> Finding:
    before, after = world(rng, np.array([0.0, 0.0, -8.0, 10.0]))
    stable = np.arange(AGENCIES) % 2 == 0
    account = expectation_account(before, after, BLOCKS, telemetry_stable=stable)
    shown = np.isfinite(account.parts["expectation"])
    return drawn("expectation's part withheld exactly where telemetry was not stable", shown == stable, at_least(1.0))


def world(rng: np.random.Generator, shift: Floats, noise: float = 0.0) -> tuple[Floats, Floats]:
    """Cells of all agencies before and after; drivers shift alike in all, answers scatter, `noise` blurs the expectation."""
    level = 70 + 5 * rng.standard_normal(AGENCIES)
    periods = []
    for at in (BASE, BASE + shift):
        shape = (AGENCIES, ANSWERS)
        service = at[2] + 15 * rng.standard_normal(shape)
        # People who expect more are often served better, so the two drivers are correlated.
        expected = at[3] + 0.3 * (service - at[2]) + 14.3 * rng.standard_normal(shape)
        drivers = np.stack([rng.random(shape) < at[0], rng.random(shape) < at[1], service, expected], axis=-1)
        score = level[:, None] + (drivers - BASE) @ SLOPES + 15 * rng.standard_normal(shape)
        drivers[..., 3] += noise * rng.standard_normal(shape)
        answers = np.concatenate([np.ones((*shape, 1)), drivers, score[..., None]], axis=-1)
        periods.append(np.einsum("uai,uaj->uij", answers, answers))
    return periods[0], periods[1]
