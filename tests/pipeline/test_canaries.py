"""What a run wrote: searched for people planted in every field of every feed and for secrets, and nobody else's to read.

Ten digits may stand where numbers and ids of events are kept as delivered, for nobody can tell them apart: in the lake and what
is made from it within the centre. Nothing stands anywhere else: no message, account, log, event, temporary file or edition.
"""

import gzip
import os
import re
import stat
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from cli.main import app
from ingestion.feeds import load_feeds
from ingestion.pattern_checks import source
from miyar.registry import load_registry
from publication.manifest import list_editions
from publication.method import methodology_of, with_known_names
from simulation.personal_data.drawn import with_luhn
from tests.pipeline.open_umask import ASKED

ROOT = Path(__file__).parents[2]
AGENCY, PROVIDER = "a01", "canaries"
SECRETS = {
    "MIYAR_PSEUDONYM_KEY": "canary-key-5b1f",
    "KIOSK_TOKEN": "canary-token-77c0",
    "PGPASSWORD": "canary-password-93ad",
    "MIYAR_POSTGRES": "postgresql://miyar:canary-dsn-4e21@localhost/miyar",
    "AWS_SECRET_ACCESS_KEY": "canary-cloud-1d88",
}
TREATED = {"beneficiary", "shopper"}
# The contract says these, not the file.
UNPLANTED = ("agency_id", "period_id", "scale_id", "scale_min", "scale_max", "is_reversed")
VALUES = {
    "integer": "1",
    "decimal": "1",
    "timestamp": "2025-11-15T10:00:00",
    "date": "2025-11-15",
    "boolean": "true",
    "text": "x",
}


@dataclass
class Written:
    """A centre after a run, what the process printed, and the planted texts by the field they stood in."""

    top: Path
    printed: str
    planted: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def centre(self) -> Path:
        return self.top / "centre"


def _is_kept(feed: str, column: str) -> bool:
    """Whether a column may hold ten digits that are somebody's: a number of anything, and the id of an event."""
    found = load_feeds()[feed].by_name.get(column)
    return found is not None and (found.type in ("integer", "decimal") or column in source()["numbered"])


def _canaries(number: int) -> dict[str, str]:
    return {
        "national_id": with_luhn(f"1{90_000_000 + number:08d}"),
        "phone": f"05{77_000_000 + number:08d}",
        "email": f"canary{number:04d}@example.org",
        "name": f"محمد كناري{'ابتثجحخدذر'[number % 10]}{'سشصضطظعغفق'[number // 10 % 10]}{'كلمنهويبتث'[number // 100 % 10]}",
    }


def _plant(micro: Any, written: Written) -> None:
    registry = with_known_names(load_registry(micro.root / "registry"), methodology_of(micro.workspace))
    number = 0
    for feed in load_feeds().values():
        columns = [
            c
            for c in feed.columns
            if c.name not in ("agency_id", "period_id", "scale_id", "scale_min", "scale_max", "is_reversed")
        ]
        base = {c.name: VALUES[c.type] for c in columns if c.required or c.name == feed.event}
        base |= {"answer_status": "answered", "value": "4"} if feed.name == "survey_responses" else {}
        for name in set(base) & set(registry.known):
            base[name] = sorted(registry.known[name])[0]
        properties: list[dict[str, Any]] = [{"name": "agency_id", "constant": AGENCY}]
        properties += [{"name": "scale", "constant": "five"}] if feed.name == "survey_responses" else []
        properties += [
            {"name": c.name, "physicalName": c.name} | ({"treatment": "pseudonymise"} if c.name in TREATED else {})
            for c in columns
        ]
        rows = [
            {**base, **{key: f"plain-{n}" for key in feed.key if feed.by_name[key].row_default}} for n in range(200)
        ]
        for column in [*(c.name for c in columns), "comment"]:
            for kind, canary in _canaries(number).items():
                own = {key: f"c{number}-{kind}" for key in feed.key if key in base and feed.by_name[key].row_default}
                rows.append({**base, **own, column: canary})
                written.planted[canary] = (feed.name, column)
            number += 1
        header = [*(c.name for c in columns), "comment"]
        micro.contract(
            PROVIDER,
            {
                "feed": feed.name,
                "delivery": "add",
                "properties": properties,
                "dropped": [{"physicalName": "comment", "reason": "personal", "scan": True}],
                "scales": {"five": {"family": "satisfaction_5", "min": 1, "max": 5}},
                "delivered": None,
            },
        )
        text = micro.as_csv([{name: row.get(name, "") for name in header} for row in rows])
        micro.write(f"{PROVIDER}/{feed.name}/2025Q4.csv", text)
        for kind, canary in _canaries(number).items():
            written.planted[canary] = (feed.name, f"first row ({kind})")
        micro.write(f"{PROVIDER}/{feed.name}/headless.csv", ",".join(_canaries(number).values()) + "\n1,2,3,4\n")
        number += 1


@pytest.fixture(scope="module")
def written(micro_factory: Callable[[str], Any]) -> Written:
    micro = micro_factory("canaries")
    top = micro.root.parent
    found = Written(top, "")
    micro.land()
    _plant(micro, found)
    (top / "temporary").mkdir(mode=0o700)
    for path, _ in _walk(top):
        path.chmod(0o700 if path.is_dir() else 0o600)
    given = {**os.environ, **SECRETS, "TMPDIR": str(top / "temporary"), "MIYAR_SETTLE": "0"}
    command = [sys.executable, "-m", "tests.pipeline.open_umask", str(micro.root)]
    outcome = subprocess.run(command, cwd=ROOT, env=given, check=False, capture_output=True, text=True)
    found.printed = outcome.stdout + outcome.stderr
    assert outcome.returncode == 0, found.printed[-3000:]
    return found


def _walk(top: Path) -> Iterator[tuple[Path, int]]:
    for parent, folders, files in os.walk(top):
        for name in [*folders, *files]:
            path = Path(parent, name)
            if not path.is_symlink():
                yield path, stat.S_IMODE(path.lstat().st_mode)


def _texts(path: Path) -> Iterator[bytes]:
    """Everything a file may say: its bytes, the values of its tables, its unpacked members and streams."""
    content = path.read_bytes()
    yield content
    if content[:4] == b"PAR1":
        with duckdb.connect() as connection:
            yield from (str(row).encode() for row in connection.execute(f"from read_parquet('{path}')").fetchall())
    elif content[8:12] == b"DUCK":
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = connection.execute(
                "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'"
            ).fetchall()
            for schema, table in tables:
                yield "\n".join(map(str, connection.execute(f'from "{schema}"."{table}"').fetchall())).encode()
    elif content[:2] == b"PK":
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    elif content[:2] == b"\x1f\x8b":
        yield gzip.decompress(content)
    elif content[:4] == b"%PDF":
        for stream in re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL):
            try:
                yield zlib.decompress(stream)
            except zlib.error:
                continue


def _found(top: Path, needles: dict[str, Any]) -> dict[str, set[str]]:
    """Needle -> the files below a folder, by their path, that hold it."""
    pattern = re.compile(b"|".join(re.escape(one.encode()) for one in needles))
    found: dict[str, set[str]] = {}
    for path in sorted(path for path in top.rglob("*") if path.is_file() and not path.is_symlink()):
        for text in _texts(path):
            for one in set(pattern.findall(text)):
                found.setdefault(one.decode(), set()).add(path.relative_to(top).as_posix())
    return found


# Where numbers and ids that are kept as delivered may stand: the lake, what is made from it, what reproduces editions.
WITHIN = ("centre/lake/{feed}/", "centre/warehouse/", "centre/vintages/objects/")
GIVEN = ("centre/landing/",)


def test_people_stand_only_where_a_contract_keeps_them(written: Written) -> None:
    wrong = []
    for canary, paths in _found(written.top, written.planted).items():
        feed, column = written.planted[canary]
        is_kept = _is_kept(feed, column)
        allowed = (*GIVEN, *(place.format(feed=feed) for place in WITHIN if is_kept))
        wrong += [(feed, column, path) for path in sorted(paths) if not path.startswith(allowed)]
    assert wrong == []


def test_the_search_finds_what_is_there(written: Written) -> None:
    """Every canary is found where it was planted, and some in the lake: else the search would prove nothing."""
    found = _found(written.centre / "landing", written.planted)
    assert set(found) == set(written.planted)
    assert any(_found(written.centre / "lake" / feed, written.planted) for feed in load_feeds())
    assert {path.name for path in (written.centre / "editions").iterdir()} >= {"2025Q4-r1", "current"}


def test_nobody_is_printed(written: Written) -> None:
    assert [one for one in (*written.planted, *SECRETS.values()) if one in written.printed] == []


def test_secrets_are_written_nowhere(written: Written) -> None:
    assert _found(written.top, dict.fromkeys(SECRETS.values())) == {}


def test_nothing_is_asked_of_the_network(written: Written) -> None:
    assert ASKED not in written.printed


def test_nothing_of_a_run_stays_in_the_temporary_folder(written: Written) -> None:
    assert sorted(path.name for path in (written.top / "temporary").iterdir()) == []


def test_nobody_else_may_read_or_write_what_a_run_wrote(written: Written) -> None:
    editions = [written.centre / "editions" / name for name in list_editions(written.centre / "editions")]
    assert editions
    seen = set()
    for path, mode in _walk(written.top):
        sealed = any(edition == path or edition in path.parents for edition in editions)
        if sealed:
            assert mode == (0o755 if path in editions else 0o555 if path.is_dir() else 0o444), path
        else:
            assert mode & 0o077 == 0, f"{path} {mode:04o}"
        seen.add(path.relative_to(written.top).parts[:2][-1])
    # The walk has been everywhere: rows, warehouse, accounts, Dagster's records, what was published before.
    assert {"lake", "warehouse", "dagster", "editions", "landing", "registry", "vintages"} <= seen


def test_an_empty_workspace_is_private_too(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        assert CliRunner().invoke(app, ["init", str(tmp_path / "new")]).exit_code == 0
    finally:
        os.umask(before)
    paths = list(_walk(tmp_path))
    assert len(paths) > 5 and all(mode & 0o077 == 0 for _, mode in paths)
