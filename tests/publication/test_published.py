"""What editions showed and hid is recorded for the next one, where no reader of an edition can see it.

Belongs here: `published`. Does not belong here: how disclosure control uses it (`tests/dbt/test_suppression.py`).
"""

import json
from typing import Any

from publication.manifest import read_manifest
from publication.published import FILE, KEY, read_published


def _noted(centre: Any) -> set[tuple[str, str, int, bool]]:
    rows = read_published(centre.workspace).to_pylist()
    return {(row["agency_id"], row["period_id"], row["n"], row["is_shown"]) for row in rows}


def test_counts_of_an_edition_are_noted_with_those_it_hides(centre: Any) -> None:
    assert read_published(centre.workspace).num_rows == 0
    edition = centre.publish().path
    noted = {("a01", "2025Q4", 40, True), ("a02", "2025Q4", 12, False), ("a01", "2026Q1", 50, True)}
    assert _noted(centre) >= noted
    assert not list(edition.rglob("published*"))


def test_a_revision_takes_the_place_of_what_it_revises(centre: Any) -> None:
    centre.publish()
    centre.change("update intermediate.int_scores__judged set n = 45 where agency_id = 'a01' and period_id = '2025Q4'")
    centre.change("update benchmarks.bench_scores set n = 45 where agency_id = 'a01' and period_id = '2025Q4'")
    centre.publish(period="2025Q4", reason="five more answers")
    # 2026Q1 was published by the previous edition and is not part of this one.
    assert _noted(centre) >= {("a01", "2025Q4", 45, True), ("a01", "2026Q1", 50, True)}
    assert ("a01", "2025Q4", 40, True) not in _noted(centre)


def test_what_was_out_before_is_an_input_that_is_kept(centre: Any) -> None:
    root = centre.workspace.root

    def inputs(edition: Any) -> dict[str, str]:
        found: dict[str, str] = json.loads(
            (root / "vintages" / f"{read_manifest(edition.path).inputs_hash}.json").read_text("utf-8")
        )
        return found

    assert FILE not in inputs(centre.publish())
    centre.change("update benchmarks.bench_scores set score = 71 where agency_id = 'a01' and period_id = '2025Q4'")
    assert FILE in inputs(centre.publish(reason="a correction"))


REGION = ("region", "r1", "overall_satisfaction", "2025Q4", "likert5|w1")


def _region(centre: Any, *, is_shared: bool, **contributed: int) -> None:
    """Let the edition have one score of a region, with what agencies contributed to it."""
    n = sum(contributed.values())
    key = "unit_type, unit_id, metric_id, period_id, instrument_id"
    places = ", ".join(f"'{one}'" for one in REGION)
    centre.change("delete from benchmarks.bench_scores where unit_type = 'region'")
    centre.change("delete from intermediate.int_scores__judged where unit_type = 'region'")
    centre.change(
        f"insert into benchmarks.bench_scores (score_id, {key}, status, score, n, is_shared) "
        f"values ('r', {places}, 'reported', 70, {n}, {is_shared})"
    )
    centre.change(f"insert into intermediate.int_scores__judged ({key}, status, n) values ({places}, 'reported', {n})")
    centre.change("delete from intermediate.int_contributors__counted")
    for agency, own in contributed.items():
        centre.change(
            f"insert into intermediate.int_contributors__counted values ({places}, '{agency}', {own}, {own / 2}, {own / 3})"
        )


def _contributed(centre: Any) -> list[dict[str, int]]:
    """What agencies contributed to the score, by the version of it that readers were shown."""
    rows = [row for row in read_published(centre.workspace).to_pylist() if row["contributor_id"]]
    assert all(tuple(row[name] for name in KEY) == REGION for row in rows)
    found: dict[int, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["version"], {})[row["contributor_id"]] = row["n"]
    assert sorted(found) == list(range(1, len(found) + 1))
    return [found[version] for version in sorted(found)]


def test_all_that_readers_were_ever_shown_of_a_score_stays_noted(centre: Any) -> None:
    first, second = {"a01": 50, "a02": 40}, {"a01": 57, "a03": 40}
    _region(centre, is_shared=True, **first)
    centre.publish()
    assert _contributed(centre) == [first]
    # Not shown: readers keep the first edition, and the next one is compared with that.
    _region(centre, is_shared=False, a01=51, a02=40)
    centre.publish(reason="a late answer")
    assert _contributed(centre) == [first]
    _region(centre, is_shared=True, **second)
    centre.publish(reason="more of them")
    assert _contributed(centre) == [first, second]
    # Readers keep every edition: what is taken back is taken off the first one too. The same shown again is nothing new.
    _region(centre, is_shared=True, **first)
    centre.publish(reason="taken back")
    assert _contributed(centre) == [first, second]
