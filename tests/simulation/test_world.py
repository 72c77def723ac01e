"""Worlds: sizes, invented names, and a truth that is the mean of what is drawn."""

import numpy as np
import pandas as pd
import pytest

from simulation import cases, counts, rubrics, survey
from simulation.world import Size, World, draw_world, parameters, table

# Words in names of real Saudi, Gulf and British bodies; no invented name may contain any of them.
REAL = [
    "وزارة", "أبشر", "أداء", "سدايا", "الزكاة", "الحكومة الرقمية", "الجوازات", "المرور", "التأمينات", "توكلنا", "ناجز",
    "الموارد البشرية", "البلدي", "الصحة", "التعليم", "الطيران", "الموانئ", "السياحة", "التراث", "الأوقاف", "المياه",
    "Ministry", "Absher", "Adaa", "SDAIA", "ZATCA", "GOSI", "Tawakkalna", "Digital Government", "Zakat", "Passports",
    "Traffic", "Municipal", "Health", "Education", "Aviation", "Ports", "Tourism", "Trinity House", "Customs", "NHS",
]  # fmt: skip


def test_the_default_world_has_the_agreed_size() -> None:
    world = draw_world()
    assert {name: len(rows) for name, rows in world.registry.items()} == {
        "agencies": 36, "services": 132, "regions": 13, "branches": 340, "journeys": 6, "journey_steps": 24,
    }  # fmt: skip
    groups = pd.DataFrame(world.registry["agencies"])["peer_group"].value_counts()
    assert list(groups) == [9, 9, 9, 9]
    assert world.size.period_ids == [f"{year}Q{quarter}" for year in (2024, 2025) for quarter in (1, 2, 3, 4)]


def test_journeys_cross_agencies_and_have_all_stages() -> None:
    steps = pd.DataFrame(draw_world().registry["journey_steps"])
    steps["agency"] = steps["service_id"].str.split("-").str[0]
    by_journey = steps.groupby("journey_id")
    assert (by_journey["agency"].nunique() >= 3).all()
    assert by_journey["stage"].agg(set).map(lambda stages: stages == {"before", "during", "after"}).all()
    assert steps["service_id"].is_unique


def test_the_same_seed_draws_the_same_world_and_another_seed_another() -> None:
    first, again, other = draw_world(5), draw_world(5), draw_world(6)
    assert first.registry == again.registry
    assert all(first.agencies[a].level == again.agencies[a].level for a in first.agencies)
    assert any(first.agencies[a].level != other.agencies[a].level for a in first.agencies)


def test_names_belong_to_nobody_real() -> None:
    world = draw_world()
    names = [row[column] for row in world.registry["agencies"] for column in ("name_ar", "name_en", "aliases")]
    assert [(name, word) for name in names for word in REAL if word.casefold() in name.casefold()] == []
    assert len(set(names)) == len(names)


def _overall(world: World, agency_id: str) -> dict[str, float]:
    agency = world.agencies[agency_id]
    people = survey.population(world, agency)
    return survey.true_scores(world, agency, "2025Q4", "overall_satisfaction", 5, 2, people)


def test_planted_agencies_are_as_equal_and_as_different_as_planned() -> None:
    world = draw_world()
    plan = {row["agency_id"]: (row["level"], row["trap"]) for row in table("agencies") if row["level"]}
    truth = {agency: _overall(world, agency)["mean"] for agency, (_, trap) in plan.items() if not trap}
    of_level = pd.DataFrame({"truth": truth, "level": {agency: float(level) for agency, (level, _) in plan.items()}})
    of_level = of_level.dropna().groupby("level")["truth"].agg(["min", "max", "size"])
    assert (of_level["max"] - of_level["min"]).max() < 1e-9
    assert of_level.loc[70, "size"] >= 9 and of_level["min"].is_monotonic_increasing
    assert of_level["min"].max() - of_level["min"].min() > 15


def test_every_trap_misleads_as_it_says() -> None:
    """Phone answers flatter, an app asks only those whom it serves, and sampled branches are few and differ."""
    world = draw_world()
    trapped = {row["trap"]: row["agency_id"] for row in table("agencies") if row["trap"]}
    assert set(trapped) == set(parameters()["traps"])
    ordinary = _overall(world, "keys")
    phone, app = (_overall(world, trapped[name]) for name in ("phone_survey", "app_survey"))
    assert phone["mean"] == pytest.approx(ordinary["mean"], abs=1e-9)
    assert phone["expected"] - ordinary["expected"] > 2
    assert app["expected"] - app["mean"] > 3
    held = world.agencies[trapped["sampled_branches"]]
    assert 5 <= len(held.asked_branches) < len(held.branches) / 3
    rows = next(
        survey.responses(world, held, "2025Q4", {"overall_satisfaction": 5}, survey.population(world, held))
    ).rows
    assert set(rows["branch_id"]) <= held.asked_branches
    assert pd.Series(rows["person"]).value_counts().ge(2).mean() > 0.95


@pytest.mark.parametrize("wrong", [{"agencies": 2}, {"agencies": 37}, {"services": 5}, {"periods": 1}, {"scale": 0}])
def test_impossible_sizes_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"agencies|services|world"):
        Size(**wrong)


@pytest.fixture(scope="module")
def large() -> World:
    """Three agencies with many responses and cases, so that means converge."""
    return draw_world(11, Size(3, 9, 9, 1, 2, responses_per_agency_period=15_000, scale=1))


@pytest.mark.parametrize("levels", [2, 5, 7, 11])
def test_the_expected_mean_is_the_mean_of_many_answers(large: World, levels: int) -> None:
    agency = large.agencies["kites"]
    people = survey.population(large, agency)
    truth = survey.true_scores(large, agency, "2024Q1", "overall_satisfaction", levels, 1, people)
    drawn = survey.responses(large, agency, "2024Q1", {"overall_satisfaction": levels}, people)
    parts = [chunk.parts["overall_satisfaction"] for chunk in drawn]
    level = np.concatenate([part["level"][part["status"] == 0] for part in parts])
    score = 100 * level / (levels - 1)
    assert abs(score.mean() - truth["expected"]) < 4 * score.std() / np.sqrt(len(score))


def test_the_truth_is_without_mode_and_response_propensity(large: World) -> None:
    """Redraw the population itself, with cells by population share and no mode effect; its mean is the true value."""
    agency = large.agencies["lighthouse"]
    people = survey.population(large, agency)
    truth = survey.true_scores(large, agency, "2024Q2", "overall_satisfaction", 5, 2, people)
    random = np.random.default_rng(3)
    n = 200_000
    cell = random.choice(len(people.share), n, p=people.share)
    y = agency.level["2024Q2"] + people.effect[cell] + random.normal(0, 14, n) + random.normal(0, 10, n)
    code = np.digitize(y, [20, 40, 60, 80])
    assert 25 * code.mean() == pytest.approx(truth["mean"], abs=4 * 25 * code.std() / n**0.5)
    assert 100 * (code >= 3).mean() == pytest.approx(truth["top_box"], abs=4 * 50 / n**0.5)
    assert abs(truth["expected"] - truth["mean"]) > 0.05


def test_cases_are_resolved_in_time_as_often_as_the_truth_says() -> None:
    world = draw_world(3, Size(3, 3, 3, 1, 2, scale=200))
    agency = world.agencies["lighthouse"]
    rows = pd.concat(pd.DataFrame(chunk) for chunk in cases.opened(world, agency, "2024Q1"))
    in_time = (rows["resolved_at"] <= rows["due_at"]) & (rows["outcome"] != "withdrawn")
    assert 100 * in_time.mean() == pytest.approx(cases.true_in_time(agency), abs=4 * 50 / len(rows) ** 0.5)


def test_an_extract_shows_nothing_that_comes_after_it() -> None:
    world = draw_world(3, Size(3, 3, 3, 1, 2, scale=20))
    rows = next(cases.opened(world, world.agencies["lighthouse"], "2024Q1"))
    seen = pd.DataFrame(cases.versions(rows, "2024Q1").rows)
    for column in ("acknowledged_at", "first_response_at", "resolved_at", "closed_at", "escalated_at"):
        assert not (seen[column] > pd.Timestamp("2024-04-05")).any()
    unresolved = seen["resolved_at"].isna()
    assert 0 < unresolved.sum() < len(seen)
    assert seen.loc[unresolved, "outcome"].isna().all()
    assert len(cases.still_open(rows, "2024Q1")["case_id"]) >= unresolved.sum()


def test_usage_and_standards_and_visits_settle_at_their_truth() -> None:
    world = draw_world(9, Size(4, 20, 40, 1, 8))
    agency = world.agencies["kites"]
    usage = pd.concat(pd.DataFrame(counts.usage(world, agency, period).rows) for period in world.size.period_ids)
    assert (usage["started"] == usage[["completed", "not_eligible", "failed", "abandoned"]].sum(axis=1)).all()
    digital = usage[usage["channel"].isin(["website", "app"])]
    share = (digital["completed"].sum() + digital["not_eligible"].sum()) / digital["started"].sum()
    assert 100 * share == pytest.approx(counts.true_completion(agency), abs=4 * 50 / digital["started"].sum() ** 0.5)
    shown = [counts.standards(world, agency, period) for period in world.size.period_ids]
    met = sum(chunk.rows["met"].sum() for chunk, _ in shown) / sum(chunk.rows["total"].sum() for chunk, _ in shown)
    assert 100 * met == pytest.approx(shown[0][1], abs=1)
    visits = [rubrics.visit_scores(rubrics.visits(world, agency, period)) for period in world.size.period_ids]
    scores = np.concatenate(visits)
    assert abs(scores.mean() - rubrics.true_visit_score(agency)) < 4 * scores.std() / len(scores) ** 0.5
