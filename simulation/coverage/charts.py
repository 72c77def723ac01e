"""Control charts: falls seen, stable quarters called, with Ramadan moving through the quarters and without.

Belongs here: series of many agencies with a known fall or none. Does not belong here: single rules (`tests/methodology`).
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.charted_series import charted
from methodology.parameters import load_methodology
from simulation.coverage.findings import Finding, at_least, at_most, drawn

# Share of the days of 2022Q4 to 2025Q4 that fall in Ramadan (29 or 30 days from 23 March 2023, 11 March 2024, 1 March 2025).
RAMADAN = np.array([0, 9 / 90, 20 / 91, 0, 0, 21 / 91, 9 / 91, 0, 0, 29 / 90, 0, 0, 0])
QUARTERS = len(RAMADAN)
AGENCIES = 36
THRESHOLDS = load_methodology("2026.2").thresholds
Flags = npt.NDArray[np.bool_]


def study(rng: np.random.Generator, draws: int) -> list[Finding]:
    """All findings of this module; a draw is a metric of all agencies."""
    found = []
    for name, effect, shock in (
        ("no season", 0.0, 0.0),
        ("Ramadan moves scores by up to six standard deviations", -20.0, 0.0),
        ("the same, and quarters move for reasons of their own", -20.0, 0.5),
    ):
        fallen = called(rng, draws, effect, 3.0, shock).any(axis=0).mean(axis=1)
        found.append(drawn(f"fall of three sigmas at twelve quarters seen within two; {name}", fallen, at_least(0.8)))
        stable = called(rng, draws, effect, 0.0, shock).mean(axis=(0, 2))
        found.append(drawn(f"stable quarters called by some rule; {name}", stable, at_most(0.05)))
    return found


def called(rng: np.random.Generator, worlds: int, effect: float, fall: float, shock: float = 0.0) -> Flags:
    """Whether each agency's last two quarters are signals (2, worlds, agencies).

    A quarter that is all Ramadan moves scores by `effect`, quarters move for all agencies together by `shock`, both in standard
    deviations of an agency's own; all fall by so many sigmas in the quarter before the last.
    """
    score = 70 + rng.standard_normal((worlds, AGENCIES, QUARTERS)) + effect * RAMADAN
    score += shock * rng.standard_normal((worlds, 1, QUARTERS))
    score[..., -2:] -= fall * np.hypot(1, shock)
    series = worlds * AGENCIES
    rows = pd.DataFrame(
        {
            "unit_type": "agency",
            "metric_id": np.repeat([f"m{world}" for world in range(worlds)], AGENCIES * QUARTERS),
            "series": np.repeat(np.arange(series), QUARTERS),
            "quarter": np.tile(np.arange(QUARTERS), series),
            "score": score.ravel(),
            "n_effective": 400.0,
        }
    )
    matters = {f"m{world}": 5.0 for world in range(worlds)}
    told = []
    for last in (QUARTERS - 2, QUARTERS - 1):
        before = rows[rows["quarter"] <= last].reset_index(drop=True)
        now = before[before["quarter"] == last].reset_index(drop=True)
        told.append(charted(now, before, set(), THRESHOLDS, RAMADAN[:, None], matters)["control_signal"] != "none")
    return np.array(told).reshape(2, worlds, AGENCIES)
