"""What a check foresees: whether figures will have peers to be compared with, judged against the current edition.

Belongs here: the peers of the current edition, and what would supply what is missing. Does not belong here: the gate itself
(`int_comparability__gated`), which decides when the figures are published.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from methodology.bases import EXACT
from methodology.parameters import Methodology
from miyar import sql
from miyar.registry import Registry
from miyar.workspace import Workspace
from publication.manifest import list_editions
from publication.method import methodology_of
from publication.reading import code_text
from publication.standing import standing

PEERS = """
    select
        scores.agency_id, scores.period_id, scores.instrument_id, string_split(scores.instrument_id, '|')[1] as scale,
        scores.weighting, scores.mode_set, scores.adjustments, scores.n is not null as has_base,
        coalesce(scores.standard_error > 0 or scores.ci_high > scores.ci_low, false) as has_interval,
        agencies.peer_group
    from bench_scores as scores
    inner join dim_agencies as agencies on scores.agency_id = agencies.agency_id
    where scores.metric_id = ? and scores.unit_type = 'agency' and scores.status = 'reported' and scores.agency_id <> ?
        -- The same quarter, or the last before it: what peers did then they will mostly do again.
        and scores.period_id = (
            select max(period_id) from bench_scores where metric_id = scores.metric_id and status = 'reported' and period_id <= ?
        )
"""
# Conditions of the gate that are a value peers must have too, in its order: reason, and the columns that make the value.
ALIKE = (("instrument_differs", "scale"), ("wording_differs", "instrument_id"))


@dataclass(frozen=True)
class Foreseen:
    """One figure that would not be compared: why, in both languages, with what would supply it."""

    metric_id: str
    reason: str
    ar: str
    en: str


@cache
def _texts() -> dict[str, dict[str, str]]:
    texts: dict[str, dict[str, str]] = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text("utf-8"))
    return texts


def foreseen(workspace: Workspace, registry: Registry, scores: list[dict[str, Any]]) -> list[Foreseen]:
    """For each figure of an agency in a check, everything for which it would have too few peers; nothing where it has enough.

    Args:
        scores: rows of `check_scores.scores_of_check`.
    """
    own = [score for score in scores if score["unit_type"] == "agency"]
    if not own or not list_editions(workspace.editions):
        return []
    database = standing(workspace.editions) / "benchmarks.duckdb"
    methodology = methodology_of(workspace)
    groups = {row["agency_id"]: row["peer_group"] for row in registry.tables["agencies"]}
    studied = {(row["metric_id"], row["mode"]) for row in registry.tables.get("overlap_studies", [])}
    frames = _frames(workspace)
    found: list[Foreseen] = []
    with duckdb.connect(str(database.resolve()), read_only=True) as connection:
        last = (connection.execute("select max(period_id) from bench_scores").fetchone() or ("",))[0]
        for score in own:
            asked = [score["metric_id"], score["unit_id"], score["period_id"]]
            figure = _Figure(
                score,
                groups.get(score["unit_id"], ""),
                sql.rows(connection.execute(PEERS, asked)),
                methodology,
                is_framed=(score["unit_id"], score["period_id"]) in frames,
                unstudied=[one for one in _modes(score) if (score["metric_id"], one) not in studied],
                is_published=score["period_id"] <= last,
            )
            found += figure.missing()
    return found


def _frames(workspace: Workspace) -> set[tuple[str, str]]:
    """(agency, quarter) whose usage counts in the workspace: it weights a survey, which a check of that file alone cannot see."""
    path = workspace.lake / "slices.parquet"
    if not path.is_file():
        return set()
    query = f"select agency_id, period_id from {sql.parquet(path)} where feed = 'service_usage' and status = 'live'"
    with duckdb.connect() as connection:
        return {(agency, period) for agency, period in connection.execute(query).fetchall()}


def _modes(row: dict[str, Any]) -> list[str]:
    return [mode for mode in (row["mode_set"] or "").split(";") if mode]


@dataclass(frozen=True)
class _Figure:
    """One figure of a check beside those of others in the edition, and what else decides whether it will be compared."""

    score: dict[str, Any]
    group: str
    others: list[dict[str, Any]]
    methodology: Methodology
    is_framed: bool
    unstudied: list[str]
    is_published: bool

    def missing(self) -> list[Foreseen]:
        """Why it would not be compared: the one reason why nobody could be, or all that peers have and it lacks."""
        least = self.methodology.thresholds["minimum_n"]
        if self.score["status"] != "reported":
            is_small = self.score["status"] == "suppressed" and (self.score.get("n") or least) < least
            return [self._told("n_small", n=self.score["n"], least=int(least))] if is_small else []
        if not self.group:
            return [self._told("peer_group_missing")]
        peers = [peer for peer in self.others if peer["peer_group"] == self.group]
        if not self._enough(peers):
            return [self._told("peers_few", peers=_count(peers))]
        if self.is_published and peers[0]["period_id"] != self.score["period_id"]:
            return [self._told("period_differs", peers=_count(peers), usual=peers[0]["period_id"])]
        scale = {**self.score, "scale": self.score["instrument_id"].split("|")[0]}
        for reason, column in ALIKE:
            alike = [peer for peer in peers if peer[column] == scale[column]]
            if not self._enough(alike):
                return [self._told(reason, peers=_count(peers), same=_count(alike), usual=_usual(peers, column))]
            peers = alike
        return [*self._weighting(peers), *self._modes(peers), *self._adjustments(peers), *self._error(peers)]

    def _weighting(self, peers: list[dict[str, Any]]) -> list[Foreseen]:
        weighting, unknown = self.score["weighting"], self._unknown(self._margins())
        if weighting == "unweighted" and self.is_framed and not unknown:
            weighting = "weighted"
        same = [peer for peer in peers if peer["weighting"] == weighting]
        if self._enough(same):
            return []
        reason = "margin_missing" if self.is_framed and unknown else "weighting_differs"
        return [self._told(reason, peers=_count(peers), same=_count(same), columns=", ".join(unknown))]

    def _modes(self, peers: list[dict[str, Any]]) -> list[Foreseen]:
        own = set(_modes(self.score))
        if not own or not self._enough([peer for peer in peers if peer["mode_set"]]):
            return []  # records, and figures that were delivered as such, have no modes
        usual = _usual(peers, "mode_set")
        if self.score["blank"].get("mode", 0.0) > self.methodology.thresholds["mode_distance"]:
            known = [peer for peer in peers if "unknown" not in _modes(peer)]
            return [self._told("mode_missing", peers=_count(peers), usual=usual)] if self._enough(known) else []
        same = [peer for peer in peers if own & set(_modes(peer)) or "adjusted" in _modes(peer)]
        if self._enough(same):
            return []
        return [self._told("mode_mix_differs", peers=_count(peers), usual=usual, modes=", ".join(sorted(own)))]

    def _adjustments(self, peers: list[dict[str, Any]]) -> list[Foreseen]:
        usual = _usual(peers, "adjustments").split(";")
        adjusters = [row["adjuster"] for row in self.methodology.adjusters if row["role"] == "adjuster"]
        blank = self._unknown(adjusters)
        found = []
        if "mix" in usual and blank:
            found.append(self._told("adjustment_differs", peers=_count(peers), columns=", ".join(blank)))
        if "mode" in usual and self.unstudied:
            found.append(self._told("mode_study_missing", peers=_count(peers), modes=", ".join(self.unstudied)))
        return found

    def _error(self, peers: list[dict[str, Any]]) -> list[Foreseen]:
        """What was not sampled needs neither a base nor an interval."""
        bases = {row["metric_id"]: row["base"] for row in self.methodology.metrics}
        if bases.get(self.score["metric_id"]) in EXACT:
            return []
        if self.score["n"] is None:
            return [self._told("base_unknown", peers=_count(peers))]
        low, high = self.score["ci_low"], self.score["ci_high"]
        has_interval = (self.score["standard_error"] or 0) > 0 or (low is not None and high is not None and high > low)
        return [] if has_interval else [self._told("no_interval", peers=_count(peers))]

    def _margins(self) -> list[str]:
        return [row["margin"] for row in self.methodology.margins if row["must_be_known"] == "true"]

    def _unknown(self, columns: list[str]) -> list[str]:
        """Those columns that more of the answers lack than may."""
        limit = self.methodology.thresholds["unknown_share"]
        return [one for one in columns if self.score["blank"].get(one, 0.0) > limit]

    def _enough(self, peers: list[dict[str, Any]]) -> bool:
        return _count(peers) >= int(self.methodology.thresholds["minimum_peers"])

    def _told(self, reason: str, **facts: Any) -> Foreseen:
        minimum = int(self.methodology.thresholds["minimum_peers"])
        return _told(
            reason, self.score, group=self.group, minimum=minimum, instrument=self.score["instrument_id"], **facts
        )


def _count(peers: list[dict[str, Any]]) -> int:
    return len({peer["agency_id"] for peer in peers})


def _usual(peers: list[dict[str, Any]], column: str) -> str:
    return Counter(str(peer[column]) for peer in peers).most_common(1)[0][0]


def _told(reason: str, score: dict[str, Any], **facts: Any) -> Foreseen:
    shown = {
        language: _texts()[reason][language].format(
            **facts,
            name_ar=score["name_ar"],
            name_en=score["name_en"],
            weighting=_weighting(score["weighting"], language),
            frame_status=code_text(score["frame_status"], language, "frames"),
        )
        for language in ("ar", "en")
    }
    return Foreseen(score["metric_id"], reason, shown["ar"], shown["en"])


def _weighting(weighting: str, language: str) -> str:
    words = {"ar": ("موزونة", "غير موزونة"), "en": ("weighted", "not weighted")}
    return words[language][0 if weighting == "weighted" else 1]
