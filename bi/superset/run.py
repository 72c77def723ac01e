"""Superset on the serving copy: `python bi/superset/run.py --edition EDITION --postgres URI --home FOLDER`.

Makes an environment of its own at the first call, starts Superset on its own SQLite metadata in FOLDER, imports `assets/`, and
writes roles and rules of rows from `publication/access.yml`: a base rule `1 = 0` per dataset, from which only roles with a
decision about its table are exempt, and per agency the condition of its rows. Then it checks with two invented people, through
the REST API, that an agency sees its own rows only and a person without a rule none, and says so. Ctrl-C ends it.
Belongs here: starting, importing, rules and the check. Does not belong here: charts and dashboards (`assets/`), who may read what
(`publication.access`).
"""

import argparse
import io
import itertools
import os
import re
import secrets
import subprocess
import time
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml

from publication.access import Agency, Centre, Viewer, row_condition
from publication.postgres import CENTRE, role_of
from publication.reading import open_edition
from publication.standing import standing

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE / ".venv"
ADMIN = "admin"
PAGE = 100  # rows of a page, the most the API returns
# Superset reads clauses as templates with bound parameters, in which other characters of an id could have a meaning.
PLAIN_ID = re.compile(r"[\w-]+")


def programs() -> Path:
    """Return the folder of Superset's programs, created once."""
    folder = ENVIRONMENT / "bin"
    if not (folder / "superset").is_file():
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        install: list[str | Path] = [
            folder / "python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "-r",
            HERE / "requirements.txt",
        ]
        subprocess.run(install, check=True)
    return folder


def environment(home: Path) -> dict[str, str]:
    """Return Superset's settings and its secrets, which are kept in its home and nowhere else."""
    home.mkdir(parents=True, exist_ok=True)
    for name in ("secret", "password"):
        path = home / name
        if not path.is_file():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(32), "utf-8")
    return {
        **os.environ,
        "SUPERSET_HOME": str(home),
        "SUPERSET_CONFIG_PATH": str(HERE / "superset_config.py"),
        "MIYAR_SUPERSET_SECRET": (home / "secret").read_text("utf-8"),
        "FLASK_APP": "superset",
    }


def start(home: Path, port: int) -> subprocess.Popen[bytes]:
    """Upgrade the metadata and start the server, with its log in the home."""
    superset, words = programs() / "superset", environment(home)
    with (home / "log").open("ab") as log:
        admin = ["--username", ADMIN, "--firstname", "Admin", "--lastname", "Admin", "--email", "admin@example.org"]
        password = (home / "password").read_text("utf-8")
        for step in (["db", "upgrade"], ["fab", "create-admin", *admin, "--password", password], ["init"]):
            subprocess.run([superset, *step], env=words, check=True, stdout=log, stderr=log)
        gunicorn: list[str | Path] = [
            programs() / "gunicorn",
            *("-w", "1"),
            *("--threads", "4"),
            *("-b", f"127.0.0.1:{port}"),
        ]
        run = [*gunicorn, "superset.app:create_app()"]
        return subprocess.Popen(run, env=words, stdout=log, stderr=log)


class Superset:
    """One signed-in person using the REST API."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120)
        given = {"username": user, "password": password, "provider": "db", "refresh": False}
        token = self.send("POST", "/api/v1/security/login", json=given)["access_token"]
        self.http.headers["Authorization"] = f"Bearer {token}"
        self.http.headers["X-CSRFToken"] = self.send("GET", "/api/v1/security/csrf_token/")["result"]

    def send(self, method: str, path: str, **words: Any) -> Any:
        """Return the API's answer; raises RuntimeError if it refuses."""
        answer = self.http.request(method, path, **words)
        if answer.is_error:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else None

    def rows(self, kind: str) -> Iterator[dict[str, Any]]:
        """Yield everything of a kind, page by page."""
        for page in itertools.count():
            query = f"(page:{page},page_size:{PAGE})"
            rows = self.send("GET", f"/api/v1/{kind}/", params={"q": query})["result"]
            yield from rows
            if len(rows) < PAGE:
                return

    def all(self, kind: str, name: str) -> dict[str, int]:
        """Return name -> id of everything of a kind."""
        return {str(row[name]): int(row["id"]) for row in self.rows(kind)}

    def put(self, kind: str, name: str, content: dict[str, Any]) -> int:
        """Create what has this name, or overwrite it."""
        there = self.all(kind, name).get(content[name])
        if there is not None:
            self.send("DELETE", f"/api/v1/{kind}/{there}")
        return int(self.send("POST", f"/api/v1/{kind}/", json=content)["id"])


def import_assets(superset: Superset, postgres: str) -> None:
    """Import database, datasets, charts and dashboards, overwriting those that exist."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as bundle:
        for path in sorted((HERE / "assets").rglob("*.yaml")):
            content = yaml.safe_load(path.read_text("utf-8"))
            if "sqlalchemy_uri" in content:
                content["sqlalchemy_uri"] = postgres
            name = f"assets/{path.relative_to(HERE / 'assets').as_posix()}"
            bundle.writestr(name, yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
    files = {"bundle": ("assets.zip", packed.getvalue(), "application/zip")}
    superset.send("POST", "/api/v1/assets/import/", files=files)


def write_rules(superset: Superset, agencies: list[str]) -> None:
    """Write roles, what they may open, and which rows they get, all from `publication.access`."""
    odd = [agency for agency in agencies if not PLAIN_ID.fullmatch(agency)]
    if odd:
        raise SystemExit(f"Superset's rules take agency ids of letters, digits, _ and - only; not {', '.join(odd)}")
    viewers: dict[str, Viewer] = {CENTRE: Centre(), **{role_of(agency): Agency(agency) for agency in agencies}}
    ids = _make_roles(superset, list(viewers))
    datasets = superset.all("dataset", "table_name")
    may: dict[str, list[str]] = {role: [] for role in viewers}
    clauses: dict[tuple[str, str], list[int]] = {}
    for table, dataset in datasets.items():
        for role, viewer in viewers.items():
            clause = _clause(table, viewer)
            if clause != "false":
                may[role].append(table)
            if clause not in ("true", "false"):
                clauses.setdefault((role, clause), []).append(dataset)
    for table, dataset in datasets.items():
        exempt = [ids[role] for role in viewers if table in may[role]]
        rule = {"name": f"miyar {table}", "filter_type": "Base", "clause": "1 = 0", "tables": [dataset]}
        superset.put("rowlevelsecurity", "name", {**rule, "roles": exempt})
    for (role, clause), tables in clauses.items():
        name = f"miyar {role} {'shared' if ' or ' in clause else 'own'}"
        rule = {"name": name, "filter_type": "Regular", "group_key": "agency", "clause": clause, "tables": tables}
        superset.put("rowlevelsecurity", "name", {**rule, "roles": [ids[role]]})
    opened = _dataset_permissions(superset)
    for role, tables_of_role in may.items():
        _permit(superset, ids[role], [opened[datasets[table]] for table in tables_of_role])
    dashboards = superset.all("dashboard", "slug")
    by_reader = {"miyar-centre": [ids[CENTRE]], "miyar-agency": [ids[role] for role in viewers if role != CENTRE]}
    for slug, roles in by_reader.items():
        superset.send("PUT", f"/api/v1/dashboard/{dashboards[slug]}", json={"roles": roles})


def _make_roles(superset: Superset, names: list[str]) -> dict[str, int]:
    there = superset.all("security/roles", "name")
    return {
        name: there.get(name) or int(superset.send("POST", "/api/v1/security/roles/", json={"name": name})["id"])
        for name in names
    }


def _permit(superset: Superset, role: int, permissions: list[int]) -> None:
    words = {"permission_view_menu_ids": permissions}
    superset.send("POST", f"/api/v1/security/roles/{role}/permissions", json=words)


def _clause(table: str, viewer: Viewer) -> str:
    """Return the condition of a reader's rows with its values written out, because Superset binds none.

    Ids are plain (`PLAIN_ID`).
    """
    condition, values = row_condition(table, viewer)
    for value in values:
        condition = condition.replace("?", f"'{value}'", 1)
    return condition


def _dataset_permissions(superset: Superset) -> dict[int, int]:
    """Return dataset id -> id of the permission to open it."""
    found: dict[int, int] = {}
    for row in superset.rows("security/permissions-resources"):
        number = re.fullmatch(r"\[.*\]\.\[.*\]\(id:(\d+)\)", row["view_menu"]["name"])
        if row["permission"]["name"] == "datasource_access" and number:
            found[int(number.group(1))] = int(row["id"])
    return found


def seen_by(superset: Superset, dataset: int) -> dict[str, int] | str:
    """Return agency -> rows of a dataset that the signed-in person gets, or the refusal."""
    count = {"expressionType": "SQL", "sqlExpression": "COUNT(*)", "label": "rows"}
    query = {"columns": ["agency_id"], "metrics": [count], "row_limit": 50000}
    words = {"datasource": {"id": dataset, "type": "table"}, "queries": [query], "force": True}
    answer = superset.http.post("/api/v1/chart/data", json=words)
    if answer.status_code == 403:
        return "refused"
    answer.raise_for_status()
    return {str(row["agency_id"]): int(row["rows"]) for row in answer.json()["result"][0]["data"]}


def check(superset: Superset, port: int, edition: Path, agencies: list[str]) -> list[str]:
    """Return faults in what three people see: one of an agency, one of the centre, and one without a rule.

    The last may open the datasets, but must get no rows.
    """
    roles, datasets = superset.all("security/roles", "name"), superset.all("dataset", "table_name")
    opened = _dataset_permissions(superset)
    stray = superset.put("security/roles", "name", {"name": "miyar_check_stray"})
    _permit(superset, stray, [opened[dataset] for dataset in datasets.values()])
    people: dict[str, tuple[int, Viewer | None]] = {
        "check_agency": (roles[role_of(agencies[0])], Agency(agencies[0])),
        "check_centre": (roles[CENTRE], Centre()),
        "check_stray": (stray, None),
    }
    faults = []
    with open_edition(edition) as source:
        for person, (role, viewer) in people.items():
            password = secrets.token_urlsafe(16)
            names = {"username": person, "first_name": person, "last_name": "-", "email": f"{person}@example.org"}
            given = {**names, "password": password, "active": True, "roles": [roles["Gamma"], role]}
            user = superset.put("security/users", "username", given)
            own = Superset(port, person, password)
            for table, dataset in datasets.items():
                condition, values = row_condition(table, viewer) if viewer is not None else ("false", [])
                query = f"select agency_id, count(*) from {table} where {condition} group by 1"
                expected = {str(name): int(rows) for name, rows in source.execute(query, values).fetchall()}
                found = seen_by(own, dataset)
                print(f"{person} sees of {table}: {found if len(found) < 3 else f'{len(found)} agencies'}")
                if found != expected:
                    faults.append(f"{person}, {table}: expected {expected}, found {found}")
            superset.send("DELETE", f"/api/v1/security/users/{user}")
    superset.send("DELETE", f"/api/v1/security/roles/{stray}")
    return faults


def _wait_for(server: subprocess.Popen[bytes], port: int) -> None:
    """Wait until the server answers that it is healthy, for two minutes at most."""
    for _ in range(120):
        if server.poll() is not None:
            raise SystemExit("Superset ended while starting; its log is in the home")
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health").text == "OK":
                return
        except httpx.TransportError:
            pass  # not listening yet
        time.sleep(1)
    raise SystemExit("Superset did not answer for two minutes; its log is in the home")


def main() -> None:
    """Run the command: start, import, write rules, check, serve."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--edition", type=Path, required=True, help="folder of the edition that is served")
    arguments.add_argument("--postgres", required=True, help="postgresql+psycopg2://login@host:port/database")
    arguments.add_argument("--home", type=Path, required=True, help="folder of Superset's metadata, log and secrets")
    arguments.add_argument("--port", type=int, default=8088)
    arguments.add_argument("--check-only", action="store_true", help="end after the check instead of serving")
    given = arguments.parse_args()
    home = given.home.resolve()
    given.edition = standing(given.edition.parent, given.edition.name)
    with open_edition(given.edition) as source:
        agencies = [str(row[0]) for row in source.execute("select agency_id from dim_agencies order by 1").fetchall()]
    server = start(home, given.port)
    try:
        _wait_for(server, given.port)
        superset = Superset(given.port, ADMIN, (home / "password").read_text("utf-8"))
        import_assets(superset, given.postgres)
        write_rules(superset, agencies)
        faults = check(superset, given.port, given.edition, agencies)
        if faults:
            raise SystemExit("rows are not as decided:\n" + "\n".join(faults))
        print("the rules of rows hold for an agency, for the centre and for a person without a rule")
        if not given.check_only:
            print(f"http://127.0.0.1:{given.port} (user {ADMIN}, password in {home / 'password'}); Ctrl-C ends it")
            server.wait()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
