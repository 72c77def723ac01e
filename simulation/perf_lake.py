"""A lake of a whole country's size, written without ingestion, to time everything above the cells.

Belongs here: bulk lake files of every feed but reported measures, their slices and accounts. Does not belong here:
landing files (`perf`), truth, defects.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from ingestion.feeds import SQL_TYPES, load_feeds
from ingestion.moved_keys import MOVED
from ingestion.slices import SLICES
from ingestion.submission_ledger import Account
from miyar.periods import first_day, last_day, period_range, shift
from miyar.registry_tables import TABLES
from simulation.perf import DRAW
from simulation.workspace import write_csv
from simulation.world import table

ITEMS = (
    "overall_satisfaction", "communication_effectiveness", "ease_of_access", "speed", "e_service_efficiency", "effectiveness",
    "ease", "emotion", "trust", "expectation_met", "effort",
)  # fmt: skip
PROVIDER = "centre"


@dataclass(frozen=True)
class Scale:
    """The size of the country; all agencies have equally many services and branches."""

    agencies: int = 200
    services: int = 1000
    branches: int = 5000
    quarters: int = 12
    first_period: str = "2023Q1"
    responses_per_branch: int = 40  # per quarter; above the minimum n of publication

    @property
    def periods(self) -> list[str]:
        return period_range(self.first_period, shift(self.first_period, self.quarters - 1))

    @property
    def own_services(self) -> int:
        return self.services // self.agencies

    @property
    def own_branches(self) -> int:
        return self.branches // self.agencies


def write_perf_lake(root: Path, scale: Scale, seed: int = 2026) -> None:
    """Write a workspace whose lake holds every feed of every agency and quarter. Same arguments, same rows."""
    lake = root / "lake"
    (lake / "submissions").mkdir(parents=True)
    (root / "landing").mkdir()
    settings = {
        "name": {"ar": "بلد كامل", "en": "A whole country"},
        "methodology": "2026.2",
        "periods": {"first": scale.periods[0], "last": scale.periods[-1]},
        "memory_limit": "2GB",
    }
    (root / "miyar.yml").write_text(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False), "utf-8")
    _write_registry(root / "registry", scale)
    regions = [row["region_id"] for row in table("regions")]
    slices = []
    sequence = 0
    with duckdb.connect() as connection:
        connection.execute(DRAW)
        for feed, source in _SOURCES.items():
            for number, period in enumerate(scale.periods):
                sequence += 1
                submission = f"{feed[:8]}{period}"
                target = lake / feed / f"period={period}" / f"{submission}.parquet"
                target.parent.mkdir(parents=True)
                salt = seed * 1_000_003 + sequence * 64
                rows = source.format(
                    salt=salt,
                    number=number,
                    first=first_day(period),
                    minutes=((last_day(period) - first_day(period)).days + 1) * 1440,
                    **asdict(scale),
                    own_services=scale.own_services,
                    own_branches=scale.own_branches,
                    items=list(ITEMS),
                    regions=regions,
                    regions_count=len(regions),
                    responses=scale.branches * scale.responses_per_branch,
                )
                _copy(connection, feed, period, submission, rows, target)
                found = connection.execute(
                    f"select slice_id, agency_id, count(*) from read_parquet('{target}') group by all order by all"
                ).fetchall()
                slices += [
                    {
                        "slice_id": slice_id, "feed": feed, "agency_id": agency, "period_id": period,
                        "provider_id": PROVIDER, "submission_id": submission, "delivery_rank": 1, "status": "live",
                        "rows": count, "slice_version": submission,
                    }
                    for slice_id, agency, count in found
                ]  # fmt: skip
                _write_account(lake, feed, period, submission, sequence, found)
    pq.write_table(pa.Table.from_pylist(slices, schema=SLICES), lake / "slices.parquet")
    pq.write_table(MOVED.empty_table(), lake / "moved.parquet")


def _copy(
    connection: duckdb.DuckDBPyConnection, feed: str, period: str, submission: str, rows: str, target: Path
) -> None:
    described = load_feeds()[feed]
    given = {name[0] for name in connection.execute(f"describe {rows}").fetchall()}
    columns = [
        f"cast({column.name if column.name in given else 'null'} as {SQL_TYPES[column.type]}) as {column.name}"
        for column in described.columns
        if column.name != "period_id"
    ]
    columns += [
        f"'{period}' as period_id", f"'{PROVIDER}' as provider_id", f"'{submission}' as submission_id",
        f"'{submission}:' || number as row_id", "number + 2 as source_row",
        f"'{feed}|' || agency_id || '|{period}' as slice_id",
    ]  # fmt: skip
    names = ", ".join(described.lake_schema.names)
    connection.execute(
        f"copy (select {names} from (select {', '.join(columns)} from ({rows}))) to '{target}' (format parquet, compression zstd)"
    )


def _write_account(
    lake: Path, feed: str, period: str, submission: str, sequence: int, found: list[tuple[str, str, int]]
) -> None:
    rows = sum(count for _, _, count in found)
    account = Account(
        submission_id=submission, provider=PROVIDER, feed=feed, contract_id="none", contract_version="1.0.0",
        contract_hash="none", path=f"{PROVIDER}/{feed}/{period}", delivered_key="", sequence=sequence, status="accepted",
        source_rows=rows, records=rows, accepted=rows,
        slices=[
            {"slice_id": slice_id, "agency_id": agency, "period_id": period, "rows": count}
            for slice_id, agency, count in found
        ],
    )  # fmt: skip
    (lake / "submissions" / f"{submission}.json").write_text(json.dumps(asdict(account)), "utf-8")


# A branch belongs to one agency and lies in one region; its agency's services are spread over its responses.
_SURVEY = """
    select number, printf('a%03d', branch // {own_branches}) as agency_id, printf('b%05d', branch) as branch_id,
        list_extract({regions}, branch % {regions_count} + 1) as region_id,
        printf('s%04d', (branch // {own_branches}) * {own_services} + draw(response, {salt}, {own_services})) as service_id,
        case when draw(response, {salt} + 1, 10) = 0 then printf('j%d', draw(response, {salt} + 2, 6) + 1) end as journey_id,
        'r' || response as response_id, list_extract({items}, number % 10 + 1) as item,
        case when draw(number, {salt} + 3, 50) > 0 then
            least(5, greatest(1, (branch % 5 + draw(number, {salt} + 4, 5) + draw(response, {salt} + 5, 5)
                + draw(branch + {number}, {salt} + 6, 5)) // 3)) end as value,
        case when draw(number, {salt} + 3, 50) > 0 then 'answered' else 'dont_know' end as answer_status,
        'likert5' as scale_id, 1 as scale_min, 5 as scale_max, false as is_reversed, 'w1' as wording_version,
        list_extract(['before', 'during', 'after', 'whole'], draw(response, {salt} + 7, 4) + 1) as stage,
        list_extract(['branch', 'website', 'app'], draw(response, {salt} + 8, 3) + 1) as channel,
        list_extract(['web', 'sms'], draw(response, {salt} + 9, 2) + 1) as mode,
        list_extract(['individual', 'business'], draw(response, {salt} + 10, 2) + 1) as segment,
        list_extract(['18-29', '30-44', '45-59', '60+'], draw(response, {salt} + 11, 4) + 1) as age_band,
        list_extract(['male', 'female'], draw(response, {salt} + 12, 2) + 1) as gender,
        timestamp '{first}' + to_minutes(draw(response, {salt} + 13, {minutes})) as responded_at,
        'p' || draw(response, {salt} + 14, {responses} // 2) as beneficiary
    from (select range as number, range // 10 as response, (range // 10) % {branches} as branch from range({responses} * 10))"""
_COMPLAINTS = """
    select number, printf('a%03d', branch // {own_branches}) as agency_id, printf('b%05d', branch) as branch_id,
        list_extract({regions}, branch % {regions_count} + 1) as region_id, 'c' || number as case_id,
        printf('s%04d', (branch // {own_branches}) * {own_services} + draw(number, {salt}, {own_services})) as service_id,
        list_extract(['phone', 'app', 'website', 'branch'], draw(number, {salt} + 1, 4) + 1) as channel,
        list_extract(['delay', 'staff', 'information', 'digital_fault'], draw(number, {salt} + 2, 4) + 1) as category_code,
        opened as opened_at, opened + to_minutes(draw(number, {salt} + 3, 2880)) as acknowledged_at,
        opened + to_days(5) as due_at,
        case when draw(number, {salt} + 4, 20) > 0
            then opened + to_minutes(1440 + draw(number, {salt} + 5, 14400)) end as resolved_at,
        draw(number, {salt} + 6, 12) // 11 as reopened_count,
        list_extract(['upheld', 'partly', 'not_upheld'], draw(number, {salt} + 7, 3) + 1) as outcome,
        timestamp '{first}' + to_minutes({minutes}) as extracted_at, 'p' || draw(number, {salt} + 8, {responses}) as beneficiary
    from (select range as number, range % {branches} as branch,
            timestamp '{first}' + to_minutes(draw(range, {salt} + 9, {minutes})) as opened
        from range({responses} // 2))"""
_USAGE = """
    select number, printf('a%03d', service // {own_services}) as agency_id, printf('s%04d', service) as service_id,
        date '{first}' as used_on, list_extract({regions}, number // {services} % {regions_count} + 1) as region_id,
        list_extract(['branch', 'website', 'app'], number // ({services} * {regions_count}) % 3 + 1) as channel,
        list_extract(['individual', 'business'], number // ({services} * {regions_count} * 3) % 2 + 1) as segment,
        200 + draw(number, {salt}, 400) as started, 150 + draw(number, {salt} + 1, 50) as completed,
        draw(number, {salt} + 2, 9) as not_eligible, draw(number, {salt} + 3, 20) as failed,
        draw(number, {salt} + 4, 20) as abandoned, 100 as duration_count, 900 + draw(number, {salt} + 5, 300) as duration_minutes,
        43000 - draw(number, {salt} + 6, 400) as minutes_available, 43000 as minutes_due
    from (select range as number, range % {services} as service from range({services} * {regions_count} * 6))"""
_STANDARDS = """
    select number, printf('a%03d', service // {own_services}) as agency_id, printf('s%04d', service) as service_id,
        'standard' || number // {services} as standard_id, 'timeliness' as standard_kind, 0.9 as target,
        date '{first}' as measured_on, 80 + draw(number, {salt}, 20) as met, 100 as total
    from (select range as number, range % {services} as service from range({services} * 2))"""
_VISITS = """
    select number, printf('a%03d', branch // {own_branches}) as agency_id, printf('b%05d', branch) as branch_id,
        list_extract({regions}, branch % {regions_count} + 1) as region_id, 'v' || number // 10 as visit_id,
        'item' || number % 10 as rubric_item, timestamp '{first}' + to_days(10) as visited_at,
        list_extract(['before', 'during', 'after'], number % 3 + 1) as stage, 'branch' as channel,
        draw(number, {salt}, 5) as score, 4 as score_max, 1 as item_weight
    from (select range as number, range // 10 % {branches} as branch from range({branches} * 20))"""
_MATURITY = """
    select number, printf('a%03d', number // 40) as agency_id, 'm' || number // 40 as assessment_id,
        'cx_management' as model_id, 'P' || number % 40 as practice_id, 'd' || number % 6 as dimension,
        draw(number, {salt}, 4) as adoption, 3 as adoption_max, true as has_evidence, date '{first}' as assessed_on
    from (select range as number from range({agencies} * 40))"""
_SOURCES = {
    "survey_responses": _SURVEY,
    "complaints": _COMPLAINTS,
    "service_usage": _USAGE,
    "service_standards": _STANDARDS,
    "mystery_visits": _VISITS,
    "maturity_assessments": _MATURITY,
}


def _write_registry(folder: Path, scale: Scale) -> None:
    def named(kind_ar: str, kind_en: str, number: int) -> dict[str, str]:
        return {"name_ar": f"{kind_ar} {number}", "name_en": f"{kind_en} {number}", "aliases": ""}

    agencies = [f"a{number:03d}" for number in range(scale.agencies)]
    regions = [{key: row[key] for key in ("region_id", "name_ar", "name_en", "aliases")} for row in table("regions")]
    tables: dict[str, list[dict[str, str]]] = {
        "agencies": [
            {"agency_id": agency, "peer_group": f"group{n % 8}", "size_class": "large", **named("جهة", "Agency", n)}
            for n, agency in enumerate(agencies)
        ],
        "providers": [{"provider_id": PROVIDER, "name_ar": "المركز", "name_en": "Centre"}],
        "services": [
            {"service_id": f"s{n:04d}", "agency_id": agencies[n // scale.own_services], "digital_stage": "transaction"}
            | named("خدمة", "Service", n)
            for n in range(scale.services)
        ],
        "regions": regions,
        "branches": [
            {
                "branch_id": f"b{n:05d}",
                "agency_id": agencies[n // scale.own_branches],
                "region_id": regions[n % len(regions)]["region_id"],
            }
            | named("فرع", "Branch", n)
            for n in range(scale.branches)
        ],
        "journeys": [{"journey_id": f"j{n}", **named("رحلة", "Journey", n)} for n in range(1, 7)],
        "journey_steps": [],
        "owed": [
            {"agency_id": agency, "feed": feed, "from_period": scale.periods[0], "to_period": scale.periods[-1]}
            for agency in agencies
            for feed in _SOURCES
        ],
    }
    for name, (columns, _, _) in TABLES.items():
        write_csv(folder / f"{name}.csv", columns, tables.get(name, []))
