"""The recipes of docs/architecture.md, followed to the letter on a copy of the product: a metric, a unit type, a feed.

Belongs here: which files a recipe changes, and that no other change is needed. Does not belong here: whether a formula
is right.
"""

import json
from pathlib import Path

import duckdb
import yaml

from expectations.intake import receive_all
from expectations.suites import catalogue
from ingestion.contract import load_contracts
from ingestion.feeds import load_feeds
from ingestion.submission_ledger import read_accounts
from methodology.additive_tables import sums_of
from miyar.registry import load_registry
from miyar.unit_types import columns_by_type
from miyar.workspace import Workspace
from publication.reading import code_text
from publication.trace import row_conditions
from tests.recipes.product import Product
from warehouse.dbt_runner import prepare_manifest

METRICS = "methodology/versions/2026.2/metrics.csv"
MEASURES = "dbt/macros/benchmarks/measures.sql"
CELLS = "dbt/models/intermediate/cells/by_slice"


def _metric(name: str, feed: str, measure: str, polarity: int) -> str:
    """Return a row of metrics.csv: a share in percent, shown among the headline metrics."""
    return f"{name},مقياس,Toy,تعريف,Definition,{feed},{measure},proportion,,{polarity},share_pct,true,chosen,test"


def test_a_metric_over_an_existing_measure_is_one_row(product: Product) -> None:
    product.append(METRICS, _metric("toy_upheld", "complaints", "complaints.upheld", -1))
    assert product.changed == {METRICS}
    product.build()
    columns = "unit_type, unit_id, period_id, status, n, score"
    scores = f"select {columns} from benchmarks.bench_scores where metric_id = '{{}}' order by all"
    toy = product.rows(scores.format("toy_upheld"))
    assert any(line[3] == "reported" for line in toy)
    assert toy == product.rows(scores.format("complaints_upheld"))


def test_a_metric_over_a_new_measure_is_three_files(product: Product) -> None:
    """Here the column of cells is new too; a measure over existing columns takes two files."""
    cells = f"{CELLS}/int_complaints__cells.sql"
    product.insert(
        cells,
        "        count(case when outcome = 'partly'",
        "        count(case when outcome = 'withdrawn' then 1 end) as withdrawn_count,\n",
    )
    product.insert(
        MEASURES,
        "        {'cells': 'int_usage__cells', 'measure': 'usage.digital_completion'",
        "        {'cells': 'int_complaints__cells', 'measure': 'complaints.toy', 'numerator': 'withdrawn_count', "
        "'base': 'opened_count'},\n",
    )
    product.append(METRICS, _metric("toy_withdrawn", "complaints", "complaints.toy", -1))
    assert product.changed == {cells, MEASURES, METRICS}
    product.build()
    # By hand from the rows of the lake: the last version of each case counts.
    lake = f"{product.workspace.lake}/complaints/*/*.parquet"
    (agency, period, cases, withdrawn), *_ = product.rows(
        f"""select agency_id, period_id, count(*), count(*) filter (outcome = 'withdrawn') from (
            select rows.*, slices.delivery_rank from read_parquet('{lake}', hive_partitioning = false) as rows
            inner join staging.stg_ledger__slices as slices using (slice_id, submission_id) where slices.status = 'live'
            qualify row_number() over (
                partition by slice_id, case_id order by slices.delivery_rank desc, source_row desc
            ) = 1
        ) group by all having count(*) filter (outcome = 'withdrawn') > 0 order by count(*) desc"""
    )
    found = product.rows(
        f"""select n, score from benchmarks.bench_scores where metric_id = 'toy_withdrawn' and unit_type = 'agency'
        and unit_id = '{agency}' and period_id = '{period}'"""
    )
    assert [(n, round(float(score), 2)) for n, score in found] == [(cases, round(100 * withdrawn / cases, 2))]


def test_a_unit_type_is_an_entry_and_its_words(product: Product) -> None:
    """Services of an agency in one region: the rows have these columns, the registry has the names."""
    product.append(
        "miyar/unit_types.yml",
        "toy_service_region:\n  columns: [agency_id, service_id, region_id]\n"
        "  name: {ar: خدمة في منطقة, en: service in a region}\n  records: true\n  frame: unknown",
    )
    documentation = "dbt/models/marts/columns.md"
    product.insert(documentation, "agency, service, branch,", "toy_service_region, ")
    assert product.changed == {"miyar/unit_types.yml", documentation}
    product.build()
    scores = product.rows(
        "select scores.*, units.name_en from benchmarks.bench_scores as scores inner join core.dim_units as units "
        "using (unit_type, unit_id) where scores.unit_type = 'toy_service_region'"
    )
    assert len(scores) > 10 and all(" - " in line[-1] for line in scores)
    counted = product.rows("select count(*) from benchmarks.bench_complaints where unit_type = 'toy_service_region'")
    assert counted[0][0] > 0
    # The parts of an agency add up to its rows that name both a service and a region.
    sums = """select unit_type, sum(n) from intermediate.int_statistics__by_unit
        where metric_id = 'digital_completion' and unit_type in ('agency', 'toy_service_region') group by all order by 1"""
    (_, whole), (_, parts) = product.rows(sums)
    whole_rows = product.rows(
        "select sum(n) from intermediate.int_measures__observed where metric_id = 'digital_completion' "
        "and service_id is not null and region_id is not null"
    )
    assert parts == whole_rows[0][0] <= whole
    # Disclosure control knows this type's sums: small parts are hidden, and every hidden count has its proof.
    hidden = product.rows(
        "select is_primary, is_proved from intermediate.int_suppression__decided where unit_type = 'toy_service_region'"
    )
    assert len(hidden) > 10 and all(is_proved for is_primary, is_proved in hidden if is_primary)
    assert ("toy_service_region", "service") in sums_of(columns_by_type())
    assert ("toy_service_region", "agency_region") in sums_of(columns_by_type())
    metric = {"measure_id": "usage.digital_completion", "stage": ""}
    passport = {"unit_type": "toy_service_region", "unit_id": "a/b/c", "metric_id": "digital_completion"}
    assert row_conditions(passport, metric, "service_usage") == (
        "agency_id = ? and service_id = ? and region_id = ?",
        ["a", "b", "c"],
    )
    assert code_text("toy_service_region", "en", "unit_types") == "service in a region"


FEED = """  toy_permits:
    about: One row per application for a permit.
    cells: int_toy_permits__cells
    event: decided_on
    key: [permit_id]
    columns:
      permit_id: {type: text, required: true, row_default: true, about: "Identifies the application"}
      decided_on: {type: date, required: true, about: "When it was decided"}
      granted: {type: boolean, required: true, about: "True when it was granted"}
"""
SUITE = """rules:
  - id: toy_decided
    columns: [decided_on]
    violation: "decided_on > date '2030-01-01'"
    severity: error
    action: quarantine
    ar: تاريخ في المستقبل
    en: A day in the future
    next_ar: راجعوا التاريخ
    next_en: Check the day
"""
STAGED = """select
    agency_id,
    service_id,
    branch_id,
    region_id,
    journey_id,
    period_id,
    permit_id,
    decided_on,
    granted,
    provider_id,
    submission_id,
    row_id,
    source_row,
    slice_id
from {{ source('lake', 'toy_permits') }}
"""
PROPERTIES = """sources:
  - name: lake
    tables:
      - name: toy_permits
        description: Accepted applications. One row per application.
        config: {meta: {dagster: {asset_key: [lake, toy_permits]}}}
models:
  - name: stg_lake__toy_permits
    description: Accepted applications. One row per application.
    config: {meta: {grain: [row_id]}}
  - name: int_toy_permits__cells
    description: Applications as counts. One row per slice and place.
"""
COUNTED = """with

permits as (

    select *
    from {{ pending_rows('toy_permits') }} as permits

),

final as (

    select
        slice_id,
        agency_id,
        period_id,
        service_id,
        branch_id,
        region_id,
        journey_id,
        count(*) as decided_count,
        sum(case when granted then 1 else 0 end) as granted_count
    from permits
    group by
        slice_id,
        agency_id,
        period_id,
        service_id,
        branch_id,
        region_id,
        journey_id

)

select * from final
"""


def test_a_feed_is_six_files(product: Product) -> None:
    product.insert("ingestion/feeds.yml", "  reported_measures:\n", FEED)
    product.write("expectations/suites/toy_permits.yml", SUITE)
    product.write("dbt/models/staging/lake/stg_lake__toy_permits.sql", STAGED)
    product.write("dbt/models/staging/lake/toy_permits.yml", PROPERTIES)
    product.write(f"{CELLS}/int_toy_permits__cells.sql", COUNTED)
    product.insert(
        MEASURES,
        "        'reported_measures': {",
        "        'toy_permits': {'cells': ['int_toy_permits__cells'], 'rows': 'decided_count'},\n",
    )
    product.insert(
        MEASURES,
        "        {'cells': 'int_usage__cells', 'measure': 'usage.digital_completion'",
        "        {'cells': 'int_toy_permits__cells', 'measure': 'permits.granted', 'numerator': 'granted_count', "
        "'base': 'decided_count'},\n",
    )
    assert len(product.changed) == 6
    # Its metric is a row, as the recipe for a metric says.
    product.append(METRICS, _metric("toy_granted", "toy_permits", "permits.granted", 1))
    workspace = product.workspace
    registry = load_registry(workspace.registry)
    agency = sorted(registry.tables["agencies"], key=lambda row: row["agency_id"])[0]["agency_id"]
    period = product.rows("select max(period_id) from staging.stg_ledger__slices where status = 'live'")[0][0]
    _deliver(workspace.root, agency, period)
    contracts = load_contracts(workspace.registry)
    with workspace.lock():
        intake = receive_all(workspace, registry, contracts, read_accounts(workspace), only={(agency, "toy_permits")})
    assert [(account.status, account.accepted) for account in intake.accounts] == [("accepted", 80)]
    product.build()
    scores = product.rows(
        "select status, n, score from benchmarks.bench_scores where metric_id = 'toy_granted' and n is not null"
    )
    assert [(status, n, float(score)) for status, n, score in scores] == [("reported", 80, 75.0)]
    behind = product.rows(
        "select rows_count, cells_count from intermediate.int_rows__gathered where metric_id = 'toy_granted'"
    )
    assert behind == [(80, 1)]
    assert product.rows("select granted_count from intermediate.int_toy_permits__cells") == [(60,)]
    assert "toy_decided" in {rule["id"] for rule in catalogue("toy_permits")}


def _deliver(root: Path, agency: str, period: str) -> None:
    """Write a contract, what is owed, and a file of 80 applications of which 60 were granted."""
    contract = {
        "id": f"{agency}-toy_permits",
        "provider": agency,
        "feed": "toy_permits",
        "covers": [agency],
        "format": {"type": "csv"},
        "properties": [
            {"name": "agency_id", "constant": agency},
            {"name": "permit_id", "physicalName": "permit"},
            {"name": "decided_on", "physicalName": "decided"},
            {"name": "granted", "physicalName": "granted"},
        ],
    }
    target = root / "registry" / "contracts" / agency / "toy_permits.yml"
    target.write_text(yaml.safe_dump(contract, allow_unicode=True), "utf-8")
    with (root / "registry" / "owed.csv").open("a", encoding="utf-8") as stream:
        stream.write(f"{agency},toy_permits,{period},{period}\n")
    day = f"{period[:4]}-{3 * int(period[5]) - 1:02d}-15"
    lines = [f"p{number},{day},{'true' if number < 60 else 'false'}" for number in range(80)]
    landed = root / "landing" / agency / "toy_permits" / f"{period}.csv"
    landed.parent.mkdir(parents=True, exist_ok=True)
    landed.write_text("permit,decided,granted\n" + "\n".join(lines) + "\n", "utf-8")


def test_every_feed_stands_in_each_list_that_is_kept_by_hand() -> None:
    """Besides its columns, a feed has a suite, a staged view, and tables of cells upstream of the ledger of slices."""
    manifest = json.loads(prepare_manifest().read_text("utf-8"))
    models = {node["name"] for node in manifest["nodes"].values() if node["resource_type"] == "model"}
    before = {name.split(".")[-1] for name in manifest["parent_map"]["model.miyar.int_slices__built"]}
    tables = {name for name in models if name.endswith("__cells")}
    assert before - {"int_slices__pending"} == tables
    for feed in load_feeds().values():
        assert f"stg_lake__{feed.name}" in models and feed.cells in tables and catalogue(feed.name)


def test_staged_columns_are_those_of_the_feed(built_workspace: Workspace) -> None:
    with duckdb.connect(str(built_workspace.warehouse), read_only=True) as connection:
        for feed in load_feeds().values():
            staged = connection.execute(f"select * from staging.stg_lake__{feed.name} limit 0").description
            assert [column[0] for column in staged] == feed.lake_schema.names, feed.name
