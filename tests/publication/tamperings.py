"""Ways to tamper with what was published, each a function of the folder of editions.

The newest edition is `2026Q1-r3`, the one before it `2026Q1-r2`; a key lies beside the workspace. `TAMPERINGS` says of each what
`verify` has to name: a rule, a file, and words of the message (table, row and column where it is data). Those marked with
an anchor rewrite everything that stands on the disk, so that only what was kept elsewhere can tell.

Belongs here: the deeds. Does not belong here: whether they are found (`test_tamperings`).
"""

# ruff: noqa: E501 - a deed a line, as in a table

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from publication.checkpoints import checkpoint_path
from publication.release_ledger import FILE
from tests.publication.conftest import unsealed
from tests.publication.ledgers import NAMES, change_table, remove, rewrite, unlocked

OLD, MIDDLE, NEW = NAMES
SCORES = "tables/bench_scores.parquet"
BY_HEAD, BY_WITNESS, BY_KEY = "head", "witness", "key"


@dataclass(frozen=True)
class Tampering:
    """A deed, what has to be named, and the anchor without which nothing can tell it."""

    name: str
    do: Callable[[Path], object]
    rule: str
    file: str
    words: str = ""
    anchor: str = ""


def _edition(change: Callable[[Path], object], name: str = NEW) -> Callable[[Path], object]:
    return lambda editions: change(editions / name)


def _sql(copy: str, statement: str, table: str = "bench_scores", name: str = NEW) -> Callable[[Path], object]:
    return _edition(lambda edition: change_table(edition / copy, table, statement), name)


def _both(statement: str) -> Callable[[Path], None]:
    """Change both copies of a table alike, in one edition."""

    def change(edition: Path) -> None:
        change_table(edition / SCORES, "bench_scores", statement)
        change_table(edition / "benchmarks.duckdb", "bench_scores", statement)

    return change


def _file(name: str, change: Callable[[Path], object], edition: str = NEW) -> Callable[[Path], None]:
    def do(editions: Path) -> None:
        with unsealed(editions / edition / name) as path:
            change(path)

    return do


def _text(old: str, new: str) -> Callable[[Path], object]:
    def change(path: Path) -> None:
        before = path.read_text("utf-8")
        assert old in before
        path.write_text(before.replace(old, new, 1), "utf-8")

    return change


def _manifest(edition: str = NEW, **fields: object) -> Callable[[Path], object]:
    def change(path: Path) -> None:
        path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | fields), "utf-8")

    return _file("manifest.json", change, edition)


def _named_outside(name: str) -> Callable[[Path], object]:
    def change(path: Path) -> None:
        manifest = json.loads(path.read_text("utf-8"))
        manifest["files"][name] = "0" * 64
        path.write_text(json.dumps(manifest), "utf-8")

    return _file("manifest.json", change)


def _lines(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    def do(editions: Path) -> None:
        lines = (editions / FILE).read_text("utf-8").split("\n")[:-1]
        (editions / FILE).write_text("".join(f"{line}\n" for line in change(lines)), "utf-8")

    return do


def _entry(lines: list[str], number: int, **fields: object) -> list[str]:
    lines[number] = json.dumps(json.loads(lines[number]) | fields, ensure_ascii=False)
    return lines


def _swap_packs(edition: Path) -> None:
    with unlocked(edition):
        (edition / "packs" / "a01").rename(edition / "packs" / "x")
        (edition / "packs" / "a02").rename(edition / "packs" / "a01")
        (edition / "packs" / "x").rename(edition / "packs" / "a02")


def _swap_tables(edition: Path) -> None:
    """Let the rows of one table stand in the place of another's."""
    with unlocked(edition):
        shutil.copyfile(edition / "tables" / "dim_units.parquet", edition / "tables" / "dim_agencies.parquet")


def _outside(path: Path, name: str) -> Path:
    """A place beside the workspace's editions."""
    return next(one for one in path.parents if one.name == "editions").with_name(name)


def _link(path: Path) -> None:
    elsewhere = path.rename(_outside(path, "elsewhere"))
    path.symlink_to(elsewhere)


def _hard_link(path: Path) -> None:
    os.link(path, _outside(path, "second"))


def _writable(edition: Path) -> None:
    (edition / "benchmarks.duckdb").chmod(0o666)


def _foreign(editions: Path, name: str, target: str) -> None:
    """An edition of another workspace: whole in itself, with other content."""
    other = editions.parent / "other"
    shutil.copytree(editions / name, other)
    with unlocked(other):
        (other / "difference.json").write_text("{}\n", "utf-8")
        text = (other / "manifest.json").read_text("utf-8").replace(name, target).replace('"Huda"', '"Somebody"')
        (other / "manifest.json").write_text(text, "utf-8")
    if (editions / target).exists():
        for path in [editions / target, *(editions / target).rglob("*")]:
            path.chmod(0o755)
        shutil.rmtree(editions / target)
    other.rename(editions / target)


def _current(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def do(editions: Path) -> None:
        (editions / "current").unlink()
        make(editions / "current")

    return do


def _rolled_back(editions: Path) -> None:
    """The newest edition, its entry and its checkpoint never were."""
    remove(editions, NEW)
    _lines(lambda lines: lines[:-1])(editions)
    _current(lambda path: path.symlink_to(MIDDLE))(editions)


def _everything_rewritten(editions: Path) -> None:
    rewrite(editions)


def _unsigned(path: Path) -> None:
    path.write_text(path.read_text("utf-8").partition("\n\n")[0] + "\n\n", "utf-8")


def _checkpoint(change: Callable[[Path], object], name: str = MIDDLE) -> Callable[[Path], object]:
    return lambda editions: change(checkpoint_path(editions, name))


CHANGED = "update t set score = 99 where score_id = 's3'"
DATA = [
    Tampering("a value in Parquet", _sql(SCORES, CHANGED), "table_changed", f"{NEW}/bench_scores", "row s3, column score"),
    Tampering("a value in the database", _sql("benchmarks.duckdb", CHANGED), "table_changed", f"{NEW}/bench_scores", "row s3, column score"),
    Tampering("a value of an old edition", _sql(SCORES, CHANGED, name=OLD), "table_changed", f"{OLD}/bench_scores", "row s3, column score"),
    Tampering("a value in both copies", _edition(_both(CHANGED)), "table_changed", f"{NEW}/bench_scores", "row s3, column score"),
    Tampering("a row taken out of both copies", _edition(_both("delete from t where score_id = 's4'")), "table_changed", f"{NEW}/bench_scores", "row s4 was removed"),
    Tampering("a row taken out", _sql(SCORES, "delete from t where score_id = 's4'"), "table_changed", f"{NEW}/bench_scores", "row s4 was removed"),
    Tampering("a row added", _sql("benchmarks.duckdb", "insert into t by name select 's9' as score_id, 'a02' as agency_id"), "table_changed", f"{NEW}/bench_scores", "row s9 was added"),
    Tampering("two rows swapped", _sql("benchmarks.duckdb", "update t set score = case score_id when 's1' then 64 else 70.5 end where score_id in ('s1', 's4')"), "table_changed", f"{NEW}/bench_scores", "row s4, column score"),
    Tampering("rows of one table in another", _edition(_swap_tables), "table_changed", f"{NEW}/dim_agencies", "its columns are"),
    Tampering("a column of another type", _sql(SCORES, "alter table t alter n type integer"), "table_changed", f"{NEW}/bench_scores", "types differ"),
    Tampering("a column renamed", _sql("benchmarks.duckdb", "alter table t rename n to m"), "table_changed", f"{NEW}/bench_scores", "its columns are"),
    Tampering("a null made an empty text", _sql(SCORES, "update t set status_reason = '' where score_id = 's3'"), "table_changed", f"{NEW}/bench_scores", "row s3, column status_reason"),
    Tampering("the order of rows", _sql(SCORES, "create or replace table t as from t order by score_id desc"), "file_changed", f"{NEW}/{SCORES}"),
    Tampering("the words on a column", _sql("benchmarks.duckdb", "comment on column dim_agencies.name_ar is 'x'"), "file_changed", f"{NEW}/benchmarks.duckdb"),
    Tampering("a view added to the database", _sql("benchmarks.duckdb", "create view more as select 1 as one"), "file_changed", f"{NEW}/benchmarks.duckdb"),
    Tampering("a figure in an agency's pack", _edition(lambda edition: change_table(edition / "packs/a01/tables/owner_scores.parquet", "t", "update t set score = 99")), "pack_changed", f"{NEW}/a01"),
]  # fmt: skip
FILES = [
    Tampering("a PDF replaced", _file("packs/a01/pack.ar.pdf", lambda path: path.write_bytes(b"%PDF-1.7\n")), "file_changed", f"{NEW}/packs/a01/pack.ar.pdf"),
    Tampering("packs of two agencies swapped", _edition(_swap_packs), "pack_changed", f"{NEW}/a02"),
    Tampering("a file added", _file("packs/a01/extra.csv", lambda path: path.write_text("a\n")), "file_added", f"{NEW}/packs/a01/extra.csv"),
    Tampering("a file removed", _file("reports/national.en.html", Path.unlink), "file_missing", f"{NEW}/reports/national.en.html"),
    Tampering("an empty folder", _file("tables/more", Path.mkdir), "file_added", f"{NEW}/tables/more"),
    Tampering("a pipe", _file("tables/more", os.mkfifo), "file_added", f"{NEW}/tables/more"),
    Tampering("a file that is a link to equal bytes", _file("difference.json", _link), "file_linked", f"{NEW}/difference.json"),
    Tampering("a second name of a file", _file("difference.json", _hard_link), "file_linked", f"{NEW}/difference.json"),
    Tampering("a file that may be written", _edition(_writable), "file_writable", f"{NEW}/benchmarks.duckdb"),
    Tampering("a name in capitals", _file("difference.json", lambda path: path.rename(path.with_name("Difference.json"))), "file_missing", f"{NEW}/difference.json"),
    Tampering("the verifier in the edition", _file("verify_edition.py", lambda path: path.write_text("print('intact')\n")), "file_changed", f"{NEW}/verify_edition.py"),
    Tampering("the checkpoint in a pack", _file("packs/a01/checkpoint.txt", _text("\n2\n", "\n1\n")), "file_changed", f"{NEW}/packs/a01/checkpoint.txt"),
]  # fmt: skip
MANIFESTS = [
    Tampering("who published", _file("manifest.json", _text('"by": "Huda"', '"by": "Noura"')), "manifest_changed", FILE, NEW),
    Tampering("why it was published", _manifest(MIDDLE, reason="always so"), "manifest_changed", FILE, MIDDLE),
    Tampering("when it was published", _manifest(OLD, published_at="2020-01-01T00:00:00+00:00"), "manifest_changed", FILE, OLD),
    Tampering("the hash of the content", _manifest(content_hash="0" * 64), "manifest_changed", f"{NEW}/manifest.json"),
    Tampering("a name that leads up", _named_outside("../../miyar.yml"), "path_outside", f"{NEW}/../../miyar.yml"),
    Tampering("an absolute name", _named_outside("/etc/passwd"), "path_outside", f"{NEW}//etc/passwd"),
    Tampering("a table that leads up", _manifest(tables={"../../x": {"rows": 1, "columns": [], "hash": ""}}), "path_outside", f"{NEW}/../../x"),
    Tampering("a manifest whose files are a list", _manifest(files=["a"]), "manifest_unreadable", f"{NEW}/manifest.json"),
    Tampering("a manifest whose moment is a number", _manifest(published_at=5), "manifest_unreadable", f"{NEW}/manifest.json"),
    Tampering("a manifest with more in it", _manifest(approved_by="the Minister"), "manifest_unreadable", f"{NEW}/manifest.json"),
    Tampering("a manifest that is none", _file("manifest.json", lambda path: path.write_text("{")), "manifest_unreadable", f"{NEW}/manifest.json"),
]  # fmt: skip
LEDGER = [
    Tampering("a reason in the ledger", _lines(lambda lines: _entry(lines, 1, reason="always so")), "ledger_entry_changed", FILE, MIDDLE),
    Tampering("a correction hidden", _lines(lambda lines: _entry(lines, 1, corrections={})), "ledger_entry_changed", FILE, MIDDLE),
    Tampering("a moment in the ledger that is a number", _lines(lambda lines: _entry(lines, 1, published_at=5)), "ledger_unreadable", FILE),
    Tampering("an entry that is a list", _lines(lambda lines: [lines[0], "[]", lines[2]]), "ledger_unreadable", FILE),
    Tampering("corrections that are a text", _lines(lambda lines: _entry(lines, 1, corrections="none")), "ledger_unreadable", FILE),
    Tampering("an entry removed", _lines(lambda lines: [lines[0], lines[2]]), "ledger_chain_broken", FILE),
    Tampering("entries moved", _lines(lambda lines: [lines[1], lines[0], lines[2]]), "ledger_chain_broken", FILE),
    Tampering("an entry twice", _lines(lambda lines: [*lines, lines[2]]), "ledger_entry_twice", FILE, NEW),
    Tampering("the ledger removed", lambda editions: (editions / FILE).unlink(), "edition_unrecorded", NEW),
    Tampering("the ledger a link", lambda editions: _link(editions / FILE), "file_linked", FILE),
    Tampering("a checkpoint removed", _checkpoint(Path.unlink), "checkpoint_missing", f"checkpoints/{MIDDLE}.txt"),
    Tampering("a checkpoint of fewer entries", _checkpoint(_text("\n2\n", "\n1\n")), "checkpoint_differs", f"checkpoints/{MIDDLE}.txt"),
    Tampering("a checkpoint added", _checkpoint(lambda path: path.with_name("more.txt").write_text("x")), "file_added", "checkpoints/more.txt"),
]  # fmt: skip
FOLDER = [
    Tampering("current leads to an older edition", _current(lambda path: path.symlink_to(MIDDLE)), "current_astray", "current"),
    Tampering("current leads out", _current(lambda path: path.symlink_to(path.parent.parent / "other")), "current_astray", "current"),
    Tampering("current is a folder", _current(lambda path: shutil.copytree(path.with_name(NEW), path)), "current_astray", "current"),
    Tampering("current is gone", _current(lambda path: None), "current_astray", "current"),
    Tampering("an edition that is a link", lambda editions: _link(editions / NEW), "file_linked", NEW),
    Tampering("an edition of another workspace", lambda editions: _foreign(editions, MIDDLE, MIDDLE), "manifest_changed", FILE, MIDDLE),
    Tampering("one more, of another workspace", lambda editions: _foreign(editions, NEW, "2026Q2-r1"), "edition_unrecorded", "2026Q2-r1"),
    Tampering("an edition under another name", lambda editions: (editions / NEW).rename(editions / "2026Q1-r4"), "edition_misnamed", "2026Q1-r4/manifest.json", NEW),
    Tampering("an edition removed", lambda editions: remove(editions, MIDDLE), "edition_missing", FILE, MIDDLE),
    Tampering("something else beside the editions", lambda editions: (editions / "2026Q1-r3 (copy)").mkdir(), "file_added", "2026Q1-r3 (copy)"),
]  # fmt: skip
ANCHORED = [
    Tampering("everything rewritten, told by the head", _everything_rewritten, "ledger_head_missing", FILE, anchor=BY_HEAD),
    Tampering("everything rewritten, told by a pack's checkpoint", _everything_rewritten, "ledger_rewritten", "kept.txt", anchor=BY_WITNESS),
    Tampering("everything rewritten, told by the signature", _everything_rewritten, "checkpoint_forged", f"checkpoints/{OLD}.txt", anchor=BY_KEY),
    Tampering("both copies of a table, and all hashes", lambda editions: rewrite(editions, change=_both(CHANGED), of=2), "ledger_head_missing", FILE, anchor=BY_HEAD),
    Tampering("both copies, and all hashes, told by the signature", lambda editions: rewrite(editions, change=_both(CHANGED), of=2), "checkpoint_forged", f"checkpoints/{NEW}.txt", anchor=BY_KEY),
    Tampering("the same in an old edition", lambda editions: rewrite(editions, change=_both(CHANGED)), "ledger_rewritten", "kept.txt", anchor=BY_WITNESS),
    Tampering("the newest edition rolled back, told by the head", _rolled_back, "ledger_head_missing", FILE, anchor=BY_HEAD),
    Tampering("the newest edition rolled back, told by the key's memory", _rolled_back, "ledger_shortened", "what the key signed last", anchor=BY_KEY),
    Tampering("a signature taken off", _checkpoint(_unsigned), "checkpoint_unsigned", f"checkpoints/{MIDDLE}.txt", anchor=BY_KEY),
]  # fmt: skip
TAMPERINGS = [*DATA, *FILES, *MANIFESTS, *LEDGER, *FOLDER, *ANCHORED]
