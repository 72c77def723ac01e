"""Which counts are sums of which, by the columns of their ids: odd ids, types between, types without cells.

Belongs here: `methodology.additive_tables` seen through what is hidden. Does not belong here: proofs (`test_disclosure`).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest

from methodology.additive_tables import sums_of
from methodology.suppression import suppressed
from simulation.coverage import attacks

UNITS: dict[str, Sequence[str]] = {
    "agency": ("agency_id",),
    "service": ("agency_id", "service_id"),
    "branch": ("agency_id", "branch_id"),
    "agency_region": ("agency_id", "region_id"),
    "region": ("region_id",),
    "journey": ("journey_id",),
}
METRICS = pd.DataFrame({"metric_id": ["m"], "disclosure": ["persons"]})
TABLE = ["metric_id", "period_id", "instrument_id"]


def _hidden(counts: Mapping[tuple[str, str, str], int], units: Mapping[str, Sequence[str]] = UNITS) -> set[str]:
    """Units whose count is hidden, of counts by (type, unit, agency)."""
    of = {"metric_id": "m", "period_id": "2025Q4", "instrument_id": "i", "slice_ids": ""}
    scores = pd.DataFrame(
        [
            {"unit_type": kind, "unit_id": unit, "agency_id": agency, "n": n, "n_at_least": n, "respondents": n, **of}
            for (kind, unit, agency), n in counts.items()
        ]
    )
    lying = pd.DataFrame(columns=[*TABLE, "agency_id", "unit_id", "only_region_id"], dtype=str)
    published = pd.DataFrame(columns=["unit_type", "unit_id", *TABLE, "agency_id", "n", "is_shown"])
    sharing = scores[["unit_type", "unit_id", *TABLE]].assign(is_shared=True)
    made = suppressed(scores, lying, published, sharing, metrics=METRICS, units=units, minimum_n=30, owner_n=5)
    return set(made["unit_id"])


def _agency(agency: str, services: Sequence[str] = ("s1", "s2", "s3")) -> dict[tuple[str, str, str], int]:
    parts = zip(services, (10, 90, 100), strict=True)
    return {("agency", agency, agency): 200} | {("service", f"{agency}/{name}", agency): n for name, n in parts}


@pytest.mark.parametrize("seed", range(4))
def test_tables_that_are_alike_hide_the_same(seed: int) -> None:
    """A metric and its top box count the same answers: what one hid, the other must not show."""
    world = attacks.branches(np.random.default_rng(seed))
    others = [attacks.branches(np.random.default_rng(100 + seed + number)) for number in range(3)]
    first, *_, last = attacks.protected([world, *others, world])
    assert first == last and first.cells


def test_the_sums_of_today_s_types() -> None:
    assert sums_of(UNITS) == [
        ("service", "agency"),
        ("branch", "agency"),
        ("agency_region", "agency"),
        ("agency_region", "region"),
    ]


@pytest.mark.parametrize(("agency", "service"), [("a", "s1"), ("gov/health", "s1"), ("a", "s/1"), ("gov/a", "s/1")])
def test_a_slash_in_an_id_leaves_no_count_alone(agency: str, service: str) -> None:
    """200 - 90 - 100 would give the hidden 10 away."""
    assert _hidden(_agency(agency, (service, "s2", "s3"))) == {f"{agency}/{service}", f"{agency}/s2"}


def test_a_type_of_three_columns_is_summed_over_a_type_that_has_no_cells() -> None:
    units = {**UNITS, "service_region": ("agency_id", "service_id", "region_id")}
    counts = {
        ("agency", "a", "a"): 200,
        ("service_region", "a/s1/r1", "a"): 10,
        ("service_region", "a/s1/r2", "a"): 90,
        ("service_region", "a/s2/r1", "a"): 100,
    }
    assert _hidden(counts, units) == {"a/s1/r1", "a/s1/r2"}
