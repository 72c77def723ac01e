"""Factors that make each draw of respondents agree with the population frame, by `methodology.weights`.

Belongs here: which margins a draw is weighted by, what collapses into what, and the states of a draw that cannot be weighted.
Does not belong here: the fitting (`methodology`) and means under the factors (`int_scores__weighted`).
"""

from functools import partial

import numpy as np
import pyarrow as pa

from methodology.weights import collapse_empty_cells, median_weight, poststratify, rake, trim_weights
from miyar.relations import Dbt, by_period, read

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
    "frame_status": "string",
    "weighting_method": "string",
    "margins": "string",
    "collapsed": "string",
    "capped_share": "float64",
    "population": "float64",
}


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    declared = read(dbt.ref("stg_methodology__margins"))
    parameters = read(dbt.ref("stg_methodology__thresholds"))
    thresholds = dict(zip(parameters["name"], parameters["value"], strict=True))
    tables = {"drawn": dbt.ref("int_draws__counted"), "frames": dbt.ref("int_frames__counted")}
    weighted = partial(_weighted, margins=list(declared["margin"]), thresholds=thresholds)
    return by_period(dbt.ref("int_periods__pending"), tables, weighted, COLUMNS)


def _weighted(drawn, frames, margins, thresholds):
    """All draws of one period."""
    drawn = drawn.sort_values([*DRAW, *CELL], kind="stable").reset_index(drop=True)
    frames = frames.fillna(dict.fromkeys(CELL, UNPLACED)).sort_values(["agency_id", *CELL], kind="stable")
    cells, populations = _columns(drawn), _columns(frames)
    # An agency's draws share its frame: each margin of it is counted once.
    frame_of = {
        agency: _frame(_part(populations, rows), margins)
        for agency, rows in frames.reset_index().groupby("agency_id").indices.items()
    }
    found = {name: np.empty(len(drawn), object) for name in COLUMNS if name not in drawn}
    for (agency, _, _), rows in drawn.groupby(DRAW, sort=True).indices.items():
        made = _weighted_draw(_part(cells, rows), frame_of.get(agency), margins, thresholds)
        for name, values in made.items():
            found[name][rows] = values
    return drawn.assign(**found)


def _columns(rows):
    """Labels and numbers as arrays: what the loops below read fast."""
    return {name: rows[name].to_numpy(object if name in CELL else None) for name in rows.columns}


def _part(columns, rows):
    return {name: values[rows] for name, values in columns.items()}


def _frame(cells, declared):
    """Cells of a frame, their number of transactions, and the population of each declared margin."""
    counts = cells["completed_count"]
    return cells, float(counts.sum()), {margin: _counted(cells[margin], counts) for margin in declared}


def _weighted_draw(draw, frame, declared, thresholds):
    """New columns of the draw's cells; factors of one and the reason where there is nothing to weight to."""
    if frame is None:
        return _unweighted("no_frame")
    frame_cells, population, populations = frame
    margins, moves = {}, []
    for margin in declared:
        found = _margin(margin, draw, populations[margin], thresholds["unknown_share"])
        if found is not None:
            margins[margin], collapsed = found
            moves += collapsed
    if not margins:
        return _unweighted("frame_unusable")
    initial, rows = draw["asked_w"].astype(float), draw["asked_count"].astype(float)
    joint = _joint(draw, frame_cells, list(margins), thresholds["poststratum_minimum_n"])
    try:
        adjustment = rake(initial, margins) if joint is None else poststratify(initial, *joint)
    except ValueError:
        return _unweighted("not_converged")
    if rows.sum() - 1 <= 2 * sum(int(codes.max()) for codes in adjustment.margins):
        # Fewer than two respondents for each level: the margins would explain the answers by themselves.
        return _unweighted("sample_too_small")
    # The weight of one answer: a cell's factor times its mean initial weight.
    each = adjustment.weights / rows
    capped = trim_weights(each, thresholds["weight_cap"] * median_weight(each, rows), counts=rows)
    return {
        "factor": adjustment.factors * capped / each,
        "group_codes": [";".join(map(str, codes)) for codes in zip(*adjustment.margins, strict=True)],
        "frame_status": "framed",
        "weighting_method": "raked" if joint is None else "poststratified",
        "margins": ";".join(margins),
        "collapsed": ";".join(moves) if joint is None else "",
        "capped_share": float(np.maximum(each - capped, 0) @ rows / (each @ rows)),
        "population": population,
    }


def _unweighted(status):
    nothing = {"weighting_method": "none", "margins": "", "collapsed": "", "capped_share": 0.0, "population": np.nan}
    return {"factor": 1.0, "group_codes": "", "frame_status": status, **nothing}


def _counted(labels, counts):
    """Sum of the counts of each label, in the order the labels come first."""
    sums = {}
    for label, count in zip(labels, counts.tolist(), strict=True):
        sums[label] = sums.get(label, 0.0) + count
    return sums


def _margin(margin, draw, population, unknown_share):
    """((level of each cell, population by level), moves), or None where frame or answers do not name it well enough."""
    level = [name if name in population else UNPLACED for name in draw[margin]]
    weight = _counted(level, draw["asked_w"])
    unplaced = weight.get(UNPLACED, 0.0) / sum(weight.values())
    present = sorted(name for name in population if name in weight)
    if UNPLACED in population or unplaced > unknown_share or not present:
        return None
    largest = max(present, key=lambda name: population[name])
    stand_in = {name: largest for name in population if name not in weight}
    population, moves = collapse_empty_cells(population, present, stand_in)
    if unplaced > 0:
        # An answer without a place stands for as many transactions as it is of the answers.
        total = sum(population.values())
        population = {name: count * (1 - unplaced) for name, count in population.items()} | {UNPLACED: total * unplaced}
    return (level, population), [f"{margin}:{move.cell}>{move.into}:{move.population:.0f}" for move in moves]


def _joint(draw, frame, margins, minimum):
    """(post-stratum of each cell, population by post-stratum) where each has respondents enough, else None."""
    strata = list(zip(*(draw[margin] for margin in margins), strict=True))
    asked = _counted(strata, draw["asked_count"])
    if min(asked.values()) < minimum:
        return None
    population = _counted(zip(*(frame[margin] for margin in margins), strict=True), frame["completed_count"])
    return (strata, population) if set(asked) == set(population) else None
