"""Great Expectations on typed rows, through DuckDB SQL: the second opinion on what intake found in its own pass.

Belongs here: everything that uses Great Expectations, imported only when it is asked (the import takes seconds). Does not
belong here: which rules there are (`suites`), what is asked of it (`review`).
"""

import atexit
import os
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from expectations.suites import Rule
from ingestion.broken_rules import SuiteError
from miyar import sql


@dataclass(frozen=True)
class Finding:
    """What one rule found: the number of bad rows, and the query that lists them all (`row_id` first)."""

    rule: Rule
    count: int
    row_query: str


@dataclass(frozen=True)
class _Validator:
    """Great Expectations, set up once per process with a datasource on one database file that each batch overwrites."""

    database: Path
    datasource: Any
    batches: Any

    def run(self, expectations: list[Any], result_format: Any) -> list[Any]:
        """Validate; afterwards the database file is free for the next batch."""
        import great_expectations as gx

        suite = gx.ExpectationSuite(name="submission", expectations=expectations)
        try:
            return list(self.batches.get_batch().validate(suite, result_format=result_format).results)
        finally:
            self.release()

    def release(self) -> None:
        """Close the file: both engines keep it open in this process, which would block the next batch."""
        for pool in (self.datasource.get_engine(), self.datasource.get_execution_engine().engine):
            pool.dispose()


@cache
def _validator() -> _Validator:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with warnings.catch_warnings():
        # Its imports use modules that Python deprecates (1.24.1), which a user of Miyar cannot fix.
        warnings.simplefilter("ignore", DeprecationWarning)
        import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    folder = Path(tempfile.mkdtemp(prefix="miyar-validation-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    database = folder / "validation.duckdb"
    _point(database, [])
    datasource = context.data_sources.add_or_update_sql(  # type: ignore[call-arg]
        "submission",
        connection_string=f"duckdb:///{database}",
        # AUTOCOMMIT without a rollback on close; otherwise the result is lost before Great Expectations fetches it.
        kwargs={
            "connect_args": {"read_only": True},
            "isolation_level": "AUTOCOMMIT",
            "skip_autocommit_rollback": True,
        },
    )
    batches = datasource.add_table_asset("typed", table_name="typed").add_batch_definition_whole_table("all")
    validator = _Validator(database, datasource, batches)
    validator.release()
    return validator


def _point(database: Path, typed: Sequence[Path], problems: Sequence[Path] = ()) -> None:
    """Rewrite the database with one view, of the typed rows that have no problems."""
    database.unlink(missing_ok=True)
    with duckdb.connect(str(database)) as connection:
        if not typed:
            connection.execute("create table typed (row_id varchar)")
            return
        untyped = f" where row_id not in (select row_id from {sql.parquet(*problems)})" if problems else ""
        connection.execute(f"create view typed as select * from {sql.parquet(*typed)}{untyped}")


def evaluate(typed: Sequence[Path], problems: Sequence[Path], rules: Sequence[Rule]) -> list[Finding]:
    """Run the rules on the rows of `typed` that `problems` does not list; one finding per rule, in order.

    Most submissions break few rules, so the first pass asks only for verdicts, and only failed rules are asked for the query that
    lists their bad rows. Raises SuiteError naming every rule that errored, which Great Expectations reports as a mere failure.
    """
    validator = _validator()
    _point(validator.database, typed, problems)
    verdicts = validator.run([_expectation(rule, number) for number, rule in enumerate(rules)], "BOOLEAN_ONLY")
    _raise_broken(rules, verdicts)
    failed = sorted(result.expectation_config.meta["rule"] for result in verdicts if not result.success)
    queries = {n: _row_query(rules[n]) for n in failed if rules[n].violation}
    counts = dict.fromkeys(failed, -1)
    native = [number for number in failed if not rules[number].violation]
    if native:
        complete = {"result_format": "COMPLETE", "unexpected_index_column_names": ["row_id"]}
        details = validator.run([_expectation(rules[number], number) for number in native], complete)
        _raise_broken(rules, details)
        for result in details:
            number = result.expectation_config.meta["rule"]
            counts[number] = int(result.result["unexpected_count"])
            queries[number] = str(result.result["unexpected_index_query"]).rstrip("; \n")
    return [Finding(rule, counts.get(number, 0), queries.get(number, "")) for number, rule in enumerate(rules)]


def _expectation(rule: Rule, number: int) -> Any:
    import great_expectations.expectations as gxe

    if rule.violation:
        # Great Expectations passes the text through str.format for {batch}, so it may hold no other brace.
        query = f"select row_id from {{batch}} where {rule.violation}"
        kind, arguments = "UnexpectedRowsExpectation", {"unexpected_rows_query": query}
    else:
        kind, arguments = rule.expectation, rule.kwargs
    return getattr(gxe, kind)(**arguments, meta={"rule": number})


def _row_query(rule: Rule) -> str:
    return f"select row_id from typed where {rule.violation.replace('{batch}', 'typed')}"


def _raise_broken(rules: Sequence[Rule], results: list[Any]) -> None:
    broken = []
    for result in results:
        message = _exception_of(result.exception_info)
        if message:
            broken.append(f"{rules[result.expectation_config.meta['rule']].id}: {message}")
    if broken:
        raise SuiteError("rules that could not be evaluated: " + "; ".join(sorted(broken)))


def _exception_of(info: Any) -> str:
    """The message of an expectation that errored, or an empty text; its shape differs by expectation."""
    if not info:
        return ""
    parts = [info] if "raised_exception" in info else list(info.values())
    return "; ".join(str(part.get("exception_message")) for part in parts if part.get("raised_exception"))


def failing_rows(findings: Sequence[Finding], limit: str) -> list[list[str]]:
    """The row ids behind each finding, sorted, found by running the finding's own query."""
    if not any(finding.count for finding in findings):
        return [[] for _ in findings]
    rows = []
    with duckdb.connect(str(_validator().database), read_only=True) as connection:
        connection.execute(f"set memory_limit = '{limit}'")
        for finding in findings:
            ids = [row[0] for row in connection.execute(finding.row_query).fetchall()] if finding.count else []
            # Great Expectations counts at most 200 rows of a query, so only its own kinds of rule give a count.
            if finding.count and (not ids or (finding.count > 0 and len(ids) != finding.count)):
                raise SuiteError(f"{finding.rule.id}: {finding.count} bad rows were counted and {len(ids)} found")
            rows.append(sorted(ids))
    return rows
