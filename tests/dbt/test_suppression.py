"""Disclosure control in the warehouse: which counts are hidden, and that no reader can recover them.

Belongs here: the tables the Python model builds, on counts worked out by hand, and the published tables of the built
workspace attacked by subtraction. Does not belong here: linear programming itself (`tests/methodology/test_disclosure`).
"""

from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from miyar.workspace import Workspace
from simulation.coverage import attacks
from tests.dbt.python_models import run_model

TABLE = {"metric_id": "m", "period_id": "q", "instrument_id": "i"}
PLACED = ["unit_type", "unit_id", *TABLE, "agency_id", "only_region_id"]
SCORES = dict.fromkeys(("unit_type", "unit_id", "agency_id", *TABLE, "slice_ids"), "str") | {
    "n": "Int64",
    "n_at_least": "Int64",
    "respondents": "Int64",
}
PUBLISHED = dict.fromkeys(("unit_type", "unit_id", "agency_id", *TABLE), "str") | {"n": "int64", "is_shown": "bool"}


Counts = dict[tuple[str, str, str], int]
# What an edition holds: counts, and which of them it showed.
Edition = tuple[Counts, set[tuple[str, str, str]]]


def _run(
    counts: Counts, placed: Sequence[tuple[str, str, str]] = (), earlier: Edition | None = None, **other: Any
) -> pd.DataFrame:
    before, shown = earlier or ({}, set())
    scores = [
        {
            "unit_type": key[0],
            "unit_id": key[2],
            "agency_id": key[1] or None,
            **TABLE,
            "n": n,
            "n_at_least": n,
            "respondents": other.get("respondents", {}).get(key, n),
            "slice_ids": "s",
        }
        for key, n in counts.items()
    ]
    published = [
        {"unit_type": key[0], "agency_id": key[1] or None, "unit_id": key[2], **TABLE, "n": n, "is_shown": key in shown}
        for key, n in before.items()
    ]
    branches = [
        {"unit_type": "branch", "unit_id": f"{a}/{b}", **TABLE, "agency_id": a, "only_region_id": r}
        for a, b, r in placed
    ]
    made = run_model(
        "int_suppression__decided",
        {
            "int_scores__estimated": pd.DataFrame(scores, columns=list(SCORES)).astype(SCORES),
            "stg_ledger__published": pd.DataFrame(published, columns=list(PUBLISHED)).astype(PUBLISHED),
            "stg_methodology__metrics": pd.DataFrame(
                [{"metric_id": "m", "disclosure": other.get("disclosure", "persons")}]
            ),
            "int_statistics__by_unit": pd.DataFrame(branches, columns=PLACED, dtype="str"),
            "int_sharing__decided": pd.DataFrame(
                [
                    {"unit_type": key[0], "unit_id": key[2], **TABLE, "is_shared": other.get("is_shared", True)}
                    for key in counts
                ],
                columns=["unit_type", "unit_id", *TABLE, "is_shared"],
            ),
            "stg_methodology__thresholds": pd.DataFrame({"name": ["minimum_n", "owner_n"], "value": [30.0, 5.0]}),
        },
    )
    return made.set_index("unit_id")


def test_one_hidden_part_takes_the_smallest_with_it() -> None:
    counts = {("agency", "a", "a"): 140, ("service", "a", "a/s1"): 10, ("service", "a", "a/s2"): 40}
    made = _run({**counts, ("service", "a", "a/s3"): 90})
    assert made["is_primary"].to_dict() == {"a/s1": True, "a/s2": False}
    # Both sum to 50, and nothing else is known of either.
    assert made["is_proved"].to_dict()["a/s1"]
    assert pd.isna(made["is_proved"].to_dict()["a/s2"])
    # Ends found from the true counts would reveal them.
    assert {"lower", "upper"}.isdisjoint(made.columns)


def test_answers_of_few_persons_are_hidden() -> None:
    counts = {("agency", "a", "a"): 140, ("service", "a", "a/s1"): 50, ("service", "a", "a/s2"): 90}
    assert _run(counts).empty
    made = _run(counts, respondents={("service", "a", "a/s1"): 29})
    assert made["is_primary"].to_dict() == {"a/s1": True, "a/s2": False}


def test_two_hidden_parts_may_still_be_too_close() -> None:
    # 4 and 3 sum to 7: each is known to within 7, and 10 are required, so the smallest other one is hidden.
    counts = {("agency", "a", "a"): 147, ("service", "a", "a/s1"): 4, ("service", "a", "a/s2"): 3}
    made = _run({**counts, ("service", "a", "a/s3"): 50, ("service", "a", "a/s4"): 90})
    assert sorted(made.index) == ["a/s1", "a/s2", "a/s3"]
    assert made.loc[made["is_primary"], "is_proved"].all()


def test_answers_without_a_part_are_a_hidden_part() -> None:
    made = _run({("agency", "a", "a"): 100, ("branch", "a", "a/b1"): 12, ("branch", "a", "a/b2"): 60})
    assert list(made.index) == ["a/b1"]
    # 28 answers name no branch, and no table shows them.
    assert made.loc["a/b1", "is_proved"]


def test_regions_are_totals_too() -> None:
    # Agency a's region r is hidden behind its other region, but the region's total less agency b would reveal it.
    counts = {("agency", "a", "a"): 200, ("agency_region", "a", "a/r"): 6, ("agency_region", "a", "a/t"): 194}
    counts |= {("agency", "b", "b"): 160, ("agency_region", "b", "b/r"): 70, ("agency_region", "b", "b/t"): 90}
    counts |= {("region", "", "r"): 76, ("region", "", "t"): 284}
    made = _run(counts)
    assert made.loc["a/r", "is_proved"]
    assert set(made.index) >= {"a/r", "a/t"} and set(made.index) & {"b/r", "r"}


def test_a_total_that_only_the_centre_reads_hides_nothing_more() -> None:
    # Agency a's other region would protect r among the agency's own; no reader has the region's total to take b off.
    counts = {("agency", "a", "a"): 200, ("agency_region", "a", "a/r"): 6, ("agency_region", "a", "a/t"): 194}
    counts |= {("agency", "b", "b"): 160, ("agency_region", "b", "b/r"): 70, ("agency_region", "b", "b/t"): 90}
    counts |= {("region", "", "r"): 76, ("region", "", "t"): 284}
    made = _run(counts, is_shared=False)
    assert sorted(made.index) == ["a/r", "a/t"]
    assert made.loc["a/r", "is_proved"]


def test_branches_of_a_region_are_parts_of_it() -> None:
    # Among the agency's branches b1 and b3 protect each other; but the region's 46 less branch b2 would be b1.
    counts = {("agency", "a", "a"): 140, ("agency_region", "a", "a/r"): 46, ("agency_region", "a", "a/t"): 94}
    counts |= {
        ("branch", "a", "a/b1"): 6,
        ("branch", "a", "a/b2"): 40,
        ("branch", "a", "a/b3"): 9,
        ("branch", "a", "a/b4"): 85,
    }
    counts |= {("region", "", "r"): 46, ("region", "", "t"): 94}
    placed = [("a", "b1", "r"), ("a", "b2", "r"), ("a", "b3", "t"), ("a", "b4", "t")]
    without, made = _run(counts), _run(counts, placed)
    assert sorted(without.index) == ["a/b1", "a/b3"]
    assert {"a/b1", "a/b3"} < set(made.index)
    assert made.loc[["a/b1", "a/b3"], "is_proved"].all()


def test_a_table_of_one_and_a_table_of_none() -> None:
    made = _run({("agency", "a", "a"): 4, ("service", "a", "a/s"): 4})
    assert made["is_proved"].all()
    assert _run({("agency", "a", "a"): 40}).empty
    assert _run({}).empty
    assert _run({("agency", "a", "a"): 4}, disclosure="public").empty


def test_parts_above_their_total_are_a_fault() -> None:
    with pytest.raises(ValueError, match="parts exceed their total for agency a m q i"):
        _run({("agency", "a", "a"): 40, ("service", "a", "a/s1"): 41, ("service", "a", "a/s2"): 3})


def test_a_count_already_out_protects_nobody() -> None:
    # The edition before had two services and showed both; a correction brings a third with 10 answers. Hiding the smallest
    # other one would not help: 140 - 90 - the 40 of the edition before. Only the total is new, so it is hidden.
    s2, s3 = ("service", "a", "a/s2"), ("service", "a", "a/s3")
    before = {("agency", "a", "a"): 130, s2: 40, s3: 90}
    counts = {("agency", "a", "a"): 140, ("service", "a", "a/s1"): 10, s2: 40, s3: 90}
    assert sorted(_run(counts).index) == ["a/s1", "a/s2"]
    made = _run(counts, earlier=(before, set(before)))
    assert sorted(made.index) == ["a", "a/s1"]
    assert made.loc["a/s1", "is_proved"]


def test_a_pattern_stays_while_its_counts_do() -> None:
    # s1 was hidden behind s2. With s3 now the smallest the plain rule would take s3 and show s2, and the edition before gives
    # s1 + s2 = 50.
    keys = [("agency", "a", "a"), *(("service", "a", f"a/s{number}") for number in (1, 2, 3))]
    before, counts = dict(zip(keys, (95, 10, 40, 45), strict=True)), dict(zip(keys, (88, 10, 40, 38), strict=True))
    assert sorted(_run(before).index) == ["a/s1", "a/s2"]
    assert sorted(_run(counts).index) == ["a/s1", "a/s3"]
    made = _run(counts, earlier=(before, {keys[0], keys[3]}))
    assert sorted(made.index) == ["a/s1", "a/s2"]
    assert made.loc["a/s1", "is_proved"]


def test_a_small_count_that_was_shown_is_recorded_as_public() -> None:
    # Published under a lower minimum; withheld since the minimum was raised, but already known.
    keys = [("agency", "a", "a"), ("service", "a", "a/s1"), ("service", "a", "a/s2")]
    counts = dict(zip(keys, (120, 20, 100), strict=True))
    made = _run(counts, earlier=(counts, set(keys)))
    assert made[["is_primary", "is_public"]].to_numpy().tolist() == [[True, True]]
    assert made["is_proved"].isna().all() and made["width_required"].isna().all()


def test_two_editions_read_together_give_no_hidden_count_away() -> None:
    """Two agencies in two regions, one corrected after publication; the attacker of the coverage study reads both editions."""
    attacked, narrowed_without = 0, 0
    for world in attacks.corrected(np.random.default_rng(7), 80):
        small, hidden = _small_and_hidden(_run(world.counts, earlier=(world.earlier, set(world.shown))))
        found = attacks.attacked(world, hidden, small)
        assert (found >= attacks.WIDTH - 1e-6).all()
        attacked += found.size
        small, hidden = _small_and_hidden(_run(world.counts))
        narrowed_without += (attacks.attacked(world, hidden, small) < attacks.WIDTH - 1e-6).any()
    assert attacked > 150
    # With each edition considered alone, a reader of both would have obtained some of the counts.
    assert narrowed_without > 4


def _small_and_hidden(made: pd.DataFrame) -> tuple[frozenset[attacks.Key], frozenset[attacks.Key]]:
    keys = list(zip(made["unit_type"], made["agency_id"].fillna(""), made.index, strict=True))
    is_small = made["is_primary"] & ~made["is_public"]
    return frozenset(key for key, one in zip(keys, is_small, strict=True) if one), frozenset(keys)


def test_no_published_table_gives_a_hidden_count_away(built_workspace: Workspace) -> None:
    with duckdb.connect(str(built_workspace.warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select unit_type, unit_id, agency_id, metric_id, period_id, instrument_id, scores.n as shown, judged.n as n "
            "from benchmarks.bench_scores as scores inner join intermediate.int_scores__judged as judged "
            "using (unit_type, unit_id, agency_id, metric_id, period_id, instrument_id) "
            "where scores.instrument_id is not null and judged.n > 0 and unit_type in ('agency', 'service')"
        ).df()
        unproved = connection.execute(
            "select count(*), count(*) filter (where is_primary and not is_proved) "
            "from benchmarks.bench_suppression_proofs"
        ).fetchone()
    assert unproved is not None and unproved[0] > 100 and unproved[1] == 0
    table = ["agency_id", "metric_id", "period_id", "instrument_id"]
    services = rows[rows["unit_type"] == "service"].groupby(table)
    parts = services.agg(n=("n", "sum"), shown=("shown", "sum"), hidden=("shown", lambda s: s.isna().sum()))
    totals = rows[rows["unit_type"] == "agency"].set_index(table)["shown"].rename("total")
    joined = parts.join(totals, how="inner").dropna()
    exact = joined[joined["n"] == joined["total"]]
    assert len(exact) > 10
    # A published total less its published services is never one service's count.
    assert (exact["hidden"] != 1).all()
