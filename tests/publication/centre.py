"""A warehouse made by hand: two agencies, one metric, two quarters, and only the columns that publishing reads.

Belongs here: making it, changing it and publishing it. Does not belong here: any expectation.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from ingestion.submission_ledger import Account, read_accounts, write_account
from miyar.workspace import Workspace
from publication.editions import Published, publish
from publication.manifest import Origin
from publication.method import methodology_of

ORIGIN = Origin("2026.2", "m" * 64, "r" * 64, "c" * 64, "k" * 64, {"sub-b": "accepted", "sub-a": "accepted"})
NOW = datetime(2026, 4, 20, 9, tzinfo=UTC)
TABLES = """
create schema core; create schema benchmarks; create schema intermediate; create schema staging;
create table core.dim_agencies (agency_id varchar, name_ar varchar, name_en varchar, peer_group varchar);
insert into core.dim_agencies values ('a01', 'هيئة النور', 'Noor Authority', 'g'), ('a02', 'مؤسسة الندى', 'Nada', 'g');
comment on table core.dim_agencies is 'Who is measured; one row per agency''s id.';
comment on column core.dim_agencies.name_ar is 'Arabic name.';
create table core.dim_metrics (metric_id varchar, name_ar varchar, name_en varchar, is_headline boolean, polarity int);
insert into core.dim_metrics values ('speed', 'السرعة', 'Speed', true, 1);
create table core.dim_units (unit_type varchar, unit_id varchar, agency_id varchar, name_ar varchar, name_en varchar);
insert into core.dim_units select 'agency', agency_id, agency_id, name_ar, name_en from core.dim_agencies;
create table benchmarks.bench_scores (
    score_id varchar, unit_type varchar, unit_id varchar, agency_id varchar, metric_id varchar, period_id varchar,
    instrument_id varchar, status varchar, status_reason varchar, score decimal(12, 4), ci_low decimal(12, 4),
    ci_high decimal(12, 4), n bigint);
insert into benchmarks.bench_scores values
    ('s1', 'agency', 'a01', 'a01', 'speed', '2025Q4', 'i', 'reported', null, 70.5, 68, 73, 40),
    ('s2', 'agency', 'a02', 'a02', 'speed', '2025Q4', 'i', 'suppressed', 'confidential', null, null, null, null),
    ('s3', 'agency', 'a01', 'a01', 'speed', '2026Q1', 'i', 'reported', null, 71.25, 69, 74, 50),
    ('s4', 'agency', 'a02', 'a02', 'speed', '2026Q1', 'i', 'reported', null, 64, 60, 68, 60),
    ('s5', 'agency', 'a02', 'a02', 'speed', '2026Q2', null, 'missing', 'no_submission', null, null, null, null);
alter table benchmarks.bench_scores add column standard_error decimal(12, 4);
alter table benchmarks.bench_scores add column respondents bigint;
alter table benchmarks.bench_scores add column n_effective decimal(18, 4);
alter table benchmarks.bench_scores add column design_effect decimal(12, 4);
alter table benchmarks.bench_scores add column interval_claim varchar default 'holds';
alter table benchmarks.bench_scores add column is_shared boolean default false;
alter table core.dim_units add column is_shared boolean default false;
alter table core.dim_metrics add column unit varchar default 'share_pct';
create table benchmarks.bench_peer_positions (
    agency_id varchar, metric_id varchar, period_id varchar, instrument_id varchar, score_id varchar,
    peers_count bigint, peer_median decimal(12, 4), peer_lower_quartile decimal(12, 4),
    peer_upper_quartile decimal(12, 4), peer_frame varchar, peer_mean decimal(12, 4), difference decimal(12, 4),
    difference_low decimal(12, 4), difference_high decimal(12, 4), smallest_difference decimal(12, 4), verdict varchar,
    p_right decimal(12, 4), national_verdict varchar, turns_with_frame boolean, benchmark decimal(12, 4),
    benchmark_low decimal(12, 4), benchmark_high decimal(12, 4), z decimal(12, 4), special_cause varchar, tier int,
    is_comparable boolean, comparability_reason varchar,
    score decimal(12, 4), rank_low int, rank_high int,
    linked_instrument_id varchar, linked_score decimal(12, 4));
insert into benchmarks.bench_peer_positions by name
    select agency_id, metric_id, period_id, instrument_id, score_id, 1 as peers_count, 5 as smallest_difference,
        false as is_comparable, 'too_few_peers' as comparability_reason, score
    from benchmarks.bench_scores;
create table benchmarks.bench_lineage (score_id varchar, agency_id varchar, slice_id varchar);
insert into benchmarks.bench_lineage values
    ('s1', 'a01', 'x'), ('s3', 'a01', 'y'), ('s4', 'a02', 'z'), ('s5', 'a02', 'w');
create table intermediate.int_scores__judged as
    select unit_type, unit_id, agency_id, metric_id, period_id, instrument_id, status, status_reason,
        case when status = 'suppressed' then 'n_below_minimum' end as owner_reason,
        case when status = 'missing' then null else coalesce(score, 55.125) end::double as score,
        ci_low::double as ci_low, ci_high::double as ci_high, coalesce(n, 12) as n,
        respondents, n_effective::double as n_effective, design_effect::double as design_effect
    from benchmarks.bench_scores;
create table intermediate.int_contributors__counted (unit_type varchar, unit_id varchar, metric_id varchar,
    period_id varchar, instrument_id varchar, contributor_id varchar, n bigint, total double, squares double);
create table intermediate.int_members__counted as from intermediate.int_contributors__counted;
create table intermediate.int_figures__contributed as select *, true as is_shown from intermediate.int_contributors__counted;
create table intermediate.int_trends__estimated (unit_type varchar, unit_id varchar, metric_id varchar,
    period_id varchar, instrument_id varchar, score_kind varchar, status varchar, score double);
create view benchmarks.no_table as select 1 as one;
"""


def publish_as_it_stands(workspace: Workspace, origin: Origin, moment: datetime, **options: Any) -> Published:
    """Publish an edition of a workspace whose registry may be incomplete."""
    known = {"methodology": methodology_of(workspace), "accounts": read_accounts(workspace)}
    return publish(workspace, origin, moment, **known, **options)


class Centre:
    """A workspace whose warehouse can be changed and published."""

    def __init__(self, root: Path) -> None:
        (root / "registry").mkdir(parents=True)
        (root / "warehouse").mkdir()
        (root / "miyar.yml").write_text(
            "name: {ar: مركز, en: Centre}\nmethodology: '2026.2'\nperiods: {first: 2025Q1, last: 2026Q4}\n", "utf-8"
        )
        self.workspace = Workspace.open(root)
        self.change(TABLES)
        both = [{"agency_id": agency, "period_id": "2026Q1", "rows": 7} for agency in ("a01", "a02")]
        self._account("sub-a", both[:1], {"value_in_scale": 2})
        self._account("sub-b", both, {"period_closed": 99})

    def _account(self, submission: str, slices: list[dict[str, Any]], rules: dict[str, int]) -> None:
        write_account(
            self.workspace,
            Account(
                submission_id=submission,
                provider="p",
                feed="survey_responses",
                contract_id="c",
                contract_version="1",
                contract_hash="h",
                path=f"p/survey_responses/{submission}.csv",
                delivered_key="",
                sequence=1,
                status="accepted",
                records=7777,
                slices=[
                    {"slice_id": f"survey_responses|{one['agency_id']}|{one['period_id']}", **one} for one in slices
                ],
                rule_counts=rules,
            ),
        )

    def change(self, sql: str) -> None:
        with duckdb.connect(str(self.workspace.warehouse)) as connection:
            connection.execute(sql)

    def publish(self, **options: Any) -> Published:
        return publish_as_it_stands(self.workspace, ORIGIN, NOW, **options)
