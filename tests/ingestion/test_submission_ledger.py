"""Which submission counts for a slice: replacement, corrections of single cases, withdrawal, rival providers."""

import random
from typing import Any

import pytest

from ingestion.contract import Contract, load_contracts
from ingestion.landing import Delivery
from ingestion.rereading import is_done
from ingestion.slices import live_slices, write_slices
from ingestion.submission_ledger import (
    Account,
    by_submission,
    contract_hash,
    read_accounts,
    withdraw,
)
from miyar.errors import MiyarError

SLICE = "survey_responses|a01|2025Q1"


def _is_done(centre: Any, delivery: Delivery) -> bool:
    accounts = by_submission(read_accounts(centre.workspace))
    return is_done(accounts.get(delivery.submission_id), delivery, centre.workspace, centre.registry)


def account(number: int, provider: str = "p1", **changes: Any) -> Account:
    content: dict[str, Any] = {
        "submission_id": f"s{number}",
        "provider": provider,
        "feed": "survey_responses",
        "contract_id": f"{provider}-survey_responses",
        "contract_version": "1.0.0",
        "contract_hash": "h",
        "path": f"{provider}/survey_responses/{number}.csv",
        "delivered_key": "",
        "sequence": number,
        "status": "accepted",
        "slices": [{"slice_id": SLICE, "agency_id": "a01", "period_id": "2025Q1", "rows": 5}],
    }
    return Account(**{**content, **changes})


def contract(survey: dict[str, Any], provider: str = "p1", **changes: Any) -> Contract:
    content = {"id": f"{provider}-survey_responses", "covers": "all", "format": {"type": "csv"}, **survey}
    return Contract.model_validate({**content, "provider": provider, **changes})


def statuses(accounts: list[Account], contracts: list[Contract]) -> dict[str, str]:
    table, _ = live_slices(accounts, contracts)
    return {row["submission_id"]: row["status"] for row in table.to_pylist()}


def test_later_delivery_replaces_the_earlier_one(survey: dict[str, Any]) -> None:
    accounts = [account(1), account(2), account(3)]
    table, problems = live_slices(accounts, [contract(survey)])
    assert [(r["submission_id"], r["delivery_rank"], r["status"]) for r in table.to_pylist()] == [
        ("s1", 1, "replaced"),
        ("s2", 2, "replaced"),
        ("s3", 3, "live"),
    ]
    assert problems == []


def test_date_of_delivery_counts_before_order_of_arrival(survey: dict[str, Any]) -> None:
    late = account(1, delivered_key="2025-05-01")
    early = account(2, delivered_key="2025-04-01")
    assert statuses([late, early], [contract(survey)]) == {"s1": "live", "s2": "replaced"}


def test_upsert_keeps_every_delivery_in_order(survey: dict[str, Any]) -> None:
    table, _ = live_slices([account(2), account(1)], [contract(survey, delivery="upsert")])
    assert [(r["submission_id"], r["delivery_rank"], r["status"]) for r in table.to_pylist()] == [
        ("s1", 1, "live"),
        ("s2", 2, "live"),
    ]


def test_refused_delivery_replaces_nothing(survey: dict[str, Any]) -> None:
    none_good = [{"slice_id": SLICE, "agency_id": "a01", "period_id": "2025Q1", "rows": 0}]
    accounts = [account(1), account(2, status="refused"), account(3, slices=none_good)]
    assert statuses(accounts, [contract(survey)]) == {"s1": "live", "s2": "refused", "s3": "refused"}


def test_two_providers_on_one_slice_contest_it(survey: dict[str, Any]) -> None:
    accounts = [account(1, "p1"), account(2, "p2"), account(3, "p1")]
    contracts = [contract(survey, "p1"), contract(survey, "p2")]
    table, [problem] = live_slices(accounts, contracts)
    assert {r["submission_id"]: r["status"] for r in table.to_pylist()} == {
        "s1": "replaced",
        "s2": "contested",
        "s3": "contested",
    }
    text = str(problem)
    assert problem.rule == "slice_contested" and problem.who == "a01"
    assert "p1 and p2" in text and "2025Q1" in text and "precedence" in problem.next_step
    assert "p1/survey_responses/3.csv" in text and "p2/survey_responses/2.csv" in text


def test_precedence_decides(survey: dict[str, Any]) -> None:
    contracts = [contract(survey, "p1"), contract(survey, "p2", precedence=1)]
    accounts = [account(1, "p2"), account(2, "p1")]
    table, problems = live_slices(accounts, contracts)
    assert {r["submission_id"]: r["status"] for r in table.to_pylist()} == {"s1": "live", "s2": "replaced"}
    assert problems == []


def test_result_does_not_depend_on_the_order_of_the_accounts(survey: dict[str, Any]) -> None:
    contracts = [contract(survey, "p1"), contract(survey, "p2")]
    other = [{"slice_id": "survey_responses|a02|2025Q1", "agency_id": "a02", "period_id": "2025Q1", "rows": 1}]
    accounts = [account(1), account(2, "p2"), account(3), account(4, "p2", slices=other), account(5, slices=other)]
    expected = live_slices(accounts, contracts)
    for seed in range(5):
        shuffled = random.Random(seed).sample(accounts, len(accounts))
        found = live_slices(shuffled, contracts)
        assert found[0].equals(expected[0]) and found[1] == expected[1]


def test_version_changes_with_what_counts_and_with_nothing_else(survey: dict[str, Any]) -> None:
    def version(*accounts: Account) -> str:
        return str(live_slices(list(accounts), [contract(survey)])[0]["slice_version"][0])

    alone = version(account(1))
    assert version(account(1), account(2, status="refused")) == alone
    assert version(account(1), account(2)) != alone
    assert version(account(1), account(2, withdrawn="wrong file")) == alone
    assert version(account(1, contract_hash="other")) != alone


def test_withdrawn_delivery_gives_way_to_the_one_before(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey)
    centre.land("agency,id,answered,q1\na01,r1,2025-02-03,4\n", "1.csv")
    centre.land("agency,id,answered,q1\na01,r1,2025-02-03,5\n", "2.csv")
    first, second = (centre.receive(delivery) for delivery in centre.deliveries())
    assert (first.sequence, second.sequence) == (1, 2)

    def live() -> list[tuple[str, str]]:
        table, _ = write_slices(
            centre.workspace, read_accounts(centre.workspace), load_contracts(centre.workspace.registry)
        )
        return [(r["submission_id"], r["status"]) for r in table.to_pylist()]

    assert live() == [(first.submission_id, "replaced"), (second.submission_id, "live")]
    withdraw(centre.workspace, second.submission_id, "the wrong quarter")
    assert live() == [(first.submission_id, "live"), (second.submission_id, "withdrawn")]
    withdraw(centre.workspace, first.submission_id, "the wrong quarter")
    assert live() == [(first.submission_id, "withdrawn"), (second.submission_id, "withdrawn")]
    # Both remain in the ledger, with the reason, and are not read again.
    assert [a.withdrawn for a in read_accounts(centre.workspace)] == ["the wrong quarter"] * 2
    assert all(_is_done(centre, delivery) for delivery in centre.deliveries())
    # After a change of its contract the file is read again, and it stays withdrawn.
    centre.contract(survey, nullValues=["-"])
    assert [centre.receive(delivery).withdrawn for delivery in centre.deliveries()] == ["the wrong quarter"] * 2


def test_withdrawal_needs_a_known_submission_and_a_reason(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey)
    centre.land("agency,id,answered,q1\na01,r1,2025-02-03,4\n")
    account = centre.receive(centre.deliveries()[0])
    with pytest.raises(MiyarError, match=r"\[submission_unknown\].*'nope'"):
        withdraw(centre.workspace, "nope", "why")
    with pytest.raises(MiyarError, match=r"\[reason_missing\]"):
        withdraw(centre.workspace, account.submission_id, " ")


def test_a_file_is_done_until_its_contract_changes(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey)
    centre.land("agency,id,answered,q1\na01,r1,2025-02-03,4\n")
    [delivery] = centre.deliveries()
    assert not _is_done(centre, delivery)
    account = centre.receive(delivery)
    assert _is_done(centre, delivery)
    centre.contract(survey, nullValues=["-"])
    [again] = centre.deliveries()
    assert again.submission_id == delivery.submission_id and not _is_done(centre, again)
    # When received again, it keeps its place in the order of arrival.
    assert centre.receive(again).sequence == account.sequence
    [contract] = load_contracts(centre.root / "registry")
    assert [a.contract_hash for a in read_accounts(centre.workspace)] == [contract_hash(contract)]


def test_a_file_is_read_again_when_a_name_it_uses_changes(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey)
    centre.land("agency,id,answered,q1\na01,r1,2025-02-03,4\n", "known.csv")
    centre.land("agency,id,answered,q1\na01,r1,2025-05-03,4\nNobody,r2,2025-05-03,4\n", "unknown.csv")
    accounts = [centre.receive(delivery) for delivery in centre.deliveries()]
    # Only names in the registry are remembered, never an unknown text.
    assert [account.names for account in accounts] == [{"agencies": ["a01"]}, {"agencies": None}]

    def done() -> list[bool]:
        return [_is_done(centre, delivery) for delivery in centre.deliveries()]

    assert done() == [True, True]
    agencies = centre.root / "registry" / "agencies.csv"
    before = agencies.read_text("utf-8")
    columns = before.splitlines()[0].split(",")
    line = dict.fromkeys(columns, "") | {"agency_id": "a77", "name_ar": "لا أحد", "name_en": "Nobody"}
    agencies.write_text(before + ",".join(line[name] for name in columns) + "\n", "utf-8")
    # A new agency concerns only the file with an unknown name.
    assert done() == [True, False]
    accounts = [centre.receive(delivery) for delivery in centre.deliveries()]
    assert [account.accepted for account in accounts] == [1, 2]
    assert done() == [True, True]


def test_a_failure_of_the_machine_is_tried_again(centre: Any, survey: dict[str, Any]) -> None:
    from ingestion.submission_ledger import write_account

    centre.contract(survey)
    centre.land("agency,id,answered,q1\na01,r1,2025-02-03,4\n")
    [delivery] = centre.deliveries()
    account = centre.receive(delivery)
    for rule, done in (("disk_full", False), ("pseudonym_key_missing", False), ("file_quotes", True)):
        account.status, account.problems = "refused", [{"rule": rule, "message": "m"}]
        write_account(centre.workspace, account)
        assert _is_done(centre, delivery) is done
