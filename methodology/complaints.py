"""Figures of complaints: time to resolve and to acknowledge, withdrawals, shares of cases, complaints per transaction, agreement.

Belongs here: which counts and durations make which figure, and on which base. Does not belong here: the formulas
(`time_figures`, `estimates`, `agreement`) and suppression (later, in SQL).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from methodology.agreement import cohens_kappa
from methodology.estimates import percentages, rates
from methodology.figures_by_unit import KEY, Clock, timed
from methodology.frames import only_where
from methodology.lineage import joined

RATE = "per_1000_transactions"
CAVEATS = {RATE: "more_may_mean_better_access", "first_contact_resolution_share": "by_pseudonym"}


def complaint_figures(
    times: pd.DataFrame, counts: pd.DataFrame, pairs: pd.DataFrame, thresholds: Mapping[str, float]
) -> pd.DataFrame:
    """Return all figures of complaints.

    times: cases by clock (resolved, acknowledged, withdrawn, promised) and whole hours; counts: hits among a base, by figure;
    pairs: four cells of the LAST checks that an agency's cases and visits share.
    """
    level = thresholds["interval_level"]
    made = pd.concat([_times(times, thresholds), _shares(counts, level), _agreement(pairs, level)], ignore_index=True)
    return made.assign(topic="complaints")


def _times(times: pd.DataFrame, thresholds: Mapping[str, float]) -> pd.DataFrame:
    """A withdrawn case is one of all cases and never a resolved one; its competing event is the other clock's event.

    Without `withdrawal_competes` (version 2026.1) whoever left was resolved.
    """
    days = times.assign(duration=times["duration_hours"] / 24)
    if not thresholds["withdrawal_competes"]:
        every = days["ended_count"] + days["competing_count"]
        is_resolved = days["clock"] == "resolved"
        days["ended_count"] = every.where(is_resolved, days["ended_count"])
        days["competing_count"] = days["competing_count"].where(~is_resolved, 0)
    level, horizon = thresholds["interval_level"], thresholds["resolution_horizon_days"]
    resolved = Clock(
        thresholds["resolution_target_days"],
        horizon,
        {"median": "median_days", "by_target": "resolved_in_target_share", "mean": "restricted_mean_days"},
        "aalen_johansen",
    )
    acknowledged = Clock(
        thresholds["acknowledgement_target_days"], horizon, {"by_target": "acknowledged_in_target_share"}
    )
    withdrawn = Clock(horizon, horizon, {"by_target": "withdrawn_share"}, "aalen_johansen")
    promised = Clock(horizon, horizon, {"median": "promised_days"})
    clocks = {"resolved": resolved, "acknowledged": acknowledged, "withdrawn": withdrawn, "promised": promised}
    return pd.concat([timed(days[days["clock"] == name], clock, level) for name, clock in clocks.items()])


def _shares(counts: pd.DataFrame, level: float) -> pd.DataFrame:
    """Each count of hits among its base: a rate per 1,000 transactions where transactions are the base, else a share of cases."""
    base, hits = counts["base_count"].to_numpy(float), counts["hits_count"].to_numpy(float)
    is_rate = (counts["figure"] == RATE).to_numpy()
    shares = percentages(np.minimum(hits, base), base, level).columns("value")
    of_transactions = rates(hits, base, level).columns("value")
    return counts[[*KEY, "figure", "slice_ids"]].assign(
        **{name: np.where(is_rate, of_transactions[name], share) for name, share in shares.items()},
        interval_method=np.where(is_rate, "poisson_exact", "wilson"),
        n=np.where(base > 0, base, np.nan),
        fault=only_where(is_rate, "no_transactions"),
        caveat=counts["figure"].map(CAVEATS),
    )


def _agreement(pairs: pd.DataFrame, level: float) -> pd.DataFrame:
    """Whether audits of cases and mystery visits say the same of an agency: Cohen's kappa."""
    names = ["both_count", "cases_only_count", "visits_only_count", "neither_count"]
    pairs = pairs[pairs[names].sum(axis=1) > 0]
    tables = pairs[names].to_numpy(float).reshape(-1, 2, 2)
    found = [cohens_kappa(table, level=level) for table in tables]
    return pairs[["agency_id", "period_id"]].assign(
        value=[one.kappa for one in found],
        standard_error=[one.standard_error for one in found],
        ci_low=[one.low for one in found],
        ci_high=[one.high for one in found],
        n=[one.n for one in found],
        slice_ids=[joined([ids]) for ids in pairs["slice_ids"]],
        unit_id=pairs["agency_id"],
        unit_type="agency",
        figure="last_agreement_kappa",
        interval_method="fleiss_cohen_everitt",
        fault="verdicts_do_not_vary",
    )
