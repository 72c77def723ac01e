"""A complete workspace of an invented world: settings, registry, contracts, landing files and the truth next to them.

Belongs here: the order of writing and the truth files. Does not belong here: how rows are drawn or formatted.
"""

import csv
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from ingestion.contract import Contract, load_contracts
from ingestion.formats import lines_above
from miyar.periods import last_day
from miyar.registry_tables import TABLES
from simulation import feeds
from simulation.defects import Planted, plant
from simulation.deliveries import Delivery, by_delivery, deliveries, plan, write_contracts
from simulation.files import opened
from simulation.provider_formats import formatted
from simulation.survey import Chunk
from simulation.world import Size, World, draw_world, table

DEFAULT = Size()
Progress = Callable[[str, int, int], None]
SCORES = ("agency_id", "metric_id", "period_id", "true_value", "expected_value", "realised_value", "realised_n")
DEFECTS = ("path", "source_row", "column", "record", "kind", "rule", "fate")
SETTINGS = """# A simulated centre: every name and number in this workspace is invented.
name: {{ar: مركز القياس التجريبي, en: Simulated Measurement Centre}}
methodology: "2026.2"
periods: {{first: {first}, last: {last}}}
"""
README = """# Simulated workspace

Everything here is invented by `simulation/` from seed {seed}; agencies, people and figures belong to nobody.
`pseudonym.key` is drawn from the seed: a demonstration key that protects nothing. Never use it for real data.
`truth/scores.csv` holds each agency's true scores, `truth/defects.csv` what was planted where and what should become of it.
"""


@dataclass
class Truth:
    """What the world knows and the pipeline should find."""

    scores: list[Mapping[str, object]] = field(default_factory=list)
    defects: list[Mapping[str, object]] = field(default_factory=list)


def write_workspace(root: Path, seed: int = 2026, size: Size = DEFAULT, progress: Progress | None = None) -> None:
    """Write a workspace of this seed and size into a new or empty directory; same arguments, same bytes.

    Args:
        progress: called with what is being written, the number of finished deliveries and their total.
    """
    world = draw_world(seed, size)
    root.mkdir(parents=True, exist_ok=True)
    (root / "README.md").write_text(README.format(seed=seed), "utf-8")
    _write_key(root / "pseudonym.key", seed)
    write_registry(root / "registry", world)
    write_contracts(world, root / "registry" / "contracts")
    contracts = by_delivery(load_contracts(root / "registry"))
    truth = Truth()
    every = deliveries(world)
    for number, delivery in enumerate(every):
        if progress is not None:
            progress(f"{delivery.provider}/{delivery.feed}", number, len(every))
        contract = contracts[delivery.provider, delivery.feed]
        for period, chunks in feeds.chunks(world, delivery, contract, truth.scores):
            _deliver(root / "landing", world, delivery, contract, period, chunks, truth)
    if progress is not None:
        progress("", len(every), len(every))
    write_csv(root / "truth" / "scores.csv", SCORES, truth.scores)
    write_csv(root / "truth" / "defects.csv", DEFECTS, truth.defects)
    # Written last: without it the folder is no workspace, so an interrupted simulation can be started again.
    periods = size.period_ids
    _at_rest(root / "landing", periods[-1])
    (root / "miyar.yml").write_text(SETTINGS.format(first=periods[0], last=periods[-1]), "utf-8")


def write_registry(folder: Path, world: World) -> None:
    """Write all registry tables; what is owed follows from the plan."""
    names = {row["agency_id"]: row for row in world.registry["agencies"]}
    providers = [
        {"provider_id": agency, "name_ar": row["name_ar"], "name_en": row["name_en"]} for agency, row in names.items()
    ]
    providers += [{"provider_id": provider, **named} for provider, named in plan()["providers"].items()]
    context = [row for row in table("context") if row["agency_id"] in names]
    # No overlap study, because this centre has never randomised a survey mode.
    tables = {**world.registry, "providers": providers, "owed": list(_owed(world)), "overlap_studies": []}
    tables["context"] = context
    for name, (columns, _, _) in TABLES.items():
        write_csv(folder / f"{name}.csv", columns, tables[name])
    write_csv(folder / "users.csv", ("subject_or_email", "role", "agency_id"), _readers(list(names)))


def _readers(agencies: list[str]) -> list[dict[str, str]]:
    """Portal users: one reader of the centre and one of each agency, at addresses that cannot exist."""
    centre = {"subject_or_email": "centre@miyar.invalid", "role": "centre"}
    own = [{"subject_or_email": f"{one}@miyar.invalid", "role": "agency", "agency_id": one} for one in agencies]
    return [centre, *own]


def _owed(world: World) -> Iterator[dict[str, str]]:
    for delivery in deliveries(world):
        for agency in delivery.agencies:
            for first, last in feeds.owed_periods(world, delivery.feed):
                yield {"agency_id": agency, "feed": delivery.feed, "from_period": first, "to_period": last}


def _write_key(path: Path, seed: int) -> None:
    path.touch(mode=0o600)
    path.write_text(hashlib.sha256(f"demonstration key {seed}".encode()).hexdigest() + "\n", "utf-8")


def write_csv(path: Path, columns: Iterable[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows under a header; columns missing from a row stay empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _deliver(
    landing: Path,
    world: World,
    delivery: Delivery,
    contract: Contract,
    period: str,
    chunks: Iterator[Chunk],
    truth: Truth,
) -> None:
    """Write one file, and the corrections and rubbish that the plan asks for."""
    quarter = world.size.period_ids.index(period)
    # A stream's name is part of its seed, so renaming it would change the demo.
    random = world.stream("dress", delivery.provider, delivery.feed, period)
    path = delivery.path(period)
    first_row = lines_above(contract.format) + 1
    with opened(landing / path, contract.format, delivery.style.banner) as writer:
        for number, chunk in enumerate(chunks):
            columns = formatted(world, contract, delivery.style, period, chunk, random)
            if number == 0:
                if delivery.corrected == quarter:
                    _deliver_early(landing, delivery, contract, period, columns, truth)
                columns, planted = plant(contract, delivery.style, period, columns, random)
                truth.defects += [_note(path, first_row, one) for one in planted]
            writer.write(columns)
    if delivery.rubbish is not None and delivery.rubbish[0] == quarter:
        _spoil(landing / path, delivery.rubbish[1])
        truth.defects = [note for note in truth.defects if note["path"] != path]
        rule = {"truncated": "file_truncated", "header": "header_missing"}[delivery.rubbish[1]]
        truth.defects.append(
            _note(path, 0, Planted(0, "", "*", f"rubbish_{delivery.rubbish[1]}", rule, "refused_file"))
        )


def _at_rest(landing: Path, last_period: str) -> None:
    """Date the delivered files a month after the last period: a run waits for files that were written within the last minute."""
    moment = datetime.combine(last_day(last_period) + timedelta(days=30), time(), UTC).timestamp()
    for path in landing.rglob("*"):
        if path.is_file():
            os.utime(path, (moment, moment))


def _note(path: str, first_row: int, planted: Planted) -> dict[str, object]:
    return {
        "path": path,
        "source_row": planted.row + first_row,
        "column": planted.column,
        "record": planted.record,
        "kind": planted.kind,
        "rule": planted.rule,
        "fate": planted.fate,
    }


def _deliver_early(
    landing: Path, delivery: Delivery, contract: Contract, period: str, columns: feeds.Columns, truth: Truth
) -> None:
    """Write the delivery before the corrected one, cut off after six tenths of its rows."""
    path = delivery.path(period, days=5)
    n = len(next(iter(columns.values())))
    with opened(landing / path, contract.format, delivery.style.banner) as writer:
        writer.write({header: column[: n * 6 // 10] for header, column in columns.items()})
    truth.defects.append(_note(path, 0, Planted(0, "", "*", "corrected_later", "", "replaced")))


def _spoil(path: Path, how: str) -> None:
    """Break a finished file: cut it off, or replace its header."""
    content = path.read_bytes()
    if how == "truncated":
        path.write_bytes(content[: len(content) * 6 // 10])
    else:
        head, _, body = content.partition(b"\n")
        path.write_bytes(head.replace(b"_", b"-").replace(b"i", b"l") + b"\n" + body)
