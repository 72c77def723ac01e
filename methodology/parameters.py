"""The versioned parameters of the methodology, read from `versions/<version>/` and checked as a whole.

Belongs here: loading and checking of metrics, thresholds, box sets and maturity models. Does not belong here: anything that
computes with them.
"""

import csv
import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import yaml

from methodology.maturity import unreachable_levels
from methodology.maturity_models import MaturityModel, model_faults, read_model

VERSIONS = Path(__file__).parent / "versions"
ESTIMATORS = {"mean", "proportion", "ratio", "rate_per_1000", "practice_mean"}
UNITS = {"score_0_100", "share_pct", "per_1000"}
METRIC_COLUMNS = [
    "metric_id",
    "name_ar",
    "name_en",
    "definition_ar",
    "definition_en",
    "feed",
    "measure_id",
    "estimator",
    "stage",
    "polarity",
    "unit",
    "is_headline",
    "status",
    "source",
]


class ParameterError(ValueError):
    """A methodology version that contradicts itself; the message lists every fault."""


@dataclass(frozen=True)
class Methodology:
    """One version: tables of text as they stand in the files, and the hash over all of them."""

    version: str
    metrics: list[dict[str, str]]
    thresholds: dict[str, float]
    top_boxes: list[dict[str, str]]
    channels: list[dict[str, str]]
    seasons: list[dict[str, str]]
    models: dict[str, MaturityModel]
    hash: str
    folder: Path = field(repr=False)

    @cached_property
    def metric_ids(self) -> list[str]:
        return [row["metric_id"] for row in self.metrics]


def load_methodology(version: str, extra_metrics: Path | None = None, versions: Path = VERSIONS) -> Methodology:
    """Read one version, with a workspace's own metrics after the catalogue's.

    Raises ParameterError listing every fault: unknown version, estimators or units, metrics named twice, a customer
    metric no public service may have, levels that cannot be reached, top boxes outside their scale, seasons outside a month.
    """
    folder = versions / version
    if not folder.is_dir():
        known = ", ".join(sorted(path.name for path in versions.iterdir() if path.is_dir()))
        raise ParameterError(f"methodology version {version!r} is unknown; known are {known}")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    metrics = _rows(folder / "metrics.csv")
    if extra_metrics is not None and extra_metrics.is_file():
        metrics += _rows(extra_metrics)
        files.append(extra_metrics)
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    models = {}
    faults = _metric_faults(metrics)
    for path in sorted((folder / "maturity").glob("*.yml")):
        try:
            model = read_model(yaml.safe_load(path.read_text("utf-8")))
        except KeyError as missing:
            faults.append(f"{path.name}: {missing} is missing")
            continue
        own_faults = model_faults(model)
        # Whether a level can be reached is a question only a sound model can be asked.
        own_faults += [] if own_faults else [f"level {level} cannot be ended at" for level in unreachable_levels(model)]
        faults += [f"{path.name}: {fault}" for fault in own_faults]
        models[model.model_id] = model
    thresholds = {row["name"]: float(row["value"]) for row in _rows(folder / "thresholds.csv")}
    top_boxes = _rows(folder / "top_boxes.csv")
    faults += [
        f"top_boxes.csv: a scale of {row['points']} points has no box {row['lowest_top_box']}"
        for row in top_boxes
        if not 0 < int(row["lowest_top_box"]) < int(row["points"])
    ]
    seasons = _rows(folder / "seasons.csv")
    faults += [
        f"seasons.csv: {row['season']} lasts from day {row['first_day']} to {row['last_day']} of month {row['hijri_month']}"
        for row in seasons
        if not (1 <= int(row["hijri_month"]) <= 12 and 1 <= int(row["first_day"]) <= int(row["last_day"]) <= 30)
    ]
    if faults:
        raise ParameterError("\n".join(faults))
    channels = _rows(folder / "channels.csv")
    return Methodology(version, metrics, thresholds, top_boxes, channels, seasons, models, digest.hexdigest(), folder)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def _metric_faults(metrics: list[dict[str, str]]) -> list[str]:
    faults = []
    seen: set[str] = set()
    for row in metrics:
        metric = row.get("metric_id", "")
        if list(row) != METRIC_COLUMNS:
            return [f"metrics.csv: the header must be {','.join(METRIC_COLUMNS)}"]
        if metric in seen:
            faults.append(f"metric {metric!r} stands twice")
        seen.add(metric)
        if row["estimator"] not in ESTIMATORS:
            faults.append(
                f"metric {metric!r}: estimator {row['estimator']!r} is unknown; known are {sorted(ESTIMATORS)}"
            )
        if row["unit"] not in UNITS:
            faults.append(f"metric {metric!r}: unit {row['unit']!r} is unknown; known are {sorted(UNITS)}")
        if row["polarity"] not in {"1", "0", "-1"}:
            faults.append(f"metric {metric!r}: polarity {row['polarity']!r} is not 1, 0 or -1")
        # In public services a return visit is a failure; "retention" would reward it (METHODOLOGY section 9).
        if "retention" in metric:
            faults.append(
                f"metric {metric!r}: retention is no merit of a public service; register repeat contact, polarity -1"
            )
    return faults
