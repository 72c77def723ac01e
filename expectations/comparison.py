"""Changes in a submission since the provider's last one of the same feed: volumes, new codes, distributions.

Belongs here: counting both sides and reporting differences. Does not belong here: verdicts; a change is not a fault.
"""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import pyarrow as pa

from ingestion.contract import Contract, load_contracts
from ingestion.feeds import LINEAGE, Feed
from ingestion.slices import decide
from ingestion.submission_ledger import Account, next_sequence, read_accounts, with_received
from miyar import sql
from miyar.workspace import Workspace

# A column with more values than this holds names or ids, and listing the new ones would not help.
FEW_VALUES = 50
# Half the sum of the shares' differences: one row in ten would have to hold another value.
LEAST_DISTANCE = 0.1
# These identify single events, people or the period, so their values are always new.
IDENTIFIERS = {"period_id", "beneficiary", "response_id", "case_id", "visit_id", "assessment_id", "shopper"}


@dataclass(frozen=True)
class SliceChange:
    """Rows of one slice: those that count now, those that would, and whether they would wait for a person."""

    slice_id: str
    before: int
    after: int
    waits: bool


def slice_changes(workspace: Workspace, account: Account, contract: Contract) -> list[SliceChange]:
    """The slices an accepted file touches, as the ledger would take it if it were delivered next under the contract."""
    accounts = read_accounts(workspace)
    known = {other.submission_id: other for other in accounts}
    candidate = replace(account, sequence=next_sequence(known, account.submission_id))
    contracts = [one for one in load_contracts(workspace.registry) if one.id != contract.id] + [contract]
    before, _, _ = decide(accounts, contracts)
    after, _, waiting = decide(with_received(accounts, [candidate]), contracts)
    held = {one.slice_id for one in waiting if one.account.submission_id == account.submission_id}
    now, then = _counting(before), _counting(after)
    touched = {one["slice_id"]: int(one["rows"]) for one in account.slices}
    return [
        SliceChange(name, now[name], rows if name in held else then[name], name in held)
        for name, rows in sorted(touched.items())
    ]


def _counting(slices: pa.Table) -> Counter[str]:
    """Slice -> the rows that count for it."""
    counts: Counter[str] = Counter()
    for row in slices.to_pylist():
        if row["status"] == "live":
            counts[row["slice_id"]] += row["rows"]
    return counts


def last_submission(workspace: Workspace, account: Account) -> Account | None:
    """The provider's last accepted submission of the feed in the workspace, other than this one."""
    accepted = [
        other
        for other in read_accounts(workspace)
        if (other.provider, other.feed) == (account.provider, account.feed)
        and other.status == "accepted"
        and not other.withdrawn
        and other.submission_id != account.submission_id
    ]
    return accepted[-1] if accepted else None


def changes(
    throwaway: Workspace, account: Account, workspace: Workspace, earlier: Account, feed: Feed
) -> list[dict[str, Any]]:
    """Lines (kind, column, value, before, after): `rows` by agency, `new_value`, `share` and `mean`; shares are 0-1.

    A share is reported if its column's distribution moved by at least LEAST_DISTANCE (total variation), for the value
    that moved most. Means of decimal columns are always reported.
    """
    with duckdb.connect() as connection:
        for name, lake, submission in (
            ("after", throwaway.lake, account.submission_id),
            ("before", workspace.lake, earlier.submission_id),
        ):
            files = sorted((lake / feed.name).glob(f"period=*/{submission}.parquet"))
            connection.execute(f"create view {name} as select * from {sql.parquet(*files)}")
        lines = _volumes(connection)
        skipped = IDENTIFIERS | set(LINEAGE)
        for column in feed.columns:
            if column.name in skipped or column.free:
                continue
            if column.type in ("text", "boolean"):
                lines += _values(connection, column.name)
            elif column.type == "decimal":
                lines += _means(connection, column.name)
    return lines


def _volumes(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    found = connection.execute(
        "select coalesce(a.agency_id, b.agency_id) as agency, coalesce(b.n, 0), coalesce(a.n, 0) "
        "from (select agency_id, count(*) as n from after group by 1) as a "
        "full join (select agency_id, count(*) as n from before group by 1) as b using (agency_id) order by 1"
    ).fetchall()
    return [_line("rows", "agency_id", agency, before, after) for agency, before, after in found]


def _values(connection: duckdb.DuckDBPyConnection, column: str) -> list[dict[str, Any]]:
    found = connection.execute(
        f"select coalesce(a.v, b.v) as v, coalesce(b.share, 0), coalesce(a.share, 0), b.v is null "
        f"from ({_shares(column)} from after group by 1) as a full join ({_shares(column)} from before group by 1) as b "
        f"on a.v = b.v order by 1"
    ).fetchall()
    if len(found) > FEW_VALUES:
        return []
    lines = [_line("new_value", column, v, before, after) for v, before, after, is_new in found if is_new and v]
    if sum(abs(after - before) for _, before, after, _ in found) / 2 >= LEAST_DISTANCE:
        v, before, after, _ = max(found, key=lambda row: (abs(row[2] - row[1]), row[0]))
        lines.append(_line("share", column, v, before, after))
    return lines


def _shares(column: str) -> str:
    return f"select coalesce(cast({column} as varchar), '') as v, count(*) / sum(count(*)) over () as share"


def _means(connection: duckdb.DuckDBPyConnection, column: str) -> list[dict[str, Any]]:
    row = connection.execute(f"select (select avg({column}) from before), (select avg({column}) from after)").fetchone()
    return [_line("mean", column, "", *row)] if row and None not in row else []


def _line(kind: str, column: str, value: str, before: float, after: float) -> dict[str, Any]:
    return {"kind": kind, "column": column, "value": value, "before": round(before, 4), "after": round(after, 4)}
