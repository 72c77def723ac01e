"""Which counts are hidden, which others must go with them, and whether a reader could still work out any of them.

Counts of a metric, period and instrument make one table: an agency is the sum of its services, of its branches and of its
regions, a region the sum of its agencies, an agency's region the sum of the branches that lie in it. What a table does not show
(answers without a service or branch) is a hidden part of its own.

Readers keep earlier editions. The table as it was published stands beside today's, with its own equations and what it showed;
a count that is what it was is the same in both. So a count once shown protects nobody, a pattern once chosen stays while its
counts do, and what two editions give away only together is found by the same linear program.

Belongs here: the tables and their equations. Does not belong here: disclosure control itself (`methodology.disclosure`) and
what the status says (`int_scores__judged`).
"""

from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import sparse

from methodology import disclosure
from miyar.relations import Dbt, by_period, read

TABLE = ["metric_id", "period_id", "instrument_id"]
CELL = ["unit_type", "unit_id", *TABLE]
# A table and the edition it stands in: today's, or the one published.
EDITION = [*TABLE, "is_earlier"]
COLUMNS = {
    **dict.fromkeys(CELL, "string"),
    "agency_id": "string",
    "is_primary": "boolean",
    "is_public": "boolean",
    "width_required": "float64",
    "is_proved": "boolean",
    "slice_ids": "string",
}
UNIT_TYPES = ["agency", "service", "branch", "agency_region", "region"]


def model(dbt: Dbt, session: object) -> pa.Table:
    dbt.config(materialized="by_period")
    metrics = read(dbt.ref("stg_methodology__metrics"))
    parameters = read(dbt.ref("stg_methodology__thresholds"))
    thresholds = dict(zip(parameters["name"], parameters["value"], strict=True))
    branches = dbt.ref("int_statistics__by_unit").filter("unit_type = 'branch'")
    tables = {
        "scores": dbt.ref("int_scores__estimated").project(
            ", ".join([*CELL, "agency_id", "n", "n_at_least", "slice_ids"])
        ),
        "lying": branches.project(", ".join([*TABLE, "agency_id", "unit_id", "only_region_id"])).distinct(),
        "published": dbt.ref("stg_ledger__published"),
    }
    hidden = partial(_hidden, metrics=metrics, thresholds=thresholds)
    return by_period(dbt.ref("int_periods__pending"), tables, hidden, COLUMNS)


def _hidden(scores, lying, published, metrics, thresholds):
    """All hidden cells of one period."""
    # Practices are assessed in full: their number is no sample size and hides nobody.
    counted = metrics.loc[metrics["estimator"] != "practice_mean", "metric_id"]
    cells = scores[scores["unit_type"].isin(UNIT_TYPES) & scores["metric_id"].isin(counted)]
    cells = cells[cells["n"].isna() | (cells["n"] > 0)].sort_values(CELL, kind="stable").reset_index(drop=True)
    cells["x"] = cells["n_at_least"].fillna(cells["n"]).fillna(0).astype(float)
    cells["is_primary"] = (cells["x"] < thresholds["minimum_n"]) & cells["n_at_least"].notna()
    # A table that hides nothing gives nothing away.
    cells = cells.merge(cells.loc[cells["is_primary"], TABLE].drop_duplicates(), on=TABLE)
    if cells.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    cells = _beside(cells, published)
    # The requirement is the same for every cell: one that followed the cell's own size would tell it.
    width = 2 * thresholds["owner_n"]
    return _decided(cells, _families(cells, _placed(lying)), width)


def _beside(cells, published):
    """Today's cells with what was said of them, and after them the published cells of tables in which a count has changed."""
    published = published[published["unit_type"].isin(UNIT_TYPES)].sort_values(CELL, kind="stable")
    published = published.merge(cells[TABLE].drop_duplicates(), on=TABLE)
    published = published.assign(x=published["n"].astype(float), shown=published["is_shown"].astype(bool))
    said = cells[[*CELL, "x"]].merge(published[[*CELL, "x", "shown"]], on=CELL, how="left", suffixes=("", "_published"))
    same = (said["x"] == said["x_published"]).to_numpy()
    shown = said["shown"].astype("boolean").fillna(False).to_numpy(bool)
    cells = cells.assign(is_earlier=False, is_unchanged=same, was_shown=same & shown, was_hidden=same & ~shown)
    # Where every count is what it was, what was shown and hidden says all.
    counted = cells.groupby(TABLE).agg(unchanged=("is_unchanged", "sum"), known=("n", "count"))
    counted = counted.join(published.groupby(TABLE).size().rename("published"), how="inner")
    changed = counted[counted["unchanged"] < counted[["known", "published"]].max(axis=1)].reset_index()[TABLE]
    earlier = published.merge(changed, on=TABLE)
    if earlier.empty:
        return cells
    flags = {"is_primary": False, "is_earlier": True, "is_unchanged": False}
    earlier = earlier.assign(**flags, was_shown=earlier["shown"], was_hidden=~earlier["shown"])
    return pd.concat([cells, earlier], ignore_index=True)


def _placed(lying):
    """The region of each branch by table, where all its answers lie in one."""
    branch = [*TABLE, "unit_id"]
    lying = lying.sort_values([*branch, "only_region_id"], kind="stable")
    placed = lying[~lying.duplicated(branch, keep=False) & lying["only_region_id"].notna()].copy()
    placed["parent_id"] = placed["agency_id"] + "/" + placed["only_region_id"]
    return placed[[*TABLE, "unit_id", "parent_id"]]


def _families(cells, placed):
    """Parts and their totals: one row per part, with the positions of both among the cells."""
    at = cells.reset_index(names="place")[[*CELL, "is_earlier", "agency_id", "place", "x"]]
    kinds = []
    for part in ("service", "branch", "agency_region"):
        own = at[at["unit_type"] == part]
        kinds.append(own.assign(parent_type="agency", parent_id=own["agency_id"], kind=f"agency_{part}"))
    regions = at[at["unit_type"] == "agency_region"]
    names = [unit[len(agency) + 1 :] for unit, agency in zip(regions["unit_id"], regions["agency_id"], strict=True)]
    kinds.append(regions.assign(parent_type="region", parent_id=names, kind="region_agency"))
    branches = at[at["unit_type"] == "branch"].merge(placed, on=[*TABLE, "unit_id"])
    kinds.append(branches.assign(parent_type="agency_region", kind="region_branch"))
    parts = pd.concat(kinds, ignore_index=True)
    totals = at.rename(columns={"unit_type": "parent_type", "unit_id": "parent_id", "place": "total", "x": "whole"})
    parent = ["parent_type", "parent_id", *EDITION]
    parts = parts.merge(totals[[*parent, "total", "whole"]], on=parent)
    # A branch that has moved since was no part of the region it lies in today.
    inside = parts.groupby(["kind", "total"])["x"].transform("sum")
    return parts[~parts["is_earlier"] | (inside <= parts["whole"])]


def _decided(cells, parts, width):
    parts = parts.sort_values(["kind", "total", "place"], kind="stable")
    parts["family"] = parts.groupby(["kind", "total"], sort=False).ngroup()
    x = cells["x"].to_numpy(float)
    families = parts.groupby("family", sort=True)["total"].first().to_numpy(int)
    inside = np.bincount(parts["family"], weights=x[parts["place"]], minlength=len(families))
    rest = x[families] - inside
    if np.any(rest < 0):
        wrong = cells.loc[families[rest < 0], CELL].astype(str).agg(" ".join, axis=1)
        raise ValueError(f"tables disagree: parts exceed their total for {'; '.join(wrong)}")
    has_rest = rest > 0
    rows = [parts["family"].to_numpy(), np.arange(len(families)), np.flatnonzero(has_rest)]
    places = [parts["place"].to_numpy(), families, len(cells) + np.arange(has_rest.sum())]
    signs = np.repeat([1.0, -1.0, 1.0], [len(part) for part in rows])
    shape = (len(families), len(cells) + int(has_rest.sum()))
    equations = sparse.csr_array((signs, (np.concatenate(rows), np.concatenate(places))), shape=shape)
    values = np.concatenate([x, rest[has_rest]])
    blank = np.zeros(int(has_rest.sum()), bool)
    public = np.concatenate([cells["was_shown"].to_numpy(bool), blank])
    primary = np.concatenate([cells["is_primary"].to_numpy(bool), blank])
    unseen = np.concatenate([(cells["n"].isna() | cells["was_hidden"]).to_numpy(bool), ~blank])
    hidden = _with_siblings(values, (primary | unseen) & ~public, equations, public)
    equations = sparse.csr_array(sparse.vstack([equations, _unchanged(cells, len(values))]))
    # What readers have cannot be hidden from them, nor can hiding it protect anything.
    protected = primary & ~public
    covered, low, high = disclosure.complementary(values, protected, width, equations, hidden, public)
    covered |= primary
    # Nothing bounds cells of no equation (nobody publishes a total of them), and those that may be as high as the search goes.
    alone = np.diff(equations.tocsc().indptr) == 0
    unbounded = alone | (high >= 2 * values.max() + 1 - disclosure.TOLERANCE)
    proved = unbounded | (high - low >= width - disclosure.TOLERANCE)
    # The ends found stay here: they were looked for from the true count, and would tell of it.
    made = cells.assign(is_public=primary[: len(cells)] & public[: len(cells)])
    made["width_required"] = np.where(protected, width, np.nan)[: len(cells)]
    made["is_proved"] = pd.Series(proved[: len(cells)], dtype="boolean").where(protected[: len(cells)])
    # What is not published for another reason needs no row: it was never to be protected.
    is_row = ~made["is_earlier"] & ~(cells["n"].isna() & ~cells["is_primary"].astype(bool))
    return made[covered[: len(cells)] & is_row.to_numpy(bool)]


def _unchanged(cells, size):
    """Equations between editions: a count of today's that is what it was published as, less that."""
    pairs = (
        cells[cells["is_unchanged"]]
        .reset_index(names="today")
        .merge(cells[cells["is_earlier"]].reset_index(names="earlier")[[*CELL, "earlier"]], on=CELL)
    )
    places = np.concatenate([pairs["today"], pairs["earlier"]]).astype(int)
    number = np.tile(np.arange(len(pairs)), 2)
    return sparse.csr_array((np.repeat([1.0, -1.0], len(pairs)), (number, places)), shape=(len(pairs), size))


def _with_siblings(values, hidden, equations, public):
    """The plain rule first: one hidden part of a shown total takes the smallest shown one with it. Proof comes after."""
    hidden = hidden.copy()
    table = equations.tocoo()
    is_part = table.data > 0
    family, place = table.row[is_part], table.col[is_part]
    while True:
        count = np.bincount(family, weights=hidden[place], minlength=equations.shape[0])
        open_parts = (count[family] == 1) & ~hidden[place] & ~public[place]
        if not open_parts.any():
            return hidden
        order = np.lexsort((place[open_parts], values[place[open_parts]], family[open_parts]))
        picked = np.flatnonzero(open_parts)[order]
        hidden[place[picked[np.unique(family[picked], return_index=True)[1]]]] = True
