"""Factors that make each draw of respondents agree with its agency's population frame.

Belongs here: which margins a draw is weighted by, what collapses into what, and why a draw cannot be weighted.
Does not belong here: the fitting (`weights`) and means under the factors (`weighted_scores`).
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from methodology.frames import rows_by
from methodology.weights import collapse_empty_cells, median_weight, poststratify, rake, trim_weights

Columns = dict[str, npt.NDArray[Any]]
Population = dict[Hashable, float]

DRAW = ["agency_id", "period_id", "stages"]
CELL = ["service_id", "channel", "region_id", "segment"]
UNPLACED = "-"
COLUMNS = {
    **dict.fromkeys([*DRAW, *CELL], "string"),
    "asked_count": "int64",
    "asked_w": "float64",
    "asked_w2": "float64",
    "factor": "float64",
    "group_codes": "string",
    "covered_share": "float64",
    "frame_status": "string",
    "weighting_method": "string",
    "margins": "string",
    "collapsed": "string",
    "capped_share": "float64",
    "population": "float64",
}
# What weighting adds to a draw's cells.
MADE = list(COLUMNS)[list(COLUMNS).index("factor") :]


@dataclass(frozen=True)
class _Frame:
    """Cells of an agency's frame, the number of its transactions, and the population of each declared margin."""

    cells: Columns
    population: float
    by_margin: Mapping[str, Population]


def frame_weights(
    drawn: pd.DataFrame, frames: pd.DataFrame, *, margins: Mapping[str, bool], thresholds: Mapping[str, float]
) -> pd.DataFrame:
    """COLUMNS of every cell of one period's draws, in order.

    drawn: those asked (count, sums of initial weights and their squares) by DRAW and CELL; frames: completed transactions by
    agency and CELL; margins: those declared, and whether answers must say their level. A draw that cannot be weighted has
    factors of one and a `frame_status` that says why: no_frame, frame_unusable, population_not_covered (`covered_share` below
    the least allowed), not_converged, sample_too_small, weights_infeasible (the mean weight lies above the cap).
    `covered_share` is the share of the population in levels with respondents, the least over the margins (of a margin that no
    answer tells, though it must be known, the largest level); where the cap on weights leaves too little of it, less what the
    cap takes away.
    """
    drawn = drawn.sort_values([*DRAW, *CELL], kind="stable").reset_index(drop=True)
    frames = frames.fillna(dict.fromkeys(CELL, UNPLACED)).sort_values(["agency_id", *CELL], kind="stable")
    cells, populations = _columns(drawn), _columns(frames)
    # An agency's draws share its frame, so each of its margins is counted once.
    frame_of = {
        agency: _frame(_part(populations, rows), margins)
        for (agency, _), rows in rows_by(frames, ["agency_id", "period_id"]).items()
    }
    found = {name: np.empty(len(drawn), object) for name in MADE}
    for (agency, _, _), rows in rows_by(drawn, DRAW).items():
        made = _weighted(_part(cells, rows), frame_of.get(agency), margins, thresholds)
        for name, values in made.items():
            found[name][rows] = values
    return drawn.assign(**found)


def _columns(rows: pd.DataFrame) -> Columns:
    """Labels and numbers as arrays, which the loops below read fast."""
    return {name: rows[name].to_numpy(object if name in CELL else None) for name in rows.columns}


def _part(columns: Columns, rows: npt.NDArray[np.int64]) -> Columns:
    return {name: values[rows] for name, values in columns.items()}


def _frame(cells: Columns, declared: Iterable[str]) -> _Frame:
    counts = cells["completed_count"]
    return _Frame(cells, float(counts.sum()), {margin: _counted(cells[margin], counts) for margin in declared})


def _weighted(
    draw: Columns, frame: _Frame | None, declared: Mapping[str, bool], thresholds: Mapping[str, float]
) -> dict[str, Any]:
    """New columns of the draw's cells; factors of one and the reason where there is nothing to weight to."""
    if frame is None:
        return _unweighted("no_frame")
    if not _is_counted(draw):
        return _unweighted("sample_too_small")
    margins, moves, least = {}, [], thresholds["minimum_covered_share"] - 1e-12
    covered = min(
        _covered(_counted(draw[margin], draw["asked_w"]), frame.by_margin[margin], must, thresholds)
        for margin, must in declared.items()
    )
    for margin in declared:
        found = _margin(margin, draw, frame.by_margin[margin], thresholds["unknown_share"])
        if found is not None:
            margins[margin] = (found.levels, found.population)
            moves += found.moves
    if not margins:
        return _unweighted("frame_unusable")
    if covered < least:
        return _unweighted("population_not_covered", covered)
    initial, rows = draw["asked_w"].astype(float), draw["asked_count"].astype(float)
    joint = _joint(draw, frame.cells, list(margins), thresholds["poststratum_minimum_n"])
    try:
        adjustment = rake(initial, margins) if joint is None else poststratify(initial, *joint)
    except ValueError:
        return _unweighted("not_converged", covered)
    if rows.sum() - 1 <= 2 * sum(int(codes.max()) for codes in adjustment.margins):
        # Fewer than two respondents for each level: the margins would explain the answers by themselves.
        return _unweighted("sample_too_small")
    # The weight of one answer: a cell's factor times its mean initial weight.
    each = adjustment.weights / rows
    try:
        capped = trim_weights(each, thresholds["weight_cap"] * median_weight(each, rows), counts=rows)
    except ValueError:
        # No weights below the cap add up to the population: a few respondents would have to stand for nearly all of it.
        # A higher cap would hand them the score; spreading the rest over the others would give up the frame.
        return _unweighted("weights_infeasible", covered)
    moved = float(np.maximum(each - capped, 0) @ rows / (each @ rows))
    if covered - moved < least:
        # One answer of a level covers no more of it than the cap lets it stand for: the others would be given the rest.
        return _unweighted("population_not_covered", covered - moved)
    return {
        "factor": adjustment.factors * capped / each,
        "covered_share": covered,
        "group_codes": [";".join(map(str, codes)) for codes in zip(*adjustment.margins, strict=True)],
        "frame_status": "framed",
        "weighting_method": "raked" if joint is None else "poststratified",
        "margins": ";".join(margins),
        "collapsed": ";".join(moves) if joint is None else "",
        "capped_share": moved,
        "population": frame.population,
    }


def _is_counted(draw: Columns) -> bool:
    """Whether every cell has respondents and weights that can be adjusted."""
    counts, weights = (draw[name].astype(float) for name in ("asked_count", "asked_w"))
    return bool(np.all(np.isfinite(weights)) and np.all(weights >= 0) and weights.sum() > 0 and np.all(counts > 0))


def _unweighted(status: str, covered: float = np.nan) -> dict[str, Any]:
    nothing = {"weighting_method": "none", "margins": "", "collapsed": "", "capped_share": 0.0, "population": np.nan}
    return {"factor": 1.0, "group_codes": "", "covered_share": covered, "frame_status": status, **nothing}


def _counted(labels: Iterable[Hashable], counts: npt.NDArray[Any]) -> Population:
    """Sum of the counts of each label, in order of first appearance."""
    sums: Population = {}
    for label, count in zip(labels, counts.tolist(), strict=True):
        sums[label] = sums.get(label, 0.0) + count
    return sums


@dataclass(frozen=True)
class _Margin:
    """Level of each cell, population by level, and what was collapsed into what."""

    levels: list[Hashable]
    population: Population
    moves: list[str]


def _covered(asked: Population, population: Population, must_be_known: bool, thresholds: Mapping[str, float]) -> float:
    """Share of the population outside levels that nobody answered from; `asked` is the weight of answers by level.

    A margin too little known to weight by still shows who was not asked. One unknown of all answers leaves no hole in sight; if
    it must be known, those asked are counted on for one level, the largest, or for what the cap on weights lets them stand for.
    """
    answered = set(asked) - {UNPLACED}
    total, everybody = sum(population.values()), sum(asked.values())
    if not total:
        return 1.0
    seen = sum(count for name, count in population.items() if name in {UNPLACED, *answered}) / total
    if must_be_known and asked.get(UNPLACED, 0.0) > thresholds["unknown_share"] * everybody:
        reach = thresholds["weight_cap"] * total / everybody
        stood_for = sum(min(count, reach * asked.get(name, 0.0)) for name, count in population.items())
        return min(seen if answered else 1.0, max(*population.values(), stood_for) / total)
    return seen if answered else 1.0


def _margin(margin: str, draw: Columns, population: Population, unknown_share: float) -> _Margin | None:
    """The margin in the form this draw can be weighted by, or None where frame or answers leave too much of it unknown."""
    levels = [name if name in population else UNPLACED for name in draw[margin]]
    weight = _counted(levels, draw["asked_w"])
    unplaced = weight.get(UNPLACED, 0.0) / sum(weight.values())
    present = sorted(str(name) for name in population if name in weight)
    if UNPLACED in population or unplaced > unknown_share or not present:
        return None
    largest = max(present, key=lambda name: population[name])
    stand_in: dict[Hashable, Hashable] = {name: largest for name in population if name not in weight}
    population, moves = collapse_empty_cells(population, present, stand_in)
    if unplaced > 0:
        # Answers without a known level stand for the same share of transactions as of answers.
        total = sum(population.values())
        population = {name: count * (1 - unplaced) for name, count in population.items()} | {UNPLACED: total * unplaced}
    told = [f"{margin}:{move.cell}>{move.into}:{move.population:.0f}" for move in moves]
    return _Margin(levels, population, told)


def _joint(
    draw: Columns, frame: Columns, margins: list[str], minimum: float
) -> tuple[list[Hashable], Population] | None:
    """(post-stratum of each cell, population by post-stratum) if each has enough respondents, else None."""
    strata: list[Hashable] = list(zip(*(draw[margin] for margin in margins), strict=True))
    asked = _counted(strata, draw["asked_count"])
    if min(asked.values()) < minimum:
        return None
    population = _counted(zip(*(frame[margin] for margin in margins), strict=True), frame["completed_count"])
    return (strata, population) if set(asked) == set(population) else None
