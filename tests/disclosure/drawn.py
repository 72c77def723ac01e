"""Drawn worlds of agencies in regions and journeys, published twice by the product's own rules, and what the two editions tell.

Belongs here: drawing answers and what comes between two editions, the product's decisions on them, attacks on one edition and on
the difference of two. Does not belong here: the algebra (`algebra`), editions of a built workspace (`equations`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from methodology.contributors import TABLE, UNIT
from methodology.panels import panel_members, totals
from methodology.parameters import load_methodology
from methodology.total_attacks import shared_beside_totals, telling
from methodology.total_sharing import withheld_totals
from tests.disclosure.algebra import COALITIONS, System, Tried, attack, attack_pairs

THRESHOLDS = load_methodology("2026.2").thresholds
METRICS = ("overall", "trust")
KINDS = pd.DataFrame({"metric_id": METRICS, "base": "persons"})
TOP = 4  # answers are 0 to 4


@dataclass(frozen=True)
class Answers:
    """One row per answer: agency, region, journey, metric and value; `n` is 1."""

    rows: pd.DataFrame

    def contributions(self) -> pd.DataFrame:
        """What each agency adds to each region and journey, as the warehouse counts it."""
        places = [self.rows.assign(unit_type=kind, unit_id=self.rows[kind]) for kind in ("region", "journey")]
        key = [*UNIT, "contributor_id"]
        named = pd.concat(places).query("unit_id != ''").rename(columns={"agency_id": "contributor_id"})
        return _counted(named, key)

    def crossed(self) -> pd.DataFrame:
        """How many answers of each agency are of a region and a journey."""
        named = self.rows.query("journey != ''")
        return named.groupby([*TABLE, "agency_id", "region", "journey"]).size().rename("n").reset_index()

    def of_agencies(self) -> pd.DataFrame:
        """n and mean of each agency, on 0-100."""
        key = ["agency_id", *TABLE]
        made = self.rows.groupby(key)["value"].agg(["size", "sum"]).reset_index()
        made = made.rename(columns={"agency_id": "unit_id", "size": "n", "sum": "total"})
        return made.assign(respondents=made["n"], score=100 * made["total"] / TOP / made["n"])


def _counted(rows: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    rows = rows.assign(squared=rows["value"] ** 2)
    made = rows.groupby(key).agg(n=("value", "size"), total=("value", "sum"), squares=("squared", "sum")).reset_index()
    return made.assign(total=made["total"] / TOP, squares=made["squares"] / TOP**2)


@dataclass(frozen=True)
class Edition:
    """What an edition of a world shows everybody: regions and journeys, and totals of agencies by kind; `noted` of its totals."""

    answers: Answers
    shared: pd.DataFrame
    totals: pd.DataFrame
    members: pd.DataFrame
    noted: pd.DataFrame


def draw(rng: np.random.Generator) -> tuple[Answers, pd.DataFrame]:
    """Ten to sixteen agencies in two groups, each in some of five regions and three journeys; and the agencies' groups."""
    size = int(rng.integers(10, 17))
    rows = []
    for number in range(size):
        there = rng.random(5) < rng.uniform(0.3, 1.0)
        for region in np.flatnonzero(there):
            answers = int(np.exp(rng.normal(3.2, 1.0)))
            # Some have no journey; a few agencies hardly ask the second item.
            journey = rng.choice(["j0", "j1", "j2", ""], answers, p=[0.3, 0.2, 0.1, 0.4])
            asked = rng.random(answers) < rng.choice([1.0, 1.0, 0.9])
            for metric, is_asked in zip(METRICS, (np.ones(answers, bool), asked), strict=True):
                own = pd.DataFrame(
                    {"agency_id": f"a{number:02}", "region": f"r{region}", "journey": journey, "metric_id": metric}
                )
                rows.append(own.assign(value=rng.integers(0, TOP + 1, answers))[is_asked])
    table = pd.concat(rows, ignore_index=True).assign(instrument_id="i", period_id="2025Q4")
    agencies = pd.DataFrame({"agency_id": [f"a{number:02}" for number in range(size)]})
    return Answers(table), agencies.assign(peer_group=np.where(np.arange(size) % 2, "g1", "g0"))


def changed(answers: Answers, rng: np.random.Generator) -> Answers:
    """What an edition later says: late answers, corrected values, agencies that come late or withdraw."""
    rows, late = answers.rows.copy(), [answers.rows.head(0)]
    for agency, own in answers.rows.groupby("agency_id"):
        event = rng.choice(["", "late", "corrected", "both", "away"], p=[0.7, 0.1, 0.1, 0.05, 0.05])
        if event in ("late", "both"):
            more = own.sample(int(rng.integers(1, 12)), replace=True, random_state=int(rng.integers(2**31)))
            late.append(more.assign(value=rng.integers(0, TOP + 1, len(more))))
        if event in ("corrected", "both"):
            chosen = rng.choice(own.index.to_numpy(), int(rng.integers(1, min(12, len(own)))), replace=False)
            rows.loc[chosen, "value"] = TOP - rows.loc[chosen, "value"]
        if event == "away":
            rows = rows[rows["agency_id"] != agency]
    return Answers(pd.concat([rows, *late], ignore_index=True))


def draw_wide(rng: np.random.Generator) -> tuple[Answers, pd.DataFrame]:
    """Agencies in two groups that are nearly all in every region, most of what they have is shown; and the agencies' groups."""
    size = int(rng.integers(14, 19))
    cells = pd.MultiIndex.from_product(
        [[f"a{one:02}" for one in range(size)], [f"r{one}" for one in range(4)]], names=["agency_id", "region"]
    ).to_frame(index=False)
    rows = cells.loc[cells.index.repeat(rng.poisson(25, len(cells)) * (rng.random(len(cells)) < 0.9))]
    rows = rows.assign(journey=rng.choice(["j0", "j1", ""], len(rows)), metric_id=METRICS[0])
    rows = rows.assign(value=rng.integers(0, TOP + 1, len(rows)), instrument_id="i", period_id="2025Q4")
    agencies = pd.DataFrame({"agency_id": sorted(set(rows["agency_id"]))})
    groups = np.where(np.arange(len(agencies)) < rng.integers(6, 9), "g1", "g0")
    return Answers(rows.reset_index(drop=True)), agencies.assign(peer_group=groups)


def late(answers: Answers, rng: np.random.Generator) -> Answers:
    """What comes late in regions, most of one group in some of them: nothing, a few answers, or many of many agencies."""
    agencies = answers.rows["agency_id"].unique()
    more = []
    for _, own in answers.rows.groupby(["region", "journey"]):
        share, most = rng.choice([[0.0, 1], [0.1, 2], [0.2, 4], [0.8, 12]], p=[0.3, 0.2, 0.2, 0.3])
        half = agencies[: len(agencies) // 2] if rng.random() < 0.5 else agencies
        for agency, there in own.groupby("agency_id"):
            if agency in half and rng.random() < share:
                new = there.sample(int(rng.integers(1, most + 1)), replace=True, random_state=int(rng.integers(2**31)))
                more.append(new.assign(value=rng.integers(0, TOP + 1, len(new))))
    return Answers(pd.concat([answers.rows, *more], ignore_index=True))


def attack_edition(edition: Edition, agencies: pd.DataFrame, tried: Tried) -> None:
    """Regions, journeys and pooled totals of one edition; the bases of two metrics."""
    group = dict(zip(agencies["agency_id"], agencies["peer_group"], strict=True))
    pairs: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
    for metric, own in edition.answers.rows.groupby("metric_id"):
        cells = own.groupby(["agency_id", "region", "journey"]).size().reset_index()
        rows = []
        for unit in edition.shared[edition.shared["metric_id"] == metric].itertuples():
            rows.append((cells[unit.unit_type] == unit.unit_id).to_numpy(float))
            counts = own[own[unit.unit_type] == unit.unit_id].groupby("agency_id").size().astype(float).to_dict()
            pairs.setdefault((f"n of two figures of a {unit.unit_type}", unit.unit_id), {})[str(metric)] = counts
        shown = edition.totals[(edition.totals["metric_id"] == metric) & (edition.totals["score_kind"] == "pooled")]
        for unit in shown.itertuples():
            inside = members_of(edition, unit)
            rows.append(cells["agency_id"].isin(inside).to_numpy(float))
            counts = own[own["agency_id"].isin(inside)].groupby("agency_id").size().astype(float).to_dict()
            pairs.setdefault(("n of two totals of agencies", unit.unit_id), {})[str(metric)] = counts
        if rows:
            attack(
                System("counts and sums of one table", str(metric), np.array(rows), cells["agency_id"].to_numpy(str)),
                tried,
            )
    assert set(group) >= set(edition.answers.rows["agency_id"])
    for (kind, name), counts in pairs.items():
        attack_pairs(kind, name, counts, tried)


def members_of(edition: Edition, unit: object) -> set[str]:
    own = edition.members
    same = (own["panel_type"] == unit.unit_type) & (own["panel_id"] == unit.unit_id)  # type: ignore[attr-defined]
    return set(own.loc[same & (own["metric_id"] == unit.metric_id), "unit_id"])  # type: ignore[attr-defined]


def attack_two(before: Edition, after: Edition, tried: Tried) -> None:
    """The difference of what both editions show of one figure: a whole agency, or fewer answers than a cell may hold."""
    for kind in ("region", "journey"):
        for key in _both(before.shared, after.shared, kind):
            inside = [edition.answers.rows[_is(edition.answers.rows, kind, key)] for edition in (before, after)]
            _attack_difference(f"two editions of a {kind}", inside, tried)
    for key in _both(before.totals, after.totals, None):
        inside = []
        for edition in (before, after):
            own = edition.answers.rows[edition.answers.rows["metric_id"] == key[2]]
            unit = pd.Series({"unit_type": key[0], "unit_id": key[1], "metric_id": key[2]})
            inside.append(own[own["agency_id"].isin(members_of(edition, unit))])
        _attack_difference("two editions of a total", inside, tried)
    for metric in METRICS:
        for kind in ("region", "journey"):
            _attack_differences(before, after, metric, kind, tried)


def _attack_differences(before: Edition, after: Edition, metric: str, kind: str, tried: Tried) -> None:
    """The differences of all pooled totals and places of a kind, each added, taken off or left out."""
    pooled = [one.totals[one.totals["score_kind"] == "pooled"] for one in (before, after)]
    totals_of = [key for key in _both(pooled[0], pooled[1], None) if key[2] == metric]
    figures = totals_of + [key for key in _both(before.shared, after.shared, kind) if key[2] == metric]
    if not totals_of:
        return
    agencies = sorted({*before.answers.rows["agency_id"], *after.answers.rows["agency_id"]})
    counted = np.zeros((2, len(figures), len(agencies), TOP + 1))
    for side, edition in enumerate((before, after)):
        rows = edition.answers.rows[edition.answers.rows["metric_id"] == metric]
        for number, key in enumerate(figures):
            unit = pd.Series({"unit_type": key[0], "unit_id": key[1], "metric_id": metric})
            inside = rows["agency_id"].isin(members_of(edition, unit)) if key in totals_of else _is(rows, kind, key)
            own = rows[inside]
            np.add.at(counted[side, number], (pd.Index(agencies).get_indexer(own["agency_id"]), own["value"]), 1)
    difference = counted[1] - counted[0]
    is_whole = (counted.sum(axis=3) == 0).any(axis=0) & (difference != 0).any(axis=2)
    signs = np.array(list(product((-1, 0, 1), repeat=len(figures))))
    signs = signs[signs[:, : len(totals_of)].any(axis=1)]
    for chosen in np.array_split(signs, len(signs) // 5_000 + 1):
        moved = np.einsum("sf,fav->sav", chosen, difference)
        moments = np.abs(np.einsum("sav,vp->sap", moved, np.arange(TOP + 1)[:, None] ** np.arange(3))).max(axis=2)
        answers = np.maximum(np.clip(moved, 0, None).sum(axis=2), np.clip(-moved, 0, None).sum(axis=2))
        sizes = np.where(moments > 0, answers, 0)
        whole = (np.einsum("sf,fa->sa", np.abs(chosen), is_whole) > 0) & (sizes > 0)
        ordered = np.sort(sizes, axis=1)
        many = (sizes > 0).sum(axis=1)
        for size, attacker in enumerate(COALITIONS[:3]):
            left = ordered[:, : ordered.shape[1] - size].sum(axis=1)
            told = (many > size) & ((left < THRESHOLDS["owner_n"]) | ((many == size + 1) & whole.any(axis=1)))
            first = {figure: int(sign) for figure, sign in zip(figures, chosen[told.argmax()], strict=True) if sign}
            tried.add("two editions of totals and places", attacker, len(chosen), int(told.sum()), what=str(first))


def _both(before: pd.DataFrame, after: pd.DataFrame, kind: str | None) -> list[tuple[str, ...]]:
    keys = [{tuple(row) for row in table[UNIT].to_numpy()} for table in (before, after)]
    return sorted(key for key in keys[0] & keys[1] if kind in (None, key[0]))


def _is(rows: pd.DataFrame, kind: str, key: tuple[str, ...]) -> "pd.Series[bool]":
    return (rows[kind] == key[1]) & (rows["metric_id"] == key[2])


def _attack_difference(kind: str, inside: list[pd.DataFrame], tried: Tried) -> None:
    """By agency: how many answers came, went or were changed, and whether the agency came or went as a whole."""
    counts = [own.groupby(["agency_id", "value"]).size() for own in inside]
    sizes = [own.groupby("agency_id").size() for own in inside]
    moved: dict[str, tuple[int, bool]] = {}
    for agency in sorted(set(sizes[0].index) | set(sizes[1].index)):
        values = [count[agency] if agency in count.index else pd.Series(dtype="int64") for count in counts]
        less = values[0].subtract(values[1], fill_value=0)
        answers = int(max(less.clip(lower=0).sum(), (-less).clip(lower=0).sum()))
        # n, mean and error are shown: what moves none of their sums is not told.
        moments = [sum(value**power * count for value, count in less.items()) for power in range(3)]
        if any(moments):
            moved[str(agency)] = answers, min(int(size.get(agency, 0)) for size in sizes) == 0
    sizes_of = sorted(moved.values())
    for size, attacker in enumerate(COALITIONS[:3]):
        # Whoever is left after `size` of those that changed took their own off; the largest first leaves the least.
        told = 0
        if len(sizes_of) > size:
            left = sizes_of[: len(sizes_of) - size]
            few = sum(answers for answers, _ in left) < THRESHOLDS["owner_n"]
            whole = len(left) == 1 and any(is_whole for _, is_whole in sizes_of)
            told = int(few or whole)
        tried.add(kind, attacker, 1, told, what=str(moved))


def published(
    answers: Answers, agencies: pd.DataFrame, before: Edition | None, thresholds: Mapping[str, float] = THRESHOLDS
) -> Edition:
    """What the product shows of a world, beside the edition that readers already have."""
    contributions, counts = answers.contributions(), answers.of_agencies()
    own = _counted(answers.rows.rename(columns={"agency_id": "contributor_id"}), ["contributor_id", *TABLE])
    amounts = own.rename(columns={"contributor_id": "unit_id"}).drop(columns="n")
    made = shared_beside_totals(
        contributions,
        _noted(before, contributions),
        counts.drop(columns="total").merge(amounts, on=["unit_id", *TABLE]),
        contributions.head(0),
        answers.crossed(),
        agencies=agencies,
        thresholds=thresholds,
    )
    shared = made[made["is_shared"]]
    reported = counts[counts["n"] >= thresholds["minimum_n"]].assign(
        unit_type="agency", quarter=0, standard_error=1.0, n_effective=counts["n"], degrees_of_freedom=30.0, shared_errors="",
        slice_ids="",
    )  # fmt: skip
    frames = pd.DataFrame(columns=[*UNIT, "weight_sum"]).astype({"weight_sum": "float64"})
    members = panel_members(reported, frames, agencies, ())
    total = totals(members, thresholds, 0)
    located = contributions.merge(shared[UNIT], on=UNIT).rename(
        columns={"unit_id": "place", "contributor_id": "agency_id"}
    )
    tells = telling(total, members, located, int(thresholds["minimum_contributors"]))
    in_totals = members.drop_duplicates(["panel_type", "panel_id", *TABLE, "unit_id"])
    in_totals = in_totals.drop(columns="unit_type").rename(columns={"unit_id": "contributor_id"})
    in_totals = in_totals.rename(columns={"panel_type": "unit_type", "panel_id": "unit_id"})
    noted = in_totals[[*UNIT, "contributor_id"]].merge(own, on=["contributor_id", *TABLE])
    withheld = withheld_totals(
        noted, _noted(before, noted), pd.DataFrame(columns=TABLE), contributions.merge(shared[UNIT], on=UNIT), metrics=KINDS,
        thresholds=thresholds,
    )  # fmt: skip
    key = [*UNIT, "score_kind"]
    tells |= total[key].merge(withheld.assign(told=True), on=key, how="left")["told"].eq(True).to_numpy(bool)
    shown = total[(total["status"] == "reported").to_numpy() & ~tells]
    noted = noted.merge(shown[UNIT].drop_duplicates(), on=UNIT)
    return Edition(answers, shared, shown, members, noted)


def _contributed(before: Edition | None, columns: pd.DataFrame) -> pd.DataFrame:
    """What is noted of an edition: contributions to what it showed."""
    if before is None:
        return columns.head(0).assign(version=1)
    return before.answers.contributions().merge(before.shared[UNIT], on=UNIT).assign(version=1)


def _noted(before: Edition | None, columns: pd.DataFrame) -> pd.DataFrame:
    """The same with what is noted of its totals."""
    if before is None:
        return columns.head(0).assign(version=1)
    return pd.concat([before.noted.assign(version=1), _contributed(before, columns)], ignore_index=True)


Publish = Callable[[Answers, pd.DataFrame, Edition | None], Edition]


def attack_worlds(worlds: int, seed: int, publish: Publish, tried: Tried) -> None:
    """Draw worlds of both kinds, publish each twice, and attack both editions and their difference."""
    for number in range(2 * worlds):
        rng = np.random.default_rng([seed, number])
        drawn, change = ((draw, changed), (draw_wide, late))[number % 2]
        answers, agencies = drawn(rng)
        first = publish(answers, agencies, None)
        second = publish(change(answers, rng), agencies, first)
        for edition in (first, second):
            attack_edition(edition, agencies, tried)
        attack_two(first, second, tried)
