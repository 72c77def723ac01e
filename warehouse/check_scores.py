"""The scores a file would give on its own, computed by the pipeline's models on a check's lake.

Belongs here: one build in a temporary workspace, and reading its scores. Does not belong here: receiving the file
(`expectations.check`) and the words for a status (`publication.reading`).
"""

from pathlib import Path
from typing import Any

import duckdb

from expectations.check import CheckResult, checking
from ingestion.contract import Contract, load_contract
from ingestion.lake import write_empty_files
from ingestion.slices import write_slices
from ingestion.submission_ledger import read_accounts
from methodology.parameters import Methodology
from miyar import sql
from miyar.registry import Registry, load_registry
from miyar.workspace import Workspace
from publication.method import methodology_of, with_known_names
from warehouse.dbt_runner import run_dbt
from warehouse.inputs import Inputs
from warehouse.snapshots import write_snapshots
from warehouse.source_code import code_hash

# The scores and everything they are computed from; peers are left out because the file does not contain them.
SCORED = ["+bench_scores", "+dim_metrics"]
SCORES = """
    select
        scores.metric_id, metrics.name_ar, metrics.name_en, scores.unit_type, scores.unit_id, scores.period_id,
        scores.instrument_id, scores.status, coalesce(judged.owner_reason, scores.status_reason) as status_reason,
        scores.n, scores.respondents, scores.n_effective, scores.interval_claim, scores.score,
        scores.ci_low, scores.ci_high, scores.frame_status, scores.weighting, scores.mode_set, scores.adjustments,
        scores.standard_error
    from benchmarks.bench_scores as scores
    inner join core.dim_metrics as metrics on scores.metric_id = metrics.metric_id
    -- Whose file it is may know why a figure would be withheld.
    left join intermediate.int_scores__judged as judged
        on scores.unit_type = judged.unit_type and scores.unit_id = judged.unit_id
        and scores.metric_id = judged.metric_id and scores.period_id = judged.period_id
        and scores.instrument_id = judged.instrument_id
    where scores.instrument_id is not null and scores.agency_id is not null
    order by scores.unit_type, scores.unit_id, scores.metric_id, scores.period_id, scores.instrument_id
"""

# Share of an agency's answers that lack what its scores would be weighted or adjusted by.
BLANK = """
    select agency_id, period_id, {shares}
    from intermediate.int_respondents__cells group by agency_id, period_id
"""


def check_with_scores(
    workspace: Workspace, file: Path, contract_path: Path, *, with_scores: bool = True
) -> tuple[CheckResult, list[dict[str, Any]], dict[str, str]]:
    """The check of a file, its scores (none for a refused file), and the hashes of the code and registry that judged it."""
    contract, registry = load_contract(contract_path), load_registry(workspace.registry)
    registry = with_known_names(registry, methodology_of(workspace))
    hashes = {"code": code_hash(), "registry": registry.hash}
    with checking(workspace, registry, file, contract) as (result, throwaway):
        is_scored = with_scores and result.account.status == "accepted"
        return result, scores_of_check(throwaway, workspace, registry, contract) if is_scored else [], hashes


def scores_of_check(
    throwaway: Workspace, workspace: Workspace, registry: Registry, contract: Contract
) -> list[dict[str, Any]]:
    """Rows of scores (units of agencies only) from the lake of `throwaway`, under the parameters of `workspace`.

    Raises RuntimeError naming what dbt could not build.
    """
    inputs = Inputs(throwaway, registry, [contract], methodology_of(workspace), read_accounts(throwaway))
    write_slices(throwaway, inputs.accounts, inputs.contracts)
    write_empty_files(throwaway)
    write_snapshots(inputs)
    failures = [
        f"{result.unique_id}: {result.message}" for result in run_dbt(throwaway, SCORED, "run") if result.failed
    ]
    if failures:
        raise RuntimeError(f"the scores could not be worked out: {'; '.join(failures)}")
    with duckdb.connect(str(throwaway.warehouse), read_only=True) as connection:
        scores = sql.rows(connection.execute(SCORES))
        blank = _blank(connection, inputs.methodology)
    for score in scores:
        is_surveyed = score["mode_set"] != ""
        score["blank"] = blank.get((score["unit_id"], score["period_id"]), {}) if is_surveyed else {}
    return scores


def _blank(connection: duckdb.DuckDBPyConnection, methodology: Methodology) -> dict[tuple[str, str], dict[str, float]]:
    """(agency, quarter) -> column -> share of its answers without a value there."""
    columns = [row["adjuster"] for row in methodology.adjusters] + [row["margin"] for row in methodology.margins]
    shares = ", ".join(
        f"sum(case when {one} is null then asked_count else 0 end) / sum(asked_count) as {one}" for one in columns
    )
    rows = sql.rows(connection.execute(BLANK.format(shares=shares)))
    return {(row["agency_id"], row["period_id"]): {one: float(row[one]) for one in columns} for row in rows}
