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

from miyar import sql
from miyar.registry import Registry
from miyar.workspace import Workspace
from publication.method import methodology_of
from publication.reading import code_text

PEERS = """
    select scores.agency_id, scores.instrument_id, scores.weighting, agencies.peer_group
    from bench_scores as scores
    inner join dim_agencies as agencies on scores.agency_id = agencies.agency_id
    where scores.metric_id = ? and scores.unit_type = 'agency' and scores.status = 'reported' and scores.agency_id <> ?
        -- The same quarter, or the last before it: what peers did then they will mostly do again.
        and scores.period_id = (
            select max(period_id) from bench_scores where metric_id = scores.metric_id and status = 'reported' and period_id <= ?
        )
"""


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
    """For each reported figure of an agency in a check, why it would have too few peers; nothing where it has enough.

    Args:
        scores: rows of `check_scores.scores_of_check`.
    """
    database = workspace.editions / "current" / "benchmarks.duckdb"
    own = [score for score in scores if score["unit_type"] == "agency" and score["status"] == "reported"]
    if not own or not database.is_file():
        return []
    minimum = int(methodology_of(workspace).thresholds["minimum_peers"])
    groups = {row["agency_id"]: row["peer_group"] for row in registry.tables["agencies"]}
    found = []
    with duckdb.connect(str(database.resolve()), read_only=True) as connection:
        for score in own:
            asked = [score["metric_id"], score["unit_id"], score["period_id"]]
            peers = sql.rows(connection.execute(PEERS, asked))
            told = _judged(score, groups.get(score["unit_id"], ""), peers, minimum)
            found += [told] if told is not None else []
    return found


def _judged(score: dict[str, Any], group: str, every: list[dict[str, Any]], minimum: int) -> Foreseen | None:
    """The first condition of the gate that leaves too few peers."""
    if not group:
        return _told("peer_group_missing", score)
    peers = [peer for peer in every if peer["peer_group"] == group]
    count = len({peer["agency_id"] for peer in peers})
    facts: dict[str, Any] = {"group": group, "minimum": minimum, "peers": count}
    if count < minimum:
        return _told("peers_few", score, **facts)
    for reason, column in (("instrument_differs", "instrument_id"), ("weighting_differs", "weighting")):
        alike = [peer for peer in peers if peer[column] == score[column]]
        same = len({peer["agency_id"] for peer in alike})
        if same < minimum:
            usual = Counter(str(peer[column]) for peer in peers).most_common(1)[0][0]
            return _told(reason, score, **facts, same=same, usual=usual, instrument=score["instrument_id"])
        peers = alike
    return None


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
