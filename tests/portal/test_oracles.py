"""What is withheld, what is another's and what does not exist are answered alike: in status, size, headers and work.

Work is counted, in statements the engine runs and files that are looked at, and not timed: a time differs by chance, a count
does not.

Belongs here: telling kinds of absence apart by an answer. Does not belong here: who may open what (`test_walk`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
from starlette.testclient import TestClient

from miyar.workspace import Workspace
from portal.state import Portal
from portal.view import View
from tests.portal.conftest import OTHER, OWN, SignIn, reader_of

# An address by what it asks for: the same route with an id of another agency, one that is withheld, and one that never was.
ROUTES = {
    "score": "/en/{edition}/scores/{score}",
    "explanation": "/api/v1/editions/{edition}/scores/{score}/explanation",
    "overview": "/en/{edition}/agencies/{agency}/",
    "places": "/ar/{edition}/agencies/{agency}/places",
    "complaints": "/en/{edition}/agencies/{agency}/complaints",
    "maturity": "/en/{edition}/agencies/{agency}/maturity",
    "history": "/en/{edition}/agencies/{agency}/history",
    "quality": "/en/{edition}/agencies/{agency}/quality",
    "metric": "/en/{edition}/agencies/{agency}/metrics/overall_satisfaction",
    "pack": "/files/{edition}/packs/{agency}/quality.json",
    "table": "/api/v1/editions/{edition}/tables/{table}",
    "rows": "/api/v1/editions/{edition}/tables/bench_scores?agency_id={agency}",
    "row": "/api/v1/editions/{edition}/tables/bench_scores?score_id={score}",
    "report": "/files/{edition}/{file}",
    "check": "/en/check/{check}",
}


class Counted:
    """Statements and files of one request, as a shape: which statements in which order, without their values."""

    def __init__(self) -> None:
        self.work: list[str] = []

    @contextmanager
    def counting(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            run, path = View._run, View.path

            def counted_run(view: View, sql: str, values: Any) -> Any:
                self.work.append(sql)
                return run(view, sql, values)

            def counted_path(view: View, name: str) -> Any:
                self.work.append("file")
                return path(view, name)

            patch.setattr(View, "_run", counted_run)
            patch.setattr(View, "path", counted_path)
            yield


@pytest.fixture(scope="module")
def ids(centre: Workspace) -> dict[str, list[dict[str, str]]]:
    """By route, ids that all have to be answered alike: of others, withheld from everybody, and invented, of equal length."""
    tables = (centre.editions / "current").resolve() / "tables"
    with duckdb.connect() as connection:

        def column(query: str) -> list[str]:
            return [
                str(one)
                for (one,) in connection.execute(
                    query.format(f"read_parquet('{tables}/bench_scores.parquet')")
                ).fetchall()
            ]

        foreign = column(
            f"select score_id from {{}} where agency_id = '{OTHER}' and status = 'reported' order by 1 limit 3"
        )
        withheld = column(
            f"select score_id from {{}} where agency_id = '{OTHER}' and status = 'suppressed' order by 1 limit 3"
        )
        unshared = column("select score_id from {} where agency_id is null and not is_shared order by 1 limit 3")
    assert foreign and withheld and unshared
    scores = [{"score": one} for one in [*foreign, *withheld, *unshared, "f" * 32, "0" * 32]]
    agencies = [{"agency": one} for one in (OTHER, "k" * len(OTHER), "q" * len(OTHER))]
    return {
        "score": scores,
        "explanation": scores,
        "row": scores,
        **dict.fromkeys(
            ["overview", "places", "complaints", "maturity", "history", "quality", "metric", "pack", "rows"], agencies
        ),
        "table": [
            {"table": one} for one in ("bench_suppression_proofs", "fct_submissions", "bench_nothing", "dim_nothing")
        ],
        "report": [
            {"file": one}
            for one in (
                "difference.json",
                "manifest.json",
                "nothing.json",
                "benchmarks.duckdb",
                "nothing.duckdb",
                "tables/bench_scores.parquet",
            )
        ],
        "check": [{"check": one} for one in ("x" * 22, "y" * 22)],
    }


@pytest.mark.parametrize("route", ROUTES)
def test_every_kind_of_absence_is_answered_alike(
    route: str, ids: dict[str, list[dict[str, str]]], portal: Portal, sign_in: SignIn, edition_id: str
) -> None:
    client = sign_in(reader_of(OWN))
    found = {}
    for given in ids[route]:
        address = ROUTES[route].format(edition=edition_id, **given)
        # A second time, for what was kept of the first.
        found[address] = [_asked(client, address) for _ in range(2)]
    assert len(found) >= 2
    shapes = {repr(one) for one in found.values()}
    assert len(shapes) == 1, "\n".join(f"{address}: {one}" for address, one in found.items())


def _asked(client: TestClient, address: str) -> tuple[object, ...]:
    counted = Counted()
    with counted.counting():
        answer = client.get(address)
    # Which id was asked for may stand in an answer of rows; it was given by who asks.
    return answer.status_code, len(answer.content), sorted(_headers(answer)), counted.work


def _headers(answer: httpx.Response) -> Iterator[tuple[str, str]]:
    return ((name, value) for name, value in answer.headers.items() if name != "set-cookie")


def test_the_counting_sees_a_difference(portal: Portal, sign_in: SignIn, edition_id: str, ids: dict[str, Any]) -> None:
    """A row of its own takes other work than one that is not there: else the tests above could not fail."""
    client = sign_in(reader_of(OWN))
    own = _asked(client, ROUTES["overview"].format(edition=edition_id, agency=OWN))
    none = _asked(client, ROUTES["overview"].format(edition=edition_id, agency="k" * len(OTHER)))
    assert own[0] == 200 and none[0] == 404 and own[3] != none[3]


def test_paths_of_the_disk_are_not_told(portal: Portal, sign_in: SignIn, edition_id: str, centre: Workspace) -> None:
    """A file that a manifest lists and that is gone is answered like one that it never listed."""
    client = sign_in(reader_of(OWN))
    listed = ROUTES["report"].format(edition=edition_id, file=f"packs/{OWN}/never.json")
    assert (
        _asked(client, listed)[:2]
        == _asked(client, ROUTES["report"].format(edition=edition_id, file="never/x.json"))[:2]
    )
    assert str(Path(centre.root)) not in client.get(listed).text
