"""Keys change: who is known again across a change is what a contract allows, and nobody else."""

import hashlib
import hmac
from typing import Any

import pytest

from ingestion import personal

FILE = "agency,id,answered,q1,person\na01,r1,2025-02-03,4,1000000008\n"


def _pseudonym(key: str) -> str:
    return hmac.new(key.encode(), b"1000000008", hashlib.sha256).hexdigest()[:32]


@pytest.fixture
def panel(centre: Any, survey: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.delenv("MIYAR_PSEUDONYM_KEY", raising=False)
    person = {"name": "beneficiary", "physicalName": "person", "treatment": "pseudonymise"}
    survey = survey | {"properties": [*survey["properties"], person]}
    centre.contract(survey)
    centre.linked = lambda version: centre.contract(
        survey, linkPseudonyms={"keyVersion": version, "reason": "a panel asked twice a year"}
    )
    centre.land(FILE)
    return centre


def _keys(centre: Any, *versions: str) -> None:
    path = centre.root / "pseudonym.key"
    path.touch(0o600)
    path.write_text("\n".join(versions) + "\n", "utf-8")


def test_a_new_key_ends_the_series_of_linked_people(panel: Any) -> None:
    _keys(panel, "first")
    before = panel.rows("beneficiary")
    _keys(panel, "first", "second")
    assert before == [(_pseudonym("first"),)] and panel.rows("beneficiary") == [(_pseudonym("second"),)]


def test_a_contract_that_links_goes_on_under_the_earlier_key(panel: Any) -> None:
    _keys(panel, "first", "second", "third")
    panel.linked(1)
    assert panel.rows("beneficiary") == [(_pseudonym("first"),)]
    panel.linked(2)
    assert panel.rows("beneficiary") == [(_pseudonym("second"),)]


def test_a_version_that_is_gone_is_told(panel: Any) -> None:
    _keys(panel, "third")
    panel.linked(2)
    [problem] = panel.refusal()
    assert problem.rule == "pseudonym_key_missing" and "third" not in str(problem)


def test_several_keys_in_the_environment(panel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIYAR_PSEUDONYM_KEY", "first\nsecond")
    assert panel.rows("beneficiary") == [(_pseudonym("second"),)]
    ring = personal.load_keys(panel.workspace)
    assert ring is not None and len(ring.versions) == 2 and "first" not in repr(ring)
