"""A built warehouse with one hostile agency beside the others, as dbt's Python models read it.

Belongs here: the copy of an agency under another name, its spoilt figures, and the stand-in for dbt that serves both. Does not
belong here: any expectation (`test_hostile_units`).
"""

from collections.abc import Callable, Iterable

import duckdb
import pandas as pd

# Quotes, a slash-like sign, wildcards, Arabic and a letter outside the alphabet's usual part: names are text, never code.
HOSTILE = "o'%_\"جهة؛ ~é"
PLACE = "~elsewhere"
# Numbers that say where a row belongs, not how much was counted.
KEYS = {"quarter", "group_of", "scale_range", "scale_min", "scale_max", "delivery_rank", "step", "level", "weight"}
COUNTS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT")
MEASURES = ("DOUBLE", "FLOAT", "DECIMAL")
# Of the registry: who there is, and their branches; services and journeys are the other agencies' too.
REGISTERED = {"stg_registry__agencies", "stg_registry__branches"}
Spoil = Callable[[pd.DataFrame, list[str], list[str]], pd.DataFrame]


def is_key(name: str) -> bool:
    """Whether a numeric column tells where a row belongs."""
    return name in KEYS or name.endswith("_number") or "position" in name


class HostileDbt:
    """Relations of a warehouse by name, each with the rows of one agency repeated under the hostile one's name and spoilt.

    Without `spoil` the relations are as they were built. The hostile agency has peers and regions of its own, so that no
    statistic of a group holds it.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, agency: str, spoil: Spoil | None) -> None:
        self.connection, self.agency, self.spoil = connection, agency, spoil
        self.schemas = dict(
            connection.execute("select table_name, table_schema from information_schema.tables").fetchall()
        )
        self.read: list[str] = []

    def config(self, **_: object) -> None:
        """Models declare how they are stored; here nothing is."""

    def ref(self, name: str) -> duckdb.DuckDBPyRelation:
        """The relation, with the hostile agency's rows where it has rows of agencies."""
        self.read.append(name)
        whole = self.connection.sql(f'select * from "{self.schemas[name]}"."{name}"')
        if name == "int_periods__pending":
            # Every third is made anew: periods are made apart, so all of them would find the same in thrice the time.
            return self.connection.sql(
                """select period_id, 'new' as period_version
                from (select distinct period_id from benchmarks.bench_scores)
                qualify row_number() over (order by period_id) % 3 = 1
                order by all"""
            )
        is_registry = name.startswith("stg_")
        if self.spoil is None or "agency_id" not in whole.columns or (is_registry and name not in REGISTERED):
            return whole
        own = whole.filter(f"agency_id = '{self.agency}'").df()
        types = dict(zip(whole.columns, map(str, whole.types), strict=True))
        made = self._renamed(own)
        if not is_registry:
            counts = [c for c, kind in types.items() if kind in COUNTS and not is_key(c)]
            measures = [c for c, kind in types.items() if kind.startswith(MEASURES) and not is_key(c)]
            made = self.spoil(made, counts, measures)
        # What the warehouse's types cannot hold cannot be in it.
        casts = ", ".join(f'try_cast("{column}" as {kind}) as "{column}"' for column, kind in types.items())
        return whole.union(self.connection.from_df(made.astype(_texts(made, types))).project(casts))

    def _renamed(self, own: pd.DataFrame) -> pd.DataFrame:
        """The agency's rows under the hostile one's name, in places where nobody else is."""
        own = own.copy()
        for column in own.columns.intersection(
            ["agency_id", "unit_id", "branch_id", "slice_id", "slice_ids", "score_id"]
        ):
            own[column] = own[column].map(lambda text: self._name(text), na_action="ignore")
        if "region_id" in own:
            own["region_id"] = own["region_id"].map(lambda text: PLACE + text, na_action="ignore")
        if "peer_group" in own:
            own["peer_group"] = HOSTILE
        if "unit_type" in own and "unit_id" in own:
            in_region = own["unit_type"] == "agency_region"
            own.loc[in_region, "unit_id"] = own.loc[in_region, "unit_id"].str.replace("/", f"/{PLACE}", n=1)
        return own

    def _name(self, text: str) -> str:
        if text == self.agency or text.startswith(f"{self.agency}/"):
            return HOSTILE + text[len(self.agency) :]
        return f"{text}{PLACE}"


def _texts(made: pd.DataFrame, types: dict[str, str]) -> dict[str, str]:
    """A column without values would be a number to DuckDB."""
    return {name: "str" for name in made if types[name] == "VARCHAR" and made[name].isna().all()}


def set_to(value: float | None, which: Iterable[str]) -> Spoil:
    """All counts, measures or both are the value."""
    kinds = set(which)

    def spoil(rows: pd.DataFrame, counts: list[str], measures: list[str]) -> pd.DataFrame:
        rows = rows.copy()
        for column in [*(counts if "counts" in kinds else []), *(measures if "measures" in kinds else [])]:
            rows[column] = value
        return rows

    return spoil
