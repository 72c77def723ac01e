"""On a whole centre: accepted rows are those that reach a figure and those that accounts list, for every feed.

Belongs here: the sum. Does not belong here: the kinds of rows that are listed (`tests/cases`), the real sets (`tests/real`).
"""

from expectations.told import reasons
from ingestion.feeds import load_feeds
from ingestion.submission_ledger import read_accounts, untold_count
from miyar.workspace import Workspace
from tests.reached import REACHED, differences


def test_every_feed_is_counted() -> None:
    assert set(REACHED) == set(reasons()) == set(load_feeds())


def test_accepted_rows_reach_a_figure_or_are_listed(built_workspace: Workspace) -> None:
    assert differences(built_workspace) == []
    accounts = read_accounts(built_workspace)
    assert {account.feed for account in accounts if account.accepted} == set(load_feeds())
    assert 0 < sum(map(untold_count, accounts)) < sum(account.accepted for account in accounts) / 10
