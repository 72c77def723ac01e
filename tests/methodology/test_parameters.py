"""A methodology version that contradicts itself is refused, with all its faults at once.

Belongs here: `methodology.parameters`. Does not belong here: functions that use the parameters.
"""

import csv
import shutil
from pathlib import Path

import pytest

from methodology.parameters import METRIC_COLUMNS, VERSIONS, ParameterError, load_methodology


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    """A copy of the shipped version, to be spoiled."""
    shutil.copytree(VERSIONS / "2026.2", tmp_path / "2026.2")
    return tmp_path


def _metric(metric_id: str, **changes: str) -> dict[str, str]:
    row = dict.fromkeys(METRIC_COLUMNS, "x")
    return {**row, "metric_id": metric_id, "estimator": "mean", "polarity": "1", "unit": "score_0_100", **changes}


def _write_metrics(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, METRIC_COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_the_shipped_version_is_sound() -> None:
    methodology = load_methodology("2026.2")
    assert len(set(methodology.metric_ids)) == len(methodology.metrics) == 40
    # The two thresholds for publication: 30 responses for the public, 5 for the owner.
    assert (methodology.thresholds["minimum_n"], methodology.thresholds["owner_n"]) == (30, 5)
    assert sorted(methodology.models) == ["cx_management", "digital_experience"]
    assert all(row["name_ar"] and row["name_en"] and row["definition_ar"] for row in methodology.metrics)


def test_an_unknown_version_names_the_known() -> None:
    with pytest.raises(ParameterError, match=r"'1999\.1' is unknown; known are 2026\.1"):
        load_methodology("1999.1")


def test_every_fault_at_once(versions: Path) -> None:
    folder = versions / "2026.2"
    extra = _write_metrics(
        versions / "extra.csv",
        [
            _metric("speed"),  # is in the catalogue already
            _metric("guessed", estimator="guess"),
            _metric("odd_unit", unit="furlong"),
            _metric("sideways", polarity="2"),
            _metric("customer_retention"),
        ],
    )
    model = folder / "maturity" / "digital_experience.yml"
    text = model.read_text("utf-8").replace("[50, 70, 85, 95]", "[50, 70, 70, 95, 120]")
    model.write_text(text.replace("weight: 1, name: {ar: رضا", "weight: 0, name: {ar: رضا"), "utf-8")
    with (folder / "top_boxes.csv").open("a", encoding="utf-8") as stream:
        stream.write("9,9,chosen,nothing is above the top\n")
    with (folder / "seasons.csv").open("a", encoding="utf-8") as stream:
        stream.write("long,1,1,31,طويل,Long,chosen,no month of the moon has 31 days\n")
    with pytest.raises(ParameterError) as caught:
        load_methodology("2026.2", extra, versions)
    faults = str(caught.value).splitlines()
    for expected in (
        "metric 'speed' stands twice",
        "metric 'guessed': estimator 'guess' is unknown",
        "metric 'odd_unit': unit 'furlong' is unknown",
        "metric 'sideways': polarity '2'",
        "metric 'customer_retention': retention is no merit",
        "digital_experience.yml: cut-offs must rise",
        "digital_experience.yml: 5 cut-offs make 6 levels, 5 are named",
        "digital_experience.yml: every dimension needs a positive weight",
        "top_boxes.csv: a scale of 9 points has no box 9",
        "seasons.csv: long lasts from day 1 to 31 of month 1",
    ):
        assert sum(fault.startswith(expected) for fault in faults) == 1, expected
    assert len(faults) == 10


def test_another_header_is_refused(versions: Path) -> None:
    extra = versions / "extra.csv"
    extra.write_text("metric_id,name\nx,y\n", "utf-8")
    with pytest.raises(ParameterError, match="the header must be metric_id,name_ar"):
        load_methodology("2026.2", extra, versions)


def test_own_metrics_follow_the_catalogue_and_change_the_hash(versions: Path) -> None:
    plain = load_methodology("2026.2", None, versions)
    extra = _write_metrics(versions / "extra.csv", [_metric("own_metric")])
    extended = load_methodology("2026.2", extra, versions)
    assert extended.metric_ids == [*plain.metric_ids, "own_metric"]
    assert extended.hash != plain.hash
    assert load_methodology("2026.2", versions / "absent.csv", versions).hash == plain.hash


def test_a_changed_parameter_changes_the_hash(versions: Path) -> None:
    before = load_methodology("2026.2", None, versions).hash
    assert before == load_methodology("2026.2").hash
    thresholds = versions / "2026.2" / "thresholds.csv"
    thresholds.write_text(thresholds.read_text("utf-8").replace("minimum_n,30", "minimum_n,31"), "utf-8")
    assert load_methodology("2026.2", None, versions).hash != before


def test_margins_and_adjusters_come_from_closed_lists(versions: Path) -> None:
    folder = versions / "2026.2"
    with (folder / "margins.csv").open("a", encoding="utf-8") as stream:
        stream.write("channel,smallest,true,chosen,x,\n")
    with (folder / "adjusters.csv").open("a", encoding="utf-8") as stream:
        stream.write("channel,adjuster,chosen,x,\n")
    with pytest.raises(ParameterError) as caught:
        load_methodology("2026.2", versions=versions)
    assert str(caught.value).splitlines() == [
        "margins.csv: empty_level_goes_to 'smallest' is unknown; known are largest",
        "margins.csv: 'channel' stands twice",
        # The channel of service is the agency's own choice, so scores are never adjusted for it.
        "adjusters.csv: adjuster 'channel' is unknown; known are age_band, gender, nationality_class, region_id, mode",
    ]


def test_context_variables_have_positive_weights_and_known_transformations(versions: Path) -> None:
    with (versions / "2026.2" / "neighbours.csv").open("a", encoding="utf-8") as stream:
        stream.write("rural_share,0,square,chosen,x,\n")
    with pytest.raises(ParameterError) as caught:
        load_methodology("2026.2", versions=versions)
    assert str(caught.value).splitlines() == [
        "neighbours.csv: transform 'square' is unknown; known are none, log",
        "neighbours.csv: 'rural_share' stands twice",
        "neighbours.csv: rural_share has the weight 0",
    ]


def test_a_version_says_what_it_is(tmp_path: Path) -> None:
    about = load_methodology("2026.1").about
    assert (about["status"], about["changes_en"]) == ("retired", "The first version")
    shutil.copytree(VERSIONS / "2026.2", tmp_path / "v")
    path = tmp_path / "v" / "version.yml"
    path.write_text(path.read_text("utf-8").replace("current", "perhaps"), "utf-8")
    with pytest.raises(ParameterError, match="status 'perhaps' is unknown"):
        load_methodology("v", versions=tmp_path)
