"""The release ledger: what it records, that edits of it are detected, and that it recovers from a kill.

Belongs here: `release_ledger`, `asof`, `proofs`. Does not belong here: hashes of an edition's own files
(`test_verify`).
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from miyar.errors import MiyarError
from publication.asof import in_force
from publication.manifest import read_manifest
from publication.proofs import is_proved, prove
from publication.release_ledger import FILE, check, read_entries, record_unrecorded
from publication.verify import verify, verify_all
from tests.publication.centre import ORIGIN, publish_as_it_stands
from tests.publication.conftest import unsealed

CORRECTED = "update benchmarks.bench_scores set score = {} where score_id = 's3'"
Unseal = Callable[[Path], Any]


@pytest.fixture
def editions(centre: Any) -> Path:
    """Publish on three days: Q1, its correction, and a late edition of the previous quarter."""
    for day, score, period, reason in (
        (20, 71.25, "2026Q1", ""),
        (25, 72, "2026Q1", "Noor sent a corrected file"),
        (28, 72, "2025Q4", ""),
    ):
        centre.change(CORRECTED.format(score))
        moment = datetime(2026, 4, day, 9, tzinfo=UTC)
        publish_as_it_stands(centre.workspace, ORIGIN, moment, period=period, reason=reason, by="Huda")
    folder: Path = centre.workspace.editions
    return folder


def _rules(editions: Path, head: str = "") -> list[tuple[str, int | None]]:
    return [(problem.rule, problem.row) for problem in check(editions, head)]


def _rewrite(editions: Path, change: Callable[[list[str]], list[str]]) -> None:
    path = editions / FILE
    path.write_text("".join(f"{line}\n" for line in change(path.read_text("utf-8").splitlines())), "utf-8")


def _edited(lines: list[str], number: int, **fields: Any) -> list[str]:
    lines[number] = json.dumps(json.loads(lines[number]) | fields, ensure_ascii=False)
    return lines


def test_a_correction_is_a_record(editions: Path) -> None:
    first, second, third = read_entries(editions)
    assert (first.edition_id, first.corrections) == ("2026Q1-r1", {})
    assert (second.by, second.reason) == ("Huda", "Noor sent a corrected file")
    assert second.corrections.pop("salt") == read_manifest(editions / "2026Q1-r2").salt != ""
    assert second.corrections == {
        "base": "2026Q1-r1",
        "methodology_before": "2026.2",
        "figures": [
            {
                "score_id": "s3",
                "unit_id": "a01",
                "metric_id": "speed",
                "period_id": "2026Q1",
                "change": "changed",
                "before": {"score": 71.25},
                "after": {"score": 72.0},
            }
        ],
    }
    assert (third.edition_id, second.previous_hash, third.previous_hash) == (
        "2025Q4-r1",
        first.entry_hash,
        second.entry_hash,
    )


def test_the_same_content_is_not_recorded_again(centre: Any) -> None:
    centre.publish()
    before = (centre.workspace.editions / FILE).read_bytes()
    assert not centre.publish().is_new
    assert (centre.workspace.editions / FILE).read_bytes() == before


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda lines: _edited(lines, 1, reason="always so"), [("ledger_entry_changed", 2)]),
        (lambda lines: _edited(lines, 1, corrections={}), [("ledger_entry_changed", 2)]),
        (lambda lines: [lines[1], lines[2]], [("ledger_chain_broken", 1), ("edition_unrecorded", None)]),
        (lambda lines: [lines[0], lines[2]], [("ledger_chain_broken", 2), ("edition_unrecorded", None)]),
        (lambda lines: [lines[1], lines[0], lines[2]], [("ledger_chain_broken", n) for n in (1, 2, 3)]),
        (lambda lines: lines[:2], [("edition_unrecorded", None)]),
        (lambda lines: [lines[0], "{}", lines[2]], [("ledger_unreadable", 2)]),
    ],
    ids=["edited", "correction hidden", "first removed", "middle removed", "reordered", "last removed", "garbled"],
)
def test_whatever_is_done_to_the_ledger_is_seen(
    change: Callable[[list[str]], list[str]], expected: list[tuple[str, int | None]], editions: Path
) -> None:
    assert _rules(editions) == []
    _rewrite(editions, change)
    found = _rules(editions)
    assert [one for one in expected if one not in found] == []


def test_a_publication_dated_behind_the_one_before_it_is_seen(editions: Path) -> None:
    """A killed publishing leaves an edition that is recorded later: its manifest may say any moment."""
    with unsealed(editions / "2025Q4-r1" / "manifest.json") as path:
        path.write_text(path.read_text("utf-8").replace("2026-04-28T", "2026-04-24T"), "utf-8")
    _rewrite(editions, lambda lines: lines[:2])
    record_unrecorded(editions)
    assert _rules(editions) == [("ledger_moment_back", 3)]


def test_a_removed_edition_is_missed(editions: Path) -> None:
    (editions / "2025Q4-r1").rename(editions.parent / "hidden")
    assert _rules(editions) == [("edition_missing", 3)]


def test_a_forger_who_rewrites_table_manifest_and_ledger_is_betrayed_by_a_head_noted_elsewhere(
    editions: Path, unseal: Unseal
) -> None:
    head = read_entries(editions)[-1].entry_hash
    folder = editions / "2025Q4-r1"
    with unseal(folder / "manifest.json") as path:
        path.write_text(path.read_text("utf-8").replace('"by": "Huda"', '"by": "Noura"'), "utf-8")
    assert _rules(editions, head) == [("manifest_changed", 3)]
    _rewrite(editions, lambda lines: lines[:2])
    record_unrecorded(editions)
    assert _rules(editions) == []
    assert _rules(editions, head) == [("ledger_head_missing", None)]


def test_a_silent_edit_is_told_by_table_row_and_column(editions: Path, unseal: Unseal) -> None:
    with unseal(editions / "2026Q1-r2" / "benchmarks.duckdb") as path, duckdb.connect(str(path)) as connection:
        connection.execute("update bench_scores set score = 99, n = 7 where score_id = 's4'")
        connection.execute("delete from dim_agencies where agency_id = 'a02'")
        connection.execute(
            "insert into dim_metrics (metric_id, name_ar, name_en, is_headline) values ('x', 'س', 'X', false)"
        )
    told = {(p.file.partition("/")[2], p.message) for p in verify(editions, "2026Q1-r2") if p.rule == "table_changed"}
    start = "the database table differs from the manifest"
    assert told == {
        ("bench_scores", f"{start}: row s4, column score, n"),
        ("dim_agencies", f"{start}: row a02/مؤسسة الندى/Nada was removed"),
        ("dim_metrics", f"{start}: row x/س/X was added"),
    }
    assert not verify(editions, "2026Q1-r1")


def test_what_was_believed_on_a_day(editions: Path) -> None:
    def ids(day: str) -> list[str]:
        return [entry.edition_id for entry in in_force(editions, day)]

    assert ids("2026-04-20") == ids("20260420") == ["2026Q1-r1"]
    assert ids("2026-04-24") == ["2026Q1-r1"]
    assert ids("2026-04-25T11:59+03:00") == ["2026Q1-r1"]
    assert ids("2026-04-25T12:00+03:00") == ["2026Q1-r2"]
    assert ids("2027-01-01") == ["2025Q4-r1", "2026Q1-r2"]
    for day, rule in (("2026-04-19", "nothing_published"), ("2026-4", "date_invalid")):
        with pytest.raises(MiyarError, match=rule):
            in_force(editions, day)


def test_a_proof_is_checked_with_nothing_but_sha256(editions: Path) -> None:
    proof = json.loads(json.dumps(prove(editions / "2026Q1-r2", "s3")))
    assert proof["entry"]["entry_hash"] == read_entries(editions)[1].entry_hash
    row = dict(zip(proof["columns"], json.loads(proof["row"]), strict=True))
    assert (row["score_id"], row["score"], row["status_reason"]) == ("s3", "72.0000", None)
    # Follows the description in `hashing` alone, without any function of the product.
    sha = hashlib.sha256
    node = sha(b"\0" + bytes.fromhex(proof["salt"]) + sha(proof["row"].encode()).digest()).digest()
    for side, other in proof["steps"]:
        pair = (bytes.fromhex(other), node) if side == "left" else (node, bytes.fromhex(other))
        node = sha(b"\1" + pair[0] + pair[1]).digest()
    head = json.dumps([proof["columns"], proof["types"], proof["rows"], node.hex()], ensure_ascii=False)
    tables = proof["tables"] | {"bench_scores": sha(head.encode()).hexdigest()}
    root = sha("".join(f"{name}={tables[name]}\n" for name in sorted(tables)).encode()).hexdigest()
    assert root == proof["entry"]["root_hash"]
    assert is_proved(proof)
    assert not is_proved(proof | {"row": proof["row"].replace("72.0000", "73.0000")})
    assert not is_proved(proof | {"salt": "0" * 64})
    with pytest.raises(MiyarError, match="score_unknown"):
        prove(editions / "2026Q1-r2", "s99")


KILLED = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
import publication.editions as editions
from miyar.workspace import Workspace
from tests.publication.conftest import unsealed
from tests.publication.centre import publish_as_it_stands

calls = []
def kill(folder):
    calls.append(folder)
    if len(calls) == 2:  # the first call heals what an earlier run left; the second follows the rename
        if sys.argv[2] == "torn":
            with (folder / "ledger.jsonl").open("a") as stream:
                stream.write('{"number": 2, "edi')
        os.kill(os.getpid(), 9)
editions.record_unrecorded = kill
origin = editions.Origin("2026.2", "m" * 64, "r" * 64, "c" * 64, "k" * 64, {})
place = Workspace.open(Path(sys.argv[1]))
publish_as_it_stands(place, origin, datetime(2026, 4, 25, tzinfo=UTC), reason="correction", by="Huda")
"""


@pytest.mark.parametrize("how", ["whole", "torn"])
def test_a_kill_between_rename_and_record_heals(how: str, centre: Any) -> None:
    centre.publish()
    centre.change(CORRECTED.format(72))
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(centre.workspace.root), how],
        cwd=Path(__file__).resolve().parents[2],
        check=False,
        env=os.environ,
    )
    assert killed.returncode == -9
    folder = centre.workspace.editions
    assert _rules(folder) == [("ledger_torn" if how == "torn" else "edition_unrecorded", None)]
    assert not centre.publish().is_new
    assert [(entry.edition_id, entry.by) for entry in read_entries(folder)] == [
        ("2026Q1-r1", ""),
        ("2026Q1-r2", "Huda"),
    ]
    assert not any(verify_all(folder).values())
    assert (folder / "current").readlink().name == "2026Q1-r2"
