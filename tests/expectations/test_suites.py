"""Every rule of every suite, on rows made for it: exactly the bad rows are found.

Belongs here: suites as data, filled in and evaluated. Does not belong here: what follows from a failure (`test_intake`).
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from expectations.runner import evaluate, failing_rows
from expectations.suites import SUITES, Rule, catalogue, refuse_above_share, suite_for
from ingestion.broken_rules import SuiteError, broken_rows
from ingestion.contract import Contract
from ingestion.feeds import load_feeds
from ingestion.typed_rows import Rows, TypedRows
from miyar.workspace import OpenPeriods

PERIODS = OpenPeriods(first="2025Q1", last="2026Q4")
Row = dict[str, Any]
WriteTyped = Callable[..., Path]
AT = datetime(2026, 1, 15, 10)
EARLIER = datetime(2026, 1, 14, 10)
SAME_KEY: dict[str, Row] = {
    "survey_responses": {"response_id": "same", "item": "same"},
    "complaints": {"case_id": "same"},
    "service_usage": {"service_id": "same"},
    "service_standards": {"standard_id": "same", "service_id": "same"},
    "mystery_visits": {"visit_id": "same", "rubric_item": "same"},
    "maturity_assessments": {"assessment_id": "same", "practice_id": "same"},
    "reported_measures": {"measure": "same", "service_id": "same"},
}
# A row about an agency as a whole.
WHOLE: Row = dict.fromkeys(
    ("service_id", "branch_id", "region_id", "journey_id", "channel", "stage", "segment", "reported_on")
)
# (feed, rule, rows that must be found, rows that only just pass the rule)
CASES: list[tuple[str, str, list[Row], list[Row]]] = [
    *(
        case
        for feed in SAME_KEY
        for case in (
            (feed, "agency_not_covered", [{"agency_id": "a09"}], [{"agency_id": "a02"}]),
            (
                feed,
                "period_closed",
                [{"period_id": "2024Q4"}, {"period_id": "2027Q1"}],
                [{"period_id": "2025Q1"}, {"period_id": "2026Q4"}],
            ),
            (feed, "duplicate_key", [SAME_KEY[feed], SAME_KEY[feed]], [{**SAME_KEY[feed], "agency_id": "a02"}]),
        )
    ),
    ("survey_responses", "value_in_scale", [{"value": 0}, {"value": 6}], [{"value": 1}, {"value": 5}]),
    (
        "survey_responses",
        "value_only_when_answered",
        [{"value": None}, {"value": 3, "answer_status": "dont_know"}],
        [{"value": None, "answer_status": "refused"}],
    ),
    (
        "survey_responses",
        "answered_after_invited",
        [{"invited_at": AT, "responded_at": EARLIER}],
        [{"invited_at": AT, "responded_at": AT}, {"invited_at": AT, "responded_at": None}],
    ),
    (
        "survey_responses",
        "design_weight_positive",
        [{"design_weight": 0}, {"design_weight": -1}],
        [{"design_weight": 0.000001}, {"design_weight": None}],
    ),
    (
        "survey_responses",
        "recovery_after_answer",
        [{"responded_at": AT, "attempted_at": EARLIER}, {"responded_at": AT, "reached_at": EARLIER}],
        [{"responded_at": EARLIER, "attempted_at": AT, "reached_at": AT}],
    ),
    (
        "complaints",
        "resolved_after_opened",
        [{"opened_at": AT, "resolved_at": EARLIER}, {"opened_at": AT, "closed_at": EARLIER}],
        [{"opened_at": AT, "resolved_at": AT, "closed_at": AT}],
    ),
    (
        "complaints",
        "acknowledged_after_opened",
        [{"opened_at": AT, "acknowledged_at": EARLIER}, {"opened_at": AT, "first_response_at": EARLIER}],
        [{"opened_at": AT, "acknowledged_at": AT}],
    ),
    (
        "complaints",
        "opened_before_extract",
        [{"opened_at": AT, "extracted_at": EARLIER}],
        [{"opened_at": AT, "extracted_at": AT}],
    ),
    ("complaints", "reopened_not_negative", [{"reopened_count": -1}], [{"reopened_count": 0}]),
    (
        "service_usage",
        "counts_not_negative",
        [
            {name: -1}
            for name in (
                *("started", "completed", "not_eligible", "failed", "abandoned", "repeat_visits", "duration_count"),
                *("duration_minutes", "minutes_available", "minutes_due", "cost"),
            )
        ],
        [{"started": 0, "completed": 0, "cost": 0}],
    ),
    (
        "service_usage",
        "ended_not_above_started",
        [
            {"started": 10, "completed": 8, "not_eligible": 1, "failed": 1, "abandoned": 1},
            {"started": 9, "completed": 2**63 - 1, "failed": 1},
        ],
        [{"started": 10, "completed": 8, "failed": 2}, {"completed": 8}],
    ),
    (
        "service_usage",
        "available_not_above_due",
        [{"minutes_available": 11, "minutes_due": 10}],
        [{"minutes_available": 10, "minutes_due": 10}, {"minutes_available": 10}],
    ),
    (
        "service_standards",
        "met_not_above_total",
        [{"met": 11, "total": 10}, {"met": -1}, {"total": -1}],
        [{"met": 10, "total": 10}],
    ),
    ("service_standards", "target_is_share", [{"target": 80}, {"target": -0.1}], [{"target": 1}, {"target": 0}]),
    (
        "service_standards",
        "verdict_agrees",
        [
            {"met": 8, "total": 10, "target": 0.9, "is_target_met": True},
            {"met": 9, "total": 10, "target": 0.9, "is_target_met": False},
        ],
        [
            {"met": 9, "total": 10, "target": 0.9, "is_target_met": True},
            {"met": 0, "total": 0, "target": 0.9, "is_target_met": True},
            {"is_target_met": True},
        ],
    ),
    (
        "mystery_visits",
        "score_within_maximum",
        [{"score": 6, "score_max": 5}, {"score": -1, "score_max": 5}, {"score": None, "score_max": 0}],
        [{"score": 5, "score_max": 5}, {"score": 0, "score_max": 5}],
    ),
    ("mystery_visits", "item_weight_positive", [{"item_weight": 0}], [{"item_weight": 0.5}]),
    (
        "maturity_assessments",
        "adoption_within_maximum",
        [{"adoption": 4, "adoption_max": 3}, {"adoption": -1, "adoption_max": 3}, {"adoption_max": 0}],
        [{"adoption": 3, "adoption_max": 3}],
    ),
    (
        "maturity_assessments",
        "expires_after_assessed",
        [{"assessed_on": date(2026, 2, 1), "expires_on": date(2026, 1, 31)}],
        [{"assessed_on": date(2026, 2, 1), "expires_on": date(2026, 2, 1)}],
    ),
    ("reported_measures", "counts_not_negative", [{"numerator": -1}, {"n": -1}], [{"numerator": 0, "n": 0}]),
    (
        "reported_measures",
        "mean_on_0_100",
        [{"mean": 100.5}, {"mean": -0.5}, {"sd": -1}],
        [{"mean": 100, "sd": 0}, {"mean": 0}],
    ),
    (
        "reported_measures",
        "band_ordered",
        [{"n_low": 300, "n_high": 299}, {"n_low": -1}],
        [{"n_low": 300, "n_high": 300}, {"n_low": 300}],
    ),
    (
        "reported_measures",
        "total_agrees",
        [{"measure": "x", "option": "total", "n": 11, "numerator": None, **WHOLE}],
        [
            {"measure": "x", "option": "one", "n": 10, "numerator": None, **WHOLE},
            {"measure": "y", "option": "total", "n": 5, "numerator": None, **WHOLE},
            {"measure": "y", "option": "one", "n": 5, "numerator": None, **WHOLE},
        ],
    ),
]


def _contract(feed: str, **changes: Any) -> Contract:
    """A contract that maps every key and required column from a header of the same name."""
    known = load_feeds()[feed]
    names = {column.name for column in known.columns if column.required or column.name in known.key}
    properties = [{"name": name, "physicalName": name} for name in sorted(names)]
    content = {"id": "c", "provider": "p", "feed": feed, "covers": ["a01", "a02"], "format": {"type": "csv"}}
    return Contract.model_validate({**content, "properties": properties, **changes})


def _rules(feed: str, **changes: Any) -> list[Rule]:
    return suite_for(load_feeds()[feed], _contract(feed, **changes), PERIODS)


def _broken(typed: Path, rules: list[Rule], problems: Sequence[Path] = ()) -> list[list[str]]:
    """What intake finds, which Great Expectations has to find too."""
    with duckdb.connect() as connection:
        rows, *others = (Rows(connection, path, in_memory=False, count=0) for path in (typed, *problems))
        table = TypedRows(rows, others[0] if others else None)
        found = broken_rows(connection, table, [(rule.id, rule.predicate) for rule in rules])
    assert failing_rows(evaluate([typed], problems, rules), "500MB") == found
    return found


def _found(typed: Path, rules: list[Rule], problems: Sequence[Path] = ()) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for rule, ids in zip(rules, _broken(typed, rules, problems), strict=True):
        if ids:
            found[rule.id] = sorted(set(found.get(rule.id, [])) | set(ids))
    return found


@pytest.mark.parametrize(("feed", "rule", "bad", "good"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_each_rule(feed: str, rule: str, bad: list[Row], good: list[Row], write_typed: WriteTyped) -> None:
    typed = write_typed(feed, [*bad, {}, *good])
    found = _found(typed, _rules(feed))
    assert found[rule] == sorted(f"r{number}" for number in range(len(bad)))
    # The rows that pass this rule break no other rule either.
    spotless = {f"r{number}" for number in range(len(bad), len(bad) + 1 + len(good))}
    assert not spotless & {row for ids in found.values() for row in ids}


def test_every_rule_of_every_suite_is_tried() -> None:
    common = [rule["id"] for rule in yaml.safe_load((SUITES / "common.yml").read_text("utf-8"))["rules"]]
    written = {
        (feed, rule)
        for feed in load_feeds()
        for rule in [*common, *(r["id"] for r in yaml.safe_load((SUITES / f"{feed}.yml").read_text("utf-8"))["rules"])]
    }
    assert {(feed, rule) for feed, rule, _, _ in CASES} == written


@pytest.mark.parametrize("feed", list(load_feeds()))
def test_required_columns_and_codes(feed: str, write_typed: WriteTyped) -> None:
    """The two kinds of rule that follow from feeds.yml: one row per column, spoiled in that column only."""
    columns = load_feeds()[feed].columns
    empty = [column.name for column in columns if column.required]
    coded = [column.name for column in columns if column.codes]
    rows: list[Row] = [{}, *({name: None} for name in empty), *({name: "nonsense"} for name in coded)]
    rules = _rules(feed)
    failing = _broken(write_typed(feed, rows), rules)
    found = {
        (rule.id, rule.columns): ids
        for rule, ids in zip(rules, failing, strict=True)
        if ids and rule.id in {"required_value", "unknown_code"}
    }
    expected = {("required_value", (name,)): [f"r{n}"] for n, name in enumerate(empty, start=1)}
    expected |= {("unknown_code", (name,)): [f"r{n}"] for n, name in enumerate(coded, start=1 + len(empty))}
    assert found == expected


@pytest.mark.parametrize("feed", list(load_feeds()))
def test_every_rule_speaks_both_languages(feed: str) -> None:
    for rule in _rules(feed):
        assert rule.severity in {"error", "warning"}
        assert rule.action in {"quarantine", "refuse", "report"}
        # Rules that only report must be warnings, and rules that hold rows back must be errors.
        assert (rule.action == "report") == (rule.severity == "warning"), rule.id
        assert bool(rule.violation) != bool(rule.expectation), rule.id
        assert all(any("\u0600" <= letter <= "\u06ff" for letter in text) for text in (rule.ar, rule.next_ar)), rule.id
        assert all(text.isascii() and len(text) > 10 for text in (rule.en, rule.next_en)), rule.id
        assert "{" not in rule.violation.replace("{batch}", ""), rule.id
    assert {row["id"] for row in catalogue(feed)} >= {rule.id for rule in _rules(feed)}


def test_what_is_filled_in() -> None:
    rules = {rule.id: rule for rule in _rules("complaints")}
    assert rules["agency_not_covered"].violation == "not (agency_id in ('a01', 'a02'))"
    outside = "(period_id < '2025Q1' or period_id > '2026Q4')"
    assert rules["period_closed"].violation == f"{outside} and period_id not in ('')"
    assert "{batch}" in rules["duplicate_key"].violation
    everybody = {rule.id: rule for rule in _rules("complaints", covers="all")}
    assert everybody["agency_not_covered"].violation == "not (true)"
    quoted = {rule.id: rule for rule in _rules("complaints", covers=["o'neil"])}
    assert quoted["agency_not_covered"].violation == "not (agency_id in ('o''neil'))"


def test_keys_made_of_row_numbers_are_not_asked() -> None:
    properties = [{"name": name, "physicalName": name} for name in ("agency_id", "period_id", "opened_at")]
    rules = suite_for(load_feeds()["complaints"], _contract("complaints", properties=properties), PERIODS)
    assert "duplicate_key" not in {rule.id for rule in rules}
    assert "duplicate_key" in {rule.id for rule in _rules("complaints")}


def test_rows_with_problems_are_not_judged_again(write_typed: WriteTyped, tmp_path: Path) -> None:
    problems = tmp_path / "problems.parquet"
    pq.write_table(pa.table({"row_id": ["r0"]}), problems)
    typed = write_typed("survey_responses", [{"value": 9}, {"value": 9}])
    assert _found(typed, _rules("survey_responses"), [problems]) == {"value_in_scale": ["r1"]}


def test_more_bad_rows_than_great_expectations_counts(write_typed: WriteTyped) -> None:
    """It counts at most 200 rows of a query, but all bad rows must be found."""
    typed = write_typed("survey_responses", [{"value": 9, "design_weight": 0}] * 450 + [{}])
    found = _found(typed, _rules("survey_responses"))
    everyone = sorted(f"r{number}" for number in range(450))
    assert found == {"value_in_scale": everyone, "design_weight_positive": everyone}


@pytest.mark.parametrize(
    "broken",
    [
        {"violation": "no_such_column > 1"},
        {"expectation": "ExpectColumnValuesToBeBetween", "kwargs": {"column": "no_such_column", "min_value": 0}},
    ],
)
def test_a_rule_that_errors_is_no_failure(broken: Row, write_typed: WriteTyped) -> None:
    words = {"ar": "قاعدة", "en": "A rule", "next_ar": "لا شيء", "next_en": "Nothing"}
    rule = Rule("broken_rule", ("value",), "error", "quarantine", **words, **broken)
    typed, rules = write_typed("survey_responses", [{}]), [*_rules("survey_responses"), rule]
    with pytest.raises(SuiteError, match=r"broken_rule: .*no_such_column"):
        evaluate([typed], [], rules)
    with duckdb.connect() as connection, pytest.raises(SuiteError, match=r"^[^;]*broken_rule: .*no_such_column[^;]*$"):
        table = TypedRows(Rows(connection, typed, in_memory=False, count=1), None)
        broken_rows(connection, table, [(one.id, one.predicate) for one in rules])


@pytest.mark.parametrize("violation", ["scale_min", "null", "scale_min - 1", "scale_max % 2"])
def test_a_predicate_that_is_a_number(violation: str, write_typed: WriteTyped) -> None:
    words = {"ar": "قاعدة", "en": "A rule", "next_ar": "لا شيء", "next_en": "Nothing"}
    rule = Rule("number", ("scale_min",), "error", "quarantine", **words, violation=violation)
    bad = {"scale_min": ["r0", "r1"], "scale_min - 1": ["r1"], "scale_max % 2": ["r0"]}
    typed = write_typed("survey_responses", [{}, {"scale_min": 2, "scale_max": 4}])
    assert _broken(typed, [rule]) == [bad.get(violation, [])]


@pytest.mark.parametrize("feed", list(load_feeds()))
def test_no_row_at_all(feed: str, write_typed: WriteTyped) -> None:
    assert not _found(write_typed(feed, []), _rules(feed))


@pytest.mark.parametrize(
    ("kwargs", "inside", "outside"),
    [
        ({"min_value": 0}, [0, 5, None], [-0.000001]),
        ({"min_value": 0, "strict_min": True}, [0.000001, None], [0]),
        ({"max_value": 100}, [100, -5, None], [100.000001]),
        ({"max_value": 100, "strict_max": True}, [99.999999, None], [100]),
        ({"min_value": -1.5, "max_value": 2.5}, [-1.5, 2.5, None], [-1.500001, 2.500001]),
    ],
)
def test_ranges_as_great_expectations_reads_them(
    kwargs: Row, inside: list[float | None], outside: list[float], write_typed: WriteTyped
) -> None:
    words = {"ar": "قاعدة", "en": "A rule", "next_ar": "لا شيء", "next_en": "Nothing"}
    between = {"expectation": "ExpectColumnValuesToBeBetween", "kwargs": {"column": "design_weight", **kwargs}}
    rule = Rule("in_range", ("design_weight",), "error", "quarantine", **words, **between)
    typed = write_typed("survey_responses", [{"design_weight": weight} for weight in [*outside, *inside]])
    assert _broken(typed, [rule]) == [[f"r{number}" for number in range(len(outside))]]


def test_the_share_has_a_reason() -> None:
    assert 0 < refuse_above_share() < 1
    source = yaml.safe_load((SUITES / "common.yml").read_text("utf-8"))["refuse_above_share"]
    assert source["reason"] and source["owner"] and source["review_by"]
