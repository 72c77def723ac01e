"""A workspace of many clean rows, written fast, on which the benchmarks time the pipeline.

Belongs here: bulk survey answers and complaints by DuckDB. Does not belong here: truth, defects, variety of formats
(`workspace`).
"""

from math import ceil
from pathlib import Path

import duckdb
import yaml

from miyar.periods import first_day, last_day, period_range, shift
from miyar.registry_tables import TABLES
from simulation.workspace import write_csv
from simulation.world import table

FIRST_PERIOD, PERIODS = "2024Q1", 8
ITEMS = ("overall_satisfaction", "communication_effectiveness", "ease_of_access", "speed", "trust")
SERVICES, BRANCHES = 5, 10
# Pseudo-random by row: the rows are the same for any number of threads, and no state is carried.
DRAW = "create or replace macro draw(a, b, modulus) as (hash(a, b) % modulus)::bigint"


def write_perf_workspace(root: Path, answers: int, complaints: int, submissions: int, seed: int = 2026) -> None:
    """Write a workspace with the given numbers of survey answers, in equally large submissions, and of complaints.

    Each survey file is one agency's quarter; the number of agencies follows from the number of files, eight quarters
    each. Complaints come as one file a quarter about all agencies. Same arguments, same bytes.
    """
    agencies = [f"agency{number:03d}" for number in range(1, ceil(submissions / PERIODS) + 1)]
    periods = period_range(FIRST_PERIOD, shift(FIRST_PERIOD, PERIODS - 1))
    files = [(agency, period) for period in periods for agency in agencies][:submissions]
    root.mkdir(parents=True, exist_ok=True)
    settings = {
        "name": {"ar": "بيانات قياس الأداء", "en": "Performance data"},
        "methodology": "2026.2",
        "periods": {"first": periods[0], "last": periods[-1]},
    }
    (root / "miyar.yml").write_text(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False), "utf-8")
    _write_registry(root / "registry", agencies, periods)
    with duckdb.connect() as connection:
        connection.execute(DRAW)
        for number, (agency, period) in enumerate(files):
            rows = answers * (number + 1) // submissions - answers * number // submissions
            target = root / "landing" / agency / "survey_responses" / f"{period}.csv"
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(connection, _answers(agency, agencies.index(agency), period, rows, _salt(seed, number)), target)
        for number, period in enumerate(periods):
            rows = complaints * (number + 1) // PERIODS - complaints * number // PERIODS
            target = root / "landing" / "platform" / "complaints" / f"{period}.csv"
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(connection, _complaints(agencies, period, rows, _salt(seed, len(files) + number)), target)


def _salt(seed: int, number: int) -> int:
    """The first salt of a file; no two files share one."""
    return seed * 1_000_003 + number * 32


def _copy(connection: duckdb.DuckDBPyConnection, query: str, target: Path) -> None:
    connection.execute(f"copy ({query}) to '{target}' (format csv, header true)")


def _moment(period: str, salt: int, key: str = "response") -> str:
    minutes = ((last_day(period) - first_day(period)).days + 1) * 1440
    return f"timestamp '{first_day(period)}' + to_minutes(draw({key}, {salt}, {minutes}))"


def _one_of(values: list[str], salt: int, key: str = "response") -> str:
    listed = ", ".join(f"'{value}'" for value in values)
    return f"list_extract([{listed}], draw({key}, {salt}, {len(values)}) + 1)"


def _answers(agency: str, rank: int, period: str, rows: int, salt: int) -> str:
    """SQL of responses that answer every item at one branch, which lies in the region the registry names.

    Three draws around an agency's own centre give 1-5; one in fifty answers is 9.
    """
    regions = [row["region_id"] for row in table("regions")][:BRANCHES]
    centre = 4 + rank % 5
    return f"""
        select '{period}-' || lpad(response::varchar, 9, '0') as response_id,
            list_extract({list(ITEMS)}, number % {len(ITEMS)} + 1) as item,
            case when draw(number, {salt}, 50) = 0 then 9
                else least(5, greatest(1, ({centre} + draw(number, {salt + 1}, 5) + draw(response, {salt + 2}, 5)
                    + draw(response, {salt + 3}, 5)) // 3)) end as value,
            '{agency}-s' || draw(response, {salt + 4}, {SERVICES}) as service_id,
            '{agency}-b' || draw(response, {salt + 5}, {BRANCHES}) as branch_id,
            {_one_of(regions, salt + 5)} as region_id,
            {_one_of(["branch", "website", "app", "phone"], salt + 7)} as channel,
            {_one_of(["web", "sms", "phone"], salt + 8)} as mode,
            strftime({_moment(period, salt + 9)}, '%Y-%m-%dT%H:%M:%S') as responded_at,
            {_one_of(["individual", "business"], salt + 10)} as segment,
            {_one_of(["18-29", "30-44", "45-59", "60+"], salt + 11)} as age_band,
            {_one_of(["male", "female"], salt + 12)} as gender,
            {_one_of(["national", "resident"], salt + 13)} as nationality_class,
            (draw(response, {salt + 14}, 400) + 100) / 100 as design_weight
        from (select range as number, range // {len(ITEMS)} as response from range({rows}))"""


def _complaints(agencies: list[str], period: str, rows: int, salt: int) -> str:
    regions = [row["region_id"] for row in table("regions")]
    categories = ["delay", "staff", "information", "digital_fault", "eligibility", "place", "other"]
    return f"""
        with cases as (
            select range as number, {_one_of(agencies, salt, "range")} as agency_id,
                {_moment(period, salt + 1, "range")} as opened from range({rows})
        )
        select agency_id, '{period}-' || lpad(number::varchar, 9, '0') as case_id,
            agency_id || '-s' || draw(number, {salt + 2}, {SERVICES}) as service_id,
            {_one_of(regions, salt + 3, "number")} as region_id,
            {_one_of(["phone", "app", "website", "branch"], salt + 4, "number")} as channel,
            {_one_of(categories, salt + 5, "number")} as category_code,
            strftime(opened, '%Y-%m-%dT%H:%M:%S') as opened_at,
            strftime(opened + to_minutes(draw(number, {salt + 6}, 2880)), '%Y-%m-%dT%H:%M:%S') as acknowledged_at,
            strftime(opened + to_days(5), '%Y-%m-%dT%H:%M:%S') as due_at,
            case when draw(number, {salt + 7}, 20) > 0
                then strftime(opened + to_minutes(2880 + draw(number, {salt + 8}, 7200)), '%Y-%m-%dT%H:%M:%S')
            end as resolved_at,
            draw(number, {salt + 9}, 12) // 11 as reopened_count
        from cases"""


def _write_registry(folder: Path, agencies: list[str], periods: list[str]) -> None:
    def named(kind_ar: str, kind_en: str, number: int) -> dict[str, str]:
        return {"name_ar": f"{kind_ar} {number}", "name_en": f"{kind_en} {number}", "aliases": ""}

    regions = [{key: row[key] for key in ("region_id", "name_ar", "name_en", "aliases")} for row in table("regions")]
    providers = [{"provider_id": agency, **named("جهة", "Agency", n)} for n, agency in enumerate(agencies, 1)]
    providers.append({"provider_id": "platform", "name_ar": "منصة الشكاوى", "name_en": "Complaint platform"})
    tables: dict[str, list[dict[str, str]]] = {
        "agencies": [
            {"agency_id": agency, "peer_group": "all", "size_class": "large", **named("جهة", "Agency", n)}
            for n, agency in enumerate(agencies, 1)
        ],
        "providers": [{key: row[key] for key in ("provider_id", "name_ar", "name_en")} for row in providers],
        "services": [
            {"service_id": f"{agency}-s{n}", "agency_id": agency, "digital_stage": "transaction"}
            | named("خدمة", "Service", n)
            for agency in agencies
            for n in range(SERVICES)
        ],
        "regions": regions,
        "branches": [
            {"branch_id": f"{agency}-b{n}", "agency_id": agency, "region_id": regions[n]["region_id"]}
            | named("فرع", "Branch", n)
            for agency in agencies
            for n in range(BRANCHES)
        ],
        "journeys": [],
        "journey_steps": [],
        "owed": [
            {"agency_id": agency, "feed": feed, "from_period": periods[0], "to_period": periods[-1]}
            for agency in agencies
            for feed in ("survey_responses", "complaints")
        ],
        "context": [],
        "overlap_studies": [],
    }
    for name, (columns, _, _) in TABLES.items():
        write_csv(folder / f"{name}.csv", columns, tables[name])
    answer = ("response_id", "item", "value", "service_id", "branch_id", "region_id", "channel", "mode", "responded_at")
    mix = ("segment", "age_band", "gender", "nationality_class", "design_weight")
    constants = {"scale": "five", "wording_version": "w2024", "stage": "whole"}
    for agency in agencies:
        properties: list[dict[str, object]] = [{"name": "agency_id", "constant": agency}]
        properties += [{"name": name, "constant": constant} for name, constant in constants.items()]
        properties += [{"name": name, "physicalName": name} for name in (*answer, *mix)]
        scales: dict[str, dict[str, object]] = {
            "five": {"family": "satisfaction_5", "min": 1, "max": 5, "dontKnow": ["9"]}
        }
        _write_contract(folder, agency, "survey_responses", [agency], properties, scales)
    of_case = ("agency_id", "case_id", "service_id", "region_id", "channel", "category_code", "opened_at")
    of_course = ("acknowledged_at", "due_at", "resolved_at", "reopened_count")
    properties = [{"name": name, "physicalName": name} for name in (*of_case, *of_course)]
    _write_contract(folder, "platform", "complaints", agencies, properties, {})


def _write_contract(
    folder: Path,
    provider: str,
    feed: str,
    covers: list[str],
    properties: list[dict[str, object]],
    scales: dict[str, dict[str, object]],
) -> None:
    contract = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"{provider}-{feed.replace('_', '-')}",
        "provider": provider,
        "feed": feed,
        "files": ["*.csv"],
        "covers": covers,
        "format": {"type": "csv", "encoding": "utf-8"},
        "properties": properties,
        "scales": scales,
    }
    path = folder / "contracts" / provider / f"{feed}.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(contract, allow_unicode=True, sort_keys=False), "utf-8")
