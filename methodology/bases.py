"""What kind of number a metric is: whether it was sampled, whom it could betray, how often it is measured, and what to do
where it arrives twice.

Belongs here: the closed lists of these kinds, what an estimator is taken to be where a registry does not say, and their checks.
Does not belong here: reading registries (`parameters`), errors and limits of a kind (`scores_by_kind`), ranks and verdicts
without a sampling error (`full_counts`).

Bases: `persons`, a sample of people; `cases`, events counted as a sample of how the agency works (a super-population: its
interval says what another year of the same work would have shown); `census`, everything there was; `index`, a rating assessed
in full. The last two have no sampling error.
"""

from collections.abc import Mapping

# What an estimator's base is where the registry does not say.
BASES = {
    "mean": "persons",
    "proportion": "cases",
    "ratio": "census",
    "rate_per_1000": "cases",
    "rate_per_100000": "cases",
    "incidence": "cases",
    # The middle of values that were delivered as one figure: nobody knows its error, and several make none.
    "median": "persons",
    "practice_mean": "index",
}
EXACT = ("census", "index")
DISCLOSURES = ("persons", "public")
# Quarters from one measurement to the next. A month's figures are summed into their quarter.
FREQUENCIES = {"monthly": 1, "quarterly": 1, "half_yearly": 2, "yearly": 4, "biennial": 8}
REPEATS = ("conflict", "latest", "mean", "sum")
# Units whose values lie between 0 and 100, and those with another range or none.
BOUNDED_UNITS = ("score_0_100", "share_pct")
UNITS = (*BOUNDED_UNITS, "per_1000", "per_100000", "days", "currency", "points")
# Columns that a registry of metrics may leave out, in their order after the others.
KIND_COLUMNS = ["base", "disclosure", "frequency", "year_end", "repeats", "smallest_difference"]


def with_kinds(row: Mapping[str, str], thresholds: Mapping[str, float]) -> dict[str, str]:
    """The row of a metric with KIND_COLUMNS filled in, and `quarters_apart`.

    By default the base is the estimator's, persons are protected unless practices are assessed, a metric is measured quarterly, a
    figure that arrives twice and says two things is withheld (`conflict`; else the `latest` counts, or all do: counts are added
    up, figures without a base are averaged by `mean` and added up by `sum`), and the smallest difference that matters is that of
    the unit (threshold `smallest_difference_` and the unit). A blank `year_end` counts from the first period a metric is owed in.
    """
    given = {name: row.get(name) or "" for name in KIND_COLUMNS}
    estimator, unit = row["estimator"], row["unit"]
    frequency = given["frequency"] or "quarterly"
    by_unit = thresholds.get(f"smallest_difference_{unit}")
    return {
        **row,
        "base": given["base"] or BASES.get(estimator, ""),
        "disclosure": given["disclosure"] or ("public" if estimator == "practice_mean" else "persons"),
        "frequency": frequency,
        "year_end": given["year_end"],
        "repeats": given["repeats"] or "conflict",
        "smallest_difference": given["smallest_difference"] or ("" if by_unit is None else str(by_unit)),
        "quarters_apart": str(FREQUENCIES.get(frequency, "")),
    }


def kind_faults(row: Mapping[str, str]) -> list[str]:
    """What is wrong with the kinds of a metric, as `with_kinds` gives them; a sentence each."""
    closed = {
        "base": (*dict.fromkeys(BASES.values()),),
        "disclosure": DISCLOSURES,
        "frequency": tuple(FREQUENCIES),
        "repeats": REPEATS,
    }
    faults = [
        f"{column} {row[column]!r} is unknown; known are {', '.join(known)}"
        for column, known in closed.items()
        if row[column] not in known and not (column == "base" and row["estimator"] not in BASES)
    ]
    if row["year_end"] not in ("", "1", "2", "3", "4"):
        faults.append(f"year_end {row['year_end']!r} is no quarter of a year; it is 1 to 4, or blank")
    if row["estimator"] == "practice_mean" and row["repeats"] == "sum":
        faults.append("adoption of a practice is not added up")
    if row["feed"] == "survey_responses" and row["base"] in EXACT:
        faults.append(f"answers are a sample of persons, not of base {row['base']!r}")
    if not row["smallest_difference"]:
        if row["unit"] in UNITS:
            faults.append(f"unit {row['unit']!r} has no smallest difference that matters; give smallest_difference")
    elif not _is_positive(row["smallest_difference"]):
        faults.append(f"smallest_difference {row['smallest_difference']!r} is no number above 0")
    return faults


def _is_positive(text: str) -> bool:
    try:
        return 0 < float(text) < float("inf")
    except ValueError:
        return False
