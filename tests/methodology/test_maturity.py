"""Maturity levels against every level published; scores and gates by hand.

Belongs here: `maturity`, `maturity_models` with the shipped models. Does not belong here: how sure a level is
(`test_maturity_uncertainty`), the warehouse's tables.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from methodology.maturity import (
    assess,
    level_of,
    levels_of,
    maturity_score,
    observed_adoption,
    scores_of,
    shown_adoption,
    unreachable_levels,
)
from methodology.maturity_models import Gate, MaturityModel, Observed, Practice, model_faults
from methodology.parameters import VERSIONS, ParameterError, load_methodology

# Levels of named bodies in the digital experience index as published from 2022 to 2025 (score, level in English).
PUBLISHED = [
    *((score, "Competent") for score in (77.26, 82.76, 80.83, 80.41, 78.84, 83.2, 83.04, 82.44, 81.59)),
    *((score, "Advanced") for score in (85.59, 89.4, 89.28, 88.1, 86.5, 86.09, 85.35, 86.71, 93.95, 93.25)),
]


@pytest.mark.parametrize(("score", "level"), PUBLISHED)
def test_every_published_level(score: float, level: str) -> None:
    model = load_methodology("2026.2").models["digital_experience"]
    assert model.levels[level_of(score, model.cuts) - 1]["en"] == level


def test_all_published_levels_are_there() -> None:
    assert len(PUBLISHED) == 19


def test_a_cut_belongs_to_the_level_above() -> None:
    assert [level_of(score, [50, 70]) for score in (0, 49.99, 50, 69.99, 70, 100)] == [1, 1, 2, 2, 3, 3]


def test_cuts_must_rise() -> None:
    for cuts in ([70, 50], [50, 50]):
        with pytest.raises(ValueError, match="reached"):
            level_of(60, cuts)


def test_scores_by_hand() -> None:
    # (80 * 3 + 40 * 1) / 4; a weight nobody uses changes nothing.
    assert maturity_score({"a": 80, "b": 40}, {"a": 3, "b": 1, "c": 9}) == pytest.approx(70)


def test_nothing_assessed_is_no_zero() -> None:
    with pytest.raises(ValueError, match="no dimension"):
        maturity_score({}, {"a": 1})
    with pytest.raises(ValueError, match="without a weight: b"):
        maturity_score({"a": 80, "b": 40}, {"a": 1})


def _practice(
    name: str, dimension: str, level: int, mandatory: bool = False, steps: tuple[float, ...] = ()
) -> Practice:
    observed = Observed(f"share_of_{name}", steps) if steps else None
    return Practice(name, dimension, level, mandatory, {"ar": "اسم", "en": "name"}, ("document",), observed)


def _small(**changes: object) -> MaturityModel:
    """Three practices at level 2 (two needed, one of them mandatory), one at level 3."""
    parts = {
        "model_id": "small",
        "weights": {"a": 1.0, "b": 1.0},
        "cuts": [30.0, 60.0],
        "levels": [{"ar": "١", "en": "one"}, {"ar": "٢", "en": "two"}, {"ar": "٣", "en": "three"}],
        "practices": [
            _practice("a1", "a", 2, mandatory=True),
            _practice("a2", "a", 2),
            _practice("b1", "b", 3, mandatory=True, steps=(0.5, 0.8, 1.0)),
            _practice("b2", "b", 2),
        ],
        "gates": [Gate(2, 2, 0.5), Gate(3, 2, 1)],
        **changes,
    }
    return MaturityModel(**parts)  # type: ignore[arg-type]


def test_a_level_cannot_be_bought_with_surplus_elsewhere() -> None:
    # (1/3 + 1) / 2 and 1: a score of 83 is above both floors, and a1 is not adopted.
    found = assess(_small(), {"a1": 1, "a2": 3, "b1": 3, "b2": 3})
    assert found.score == pytest.approx(250 / 3)
    assert found.dimensions == pytest.approx({"a": 200 / 3, "b": 100})
    assert found.level == 1
    gap = found.next_level_gap
    assert gap is not None
    assert (gap.level, gap.mandatory_missing, gap.further_practices, gap.points_missing) == (2, ("a1",), 0, 0)
    # The gate of the third level is passed, but does not help.
    assert [(gate.level, gate.is_passed) for gate in found.gates] == [(2, False), (3, True)]


def test_gap_to_the_next_level() -> None:
    # Level 2 needs two of three at 2 and 30 points: a1 alone is one of three and 100/6 points.
    found = assess(_small(), {"a1": 2, "a2": 1, "b1": 0, "b2": None})
    gap = found.next_level_gap
    assert gap is not None
    assert found.score == pytest.approx(25)
    assert (gap.mandatory_missing, gap.further_practices, gap.points_missing) == ((), 1, pytest.approx(5))
    assert gap.share == pytest.approx(1 / 3)
    top = assess(_small(), {"a1": 2, "a2": 2, "b1": 2, "b2": 2})
    assert (top.level, top.next_level_gap) == (3, None)


def test_a_share_that_floating_point_overshoots() -> None:
    # 0.28 of 25 practices is seven; in floating point it is 7.000000000000001, which would ask for eight.
    practices = [_practice(f"p{number}", "a", 2) for number in range(25)]
    levels = [{"ar": "١", "en": "one"}, {"ar": "٢", "en": "two"}]
    model = _small(weights={"a": 1.0}, cuts=[10.0], levels=levels, practices=practices, gates=[Gate(2, 2, 0.28)])
    assert levels_of(model, [2] * 7 + [0] * 18) == 2
    assert levels_of(model, [2] * 6 + [0] * 19) == 1


def test_practices_not_assessed() -> None:
    # b2 alone represents b; a practice nobody assessed passes no gate.
    found = assess(_small(), {"a1": 3, "a2": 0, "b2": 1})
    assert found.dimensions == pytest.approx({"a": 50, "b": 100 / 3})
    only_a = assess(_small(), {"a1": 3, "a2": 3})
    assert (only_a.score, only_a.dimensions, only_a.level) == (100, {"a": 100}, 2)


def test_many_assessments_at_once_equal_one_by_one() -> None:
    model = load_methodology("2026.2").models["cx_management"]
    adoption = np.random.default_rng(1).integers(0, 4, (200, 40)).astype(float)
    adoption[:100] = np.maximum(adoption[:100], 2)
    adoption[np.random.default_rng(2).random(adoption.shape) < 0.05] = np.nan
    scores, dimensions = scores_of(model, adoption)
    levels = levels_of(model, adoption)
    for row, score, parts, level in zip(adoption, scores, dimensions, levels, strict=True):
        given = {name: None if np.isnan(value) else value for name, value in zip(model.practice_ids, row, strict=True)}
        found = assess(model, given)
        assert (found.score, found.level) == (pytest.approx(score), level)
        by_hand = {
            name: 100 * sum(own) / (3 * len(own))
            for name in model.weights
            if (
                own := [
                    given[p.practice_id]
                    for p in model.practices
                    if p.dimension == name and given[p.practice_id] is not None
                ]
            )
        }
        assert found.dimensions == pytest.approx(by_hand)
        assert found.score == pytest.approx(maturity_score(by_hand, model.weights))
        assert dict(zip(model.weights, parts, strict=True)) == pytest.approx(by_hand)
    assert len(set(levels.tolist())) > 1


def test_an_assessment_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown to small: z; adoption outside 0-3: a1"):
        assess(_small(), {"a1": 4, "z": 1})
    with pytest.raises(ValueError, match="nothing was assessed"):
        assess(_small(), {"a1": None})


def test_the_shipped_management_model() -> None:
    model = load_methodology("2026.2").models["cx_management"]
    assert len(model.practices) == 40
    assert len(model.weights) == 6
    assert {practice.level for practice in model.practices} == {2, 3, 4, 5}
    answered = {practice.practice_id for practice in model.practices if practice.observed is not None}
    assert answered >= {"measures_every_service_quarterly", "closes_loops_in_24h", "submits_on_time"}
    assert all("warehouse" in practice.evidence for practice in model.practices if practice.observed is not None)
    # Everything repeatable is 66.7 points: level 4 at most, for the top asks for systematic practice and 80 points.
    assert assess(model, dict.fromkeys(model.practice_ids, 2)).level == 4
    assert assess(model, dict.fromkeys(model.practice_ids, 3)).level == 5
    # One missing mandatory practice of the second level takes the best agency of the country down to the first.
    assert assess(model, {**dict.fromkeys(model.practice_ids, 3), "names_accountable_owner": 1}).level == 1


def test_a_third_model_is_files_only(tmp_path: Path) -> None:
    shutil.copytree(VERSIONS / "2026.2", tmp_path / "2026.2")
    source = {
        "id": "open_data",
        "dimensions": {"supply": {"weight": 2}},
        "cuts": {"values": [40]},
        "levels": [{"ar": "أول", "en": "First"}, {"ar": "ثان", "en": "Second", "gate": {"adoption": 3, "share": 1}}],
        "practices": {
            "publishes": {"dimension": "supply", "level": 2, "evidence": ["document"], "ar": "تنشر", "en": "Publishes"}
        },
    }
    path = tmp_path / "2026.2" / "maturity" / "open_data.yml"
    path.write_text(yaml.safe_dump(source, allow_unicode=True), "utf-8")
    model = load_methodology("2026.2", versions=tmp_path).models["open_data"]
    assert assess(model, {"publishes": 2}).level == 1
    assert assess(model, {"publishes": 3}).level == 2
    del source["dimensions"]
    path.write_text(yaml.safe_dump(source, allow_unicode=True), "utf-8")
    with pytest.raises(ParameterError, match=r"open_data.yml: 'dimensions' is missing"):
        load_methodology("2026.2", versions=tmp_path)


def test_a_level_nobody_can_end_at_is_refused() -> None:
    assert unreachable_levels(_small()) == []
    # No practice can be adopted at 4.
    assert unreachable_levels(_small(gates=[Gate(2, 2, 0.5), Gate(3, 4, 1)])) == [3]
    # Where the third level requires nothing but points that everybody at the second has, nobody stays at the second.
    easy = _small(
        weights={"a": 1.0},
        cuts=[60.0, 60.1],
        practices=[_practice("a1", "a", 2, mandatory=True)],
        gates=[Gate(2, 2, 1)],
    )
    assert unreachable_levels(easy) == [2]


def test_faults_of_a_model_all_at_once() -> None:
    model = _small(
        practices=[
            _practice("a1", "z", 2, mandatory=True),
            _practice("a2", "a", 1),
            _practice("a3", "a", 3, steps=(0.5, 0.4, 1)),
        ],
        gates=[Gate(2, 2, 0), Gate(4, 2, 1)],
        unshown_adoption=5.0,
    )
    found = "\n".join(model_faults(model))
    for fault in (
        "practice 'a1': dimension 'z' is unknown",
        "practice 'a2': level 1 is not within 2-3",
        "practice 'a3': 3 rising steps are needed",
        "the gate of level 2 asks for a share of 0 at adoption 2",
        "unshown_adoption 5",
        "level 3 has practices and no gate",
        "level 4 has a gate and no practice",
        "dimensions without a practice: b",
    ):
        assert fault in found
    assert model_faults(_small()) == []


def test_claims_without_evidence_count_little() -> None:
    found = shown_adoption(
        [3, 3, 3, 0, np.nan], [True, False, True, False, False], [False, False, True, False, False], 1
    )
    assert found == pytest.approx([3, 1, 1, 0, np.nan], nan_ok=True)


def test_what_the_warehouse_sees() -> None:
    practice = _small().practices[2]
    assert [observed_adoption(practice, value) for value in (0, 0.5, 0.79, 0.8, 1)] == [0, 1, 1, 2, 3]
    assert np.isnan(observed_adoption(practice, None))
    with pytest.raises(ValueError, match="not answered by the warehouse"):
        observed_adoption(_small().practices[0], 1)
