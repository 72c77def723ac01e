"""Agencies, services and branches have a first and a last quarter, and rows outside them are told.

Kind: validity of registry entries is a note and not a rule. Agencies merge, split and are renamed in mid-year:
ror-community/ror-updates#1298 (closed and merged into another), #1645 (split into two), #621 (closed without a successor),
ckan/ideas#118 (which relations a closed organisation has), mysociety/whatdotheyknow-theme#983 (merged, still listed).

Belongs here: rows outside the validity of what they name. Does not belong here: what is owed (dbt's unit tests).
"""

from pathlib import Path
from typing import Any

import pytest

from miyar.errors import MiyarError
from tests.cases.deliveries import SURVEY, Centre, answers, rows_of

HEADER = "agency_id,name_ar,name_en,sector,peer_group,size_class,valid_from,valid_to,aliases,successor\n"
NAMED = [
    {"name": "agency_id", "physicalName": "who", "lookup": "agencies"},
    *(p for p in SURVEY["properties"] if p["name"] != "agency_id"),
]


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    centre = Centre(tmp_path / "centre")
    centre.contract(SURVEY)
    return centre


def agencies(centre: Centre, *rows: str) -> None:
    centre.table("agencies", HEADER + "".join(f"{row}\n" for row in rows))


def outcome(centre: Centre, provider: str = "water") -> tuple[dict[str, int], dict[str, int]]:
    """Accepted rows by slice, and rows by rule, of the last file received."""
    (account,) = centre.receive().accounts
    return {one["slice_id"]: one["rows"] for one in account.slices if one["rows"]}, account.rule_counts


def test_rows_after_the_agency_ended_are_held_back(centre: Centre) -> None:
    agencies(centre, "water,م,Water,,,,,2025Q3,,")
    late = [(f"x{n}", f"2025-10-{n + 1:02}", 3) for n in range(5)]
    centre.land("f.csv", answers(40, "2025-07-15", *late))
    assert outcome(centre) == ({"survey_responses|water|2025Q3": 40}, {"agency_ended": 5})


def test_rows_before_it_began_are_held_back(centre: Centre) -> None:
    agencies(centre, "water,م,Water,,,,2025Q3,,,")
    centre.land("f.csv", answers(40, "2025-07-15", ("x1", "2025-06-30", 3)))
    assert outcome(centre) == ({"survey_responses|water|2025Q3": 40}, {"agency_not_begun": 1})


def test_rows_go_to_the_successor_the_registry_names(centre: Centre) -> None:
    """A merger in mid-year: the old name goes on being written; its own provider need not be renamed."""
    agencies(centre, "water,م,Water,,,,,2025Q3,,utilities", "utilities,خ,Utilities,,,,2025Q4,,,")
    centre.contract(SURVEY, covers=["water"])
    late = [(f"x{n}", f"2025-10-{n + 1:02}", 3) for n in range(5)]
    centre.land("f.csv", answers(40, "2025-07-15", *late))
    assert outcome(centre) == (
        {"survey_responses|utilities|2025Q4": 5, "survey_responses|water|2025Q3": 40},
        {},
    )


def test_two_agencies_merged_into_a_third_share_its_slice(centre: Centre) -> None:
    agencies(
        centre,
        "water,م,Water,,,,,2025Q3,,utilities",
        "power,ك,Power,,,,,2025Q3,,utilities",
        "utilities,خ,Utilities,,,,2025Q4,,,",
    )
    centre.contract(SURVEY, properties=NAMED)
    centre.land("f.csv", rows_of("who,id,at,q1", [("Water", "r1", "2025-10-02", 4), ("Power", "r2", "2025-10-02", 3)]))
    assert outcome(centre) == ({"survey_responses|utilities|2025Q4": 2}, {})


def test_a_successor_of_a_successor(centre: Centre) -> None:
    agencies(
        centre,
        "water,م,Water,,,,,2025Q1,,mid",
        "mid,و,Mid,,,,2025Q2,2025Q3,,last",
        "last,خ,Last,,,,2025Q4,,,",
    )
    centre.land("f.csv", rows_of("id,at,q1", [("r1", "2025-05-02", 4), ("r2", "2025-11-02", 3)]))
    assert outcome(centre) == ({"survey_responses|last|2025Q4": 1, "survey_responses|mid|2025Q2": 1}, {})


def test_a_successor_that_has_not_begun_takes_no_rows(centre: Centre) -> None:
    """A gap between the two: nobody was responsible then."""
    agencies(centre, "water,م,Water,,,,,2025Q2,,late", "late,خ,Late,,,,2025Q4,,,")
    centre.land("f.csv", rows_of("id,at,q1", [("r1", "2025-08-02", 4), ("r2", "2025-11-02", 3)]))
    assert outcome(centre) == ({"survey_responses|late|2025Q4": 1}, {"agency_ended": 1})


def test_a_split_names_no_single_successor(centre: Centre) -> None:
    """Two bodies follow: which one a row is about only its provider knows."""
    agencies(centre, "water,م,Water,,,,,2025Q3,,", "north,ش,North,,,,2025Q4,,,", "south,ج,South,,,,2025Q4,,,")
    centre.contract(SURVEY, properties=NAMED)
    rows = [("North", "r1", "2025-10-02", 4), ("Water", "r2", "2025-10-02", 4), ("South", "r3", "2025-10-02", 4)]
    centre.land("f.csv", rows_of("who,id,at,q1", rows))
    accepted, rules = outcome(centre)
    assert list(accepted) == ["survey_responses|north|2025Q4", "survey_responses|south|2025Q4"]
    assert rules == {"agency_ended": 1}


def test_a_service_of_the_old_agency_is_not_the_successors(centre: Centre) -> None:
    agencies(centre, "water,م,Water,,,,,2025Q3,,utilities", "utilities,خ,Utilities,,,,2025Q4,,,")
    centre.table(
        "services",
        "service_id,agency_id,name_ar,name_en,digital_stage,aliases\nw1,water,و,Old,,\nu1,utilities,ج,New,,\n",
    )
    centre.contract(SURVEY, properties=[*SURVEY["properties"], {"name": "service_id", "physicalName": "service"}])
    rows = [("r1", "2025-10-02", 4, "w1"), ("r2", "2025-10-02", 4, "u1"), ("r3", "2025-10-02", 4, "")]
    centre.land("f.csv", rows_of("id,at,q1,service", rows))
    assert outcome(centre) == ({"survey_responses|utilities|2025Q4": 2}, {"agency_ended": 1})


@pytest.mark.parametrize(("table", "column"), [("services", "service_id"), ("branches", "branch_id")])
def test_services_and_branches_end_too(centre: Centre, table: str, column: str) -> None:
    columns = {
        "services": "service_id,agency_id,name_ar,name_en,digital_stage,aliases,valid_from,valid_to\ns1,water,خ,One,,,,2025Q3\n",
        "branches": "branch_id,agency_id,region_id,name_ar,name_en,aliases,valid_from,valid_to\ns1,water,,خ,One,,,2025Q3\n",
    }
    centre.table(table, columns[table])
    centre.contract(SURVEY, properties=[*SURVEY["properties"], {"name": column, "physicalName": "unit"}])
    rows = [("r1", "2025-09-30", 4, "s1"), ("r2", "2025-10-02", 4, "s1"), ("r3", "2025-10-02", 4, "")]
    centre.land("f.csv", rows_of("id,at,q1,unit", rows))
    assert outcome(centre)[1] == {"unit_not_valid": 1}


def test_an_end_entered_later_is_a_proposal(centre: Centre) -> None:
    from ingestion.rereading import read_proposals

    centre.land("f.csv", answers(40, "2025-10-15"))
    centre.receive()
    agencies(centre, "water,م,Water,,,,,2025Q3,,")
    assert centre.receive().accounts == []
    (proposal,) = read_proposals(centre.workspace)
    assert proposal.changes == [
        {"slice_id": "survey_responses|water|2025Q4", "rows_before": 40, "rows": 0, "rows_changed": 40}
    ]


@pytest.mark.parametrize(
    ("rows", "rule", "column"),
    [
        (["a,خ,A,,,,,2025Q3,,a"], "registry_successor", "successor"),
        (["a,خ,A,,,,,2025Q3,,b", "b,ب,B,,,,,2025Q3,,a"], "registry_successor", "successor"),
        (["a,خ,A,,,,,,,b", "b,ب,B,,,,,,,"], "registry_successor", "valid_to"),
        (["a,خ,A,,,,,2025Q3,,zz"], "registry_reference", "successor"),
        (["a,خ,A,,,,2025Q4,2025Q3,,"], "registry_period", "valid_to"),
    ],
)
def test_a_registry_that_contradicts_itself_is_told(centre: Centre, rows: list[str], rule: str, column: str) -> None:
    agencies(centre, *rows)
    with pytest.raises(MiyarError) as caught:
        _ = centre.registry
    found: Any = caught.value.problems[0]
    assert (found.rule, found.file, found.column) == (rule, "agencies.csv", column) and found.next_step


def test_a_registry_without_the_new_columns_is_read_as_before(centre: Centre) -> None:
    centre.land("f.csv", answers(40, "2025-10-15"))
    assert outcome(centre)[0] == {"survey_responses|water|2025Q4": 40}
