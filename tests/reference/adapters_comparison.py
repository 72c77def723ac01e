"""Adapters of the cases on comparison: shrinkage (11), ranks (12), funnels (13).

Belongs here: reading of groups, metrics and columns, and calls of `methodology`. Does not belong here: any formula.
"""

import numpy as np
import pandas as pd

from methodology.shrinkage import Shrunken, Spread, shrink, spread
from methodology.variance_components import pooled_variance, random_intercepts
from tests.reference.harness import Case, Key, adapter
from tests.reference.tables import cells_by, table_with

Answers = dict[Key, float | None]


@adapter("eb_shrinkage")
def eb_shrinkage(case: Case) -> Answers:
    """Groups `<set>|<estimator>` and `<set>|<estimator>|<branch>`; a set with a column `in_<set>` is that subset of branches."""
    branches = table_with(case, "mean", "vi")
    unit = branches.columns[0]
    answers: Answers = {}
    fits: dict[tuple[str, str], tuple[pd.DataFrame, Spread, Shrunken]] = {}
    for group, metric in case.asked:
        subset, _, rest = group.partition("|")
        method, _, branch = rest.partition("|")
        if subset == "pooled":
            answers[group, metric] = pooled_variance(branches["n"], branches["sd"] ** 2)
        elif subset.startswith("lmer"):
            answers[group, metric] = _random_intercepts(case, rest, metric)
        else:
            if (subset, method) not in fits:
                kept = branches[branches[f"in_{subset}"] == 1] if f"in_{subset}" in branches else branches
                found = spread(kept["mean"], np.sqrt(kept["vi"]), method)
                fits[subset, method] = kept, found, shrink(kept["mean"], np.sqrt(kept["vi"]), found)
            kept, found, drawn = fits[subset, method]
            if branch:
                place = int(np.flatnonzero(kept[unit].astype(str) == branch)[0])
                answers[group, metric] = float({"eb_blup": drawn.score, "eb_blup_se": drawn.error}[metric][place])
            else:
                answers[group, metric] = {
                    "tau2": found.tau2,
                    "mu": found.mu,
                    "mu_se": found.mu_error,
                    "Q": found.q,
                    "Q_p": found.q_p_value,
                    "I2": 100 * found.signal_share,
                    "H2": found.h2,
                }[metric]
    return answers


def _random_intercepts(case: Case, branch: str, metric: str) -> float:
    """The mixed model on respondents, through the cells of each branch."""
    cells = cells_by(table_with(case, "y"), 0)
    fit = random_intercepts(cells["n"], cells["mean"], cells["squares"])
    if not branch:
        return {"tau2": fit.tau2, "sigma2": fit.sigma2, "mu": fit.mu, "mu_se": fit.mu_error}[metric]
    own = cells.loc[branch]
    known = Spread(fit.tau2, fit.mu, fit.mu_error, np.nan, len(cells) - 1, np.nan)
    drawn = shrink([own["mean"]], [np.sqrt(fit.sigma2 / own["n"])], known)
    return float({"eb_blup": drawn.score, "eb_postsd_cond": drawn.conditional_error}[metric][0])
