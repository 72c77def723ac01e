"""Which counts of a release are hidden, which others are hidden with them, and whether a reader could still work out any of them.

Belongs here: the rules of disclosure control over a period's counts: what is small, what is already public, what is hidden with
it. Does not belong here: the sums between cells (`additive_tables`), feasible intervals and the cheapest cells to hide
(`disclosure`), and what a score's status then says (the warehouse).

A count once shown can no longer protect another, a chosen pattern is kept while its counts are unchanged, and what two editions
reveal only together is found by the same linear program.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from methodology.additive_tables import CELL, TABLE, Tables, Units, beside_published, sums_of, tables_of
from methodology.disclosure import complementary

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
FIRST = [f"first_{name}" for name in TABLE]
COLUMNS = {
    **dict.fromkeys(CELL, "string"),
    "agency_id": "string",
    "is_primary": "boolean",
    "is_public": "boolean",
    "width_required": "float64",
    "is_proved": "boolean",
    "slice_ids": "string",
}


def suppressed(
    scores: pd.DataFrame,
    lying: pd.DataFrame,
    published: pd.DataFrame,
    sharing: pd.DataFrame,
    *,
    metrics: pd.DataFrame,
    units: Units,
    minimum_n: float,
    owner_n: float,
) -> pd.DataFrame:
    """The hidden cells of one period, a row each with COLUMNS.

    scores: CELL, agency_id, n, n_at_least, respondents, slice_ids; n is missing where it is unknown, n_at_least where not even
    a lower bound is known. lying: where branches lie (`additive_tables.tables_of`). published: counts of the edition readers
    have, and whether it showed them. sharing: which counts of no single agency readers see (`contributors.sharing`). metrics:
    metric_id and disclosure. units: the columns of each type's ids. A count below `minimum_n`, or of fewer respondents than
    that, is hidden (`is_primary`) and its interval must stay 2 x `owner_n` wide; `is_proved` says whether it does, `is_public`
    that an earlier edition showed it. Cells that protect others are hidden with them. Raises ValueError where parts exceed their
    total.
    """
    # A type that is part of nothing and has no parts stands in no sum: nothing can be worked out from it, or for it.
    types = {name for pair in sums_of(units) for name in pair}
    cells = _counts(scores[scores["unit_type"].isin(types)], metrics, minimum_n)
    if cells.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    seen = cells[CELL].merge(sharing[[*CELL, "is_shared"]], on=CELL, how="left")["is_shared"].eq(True).to_numpy(bool)
    cells["is_unread"] = cells["agency_id"].isna().to_numpy() & ~seen
    cells = beside_published(cells, published[published["unit_type"].isin(types)])
    twin = _first_alike(cells, lying)
    is_first = (twin[TABLE].to_numpy() == twin[FIRST].to_numpy()).all(axis=1)
    decided = cells.merge(twin.loc[is_first, TABLE], on=TABLE)
    # The requirement is the same for every cell: one that depended on the cell's size would reveal it.
    made = _hidden(decided, tables_of(decided, lying, units), width=2 * owner_n)
    own = cells[~cells["is_earlier"]].merge(twin, on=TABLE)
    found = made[[*CELL, "is_public", "width_required", "is_proved"]].rename(
        columns=dict(zip(TABLE, FIRST, strict=True))
    )
    return own.merge(found, on=["unit_type", "unit_id", *FIRST])


def _first_alike(cells: pd.DataFrame, lying: pd.DataFrame) -> pd.DataFrame:
    """For each TABLE the first one with the same counts in the same state (FIRST).

    One pattern for all that are alike: the counts of two figures over the same answers are the same, and what one hid the other
    would show if each had a pattern of its own.
    """
    state = [
        "unit_type",
        "unit_id",
        "x",
        "n",
        "is_primary",
        "is_unread",
        "is_earlier",
        "is_unchanged",
        "was_shown",
        "was_hidden",
    ]
    place = lying[[*TABLE, "agency_id", "unit_id", "only_region_id"]]
    marks = []
    for name, rows, columns in (
        ("counts", cells, state),
        ("places", place, ["agency_id", "unit_id", "only_region_id"]),
    ):
        ordered = rows.sort_values([*TABLE, *columns], kind="stable")
        values = (ordered[column].to_numpy(object) for column in columns)
        lines = ["\t".join(map(str, line)) for line in zip(*values, strict=True)]
        told = ordered[TABLE].assign(**{name: pd.Series(lines, ordered.index, dtype="object")})
        marks.append(told.groupby(TABLE, sort=True)[name].agg("\n".join).reset_index())
    mark = marks[0].merge(marks[1], on=TABLE, how="left").fillna({"places": ""})
    head = mark.drop_duplicates(["counts", "places"]).rename(columns=dict(zip(TABLE, FIRST, strict=True)))
    return mark.merge(head[[*FIRST, "counts", "places"]], on=["counts", "places"])[[*TABLE, *FIRST]]


def _counts(scores: pd.DataFrame, metrics: pd.DataFrame, minimum_n: float) -> pd.DataFrame:
    """Cells of the tables that hold a small count; `x` is the count a reader is assumed to look for."""
    # Public counts (of practices, services, pages) hide nobody.
    counted = metrics.loc[metrics["disclosure"] != "public", "metric_id"]
    cells = scores[scores["metric_id"].isin(counted)]
    cells = cells[cells["n"].isna() | (cells["n"] > 0)].sort_values(CELL, kind="stable").reset_index(drop=True)
    cells["x"] = cells["n_at_least"].fillna(cells["n"]).fillna(0).astype(float)
    # Answers add up over units, and so the tables count them; persons, who may be in several units, do not.
    persons = np.fmin(cells["x"], cells["respondents"].to_numpy(float, na_value=np.nan))
    cells["is_primary"] = (persons < minimum_n) & cells["n_at_least"].notna()
    # A table that hides nothing reveals nothing hidden.
    return cells.merge(cells.loc[cells["is_primary"], TABLE].drop_duplicates(), on=TABLE)


def _hidden(cells: pd.DataFrame, tables: Tables, width: float) -> pd.DataFrame:
    rests = np.zeros(tables.values.size - len(cells), bool)
    public = np.concatenate([cells["was_shown"].to_numpy(bool), rests])
    primary = np.concatenate([cells["is_primary"].to_numpy(bool), rests])
    # A total that only the centre read before may be shared now; the proof, which knows both editions, says whether it can be.
    stays = cells["was_hidden"] & cells["agency_id"].notna()
    is_unseen = cells["n"].isna() | stays | cells["is_unread"]
    unseen = np.concatenate([is_unseen.to_numpy(bool), ~rests])
    hidden = _with_siblings(tables.values, (primary | unseen) & ~public, tables.sums, public)
    # What readers have cannot be hidden from them, nor can hiding it protect anything.
    protected = primary & ~public
    found = complementary(tables.values, protected, width, tables.equations, hidden, public)
    own = slice(len(cells))
    made = cells.assign(is_public=(primary & public)[own])
    made["width_required"] = np.where(protected, width, np.nan)[own]
    made["is_proved"] = pd.Series(found.is_proved[own], dtype="boolean").where(protected[own])
    # A cell that nobody reads for another reason needs no row: it was never to be protected.
    is_told = (cells["n"].notna() & ~cells["is_unread"]) | cells["is_primary"]
    is_row = is_told.to_numpy(bool) & ~made["is_earlier"].to_numpy(bool)
    is_hidden: Mask = (found.hidden | primary)[own] & is_row
    return made.loc[is_hidden]


def _with_siblings(values: Floats, hidden: Mask, sums: sparse.csr_array, public: Mask) -> Mask:
    """Apply the plain rule: a lone hidden part of a shown total hides the smallest shown one too. The proof follows."""
    hidden = hidden.copy()
    table = sums.tocoo()
    is_part = table.data > 0
    family, position = table.row[is_part], table.col[is_part]
    total = np.zeros(sums.shape[0], np.int64)
    total[table.row[~is_part]] = table.col[~is_part]
    while True:
        count = np.bincount(family, weights=hidden[position], minlength=sums.shape[0])
        open_parts = (count[family] == 1) & ~hidden[total[family]] & ~hidden[position] & ~public[position]
        if not open_parts.any():
            return hidden
        order = np.lexsort((position[open_parts], values[position[open_parts]], family[open_parts]))
        picked = np.flatnonzero(open_parts)[order]
        hidden[position[picked[np.unique(family[picked], return_index=True)[1]]]] = True
