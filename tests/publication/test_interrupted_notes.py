"""What editions showed and hid is noted with the edition: a publication given up half way, at any step, is no alarm of `verify`.

Belongs here: `publication.published` around a publication that fails. Does not belong here: what is noted (`test_published`).
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from publication import editions
from publication.published import FILE, read_published
from publication.verify import verify_all
from publication.verify_workspace import verify_workspace
from tests.publication.centre import ORIGIN, Centre, publish_as_it_stands

# The steps of publishing after what is shown and hidden is known, in their order.
STEPS = ["write_secret", "_seal", "_sync", "record_unrecorded", "write_checkpoints", "point_current"]


class GaveUpError(BaseException):
    """A kill, a full disk, a person's Ctrl-C."""


def _publish(centre: Centre, day: int) -> None:
    publish_as_it_stands(
        centre.workspace, ORIGIN, datetime(2026, 5, day, tzinfo=UTC), reason="a corrected file", by="Huda"
    )


def _give_up(centre: Centre, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish the next revision, and stop at a step that is reached after the draft is complete."""
    centre.publish()
    centre.change("update benchmarks.bench_scores set score = 3, n = 61 where score_id = 's4'")
    centre.change("update intermediate.int_scores__judged set n = 61 where period_id = '2026Q1' and agency_id = 'a02'")
    begun: list[int] = []
    real, keep = getattr(editions, step), editions.keep

    def kept(*given: Any) -> str:
        begun.append(1)
        return keep(*given)

    def gave_up(*given: Any, **named: Any) -> Any:
        if begun:
            raise GaveUpError
        return real(*given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(editions, "keep", kept)
        patched.setattr(editions, step, gave_up)
        with pytest.raises(GaveUpError):
            _publish(centre, 1)


@pytest.mark.parametrize("step", STEPS)
def test_it_is_no_alarm_and_the_next_publication_goes_on(
    centre: Centre, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _give_up(centre, step, monkeypatch)
    assert [one for found in verify_workspace(centre.workspace).values() for one in found] == []
    renamed = (centre.workspace.editions / "2026Q1-r2").is_dir()
    # What readers have is what counts: from the moment the edition stands there under its name.
    counts = {
        row["unit_id"]: row["n"] for row in read_published(centre.workspace).to_pylist() if row["period_id"] == "2026Q1"
    }
    assert counts["a02"] == (61 if renamed else 60)
    _publish(centre, 2)
    assert (centre.workspace.editions / "2026Q1-r2").is_dir()
    found = {**verify_all(centre.workspace.editions), **verify_workspace(centre.workspace)}
    assert [one for problems in found.values() for one in problems] == []


def test_an_edit_is_an_alarm_still(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    _give_up(centre, "write_secret", monkeypatch)
    path: Path = centre.workspace.root / FILE
    path.write_bytes(path.read_bytes() + b"x")
    told = [one for found in verify_workspace(centre.workspace).values() for one in found]
    assert {(one.rule, one.file) for one in told} >= {("vintage_changed", FILE)}


def test_a_file_laid_beside_it_is_not_believed(centre: Centre) -> None:
    centre.publish()
    before = read_published(centre.workspace).to_pylist()
    beside = (centre.workspace.root / FILE).with_name("published-next.parquet")
    import pyarrow.parquet as pq

    pq.write_table(read_published(centre.workspace).slice(0, 1), beside)
    assert read_published(centre.workspace).to_pylist() == before
