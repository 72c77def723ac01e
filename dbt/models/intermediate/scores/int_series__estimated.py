"""Survey modes of each agency and period, and the period in which its present series began, by `methodology.adjustment`.

Belongs here: mode sets and breaks of series. Does not belong here: mode effects (`int_scores__adjusted`).
"""

import pandas as pd

from methodology.adjustment import starts_new_series
from miyar.relations import Dbt, read

COLUMNS = {"agency_id": "string", "period_id": "string", "mode_set": "string", "series_id": "string"}


def model(dbt: Dbt, session: object) -> pd.DataFrame:
    dbt.config(materialized="table")
    parameters = read(dbt.ref("stg_methodology__thresholds"))
    thresholds = dict(zip(parameters["name"], parameters["value"], strict=True))
    counts = read(dbt.ref("int_modes__counted"))
    by_mode = counts.groupby(["agency_id", "period_id", "mode"], sort=True)["asked_count"].sum()
    respondents = _respondents(counts)
    made = [
        _series(agency, asked.droplevel("agency_id").unstack(fill_value=0), respondents[agency], thresholds)
        for agency, asked in by_mode.groupby("agency_id", sort=True)
    ]
    return pd.concat(made).astype(COLUMNS) if made else pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)


def _series(agency, table, respondents, thresholds):
    """Periods of one agency, from its answers by period and mode."""
    shares = table.to_numpy(float) / table.to_numpy(float).sum(axis=1, keepdims=True)
    n = respondents.reindex(table.index).to_numpy(float)
    breaks = starts_new_series(
        shares[:-1], shares[1:], n[:-1], n[1:], thresholds["mode_share_change"], thresholds["mode_change_level"]
    )
    began = pd.Series(table.index, index=table.index).where([True, *breaks]).ffill()
    modes = [
        ";".join(
            mode for mode, share in zip(table.columns, row, strict=True) if share >= thresholds["mode_share_minimum"]
        )
        for row in shares
    ]
    return pd.DataFrame(
        {"agency_id": agency, "period_id": table.index, "mode_set": modes, "series_id": began.to_numpy()}
    )


def _respondents(rows):
    """By agency and period: those of each stage, of whom every one was asked the item most were asked.

    Answers of one respondent came by one mode: they are no sample of modes, respondents are.
    """
    period = ["agency_id", "period_id"]
    asked = rows.groupby([*period, "stage", "item"], dropna=False)["asked_count"].sum()
    return asked.groupby([*period, "stage"], dropna=False).max().groupby(period).sum()
