"""Contracts are checked as a whole, and the shipped schema tells editors the same."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import ingestion
from ingestion.contract import Contract, contract_schema, load_contracts
from miyar.errors import MiyarError

SCHEMA = Path(ingestion.__file__).parent / "contract.schema.json"
SAMPLES = sorted((Path(__file__).resolve().parents[1] / "real").glob("*/workspace*/registry/contracts/*/*.yml"))


def test_shipped_schema_is_that_of_the_model() -> None:
    assert json.loads(SCHEMA.read_text("utf-8")) == contract_schema()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: "-".join(p.parts[-5:-3] + p.parts[-2:]))
def test_schema_and_model_accept_real_contracts(path: Path) -> None:
    content = yaml.safe_load(path.read_text("utf-8"))
    jsonschema.Draft202012Validator(contract_schema()).validate(content)
    assert Contract.model_validate(content).provider == path.parent.name


@pytest.mark.parametrize(
    "change",
    [
        {"properties": [{"name": "responded_at", "physicalName": "x", "calendar": "julian"}]},
        {"format": {"type": "pdf"}},
        {"delivery": "sometimes"},
        {"unheard": 1},
        {"properties": [{"physicalName": "x"}]},
    ],
)
def test_schema_refuses_what_the_model_refuses(survey: dict[str, Any], change: dict[str, Any]) -> None:
    content = {"id": "c", "provider": "p1", "covers": "all", "format": {"type": "csv"}, **survey}
    validator = jsonschema.Draft202012Validator(contract_schema())
    validator.validate(content)
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(content | change)
    with pytest.raises(ValueError, match="validation error"):
        Contract.model_validate(content | change)


def test_every_problem_of_every_contract_is_listed(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey | {"feed": "satisfaction"})
    properties = [p for p in survey["properties"] if p["name"] not in {"agency_id", "item"}]
    properties += [{"name": "colour", "constant": "red"}, {"name": "value", "physicalName": "q2"}]
    centre.contract(
        survey,
        provider="p2",
        properties=properties,
        scales={"five": {"family": "likert5", "min": 5, "max": 1}},
    )
    centre.contract(
        survey,
        provider="p3",
        properties=properties,
        waivers=[{"rule": "r", "reason": "why", "until": "soon"}],
    )
    folder = centre.root / "registry" / "contracts"
    (folder / "p4").mkdir()
    (folder / "p4" / "complaints.yml").write_text("id: [unclosed", "utf-8")
    centre.contract(survey, provider="p5")
    (folder / "p5" / "survey_responses.yml").rename(folder / "p5" / "complaints.yml")
    with pytest.raises(MiyarError) as caught:
        load_contracts(centre.root / "registry")
    told = [(p.rule, p.file, p.message) for p in caught.value.problems]
    assert all(p.next_step for p in caught.value.problems)

    def some(rule: str, file: str, words: str) -> bool:
        return any(r == rule and f == f"contracts/{file}" and words in m for r, f, m in told)

    assert some("contract_invalid", "p1/satisfaction.yml", "feed 'satisfaction' is unknown (the feeds are survey_resp")
    assert some("contract_invalid", "p2/survey_responses.yml", "min 5 is not below max 1")
    for words in ("'colour' is no column", "'value' is mapped twice", "'agency_id' is mapped from nowhere"):
        assert some("contract_invalid", "p3/survey_responses.yml", words)
    assert some("contract_invalid", "p3/survey_responses.yml", "'item' is mapped from nowhere")
    assert some("contract_invalid", "p3/survey_responses.yml", "until 'soon' is no period")
    assert some("contract_unreadable", "p4/complaints.yml", "")
    assert some("contract_misplaced", "p5/complaints.yml", "feed 'survey_responses'")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"properties": [{"name": "item", "fileName": "(unclosed"}]}, "item: fileName is no regular expression"),
        ({"properties": [{"name": "item", "fileName": "no group"}]}, "item: fileName needs one group"),
        ({"delivered": {"fileName": "(unclosed"}}, "delivered.fileName is no regular expression"),
        ({"delivered": {"fileName": "no group"}}, "delivered.fileName needs one group"),
        ({"covers": []}, "at least 1 item"),
        (
            {"properties": [{"name": "item", "physicalName": "x", "dateFormat": ["%Y-%Q"]}]},
            "the format '%Y-%Q' is no format of dates",
        ),
        (
            {"properties": [{"name": "i", "physicalName": "x", "dateFormat": ["%d %B"], "calendar": "umm_al_qura"}]},
            "the format '%d %B' reads no whole Hijri date",
        ),
        ({"server": {"type": "api", "url": "ftp://files.example/answers"}}, "server.url is no http or https address"),
        ({"server": {"type": "api", "url": "answers"}}, "server.url is no http or https address"),
    ],
)
def test_what_would_stop_everybody_s_run_is_told_of_the_contract(
    centre: Any, survey: dict[str, Any], change: dict[str, Any], words: str
) -> None:
    centre.contract(survey, **change)
    with pytest.raises(MiyarError) as caught:
        load_contracts(centre.root / "registry")
    assert {problem.rule for problem in caught.value.problems} == {"contract_invalid"}
    assert words in str(caught.value)


def test_a_password_in_an_address_is_refused_and_not_told(centre: Any, survey: dict[str, Any]) -> None:
    centre.contract(survey, server={"type": "api", "url": "https://huda:s3cret@files.example/answers"})
    with pytest.raises(MiyarError, match="holds a user or a password") as caught:
        load_contracts(centre.root / "registry")
    assert "s3cret" not in str(caught.value)


def test_problems_come_in_the_order_of_the_file(centre: Any, survey: dict[str, Any]) -> None:
    names = ["value", "responded_at", "item", "wording_version", "response_id", "scale", "agency_id"]
    again = [{"name": name, "physicalName": f"{name} again"} for name in names]
    centre.contract(survey, properties=again + survey["properties"])
    with pytest.raises(MiyarError) as caught:
        load_contracts(centre.root / "registry")
    assert [problem.message for problem in caught.value.problems] == [f"{name!r} is mapped twice" for name in names]


def test_rows_that_nothing_names_cannot_be_updated(survey: dict[str, Any]) -> None:
    """Without an identity of responses the latest version of a key would be that of a row number."""
    content = {"id": "c", "provider": "p1", "covers": "all", "format": {"type": "csv"}, **survey}
    unnamed = [one for one in content["properties"] if one["name"] != "response_id"]
    Contract.model_validate({**content, "properties": unnamed})
    with pytest.raises(ValueError, match="a later file updates rows by 'response_id'"):
        Contract.model_validate({**content, "properties": unnamed, "delivery": "upsert"})
