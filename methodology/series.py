"""Survey modes of each agency and period, and the period in which its present series began.

Belongs here: mode sets, and who counts as a respondent when modes are compared. Does not belong here: when a shift of modes
breaks a series (`adjustment`), mode effects (`adjusted_scores`).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from methodology.adjustment import starts_new_series

COLUMNS = {"agency_id": "string", "period_id": "string", "mode_set": "string", "series_id": "string"}


def mode_series(counts: pd.DataFrame, *, thresholds: Mapping[str, float]) -> pd.DataFrame:
    """COLUMNS of every agency and period, from `asked_count` by agency, period, stage, item and mode."""
    by_mode = counts.groupby(["agency_id", "period_id", "mode"], sort=True)["asked_count"].sum()
    respondents = _respondents(counts)
    made = [
        _series(str(agency), asked.droplevel("agency_id").unstack(fill_value=0), respondents, thresholds)
        for agency, asked in by_mode.groupby("agency_id", sort=True)
    ]
    return pd.concat([pd.DataFrame(columns=list(COLUMNS)), *made]).astype(COLUMNS)


def _series(
    agency: str, table: pd.DataFrame, respondents: "pd.Series[int]", thresholds: Mapping[str, float]
) -> pd.DataFrame:
    """Periods of one agency, from its answers by period and mode."""
    asked = table.to_numpy(float)
    total = asked.sum(axis=1, keepdims=True)
    # Where nobody was asked there are no modes.
    shares = np.divide(asked, total, out=np.zeros_like(asked), where=total > 0)
    n = respondents.xs(agency, level="agency_id").reindex(table.index).to_numpy(float)
    breaks = starts_new_series(
        shares[:-1], shares[1:], n[:-1], n[1:], thresholds["mode_share_change"], thresholds["mode_change_level"]
    )
    began = pd.Series(table.index, index=table.index).where(np.array([True, *breaks])).ffill()
    modes = [
        ";".join(
            mode for mode, share in zip(table.columns, row, strict=True) if share >= thresholds["mode_share_minimum"]
        )
        for row in shares
    ]
    return pd.DataFrame(
        {"agency_id": agency, "period_id": table.index, "mode_set": modes, "series_id": began.to_numpy()}
    )


def _respondents(counts: pd.DataFrame) -> "pd.Series[int]":
    """Respondents by agency and period: those of each stage, counted by its most widely asked item.

    All answers of a respondent came by one mode, so respondents, not answers, are the sample of modes.
    """
    period = ["agency_id", "period_id"]
    asked = counts.groupby([*period, "stage", "item"], dropna=False)["asked_count"].sum()
    return asked.groupby([*period, "stage"], dropna=False).max().groupby(period).sum()
