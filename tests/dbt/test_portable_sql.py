"""The heavy half (staging of the lake, cells) keeps to the SQL that both DuckDB and Spark run.

Belongs here: the list of constructs on which the engines differ, and the check of the compiled models against it. Does not
belong here: the light half, which may use all of DuckDB, and what dispatched macros write for each engine.
"""

import logging
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from miyar.workspace import Workspace
from warehouse.dbt_runner import CELLS_COME_FROM, DBT

# What the dispatched macros write for DuckDB: files as relations. Spark gets its own text from the same macro.
FILES = re.compile(r"read_parquet\([^)]*\)")
HASHES = re.compile(r"\bhash\(")
# What ref() writes for DuckDB; for Spark dbt quotes nothing.
RELATION = re.compile(r'"\w+"\."\w+"\."(\w+)"')


def _word(pattern: str) -> Callable[[str], bool]:
    expression = re.compile(pattern, re.IGNORECASE)
    return lambda sql: bool(expression.search(_bare(sql)))


def _bare(sql: str) -> str:
    """Without comments and the text of literals."""
    sql = re.sub(r"--[^\n]*|/\*.*?\*/", " ", sql, flags=re.DOTALL)
    return re.sub(r"'(?:[^']|'')*'", "''", sql)


def _division(sql: str) -> bool:
    """A divisor that may be zero: infinite on one engine, an error on the other."""
    for node in _parse(sql).find_all(exp.Div):
        divisor = node.expression.unnest()
        constant = isinstance(divisor, exp.Literal) and float(divisor.this) != 0
        if not constant and not isinstance(divisor, exp.Nullif):
            return True
    return False


def _alias_in_where(sql: str) -> bool:
    """A name defined in the select list and used in its own where: only DuckDB resolves it there."""
    for select in _parse(sql).find_all(exp.Select):
        made = {
            column.alias.lower()
            for column in select.expressions
            if isinstance(column, exp.Alias) and not isinstance(column.this, exp.Column)
        }
        where = select.args.get("where")
        used = {column.name.lower() for column in where.find_all(exp.Column) if not column.table} if where else set()
        if made & used:
            return True
    return False


def _rounding(sql: str) -> bool:
    """A cast of something computed to an integer: DuckDB rounds, Spark truncates; floor() or round() makes it explicit."""
    said = (exp.Column, exp.Literal, exp.Null, exp.Round, exp.Floor, exp.Ceil, exp.Count)
    return any(
        node.to.this in exp.DataType.INTEGER_TYPES and not isinstance(node.this.unnest(), said)
        for node in _parse(sql).find_all(exp.Cast)
    )


def _parse(sql: str, dialect: str = "duckdb") -> exp.Expression:
    parsed: exp.Expression = sqlglot.parse_one(sql, read=dialect, error_level=sqlglot.ErrorLevel.RAISE)
    return parsed


# Name -> (what finds it, a snippet with it, a similar snippet without it).
FORBIDDEN: dict[str, tuple[Callable[[str], bool], str, str]] = {
    "qualify": (
        _word(r"\bqualify\b"),
        "select a from t qualify row_number() over (order by a) = 1",
        "select 'qualify'",
    ),
    "group by all": (_word(r"\bgroup\s+by\s+all\b"), "select a from t group by all", "select a from t group by a"),
    "order by all": (_word(r"\border\s+by\s+all\b"), "select a from t order by all", "select a from t order by a"),
    "exclude": (
        _word(r"\*\s*(exclude|except|replace|rename)\b"),
        "select * exclude (a) from t",
        "select a from t except select b from u",
    ),
    "integer division": (_word(r"//"), "select a // 2 from t", "select '//' from t"),
    "double colon": (_word(r"::"), "select a::int from t", "select cast(a as int) as b from t -- ::"),
    "list literal or index": (_word(r"\["), "select unnest([1, 2])", "select '[' as bracket"),
    "quoted identifier": (_word(r'"'), 'select "a" from t', "select '\"' from t"),
    "union by name": (_word(r"\bby\s+name\b"), "select a from t union by name select a from u", "select name from t"),
    "asof or positional join": (
        _word(r"\b(asof|positional)\s+(left\s+)?join\b"),
        "select * from t asof join u on t.a >= u.a",
        "select asof from t join u on t.a = u.a",
    ),
    "ilike or similar": (_word(r"\b(similar\s+to|glob)\b"), "select a from t where a glob 'x*'", "select globe from t"),
    "lambda or dot call": (_word(r"->|\.\w+\("), "select list_transform(a, x -> x + 1) from t", "select t.a from t"),
    "dates outside macros": (
        _word(r"\b(date_diff|datediff|date_sub|strftime|strptime|date_format|to_timestamp|make_date|epoch\w*)\s*\("),
        "select date_diff('day', a, b) from t",
        "select date_diff from t",
    ),
    "date parts that differ": (
        _word(r"\b(dow|isodow|dayofweek)\b"),
        "select extract(dow from a) from t",
        "select extract(year from a) from t",
    ),
    "interval arithmetic": (_word(r"\binterval\b"), "select a + interval 1 day from t", "select intervals from t"),
    "functions of one engine": (
        _word(
            r"\b(arg_max|arg_min|quantile\w*|percentile|listagg|list_\w+|array_\w+|collect_\w+|struct_\w+|any_value|first|"
            r"last|hash|log|concat|concat_ws|string_split|split|regexp_\w+|json_\w+|get_json_object|bool_or|bool_and|"
            r"read_\w+|greatest|least|mode|isfinite|nvl|ifnull|if)\s*\("
        ),
        "select arg_max(a, b) from t",
        "select mode, hash from t group by mode, hash",
    ),
    "sum of booleans": (
        _word(r"\bsum\s*\(\s*(is_\w+|\w+\s*(=|<|>)[^)]*)\)"),
        "select sum(is_target_met) from t",
        "select sum(case when is_target_met then 1 else 0 end) from t",
    ),
    "window over everything": (
        _word(r"\bover\s*\(\s*\)"),
        "select sum(a) over () from t",
        "select max(a) over (partition by b) from t",
    ),
    "named window": (
        _word(r"\bwindow\s+\w+\s+as\b"),
        "select sum(a) over w from t window w as (order by b)",
        "select a from windows",
    ),
    "decimal literal": (_word(r"(?<![\w.])\d+\.\d+(?![\de])"), "select a * 1.0 from t", "select a * 1e0, t1.b from t1"),
    "ordered aggregate": (
        _word(r"\b(array_agg|string_agg)\s*\([^)]*order\s+by"),
        "select string_agg(a, ',' order by a) from t",
        "select row_number() over (order by a) from t",
    ),
    "bare division": (_division, "select a / b from t", "select a / nullif(b, 0), a / 100 from t"),
    "alias in where": (_alias_in_where, "select a + 1 as b from t where b > 1", "select a as b, c from t where c > 1"),
    "unsaid rounding": (
        _rounding,
        "select cast(a / 2 as integer) from t",
        "select cast(round(a / 2) as integer) from t",
    ),
}


def _heavy(workspace: Workspace) -> dict[str, str]:
    """Compiled SQL of the heavy half, with the files of the lake and other models as plain relations."""
    compiled = workspace.root / "warehouse" / "dbt" / "compiled" / "miyar"
    models = [
        path.relative_to(DBT) for pattern in CELLS_COME_FROM if "macros" not in pattern for path in DBT.glob(pattern)
    ]
    texts = {path.stem: (compiled / path).read_text("utf-8") for path in sorted(models)}
    # Names that dispatched macros write; another test checks that nothing else does.
    plain = {name: HASHES.sub("fingerprint_of(", FILES.sub("files_of_the_lake", sql)) for name, sql in texts.items()}
    return {name: RELATION.sub(r"\1", sql) for name, sql in plain.items()}


@pytest.fixture(scope="module")
def heavy(built_workspace: Workspace) -> dict[str, str]:
    return _heavy(built_workspace)


def test_the_whole_heavy_half_is_here(heavy: dict[str, str]) -> None:
    # Seven feeds staged, nineteen kinds of cells, and the two tables that keep the slices.
    assert len([name for name in heavy if name.startswith("stg_lake__")]) == 7
    assert len([name for name in heavy if name.endswith("__cells")]) == 19
    assert {"int_slices__pending", "int_slices__built"} < set(heavy)
    assert len(heavy) == 28
    assert not [name for name, sql in heavy.items() if "{{" in sql or "{%" in sql]


@pytest.mark.parametrize("construct", list(FORBIDDEN))
def test_no_model_uses(construct: str, heavy: dict[str, str]) -> None:
    finds, _, _ = FORBIDDEN[construct]
    assert [name for name, sql in heavy.items() if finds(sql)] == []


@pytest.mark.parametrize("construct", list(FORBIDDEN))
def test_the_lint_finds_what_is_planted(construct: str, heavy: dict[str, str]) -> None:
    finds, bad, good = FORBIDDEN[construct]
    assert finds(bad)
    assert not finds(good)
    # Also inside a real model, where a lint that looks at the first statement only would miss it.
    planted = f"with planted as ({bad}),\n" + re.sub(
        r"^.*?\bwith\b", "", heavy["int_usage__cells"], count=1, flags=re.DOTALL
    )
    assert finds(planted)


def test_spark_can_parse_every_model(heavy: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="sqlglot"):
        for name, sql in heavy.items():
            tree = _parse(sql, "spark")
            assert isinstance(tree, exp.Query), name
            assert not list(tree.find_all(exp.Command)), name
    assert caplog.records == []


@pytest.mark.parametrize("sql", ["select a::int from (t", "select 7 // 2", "select list_value(x := 1"])
def test_the_parser_refuses_what_is_no_spark(sql: str) -> None:
    with pytest.raises(sqlglot.errors.ParseError):
        _parse(sql, "spark")


def test_files_and_hashes_are_reached_by_macro_only() -> None:
    """Where files are and how texts are hashed is defined in one place, dispatched for each engine."""
    for pattern in CELLS_COME_FROM:
        for path in DBT.glob(pattern):
            if path.parent.name != "macros":
                text = Path(path).read_text("utf-8")
                assert "read_parquet" not in text and "hash(" not in text, path.name
    macros = "".join(path.read_text("utf-8") for path in sorted((DBT / "macros").glob("*.sql")))
    for macro in ("files", "fingerprint"):
        assert f"default__{macro}" in macros and f"spark__{macro}" in macros
