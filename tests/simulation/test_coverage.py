"""The short form of proof by simulation: every claim against few draws from fixed seeds, and whether wrong methods are caught.

Belongs here: `simulation.coverage`, and whether the written evidence is of the claims the code makes. Does not belong
here: the full run (`make coverage`).
"""

import json
from pathlib import Path

import numpy as np
import pytest

from methodology.estimates import percentages
from methodology.peer_differences import peer_differences
from methodology.ranks import RankSets, simultaneous_rank_sets
from simulation.coverage import attacks, bands, evidence, intervals, rank_sets, surveys, verdicts
from simulation.coverage.findings import COVERS, Claim, Finding, at_least, at_most, drawn, holds, reduction
from simulation.coverage.studies import STUDIES, Study

EVIDENCE = Path(__file__).resolve().parents[2] / "docs" / "evidence"


def contradicted(findings: list[Finding]) -> list[str]:
    """Claims that these draws refute: the 99.9 % interval of the share lies outside the claimed range."""
    refuted = []
    for finding in findings:
        low, high = finding.chance(0.999)
        claim = finding.claim
        if claim is not None and not finding.withdrawn and (high < claim.low or low > claim.high):
            refuted.append(f"{finding.what}: {finding.observed:.4f} ({low:.4f} to {high:.4f}), claimed {claim}")
    return refuted


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_no_claim_is_contradicted_by_a_short_run_and_the_evidence_is_of_these_claims(study: Study) -> None:
    found = study.findings(short=True)
    assert contradicted(found) == []
    written = [row for row in json.loads((EVIDENCE / "coverage.json").read_text("utf-8")) if row["study"] == study.name]
    assert [(row["finding"], row["claimed"], row["withdrawn"]) for row in written] == [
        (f.what, None if f.claim is None else [f.claim.low, f.claim.high], f.withdrawn or None) for f in found
    ]
    assert {row["seed"] for row in written} == {study.seed}
    assert [row["finding"] for row in written if row["verdict"] == "missed"] == []
    assert min(row["draws"] for row in written if row["draws"]) >= 20


def test_a_wrong_interval_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals.estimates, "percentages", lambda hits, n, level: percentages(hits, n, 0.90))
    caught = contradicted(intervals.shares(np.random.default_rng(1), 2_000))
    assert [line.split(",")[0] for line in caught] == ["share (Wilson)"] * 2


def test_unweighted_scores_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def as_they_are(weights, world):
        return surveys.WeightAdjustment(weights, np.ones(weights.size), ())

    monkeypatch.setattr(surveys, "by_cells", as_they_are)
    caught = contradicted(surveys.bias(np.random.default_rng(1), 500))
    assert len(caught) == 4
    assert all("bias removed, post-stratified" in line for line in caught)


def test_rank_sets_of_single_units_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rank_sets, "WORLDS", ((20, 0.0, 1),))
    monkeypatch.setattr(
        rank_sets,
        "simultaneous_rank_sets",
        lambda y, s, rng, draws: simultaneous_rank_sets(y, s, rng, level=0.5, draws=draws),
    )
    caught = contradicted(rank_sets.study(np.random.default_rng(1), 60))
    assert [line.split(";")[0] for line in caught] == ["all true ranks held, simultaneous"]


def test_verdicts_of_single_units_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "WORLDS", ((20, 0.0),))
    monkeypatch.setattr(
        verdicts, "peer_differences", lambda y, s, rng, draws: peer_differences(y, s, rng, level=0.5, draws=draws)
    )
    caught = contradicted(verdicts.study(np.random.default_rng(1), 100))
    assert [line.split(";")[0] for line in caught] == [
        "some direction wrong",
        "all true differences held",
        "expected less actual share of wrong verdicts",
    ]


def test_special_causes_without_overdispersion_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = bands.METHODS["without overdispersion"]
    monkeypatch.setattr(bands, "METHODS", {bands.CLAIMED: plain})
    monkeypatch.setattr(bands, "WORLDS", ((50, 2.0, 1),))
    monkeypatch.setattr(bands, "CONTAMINATED", ())
    caught = contradicted(bands.study(np.random.default_rng(1), 50))
    assert [line.split(";")[0] for line in caught] == ["beyond a limit on the worse side", "beyond the action limit"]


def test_the_attacker_by_hand() -> None:
    # 2 x 2 with totals: 10 20 | 30, 40 50 | 90, 50 70 | 120. With one part hidden, its row reveals it.
    table = np.array([10, 20, 30, 40, 50, 90, 50, 70, 120.0])
    lines = [([0, 1], 2), ([3, 4], 5), ([6, 7], 8), ([0, 3], 6), ([1, 4], 7), ([2, 5], 8)]
    tables = attacks.Tables(table, lines)
    one = np.isin(np.arange(9), [0])
    assert attacks.widths(tables, one, np.array([0])) == pytest.approx([0])
    # All four hidden: x in the corner, 30 - x and 50 - x next to it, 40 + x opposite, so x is from 0 to 30.
    corner = np.isin(np.arange(9), [0, 1, 3, 4])
    assert attacks.widths(tables, corner, np.array([0, 4])) == pytest.approx([30, 30])
    # Two of one row: their columns reveal them.
    assert attacks.widths(tables, np.isin(np.arange(9), [0, 1]), np.array([0, 1])) == pytest.approx([0, 0])


def test_a_previous_edition_gives_away_what_it_published() -> None:
    # Two editions of 10 + 20 = 30; if only the new one hides the parts, the old one still shows both.
    values = np.array([10, 20, 30, 10, 20, 30.0])
    tables = attacks.Tables(values, [([0, 1], 2), ([3, 4], 5), ([0], 3), ([1], 4)])
    later, both = (np.isin(np.arange(6), cells) for cells in ([3, 4], [0, 1, 3, 4]))
    assert attacks.widths(tables, later, np.array([3])) == pytest.approx([0])
    assert attacks.widths(tables, both, np.array([3])) == pytest.approx([30])


def test_the_attacker_reads_units_by_their_names() -> None:
    # One agency of 30 + 20 in two regions; branch b00 has all of r0's answers, and 5 answers of r1 name no branch.
    counts = {
        ("agency", "a0", "a0"): 50,
        ("agency_region", "a0", "a0/r0"): 30,
        ("agency_region", "a0", "a0/r1"): 20,
        ("branch", "a0", "a0/b00"): 30,
        ("branch", "a0", "a0/b10"): 15,
        ("region", "", "r0"): 30,
        ("region", "", "r1"): 20,
    }
    region = {"a0/b00": "a0/r0", "a0/b10": "a0/r1"}
    places = {key: place for place, key in enumerate(counts)}
    assert attacks.sums_of(places, region) == [([1, 2], 0), ([1], 5), ([2], 6), ([3, 4], 0), ([3], 1), ([4], 2)]
    branch = frozenset({("branch", "a0", "a0/b10")})
    # Alone, it is the region less its unnamed answers: 0 to 20. If its region is hidden too, the agency's other parts
    # reveal the same.
    assert attacks.attacked(attacks.World(counts, region), branch, branch) == pytest.approx([20])


def test_suppression_that_hides_small_counts_alone_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    product = attacks.suppressed

    def small_alone(*tables, **limits):
        made = product(*tables, **limits)
        return made[made["is_primary"]]

    monkeypatch.setattr(attacks, "suppressed", small_alone)
    caught = contradicted(attacks.study(np.random.default_rng(1), 80))
    assert len(caught) == 4
    assert all(line.startswith("hidden counts an attack leaves") for line in caught)


def test_true_ranks_by_hand() -> None:
    # Scores 3, 2, 2, 1: the two in the middle share ranks 2 and 3, and a set must contain both.
    true = np.array([3.0, 2, 2, 1])
    nothing, order = np.zeros((4, 4), np.int64), np.sign(true[:, None] - true).astype(np.int64)
    wrong = order.copy()
    wrong[1, 2], wrong[2, 1] = 1, -1
    assert rank_sets.holds_all(true, RankSets(nothing))
    assert rank_sets.holds_all(true, RankSets(order))
    assert not rank_sets.holds_all(true, RankSets(wrong))


def test_exact_wilson_coverage_by_hand() -> None:
    # One answer: none of one gives 0 to 0.7935, one of one 0.2065 to 1. Half is in both, a tenth only in the first.
    assert intervals.wilson_coverage([0.5, 0.1], [1]) == pytest.approx(np.array([[1.0], [0.9]]))


def test_what_is_held() -> None:
    assert list(holds([1, 2, 3], ([1, 2.5, 0], [2, 3, np.nan]))) == [True, False, True]
    # Bias of 2 and -2 before, 0.2 and -0.4 after: 1 - 0.6 / 4.
    assert reduction("bias", [2, -2], [0.2, -0.4]).observed == pytest.approx(0.85)
    with pytest.raises(ValueError, match="finite entry"):
        drawn("nothing", [])


def test_chance_of_a_share() -> None:
    # Clopper and Pearson 1934 for 5 of 10, and 1 - 0.025^(1/10) for none of 10.
    assert Finding("half", 0.5, 10).chance() == pytest.approx((0.1871, 0.8129), abs=5e-5)
    assert Finding("none", 0.0, 10).chance() == pytest.approx((0, 0.3085), abs=5e-5)
    # Shares of worlds: 0.5 and 1 have mean 0.75, standard deviation 0.3536 and error 0.25.
    assert drawn("shares", [0.5, 1.0]).chance() == pytest.approx((0.75 - 1.96 * 0.25, 0.75 + 1.96 * 0.25), abs=1e-4)
    assert Finding("exact", 0.3, 0).chance() == (0.3, 0.3)


@pytest.mark.parametrize(
    ("observed", "claim", "withdrawn", "verdict"),
    [
        (0.940, COVERS, "", "held"),
        (0.939, COVERS, "", "missed"),
        (0.961, COVERS, "", "missed"),
        (0.949, at_least(0.95), "", "on the border"),
        (0.930, at_least(0.95), "", "missed"),
        (0.051, at_most(0.05), "", "on the border"),
        (0.080, at_most(0.05), "", "missed"),
        (0.930, at_least(0.95), "few events", "withdrawn"),
        (0.930, None, "", "shown"),
    ],
)
def test_verdicts_over_a_thousand_draws(observed: float, claim: Claim | None, withdrawn: str, verdict: str) -> None:
    finding = Finding("share", observed, 1000, claim, withdrawn=withdrawn)
    assert finding.verdict == verdict
    assert finding.passes == (verdict != "missed")


def test_evidence_is_the_same_twice(tmp_path: Path) -> None:
    study = Study("coins", "Coins", lambda rng, draws: [], 7, 10, 10)
    findings = [Finding("heads", 0.5, 10, COVERS, withdrawn="coins are no intervals"), Finding("edge", 0.0, 0)]
    for folder in ("one", "two"):
        evidence.write([evidence.Result(study, findings)], tmp_path / folder)
    names = ["coverage.json", "coverage.md", "coverage_coins.svg"]
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == names
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    page = (tmp_path / "one" / "coverage.md").read_text("utf-8")
    assert "| heads | 94 % to 96 % | 50.00 | 18.71 to 81.29 | 10 | withdrawn (1) |" in page
    assert "(1) Withdrawn: coins are no intervals." in page
    assert "| edge | – | 0.00 | exact | – | shown |" in page
