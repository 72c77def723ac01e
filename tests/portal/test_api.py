"""The API against its own description, with requests that nobody wrote by hand."""

import re

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance
from starlette.testclient import TestClient

from tests.portal.conftest import BASE, CENTRE, OWN, SignIn, reader_of


def test_description_is_for_readers_and_of_the_api_only(sign_in: SignIn, app: FastAPI) -> None:
    assert sign_in().get("/api/v1/openapi.json").status_code == 401
    found = sign_in(reader_of(OWN)).get("/api/v1/openapi.json").json()
    assert found["openapi"].startswith("3.")
    assert all(path.startswith("/api/v1/") for path in found["paths"])
    assert len(found["paths"]) == 4


@pytest.mark.parametrize("operation", ["editions", "tables", "rows", "explanation"])
def test_api_keeps_to_its_description(sign_in: SignIn, app: FastAPI, edition_id: str, operation: str) -> None:
    """Schemathesis draws requests from the description, with a fixed seed; half of them name an existing edition."""
    cookie = f"miyar={sign_in(reader_of(OWN)).cookies['miyar']}"
    headers = {"Host": BASE.removeprefix("http://"), "Cookie": cookie}
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, headers=headers)
    chosen = {
        "editions": ("/api/v1/editions", "GET"),
        "tables": ("/api/v1/editions/{edition_id}/tables", "GET"),
        "rows": ("/api/v1/editions/{edition_id}/tables/{table}", "GET"),
        "explanation": ("/api/v1/editions/{edition_id}/scores/{score_id}/explanation", "GET"),
    }[operation]
    cases = schema[chosen[0]][chosen[1]].as_strategy()
    count = 0

    @settings(
        max_examples=25,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def ask(case: schemathesis.Case) -> None:
        nonlocal count
        count += 1
        if count % 2 and "edition_id" in case.path_parameters:
            case.path_parameters["edition_id"] = edition_id
        if count % 4 == 1 and "table" in case.path_parameters:
            case.path_parameters["table"] = "bench_scores"
        response = case.call(headers=headers)
        case.validate_response(
            response, checks=(not_a_server_error, status_code_conformance, response_schema_conformance)
        )

    ask()
    assert count >= (1 if operation == "editions" else 20)


def test_rows_come_in_parts_that_add_up(sign_in: SignIn, edition_id: str) -> None:
    client = sign_in(CENTRE)
    whole = rows_of(client, edition_id, 1000)
    assert len(whole) > 150
    assert rows_of(client, edition_id, 64) == whole


def rows_of(client: TestClient, edition_id: str, limit: int) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    offset: int | None = 0
    while offset is not None:
        answer = client.get(
            f"/api/v1/editions/{edition_id}/tables/dim_units", params={"limit": limit, "offset": offset}
        ).json()
        found += answer["rows"]
        offset = answer["next_offset"]
    return found


def test_problems_are_json_in_both_languages(sign_in: SignIn, edition_id: str) -> None:
    client = sign_in(reader_of(OWN))
    for path, kind, status in (
        (f"/api/v1/editions/{edition_id}/tables/nothing", "not_found", 404),
        (f"/api/v1/editions/{edition_id}/tables/bench_scores?limit=0", "not_understood", 422),
        ("/api/v1/nothing", "not_found", 404),
    ):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["problem"]) == (status, kind)
        assert re.search("[ء-ي]", answer.json()["ar"]["title"]) and answer.json()["en"]["title"]
