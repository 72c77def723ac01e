"""The additive tables of a release: counts of agencies, their services, branches and regions, and the sums that link them.

Belongs here: which cells are parts of which total, today and in the published edition, as a sparse matrix of equations. Does not
belong here: which cells are hidden (`suppression`), and what shown cells reveal about them (`disclosure`).

Counts of a metric, period and instrument make one table. Which types of units are parts of which follows from the columns of
their ids: an agency is the sum of its services, of its branches and of its regions, a region the sum of its agencies. An agency's
region is also the sum of the branches that lie in it. What a table does not show (answers without a service or branch) becomes a
hidden part of its own.

Readers keep earlier editions, so the published table is kept next to today's, with its own equations and what it showed; an
unchanged count is the same in both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

Floats = npt.NDArray[np.float64]

# Unit type -> the columns that its ids are made of, joined by `/`; only the last value may hold one.
Units = Mapping[str, Sequence[str]]
TABLE = ["metric_id", "period_id", "instrument_id"]
CELL = ["unit_type", "unit_id", *TABLE]
# A table and its edition: today's or the published one.
EDITION = [*TABLE, "is_earlier"]


@dataclass(frozen=True)
class Tables:
    """Cells of all tables: those of the input first, then the hidden remainders.

    `sums` holds the equations within an edition, a row per total: parts 1, their total -1. `equations` adds the equations between
    editions. Both are (equations, cells), and their product with `values` is 0.
    """

    values: Floats
    sums: sparse.csr_array
    equations: sparse.csr_array


def sums_of(units: Units) -> list[tuple[str, str]]:
    """Return pairs (type of the parts, type of their total): the total's columns are some of the part's.

    Types between the two make no difference: a table need not have cells of them.
    """
    columns = {name: set(own) for name, own in units.items()}
    return [(part, total) for part in columns for total in columns if columns[total] < columns[part]]


def beside_published(cells: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Return today's cells with what was published of them, then the published cells of tables in which a count changed.

    cells: CELL, agency_id, n, x (the count), is_primary and is_unread; published: CELL, agency_id, n, is_shown. Adds
    `is_earlier`, `is_unchanged` (the count equals the published one), `was_shown` and `was_hidden` (of an unchanged count).
    """
    published = published.sort_values(CELL, kind="stable")
    published = published.merge(cells[TABLE].drop_duplicates(), on=TABLE)
    published = published.assign(x=published["n"].astype(float), shown=published["is_shown"].astype(bool))
    said = cells[[*CELL, "x"]].merge(published[[*CELL, "x", "shown"]], on=CELL, how="left", suffixes=("", "_published"))
    same = (said["x"] == said["x_published"]).to_numpy(bool)
    shown = said["shown"].astype("boolean").fillna(False).to_numpy(bool)
    cells = cells.assign(is_earlier=False, is_unchanged=same, was_shown=same & shown, was_hidden=same & ~shown)
    # In a table without a changed count `was_shown` and `was_hidden` suffice.
    counted = cells.groupby(TABLE).agg(unchanged=("is_unchanged", "sum"), known=("n", "count"))
    counted = counted.join(published.groupby(TABLE).size().rename("published"), how="inner")
    changed = counted[counted["unchanged"] < counted[["known", "published"]].max(axis=1)].reset_index()[TABLE]
    earlier = published.merge(changed, on=TABLE)
    if earlier.empty:
        return cells
    earlier = earlier.assign(
        is_primary=False,
        is_unread=False,
        is_earlier=True,
        is_unchanged=False,
        was_shown=earlier["shown"],
        was_hidden=~earlier["shown"],
    )
    return pd.concat([cells, earlier], ignore_index=True)


def tables_of(cells: pd.DataFrame, lying: pd.DataFrame, units: Units) -> Tables:
    """Return the equations between the cells that `beside_published` gives, whose types are those of `units`.

    lying: TABLE, agency_id, unit_id (a branch) and only_region_id, the region in which all its answers lie, if there is one.
    Raises ValueError naming the totals that their parts exceed.
    """
    parts = _families(cells, _placed(lying), units).sort_values(["kind", "total", "place"], kind="stable")
    family = parts.groupby(["kind", "total"], sort=False).ngroup().to_numpy(np.int64)
    position = parts["place"].to_numpy(np.int64)
    totals = parts["total"].to_numpy(np.int64)[np.unique(family, return_index=True)[1]]
    x = cells["x"].to_numpy(float)
    rest = x[totals] - np.bincount(family, weights=x[position], minlength=len(totals))
    if np.any(rest < 0):
        wrong = cells.loc[totals[rest < 0], CELL].astype(str).agg(" ".join, axis=1)
        raise ValueError(f"tables disagree: parts exceed their total for {'; '.join(wrong)}")
    has_rest = rest > 0
    rests = int(has_rest.sum())
    rows = [family, np.arange(len(totals)), np.flatnonzero(has_rest)]
    columns = [position, totals, len(cells) + np.arange(rests)]
    signs = np.repeat([1.0, -1.0, 1.0], [len(part) for part in rows])
    shape = (len(totals), len(cells) + rests)
    sums = sparse.csr_array((signs, (np.concatenate(rows), np.concatenate(columns))), shape=shape)
    equations = sparse.csr_array(sparse.vstack([sums, _between_editions(cells, shape[1])]))
    return Tables(np.concatenate([x, rest[has_rest]]), sums, equations)


def _placed(lying: pd.DataFrame) -> pd.DataFrame:
    """The agency's region of each branch by table, if all its answers lie in one."""
    branch = [*TABLE, "unit_id"]
    lying = lying.sort_values([*branch, "only_region_id"], kind="stable")
    placed = lying[~lying.duplicated(branch, keep=False) & lying["only_region_id"].notna()].copy()
    placed["parent_id"] = placed["agency_id"] + "/" + placed["only_region_id"]
    return placed[[*TABLE, "unit_id", "parent_id"]]


def _families(cells: pd.DataFrame, placed: pd.DataFrame, units: Units) -> pd.DataFrame:
    """Parts and their totals: one row per part, with the positions of both among the cells and the `kind` of sum."""
    at = cells.reset_index(names="place")[[*CELL, "is_earlier", "agency_id", "place", "x"]]
    kinds = []
    for part, total in sums_of(units):
        own = at[at["unit_type"] == part]
        ids = _ids_of_totals(own, units[part], units[total])
        kinds.append(own.assign(parent_type=total, parent_id=ids, kind=f"{total}_{part}"))
    branches = at[at["unit_type"] == "branch"].merge(placed, on=[*TABLE, "unit_id"])
    kinds.append(branches.assign(parent_type="agency_region", kind="region_branch"))
    parts = pd.concat(kinds, ignore_index=True)
    totals = at.rename(columns={"unit_type": "parent_type", "unit_id": "parent_id", "place": "total", "x": "whole"})
    parent = ["parent_type", "parent_id", *EDITION]
    parts = parts.merge(totals[[*parent, "total", "whole"]], on=parent)
    # A branch that has moved since was not part of its present region.
    inside = parts.groupby(["kind", "total"])["x"].transform("sum")
    return parts[~parts["is_earlier"] | (inside <= parts["whole"])]


def _ids_of_totals(parts: pd.DataFrame, part: Sequence[str], total: Sequence[str]) -> list[str]:
    """The id of each part's total: the values of the total's columns in the part's id, which begins with its agency's."""
    found = []
    for name, agency in zip(*(parts[column].to_numpy(object) for column in ("unit_id", "agency_id")), strict=True):
        rest = name[len(agency) + 1 :].split("/", len(part) - 2)
        values = dict(zip(part, [agency, *rest], strict=True))
        found.append("/".join(values[column] for column in total))
    return found


def _between_editions(cells: pd.DataFrame, size: int) -> sparse.csr_array:
    """Equations between editions: today's unchanged count minus the published one is 0."""
    today = cells[cells["is_unchanged"]].reset_index(names="today")
    earlier = cells[cells["is_earlier"]].reset_index(names="earlier")
    pairs = today.merge(earlier[[*CELL, "earlier"]], on=CELL)
    positions = np.concatenate([pairs["today"], pairs["earlier"]]).astype(int)
    number = np.tile(np.arange(len(pairs)), 2)
    return sparse.csr_array((np.repeat([1.0, -1.0], len(pairs)), (number, positions)), shape=(len(pairs), size))
