"""What a check foresees: whether a figure will have peers, else which file or line of the contract would give it some.

Belongs here: the foresight of one figure against an edition. Does not belong here: the comparison itself (`tests/dbt`).
"""

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from miyar.registry import load_registry
from publication.hashing import file_hash
from publication.manifest import Manifest
from publication.release_ledger import FILE, record_unrecorded
from publication.standing import DATABASE, point_current
from tests.ingestion.conftest import Centre, build
from warehouse.comparability import foreseen

EDITION = "2025Q1-r1"
OWN = {
    "metric_id": "m", "name_ar": "م", "name_en": "M", "unit_type": "agency", "unit_id": "a01", "period_id": "2025Q1",
    "instrument_id": "likert5|w1", "status": "reported", "frame_status": "no_frame", "weighting": "unweighted",
    "mode_set": "web", "adjustments": "", "n": 40, "standard_error": 2.0, "ci_low": 40.0, "ci_high": 60.0, "blank": {},
}  # fmt: skip


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    made = build(tmp_path / "centre")
    settings = made.root / "miyar.yml"
    settings.write_text(settings.read_text("utf-8").replace("methodology: v1", "methodology: '2026.2'"), "utf-8")
    return made


def edition(centre: Centre, peers: list[tuple[str, str, str]], own_group: str = "g", **cells: Any) -> None:
    """A published edition in which peers (group, instrument, weighting) have the metric, with `cells` in place of what all have.

    The registry has our agency's group.
    """
    agencies = centre.root / "registry" / "agencies.csv"
    agencies.write_text(
        agencies.read_text("utf-8").replace("Noor Authority,,", f"Noor Authority,,{own_group}"), "utf-8"
    )
    folder = centre.root / "editions" / EDITION
    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / DATABASE)) as connection:
        connection.execute("create table dim_agencies (agency_id varchar, peer_group varchar)")
        connection.execute(
            "create table bench_scores (metric_id varchar, unit_type varchar, agency_id varchar, period_id varchar, "
            "instrument_id varchar, status varchar, weighting varchar, mode_set varchar, adjustments varchar, n bigint, "
            "standard_error double, ci_low double, ci_high double)"
        )
        for number, (group, instrument, weighting) in enumerate(peers):
            connection.execute("insert into dim_agencies values (?, ?)", [f"p{number}", group])
            row = {
                "metric_id": "m", "unit_type": "agency", "agency_id": f"p{number}", "period_id": "2025Q1",
                "instrument_id": instrument, "status": "reported", "weighting": weighting, "mode_set": "web",
                "adjustments": "", "n": 90, "standard_error": 2.0, "ci_low": 50.0, "ci_high": 60.0,
            } | cells  # fmt: skip
            connection.execute(f"insert into bench_scores values ({', '.join('?' * len(row))})", list(row.values()))
    publish(folder)


def publish(folder: Path) -> None:
    """Let manifest and ledger name the edition's database as it is."""
    made_from = dict.fromkeys(["methodology_version", "methodology_hash", "registry_hash", "contracts_hash"], "")
    manifest = Manifest(
        edition_id=EDITION, period_id=EDITION[:6], revision=1, reason="", published_at="2026-01-20T06:00:00+00:00",
        content_hash="", previous_edition_id=None, previous_manifest_hash=None, code_hash="", storage_version="",
        files={DATABASE: file_hash(folder / DATABASE)}, **made_from,
    )  # fmt: skip
    (folder / "manifest.json").write_text(manifest.as_json(), "utf-8")
    (folder.parent / FILE).unlink(missing_ok=True)
    record_unrecorded(folder.parent)
    point_current(folder.parent)


def told(centre: Centre, **own: Any) -> list[tuple[str, str]]:
    registry = load_registry(centre.root / "registry")
    return [(one.reason, one.en) for one in foreseen(centre.workspace, registry, [OWN | own])]


def test_unweighted_among_weighted_peers(centre: Centre) -> None:
    """It ended in "not comparable: weighted and unweighted", after publication."""
    edition(centre, [("g", "likert5|w1", "weighted")] * 6)
    [(reason, text)] = told(centre)
    assert reason == "weighting_differs"
    assert "service_usage" in text and "completed" in text and "6" in text


def test_enough_peers_of_the_same_kind(centre: Centre) -> None:
    edition(centre, [("g", "likert5|w1", "unweighted")] * 5)
    assert told(centre) == []
    assert told(centre, weighting="weighted", frame_status="framed")[0][0] == "weighting_differs"


def test_another_scale(centre: Centre) -> None:
    edition(centre, [("g", "likert10|w1", "unweighted")] * 7 + [("g", "likert5|w1", "unweighted")])
    [(reason, text)] = told(centre)
    assert reason == "instrument_differs"
    assert "likert10" in text and "likert5" in text and "scales" in text


def test_few_peers(centre: Centre) -> None:
    edition(centre, [("g", "likert5|w1", "unweighted")] * 4 + [("other", "likert5|w1", "unweighted")] * 9)
    [(reason, text)] = told(centre)
    assert reason == "peers_few" and "4" in text and "agencies.csv" in text


def test_a_group_that_is_not_given(centre: Centre) -> None:
    edition(centre, [("g", "likert5|w1", "unweighted")] * 6, own_group="")
    assert [reason for reason, _ in told(centre)] == ["peer_group_missing"]


def test_nothing_published_yet_and_figures_that_are_withheld(centre: Centre) -> None:
    assert told(centre) == []
    edition(centre, [("g", "likert5|w1", "weighted")] * 6)
    assert told(centre, status="suppressed") == []
    assert told(centre, unit_type="branch", unit_id="b") == []


PEERS = [("g", "likert5|w1", "unweighted")] * 6
WEIGHTED = [("g", "likert5|w1", "weighted")] * 6
# Each gate that depends on what is delivered: peers, what they have, a delivery that lacks it, the reason, what it names.
LACKS: dict[str, tuple[list[tuple[str, str, str]], dict[str, Any], dict[str, Any], str, str]] = {
    "n": (PEERS, {}, {"status": "suppressed", "n": 12}, "n_small", "12"),
    "period": (PEERS, {"period_id": "2025Q2"}, {"period_id": "2025Q1"}, "peers_few", "peer group"),
    "another period": (PEERS, {"period_id": "2024Q4"}, {"period_id": "2025Q1"}, "period_differs", "2024Q4"),
    "scale": (PEERS, {}, {"instrument_id": "likert10|w1"}, "instrument_differs", "scales"),
    "wording": (PEERS, {}, {"instrument_id": "likert5|w2"}, "wording_differs", "wording_version"),
    "weights": (WEIGHTED, {}, {}, "weighting_differs", "service_usage"),
    "modes": (PEERS, {}, {"mode_set": "unknown", "blank": {"mode": 1.0}}, "mode_missing", "mode"),
    "other modes": (PEERS, {}, {"mode_set": "phone"}, "mode_mix_differs", "phone"),
    "adjusters": (
        PEERS,
        {"adjustments": "mix"},
        {"blank": {"age_band": 1.0, "gender": 0.5}},
        "adjustment_differs",
        "age_band, gender",
    ),
    "study of modes": (
        PEERS,
        {"adjustments": "mode", "mode_set": "adjusted"},
        {"mode_set": "phone"},
        "mode_study_missing",
        "overlap_studies",
    ),
    "base": (PEERS, {}, {"n": None}, "base_unknown", "n"),
    "spread": (PEERS, {}, {"standard_error": None, "ci_low": None, "ci_high": None}, "no_interval", "sd"),
}


@pytest.mark.parametrize("gate", list(LACKS))
def test_a_delivery_that_lacks_only_one_thing(centre: Centre, gate: str) -> None:
    peers, published, own, reason, named = LACKS[gate]
    edition(centre, peers, **published)
    if gate == "another period":
        folder = centre.root / "editions" / EDITION
        with duckdb.connect(str(folder / DATABASE)) as connection:
            # The quarter of the file is published; only another metric was due in it.
            connection.execute(
                "insert into bench_scores (metric_id, period_id, status) values ('o', '2025Q2', 'reported')"
            )
        publish(folder)
    found = told(centre, **own)
    assert [one for one, _ in found] == [reason]
    assert named in found[0][1]


def test_a_frame_that_lies_in_the_lake_weights_the_survey(centre: Centre) -> None:
    """A check builds the file alone; that its usage was delivered before is seen in the list of slices."""
    edition(centre, WEIGHTED)
    frame(centre)
    assert told(centre, blank={"channel": 0.0}) == []
    [(reason, text)] = told(centre, blank={"channel": 0.5})
    assert reason == "margin_missing" and "channel" in text


def frame(centre: Centre) -> None:
    """A live slice of usage of our agency and quarter."""
    lake = centre.root / "lake"
    lake.mkdir(exist_ok=True)
    duckdb.sql(
        f"copy (select 'service_usage' as feed, 'a01' as agency_id, '2025Q1' as period_id, 'live' as status) "
        f"to '{lake / 'slices.parquet'}' (format parquet)"
    )


def test_all_that_is_missing_is_told_at_once(centre: Centre) -> None:
    edition(centre, WEIGHTED, adjustments="mix")
    own = {
        "mode_set": "unknown",
        "blank": dict.fromkeys(["mode", "channel", "age_band", "gender", "nationality_class"], 1.0),
    }
    reasons = [reason for reason, _ in told(centre, **own)]
    assert reasons == ["weighting_differs", "mode_missing", "adjustment_differs"]
