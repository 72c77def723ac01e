"""What dbt reads besides the lake, as Parquet rewritten before every build: registry, methodology, ledger, what was published.

Belongs here: turning those rooms' objects into flat tables. Does not belong here: checks (each room checks its own).
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingestion.submission_ledger import Account
from methodology.parameters import Methodology
from miyar.registry_tables import TABLES, columns_of
from publication.method import items_of_roles
from publication.published import read_published
from warehouse.inputs import Inputs

PRACTICE_COLUMNS = [
    "model_id",
    "practice_id",
    "dimension",
    "level",
    "is_mandatory",
    "measure",
    "steps",
    "name_ar",
    "name_en",
]


def write_snapshots(inputs: Inputs, *, into: Path | None = None) -> None:
    """Write `registry/*.parquet` into the lake (or another folder); rows are in source order, and all columns are text."""
    workspace, registry, methodology = inputs.workspace, inputs.registry, inputs.methodology
    folder = (into or workspace.lake) / "registry"
    folder.mkdir(parents=True, exist_ok=True)
    for name in TABLES:
        _write(folder / f"{name}.parquet", list(columns_of(name)), registry.tables[name])
    _write(folder / "metrics.parquet", list(methodology.metrics[0]), methodology.metrics)
    thresholds = [{"name": name, "value": str(value)} for name, value in methodology.thresholds.items()]
    _write(folder / "thresholds.parquet", ["name", "value"], thresholds)
    _write(folder / "top_boxes.parquet", list(methodology.top_boxes[0]), methodology.top_boxes)
    _write(folder / "channels.parquet", list(methodology.channels[0]), methodology.channels)
    _write(folder / "margins.parquet", ["margin", "empty_level_goes_to", "must_be_known"], methodology.margins)
    _write(folder / "adjusters.parquet", ["adjuster", "role"], methodology.adjusters)
    _write(folder / "neighbours.parquet", ["variable", "weight", "transform"], methodology.neighbours)
    _write(folder / "seasons.parquet", list(methodology.seasons[0]), methodology.seasons)
    dimensions, levels = _maturity_rows(methodology)
    _write(folder / "maturity_dimensions.parquet", ["model_id", "dimension", "weight"], dimensions)
    _write(folder / "maturity_levels.parquet", ["model_id", "level", "from_score", "name_ar", "name_en"], levels)
    practices, gates = _practice_rows(methodology)
    _write(folder / "maturity_practices.parquet", PRACTICE_COLUMNS, practices)
    _write(folder / "maturity_gates.parquet", ["model_id", "level", "adoption", "share"], gates)
    caps = [{"model_id": name, "unshown": str(model.unshown_adoption)} for name, model in methodology.models.items()]
    _write(folder / "maturity_models.parquet", ["model_id", "unshown"], caps)
    errors = ["assessed", "verified", "probability"]
    _write(folder / "adoption_errors.parquet", errors, methodology.adoption_errors)
    roles = [{"role": role, "metric_id": metric} for role, metric in methodology.roles.items()]
    _write(folder / "roles.parquet", ["role", "metric_id"], roles)
    items = [{"role": role, "item": item} for role, item in items_of_roles(methodology).items()]
    _write(folder / "items.parquet", ["role", "item"], items)
    _write(folder / "index.parquet", list(methodology.index[0]), methodology.index)
    about = {"methodology_version": methodology.version, "hash": methodology.hash, **methodology.about}
    _write(folder / "methodology_versions.parquet", list(about), [about])
    periods = [{"period_id": period} for period in workspace.settings.periods.all]
    _write(folder / "periods.parquet", ["period_id"], periods)
    _write_submissions(folder / "submissions.parquet", inputs.accounts)
    published = read_published(workspace)
    is_contribution = pc.is_valid(published["contributor_id"])
    _replace(folder / "published.parquet", published.filter(pc.invert(is_contribution)))
    _replace(folder / "contributed.parquet", published.filter(is_contribution))


def _maturity_rows(methodology: Methodology) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    dimensions, levels = [], []
    for model in methodology.models.values():
        for dimension, weight in model.weights.items():
            dimensions.append({"model_id": model.model_id, "dimension": dimension, "weight": str(weight)})
        for number, (cut, names) in enumerate(zip([0.0, *model.cuts], model.levels, strict=True), start=1):
            levels.append(
                {
                    "model_id": model.model_id,
                    "level": str(number),
                    "from_score": str(cut),
                    "name_ar": names["ar"],
                    "name_en": names["en"],
                }
            )
    return dimensions, levels


def _practice_rows(methodology: Methodology) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    practices, gates = [], []
    for model in methodology.models.values():
        for practice in model.practices:
            observed = practice.observed
            practices.append(
                {
                    "model_id": model.model_id,
                    "practice_id": practice.practice_id,
                    "dimension": practice.dimension,
                    "level": str(practice.level),
                    "is_mandatory": str(practice.is_mandatory).lower(),
                    "measure": observed.measure if observed else "",
                    "steps": ";".join(map(str, observed.steps)) if observed else "",
                    "name_ar": practice.names["ar"],
                    "name_en": practice.names["en"],
                }
            )
        for gate in model.gates:
            gates.append(
                {
                    "model_id": model.model_id,
                    "level": str(gate.level),
                    "adoption": str(gate.adoption),
                    "share": str(gate.share),
                }
            )
    return practices, gates


def _write_submissions(path: Path, accounts: list[Account]) -> None:
    text = ("submission_id", "feed", "path", "delivered_key", "status")
    numbers = ("source_rows", "left_out", "records", "accepted", "quarantined", "duplicates")
    ordered = sorted(accounts, key=lambda account: account.submission_id)
    columns = {name: pa.array([getattr(account, name) for account in ordered], pa.string()) for name in text}
    columns["provider_id"] = pa.array([account.provider for account in ordered], pa.string())
    for name in numbers:
        columns[name] = pa.array([getattr(account, name) for account in ordered], pa.int64())
    _replace(path, pa.table(columns))


def _write(path: Path, columns: list[str], rows: list[dict[str, str]]) -> None:
    _replace(path, pa.table({name: pa.array([row[name] for row in rows], pa.string()) for name in columns}))


def _replace(path: Path, table: pa.Table) -> None:
    part = path.with_suffix(".part")
    pq.write_table(table, part)
    part.replace(path)
