"""Screens: how often planted gaming is found, and how often honest units are flagged.

Belongs here: worlds of honest units and of units with one planted fault. Does not belong here: what follows from a flag.
"""

import numpy as np

from methodology.parameters import load_methodology
from methodology.screens import bunching, burst, offer_by_prediction, share_apart_from_peers
from simulation.coverage.findings import Finding, at_least, at_most, drawn

# Errors are counted for the limits that are shipped.
LIMITS = load_methodology("2026.2").thresholds
ALPHA = LIMITS["screen_alpha"]
POWER = at_least(0.80)
FALSE = at_most(ALPHA)
PEERS = 50


def study(rng: np.random.Generator, draws: int) -> list[Finding]:
    """All findings of this module."""
    return [*offers(rng, draws), *cut_offs(rng, draws), *quarter_ends(rng, draws // 10), *bursts(rng, draws)]


def offers(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Five groups by predicted satisfaction, 30 % offered; selective units offer from 25 to 35 %, or 20 to 40 %."""
    found = []
    for n in (200, 1000):
        for rise, claim in ((0.0, FALSE), (0.1, None), (0.2, POWER if n == 1000 else None)):
            rate = 0.3 + rise * (np.arange(5) - 2) / 4
            completed = rng.poisson(n / 5, (draws, 5)) + 1
            flag = offer_by_prediction(rng.binomial(completed, rate), completed, LIMITS["offer_gap"], ALPHA).flag
            what = "selective offers found" if rise else "honest offers flagged"
            found.append(drawn(f"{what}, rise of {100 * rise:g} points, {n} transactions", flag, claim))
    return found


def cut_offs(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Units close to a cut-off; where they bunch, some of those below it were lifted over it."""
    found = []
    for n in (20, 50, 100):
        for lifted, claim in ((0.0, FALSE), (0.5, POWER if n >= 100 else None), (0.8, POWER if n >= 50 else None)):
            below = rng.binomial(n, 0.5, draws)
            moved = rng.binomial(below, lifted)
            flag = bunching(below - moved, n - below + moved, LIMITS["bunching_share"], ALPHA).flag
            what = f"bunching found, {100 * lifted:g} % of those below lifted" if lifted else "honest scores flagged"
            found.append(drawn(f"{what}, {n} units near the cut-off", flag, claim))
    return found


def quarter_ends(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Share of completions in a quarter's last week (8 %), two points between agencies; one agency has a spike."""
    found = []
    for spike in (0.10, 0.20):
        honest, spiked = [], []
        for _ in range(draws):
            share = np.clip(0.08 + 0.02 * rng.standard_normal(PEERS), 0.01, None)
            share[0] += spike
            n = rng.integers(200, 2001, PEERS)
            flag = share_apart_from_peers(rng.binomial(n, share), n, LIMITS["quarter_end_excess"], ALPHA).flag
            honest.append(float(flag[1:].mean()))
            spiked.append(bool(flag[0]))
        power = POWER if spike == 0.20 else None
        found.append(drawn(f"end-of-quarter spike of {100 * spike:g} points found", spiked, power))
        found.append(drawn(f"honest peers flagged beside a spike of {100 * spike:g} points", honest, FALSE))
    return found


def bursts(rng: np.random.Generator, draws: int) -> list[Finding]:
    """Answers by day of a quarter; a burst puts a tenth of them on one day."""
    found = []
    for n in (100, 500):
        counts = rng.multinomial(n, np.full(91, 1 / 91), draws)
        honest = burst(counts, LIMITS["burst_ratio"], ALPHA).flag
        found.append(drawn(f"honest answers flagged as a burst, {n} answers", honest, FALSE))
        counts[:, 40] += n // 10
        planted = burst(counts, LIMITS["burst_ratio"], ALPHA).flag
        found.append(drawn(f"burst found, a tenth more in one day, {n} answers", planted, POWER))
    return found
