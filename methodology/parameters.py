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

from methodology.bases import BASES, KIND_COLUMNS, UNITS, kind_faults, with_kinds
from methodology.index import hierarchy
from methodology.maturity import unreachable_levels
from methodology.maturity_models import HIGHEST_ADOPTION, MaturityModel, model_faults, read_model
from methodology.neighbours import TRANSFORMS

VERSIONS = Path(__file__).parent / "versions"
ESTIMATORS = set(BASES)
VERSION_STATUS = {"current", "retired", "draft"}
INDEX_MEANS = {"arithmetic", "geometric", "harmonic"}
MARGINS = ("service_id", "channel", "region_id", "segment")
# The channel of service is the agency's own choice: answers are weighted by it, never adjusted for it.
ADJUSTERS = ("age_band", "gender", "nationality_class", "region_id", "mode")
# `KIND_COLUMNS` may follow; a registry without them gets what its estimators are taken to be.
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
    """One version: tables of text as in the files, and the hash over all of them."""

    version: str
    metrics: list[dict[str, str]]
    thresholds: dict[str, float]
    top_boxes: list[dict[str, str]]
    channels: list[dict[str, str]]
    margins: list[dict[str, str]]
    adjusters: list[dict[str, str]]
    neighbours: list[dict[str, str]]
    adoption_errors: list[dict[str, str]]
    roles: dict[str, str]
    index: list[dict[str, str]]
    seasons: list[dict[str, str]]
    models: dict[str, MaturityModel]
    about: dict[str, str]
    hash: str
    folder: Path = field(repr=False)

    @cached_property
    def metric_ids(self) -> list[str]:
        return [row["metric_id"] for row in self.metrics]


def load_methodology(version: str, extra_metrics: Path | None = None, versions: Path = VERSIONS) -> Methodology:
    """Read one version, with a workspace's own metrics after the catalogue's; all have the columns of `bases.with_kinds`.

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
    thresholds = {row["name"]: float(row["value"]) for row in _rows(folder / "thresholds.csv")}
    models = {}
    faults = _header_faults(metrics)
    if not faults:
        metrics = [with_kinds(row, thresholds) for row in metrics]
        faults = _metric_faults(metrics)
    for path in sorted((folder / "maturity").glob("*.yml")):
        try:
            model = read_model(yaml.safe_load(path.read_text("utf-8")))
        except KeyError as missing:
            faults.append(f"{path.name}: {missing} is missing")
            continue
        own_faults = model_faults(model)
        # Whether levels can be reached is only checked on a model without other faults.
        own_faults += [] if own_faults else [f"level {level} cannot be ended at" for level in unreachable_levels(model)]
        faults += [f"{path.name}: {fault}" for fault in own_faults]
        models[model.model_id] = model
    top_boxes = _rows(folder / "top_boxes.csv")
    faults += [
        f"top_boxes.csv: a scale of {row['points']} points has no box {row['lowest_top_box']}"
        for row in top_boxes
        if not 0 < int(row["lowest_top_box"]) < int(row["points"])
    ]
    margins, adjusters = _rows(folder / "margins.csv"), _rows(folder / "adjusters.csv")
    faults += _choice_faults(
        "margins.csv",
        margins,
        {"margin": MARGINS, "empty_level_goes_to": ("largest",), "must_be_known": ("true", "false")},
    )
    faults += _choice_faults("adjusters.csv", adjusters, {"adjuster": ADJUSTERS, "role": ("adjuster", "control")})
    neighbours = _rows(folder / "neighbours.csv")
    faults += _neighbour_faults(neighbours)
    adoption_errors = _rows(folder / "adoption_errors.csv")
    faults += _adoption_error_faults(adoption_errors)
    roles = {row["role"]: row["metric_id"] for row in _rows(folder / "roles.csv")}
    known_metrics = {row["metric_id"] for row in metrics}
    faults += [
        f"roles.csv: {role}: metric {metric!r} is unknown"
        for role, metric in roles.items()
        if metric not in known_metrics
    ]
    index = _rows(folder / "index.csv")
    faults += _index_faults(index, known_metrics)
    seasons = _rows(folder / "seasons.csv")
    faults += [
        f"seasons.csv: {row['season']} lasts from day {row['first_day']} to {row['last_day']} of month {row['hijri_month']}"
        for row in seasons
        if not (1 <= int(row["hijri_month"]) <= 12 and 1 <= int(row["first_day"]) <= int(row["last_day"]) <= 30)
    ]
    about = _about(folder / "version.yml", faults)
    if faults:
        raise ParameterError("\n".join(faults))
    channels = _rows(folder / "channels.csv")
    return Methodology(
        version,
        metrics,
        thresholds,
        top_boxes,
        channels,
        margins,
        adjusters,
        neighbours,
        adoption_errors,
        roles,
        index,
        seasons,
        models,
        about,
        digest.hexdigest(),
        folder,
    )


def _neighbour_faults(rows: list[dict[str, str]]) -> list[str]:
    """Context variables named twice, weights that are not positive, unknown transformations."""
    names = tuple(row["variable"] for row in rows)
    faults = _choice_faults("neighbours.csv", rows, {"variable": names, "transform": TRANSFORMS})
    return faults + [
        f"neighbours.csv: {row['variable']} has the weight {row['weight']}"
        for row in rows
        if not float(row["weight"]) > 0
    ]


def _adoption_error_faults(rows: list[dict[str, str]]) -> list[str]:
    """Every assessed adoption needs the probability of every verified one, and these must sum to one."""
    faults = []
    steps = [str(step) for step in range(HIGHEST_ADOPTION + 1)]
    for assessed in steps:
        own = {row["verified"]: float(row["probability"]) for row in rows if row["assessed"] == assessed}
        if sorted(own) != steps or min(own.values()) < 0 or abs(sum(own.values()) - 1) > 1e-9:
            faults.append(f"adoption_errors.csv: assessed {assessed}: chances of {', '.join(steps)} must sum to one")
    return faults


def _index_faults(rows: list[dict[str, str]], metrics: set[str]) -> list[str]:
    """Every way the composite index contradicts itself."""
    weights = {row["node_id"]: float(row["weight"]) for row in rows if row["parent_id"]}
    faults = []
    try:
        hierarchy({row["node_id"]: row["parent_id"] or None for row in rows}, weights)
    except ValueError as error:
        faults += str(error).splitlines()
    parents = {row["parent_id"] for row in rows} - {""}
    for parent in sorted(parents):
        total = sum(weights[row["node_id"]] for row in rows if row["parent_id"] == parent)
        if abs(total - 1) > 1e-9:
            faults.append(f"the weights below {parent!r} sum to {total:g}, not 1")
    for row in rows:
        node = row["node_id"]
        if row["metric_id"] and row["metric_id"] not in metrics:
            faults.append(f"{node!r}: metric {row['metric_id']!r} is unknown")
        if bool(row["metric_id"]) == (node in parents):
            faults.append(f"{node!r}: a node has either children or a metric")
        elif row["metric_id"] and row["direction"] not in {"1", "-1"}:
            faults.append(f"{node!r}: direction {row['direction']!r} is not 1 or -1")
        elif row["metric_id"] and not float(row["lower"]) < float(row["upper"]):
            faults.append(f"{node!r}: the lower goalpost {row['lower']} is not below the upper one {row['upper']}")
        if not row["parent_id"] and row["aggregation"] not in INDEX_MEANS:
            faults.append(f"{node!r}: aggregation {row['aggregation']!r} is unknown; known are {sorted(INDEX_MEANS)}")
    return [f"index.csv: {fault}" for fault in faults]


def _about(path: Path, faults: list[str]) -> dict[str, str]:
    """Status, first period and changes of a version, and the number of its parameters: rows of its tables."""
    source = yaml.safe_load(path.read_text("utf-8"))
    if source.get("status") not in VERSION_STATUS:
        faults.append(f"version.yml: status {source.get('status')!r} is unknown; known are {sorted(VERSION_STATUS)}")
    return {
        "status": str(source.get("status")),
        "valid_from": str(source["valid_from"]),
        "changes_ar": str(source["changes"]["ar"]),
        "changes_en": str(source["changes"]["en"]),
        "parameters_count": str(sum(len(_rows(table)) for table in sorted(path.parent.glob("*.csv")))),
    }


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    # Lines that begin with # are comments, as in all registry tables.
    return [row for row in rows if not str(next(iter(row.values()), "")).startswith("#")]


def _choice_faults(file: str, rows: list[dict[str, str]], choices: dict[str, tuple[str, ...]]) -> list[str]:
    """Values outside their closed lists, and rows whose first column repeats another's."""
    faults = [
        f"{file}: {column} {row[column]!r} is unknown; known are {', '.join(known)}"
        for row in rows
        for column, known in choices.items()
        if row[column] not in known
    ]
    names = [row[next(iter(choices))] for row in rows]
    return faults + [f"{file}: {name!r} stands twice" for name in sorted({n for n in names if names.count(n) > 1})]


def _header_faults(metrics: list[dict[str, str]]) -> list[str]:
    """The header of metrics: METRIC_COLUMNS, then any of KIND_COLUMNS in their order."""
    for row in metrics:
        further = list(row)[len(METRIC_COLUMNS) :]
        if list(row)[: len(METRIC_COLUMNS)] != METRIC_COLUMNS or further != [n for n in KIND_COLUMNS if n in further]:
            return [
                f"metrics.csv: the header must be {','.join(METRIC_COLUMNS)}; any of {','.join(KIND_COLUMNS)} may follow"
            ]
    return []


def _metric_faults(metrics: list[dict[str, str]]) -> list[str]:
    faults = []
    seen: set[str] = set()
    for row in metrics:
        metric = row["metric_id"]
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
        faults += [f"metric {metric!r}: {fault}" for fault in kind_faults(row)]
        # In public services a return visit is a failure; "retention" would reward it (METHODOLOGY section 9).
        if "retention" in metric:
            faults.append(
                f"metric {metric!r}: retention is no merit of a public service; register repeat contact, polarity -1"
            )
    return faults
