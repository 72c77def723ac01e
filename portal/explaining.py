"""How a published score came about, from the edition alone: a web server never meets the warehouse or its writer.

Belongs here: gathering a score's passport, place and lineage for a reader. Does not belong here: the steps and their words
(`publication.explain`).
"""

from dataclasses import dataclass

from portal.view import Row, View
from publication.explain import Step, published_steps


@dataclass(frozen=True)
class Explanation:
    """A score's passport, the steps that led to it, and the submissions it was made from (the reader's own only)."""

    passport: Row
    steps: list[Step]
    lineage: list[Row]


def explanation_of(view: View, score_id: str) -> Explanation:
    """Not found for an unknown score and for one that is another agency's."""
    passport = view.one("select * from bench_scores where score_id = ?", [score_id])
    placed = view.rows("select * from bench_peer_positions where score_id = ?", [score_id])
    lineage = view.rows(
        "select slice_id, submission_id, provider_id, delivery_rank from bench_lineage where score_id = ? order by all",
        [score_id],
    )
    return Explanation(passport, published_steps(passport, placed[0] if placed else None), lineage)
