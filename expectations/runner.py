"""Great Expectations over one submission's typed rows, through DuckDB SQL.

Belongs here: everything that touches Great Expectations, imported only when a submission is validated (the import takes
seconds). Does not belong here: which rules there are (`suites`) and what follows from a failure (`intake`).
"""

import os
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from expectations.suites import Rule


@dataclass(frozen=True)
class Finding:
    """What one rule found: the number of bad rows, and the query that names them all (`row_id` first)."""

    rule: Rule
    count: int
    row_query: str


class SuiteError(RuntimeError):
    """A rule that could not be evaluated: a fault of the suite, never of the submission."""


@cache
def _context() -> Any:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with warnings.catch_warnings():
        # Its imports use modules that Python deprecates (1.24.1); nothing a user of Miyar could mend.
        warnings.simplefilter("ignore", DeprecationWarning)
        import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    return context


def evaluate(typed: Path, rules: list[Rule], scratch: Path) -> list[Finding]:
    """Run the rules on the rows of `typed` (Parquet) that have no problems yet; one finding per rule, in order.

    Raises SuiteError naming every rule that errored: Great Expectations reports those as mere failures.
    """
    context = _context()
    import great_expectations as gx
    from great_expectations.expectations import core as gxe

    database = scratch / "validation.duckdb"
    database.unlink(missing_ok=True)
    with duckdb.connect(str(database)) as connection:
        source = str(typed).replace("'", "''")
        connection.execute(
            f"create view typed as select * exclude (problems) from read_parquet('{source}') where len(problems) = 0"
        )
    suite = gx.ExpectationSuite(name="submission")
    for number, rule in enumerate(rules):
        if rule.violation:
            # The text goes through str.format inside Great Expectations, for {batch}; nothing else may hold a brace.
            query = f"select row_id from {{batch}} where {rule.violation}"
            kind, arguments = "UnexpectedRowsExpectation", {"unexpected_rows_query": query}
        else:
            kind, arguments = rule.expectation, rule.kwargs
        suite.add_expectation(getattr(gxe, kind)(**arguments, meta={"rule": number}))
    datasource = context.data_sources.add_or_update_sql(
        "submission",
        connection_string=f"duckdb:///{database}",
        # AUTOCOMMIT without a rollback on close: else the result is wiped before Great Expectations fetches it.
        kwargs={
            "connect_args": {"read_only": True},
            "isolation_level": "AUTOCOMMIT",
            "skip_autocommit_rollback": True,
        },
    )
    try:
        batch = (
            datasource.add_table_asset("typed", table_name="typed").add_batch_definition_whole_table("all").get_batch()
        )
        outcome = batch.validate(
            suite, result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ["row_id"]}
        )
    finally:
        # Both engines keep the file open in this process, which would block the next submission.
        for engine in (datasource.get_engine(), datasource.get_execution_engine().engine):
            engine.dispose()
    findings: dict[int, Finding] = {}
    broken = []
    for result in outcome.results:
        number = result.expectation_config.meta["rule"]
        rule = rules[number]
        message = _exception_of(result.exception_info)
        if message:
            broken.append(f"{rule.id}: {message}")
        elif rule.violation:
            query = f"select row_id from typed where {rule.violation.replace('{batch}', 'typed')}"
            # Great Expectations counts at most 200 rows of a query; the number itself is taken from the split.
            findings[number] = Finding(rule, 0 if result.success else -1, query)
        else:
            count = int(result.result.get("unexpected_count") or 0)
            findings[number] = Finding(
                rule, count, str(result.result.get("unexpected_index_query") or "").rstrip("; \n")
            )
    if broken:
        raise SuiteError("rules that could not be evaluated: " + "; ".join(sorted(broken)))
    return [findings[number] for number in range(len(rules))]


def _exception_of(info: Any) -> str:
    """The message of an expectation that errored, or nothing; the shape differs by expectation."""
    if not info:
        return ""
    parts = [info] if "raised_exception" in info else list(info.values())
    return "; ".join(str(part.get("exception_message")) for part in parts if part.get("raised_exception"))


def failing_rows(scratch: Path, findings: list[Finding], limit: str) -> list[tuple[Rule, list[str]]]:
    """The row ids behind every finding with failures, by running the finding's own query."""
    rows = []
    with duckdb.connect(str(scratch / "validation.duckdb"), read_only=True) as connection:
        connection.execute(f"set memory_limit = '{limit}'")
        for finding in findings:
            if finding.count:
                ids = [row[0] for row in connection.execute(finding.row_query).fetchall()]
                if finding.count > 0 and len(ids) != finding.count:
                    raise SuiteError(f"{finding.rule.id}: {finding.count} bad rows were counted and {len(ids)} found")
                rows.append((finding.rule, sorted(ids)))
    return rows
