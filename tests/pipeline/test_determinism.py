"""The same deliveries give the same figures, whatever the order of rows and files, the threads and the day of the run."""

import shutil
from datetime import timedelta

import duckdb

# Tables of figures. Other published tables name submissions, whose ids follow from the bytes of the files.
FIGURES = ("bench_scores", "bench_peer_positions", "bench_maturity", "bench_coverage")


def _hashes(micro) -> dict[str, str]:
    from publication.manifest import read_manifest

    return {name: entry.hash for name, entry in read_manifest(micro.workspace.editions / "current").tables.items()}


def test_shuffled_rows_give_the_same_figures(built, make_micro) -> None:
    shuffled = make_micro("shuffled")
    shuffled.land(shuffle=5)
    shuffled.receive()
    shuffled.build()
    shuffled.publish()
    expected, found = _hashes(built), _hashes(shuffled)
    assert expected["fct_submissions"] != found["fct_submissions"], "the files were not shuffled"
    assert {name: found[name] for name in FIGURES} == {name: expected[name] for name in FIGURES}
    assert shuffled.cells() == built.cells()


def test_threads_files_made_in_another_order_and_another_day_give_the_same_edition(
    built, make_micro, expected_hash: str
) -> None:
    other = make_micro("other", threads=4)
    # Written last to first; within one run files arrive in the order of paths, and they carry their dates.
    other.land(reversed(other.deliveries))
    other.receive()
    other.build()
    made = other.publish(moment=other.moment + timedelta(days=40))
    assert made.content_hash == expected_hash
    days = {manifest_of(one)["published_at"] for one in (built, other)}
    assert len(days) == 2, "the day is in the manifest, not in the content"


def manifest_of(micro) -> dict:
    import json

    return json.loads((micro.workspace.editions / "current" / "manifest.json").read_text("utf-8"))


def test_moved_workspace_gives_the_same_edition(built, expected_hash: str, tmp_path) -> None:
    """Nothing published depends on the workspace's location."""
    moved = tmp_path / "year=2025" / "with 'quote' {and} braces"
    moved.parent.mkdir()
    shutil.copytree(built.root, moved, symlinks=True)
    there = type(built)(moved)
    shutil.rmtree(moved / "warehouse")
    there.build()
    assert there.publish().content_hash == expected_hash
    with duckdb.connect(
        str((moved / "editions" / "current").resolve() / "benchmarks.duckdb"), read_only=True
    ) as edition:
        assert edition.execute("select count(*) > 0 from bench_scores where status = 'reported'").fetchone() == (True,)
