"""Factors that make each draw of respondents agree with the population frame, by `methodology.weights`.

Belongs here: which margins a draw is weighted by, what collapses into what, and the states of a draw that cannot be weighted.
Does not belong here: the fitting (`methodology`) and means under the factors (`int_scores__weighted`).
"""

import numpy as np
import pandas as pd

from methodology.weights import collapse_empty_cells, median_weight, poststratify, rake, trim_weights

DRAW = ["agency_id", "period_id", "draw_id"]
CELL = ["service_id", "channel", "region_id", "segment"]
UNPLACED = "-"
COLUMNS = {
    **dict.fromkeys([*DRAW, *CELL], "string"),
    "asked_w": "float64",
    "factor": "float64",
    "group_codes": "string",
    "frame_status": "string",
    "weighting_method": "string",
    "margins": "string",
    "collapsed": "string",
    "capped_share": "float64",
    "population": "float64",
}


def model(dbt, session):
    dbt.config(materialized="table")
    answers = dbt.ref("int_respondents__by_frame").df()
    frames = dbt.ref("int_frames__counted").df()
    declared = dbt.ref("stg_methodology__margins").df()
    parameters = dbt.ref("stg_methodology__thresholds").df()
    thresholds = dict(zip(parameters["name"], parameters["value"], strict=True))
    drawn = answers.drop_duplicates([*DRAW, *CELL])[[*DRAW, *CELL, "asked_count", "asked_w"]]
    drawn = drawn.fillna(dict.fromkeys(CELL, UNPLACED)).sort_values([*DRAW, *CELL], kind="stable")
    frames = frames.fillna(dict.fromkeys(CELL, UNPLACED)).sort_values(CELL, kind="stable")
    frame_of = dict(list(frames.groupby(["agency_id", "period_id"], sort=True)))
    made = [
        _weighted_draw(draw, frame_of.get(key[:2]), list(declared["margin"]), thresholds)
        for key, draw in drawn.groupby(DRAW, sort=True)
    ]
    return pd.concat(made)[list(COLUMNS)].astype(COLUMNS) if made else pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)


def _weighted_draw(draw, frame, declared, thresholds):
    """The draw's cells with their factors; factors of one and the reason where there is nothing to weight to."""
    if frame is None:
        return _unweighted(draw, "no_frame")
    margins, moves = {}, []
    for margin in declared:
        found = _margin(margin, draw, frame, thresholds["unknown_share"])
        if found is not None:
            margins[margin], collapsed = found
            moves += collapsed
    if not margins:
        return _unweighted(draw, "frame_unusable")
    initial, rows = draw["asked_w"].to_numpy(float), draw["asked_count"].to_numpy(float)
    joint = _joint(draw, frame, list(margins), thresholds["poststratum_minimum_n"])
    try:
        if joint is not None:
            adjustment, moves = poststratify(initial, *joint), []
        else:
            adjustment = rake(initial, margins)
        # The weight of one answer: a cell's factor times its mean initial weight.
        each = adjustment.weights / rows
        cap = thresholds["weight_cap"] * median_weight(each, rows)
        capped = trim_weights(each, cap, counts=rows)
    except ValueError:
        return _unweighted(draw, "not_converged")
    return draw.assign(
        factor=adjustment.factors * capped / each,
        group_codes=[";".join(map(str, codes)) for codes in zip(*adjustment.margins, strict=True)],
        frame_status="framed",
        weighting_method="raked" if joint is None else "poststratified",
        margins=";".join(margins),
        collapsed=";".join(moves),
        capped_share=float(np.maximum(each - capped, 0) @ rows / (each @ rows)),
        population=float(frame["completed_count"].sum()),
    )


def _unweighted(draw, status):
    nothing = {"weighting_method": "none", "margins": "", "collapsed": "", "capped_share": 0.0, "population": np.nan}
    return draw.assign(factor=1.0, group_codes="", frame_status=status, **nothing)


def _margin(margin, draw, frame, unknown_share):
    """((level of each cell, population by level), moves), or None where frame or answers do not name it well enough."""
    known = frame[margin] != UNPLACED
    if not known.all():
        return None
    population = frame.groupby(margin, sort=True)["completed_count"].sum().astype(float).to_dict()
    level = draw[margin].where(draw[margin].isin(list(population)), UNPLACED)
    weight = draw["asked_w"].groupby(level).sum()
    unplaced = float(weight.get(UNPLACED, 0.0) / weight.sum())
    if unplaced > unknown_share:
        return None
    present = {name: count for name, count in population.items() if name in weight.index}
    if not present:
        return None
    largest = max(sorted(present), key=lambda name: present[name])
    stand_in = {name: largest for name in population if name not in present}
    population, moves = collapse_empty_cells(population, list(present), stand_in)
    if unplaced > 0:
        # An answer without a place stands for as many transactions as it is of the answers.
        total = sum(population.values())
        population = {name: count * (1 - unplaced) for name, count in population.items()} | {UNPLACED: total * unplaced}
    told = [f"{margin}:{move.cell}>{move.into}:{move.population:.0f}" for move in moves]
    return (level.tolist(), population), told


def _joint(draw, frame, margins, minimum):
    """(post-stratum of each cell, population by post-stratum) where each has respondents enough, else None."""
    population = frame.groupby(margins, sort=True)["completed_count"].sum().astype(float)
    asked = draw.groupby(margins, sort=True)["asked_count"].sum()
    if not (asked.index.isin(population.index).all() and population.index.isin(asked.index).all()):
        return None
    if asked.min() < minimum:
        return None
    names = list(draw[margins].itertuples(index=False, name=None)) if len(margins) > 1 else draw[margins[0]].tolist()
    return names, population.to_dict()
