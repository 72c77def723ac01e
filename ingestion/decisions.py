"""What a person decides about deliveries that wait to replace a slice.

Belongs here: recording that decision. Does not belong here: what waits (`slices`), new readings (`rereading`).
"""

from datetime import UTC, datetime
from typing import Any

from ingestion.contract import Contract
from ingestion.slices import decide
from ingestion.submission_ledger import read_account, read_accounts, require_reason, write_account
from miyar.errors import MiyarError, Problem
from miyar.workspace import Workspace


def accept(
    workspace: Workspace,
    submission_id: str,
    reason: str,
    now: datetime,
    by: str,
    contracts: list[Contract],
    slice_id: str = "",
) -> list[dict[str, Any]]:
    """Let a waiting submission replace a slice (or all it waits for); return the decisions, which the ledger keeps.

    Raises MiyarError for an unknown submission, an empty reason, or when nothing of it waits.
    """
    account = read_account(workspace, submission_id)
    require_reason(reason)
    _, _, waiting = decide(read_accounts(workspace), contracts)
    asked = [one for one in waiting if one.account.submission_id == submission_id and slice_id in ("", one.slice_id)]
    if not asked:
        raise MiyarError(
            Problem(
                "nothing_waits",
                f"no slice{f' {slice_id}' if slice_id else ''} of this submission waits for a decision",
                file=account.path,
                next_step="See `miyar status` for what waits.",
            )
        )
    decisions = [
        {
            "slice_id": one.slice_id,
            "rows": one.rows,
            "rows_before": one.rows_before,
            "reason": reason.strip(),
            "by": by,
            "at": now.astimezone(UTC).isoformat(timespec="seconds"),
        }
        for one in asked
    ]
    account.decisions += decisions
    write_account(workspace, account)
    return decisions
