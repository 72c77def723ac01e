"""What source files mean: words for people are left out, and nothing that computes is.

Belongs here: single texts, and every source file of the project changed a little. Does not belong here: what is made again
when the meaning changed (`tests/pipeline/test_changed_code`).
"""

import ast
import random
import re
import shutil
from pathlib import Path

import pytest

from warehouse import source_code
from warehouse.dbt_runner import build_key
from warehouse.meaning import meaning
from warehouse.source_code import REPOSITORY, ROOMS, code_hash, source_files, write_meanings

PYTHON = '''"""Docs."""
# A comment.
LIMIT = 30  # people

def of(rows: list[int], at: str = "#--") -> int:
    """Sum."""
    return sum(one for one in rows if one > LIMIT)
'''
SQL = """-- Cells.
{# It's a comment. #}
{{ config(materialized='table') }}
-- depends_on: {{ ref('one') }}
select a, '-- no comment' as b, "c d" /* nor this */ from {{ ref('two') }} where n > 30
"""
YAML = """# Words.
rules:
  - id: first
    ar: كلمة
    en: word
    limit: 30
    months: {ar: [محرم], en: [Muharram]}
  - id: second
"""


def _of(text: str, kind: str) -> str:
    return meaning(text.encode(), kind)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Docs."""', '"""Other docs."""'),
        ("# A comment.", ""),
        ('"""Sum."""\n    ', ""),
        ("  # people", "    #"),
        ("sum(one for", "sum(\n        one for"),
        ("LIMIT = 30", "LIMIT = (30)"),
    ],
)
def test_words_in_python_mean_nothing(old: str, new: str) -> None:
    assert old in PYTHON
    assert _of(PYTHON.replace(old, new), ".py") == _of(PYTHON, ".py")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("30", "31"),
        ("30", "30.0"),
        ("30", "'30'"),
        ("30", "True"),
        ("30", "None"),
        ('"#--"', '"#-"'),
        ("one > LIMIT", "LIMIT > one"),
        ("list[int]", "list[str]"),
        ("return sum", "sum"),
        ("def of", "async def of"),
    ],
)
def test_what_python_computes_counts(old: str, new: str) -> None:
    assert old in PYTHON
    assert _of(PYTHON.replace(old, new), ".py") != _of(PYTHON, ".py")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("-- Cells.\n", ""),
        ("It's a comment.", "Don't \"read"),
        (" /* nor this */", ""),
        ("select a, ", "select\n    a,\n    "),
        ("from {{ ref('two') }} where", "from {{ ref('two') }} -- it's two\nwhere"),
        ("> 30\n", "> 30 -- {# more #}"),
    ],
)
def test_comments_and_spaces_in_sql_mean_nothing(old: str, new: str) -> None:
    assert old in SQL
    assert _of(SQL.replace(old, new), ".sql") == _of(SQL, ".sql")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("'-- no comment'", "'-- a comment'"),
        ("'-- no comment'", "'--  no comment'"),
        ('"c d"', '"c  d"'),
        ("select a", "selecta"),
        ("> 30", "> 31"),
        # dbt reads what stands in braces, in a comment too.
        ("ref('one')", "ref('three')"),
        ("'table'", "'view'"),
    ],
)
def test_what_sql_computes_counts(old: str, new: str) -> None:
    assert old in SQL
    assert _of(SQL.replace(old, new), ".sql") != _of(SQL, ".sql")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("$$a  b$$", "$$a b$$"),
        ("$q$ -- a\n$q$", "$q$ -- b\n$q$"),
        (r"E'it\'s  a'", r"E'it\'s a'"),
        ("-- note\r+ 1", "-- note\r+ 2"),
        ("{{ 1 --1 }}", "{{ 1 --2 }}"),
        ("{{ of(a /* 1 */) }}", "{{ of(a /* 2 */) }}"),
        (r"{{ of('it\'s -- a') }}", r"{{ of('it\'s -- b') }}"),
        (r'{{ of("a\" -- a") }}', r'{{ of("a\" -- b") }}'),
        ("""'{{ of("it's") }} -- a'""", """'{{ of("it's") }} -- b'"""),
        ("'{# it's #}', 'a  b'", "'{# it's #}', 'a b'"),
        ("/* it's {{ x }} */ 'a -- b'", "/* it's {{ x }} */ 'a -- c'"),
        ("-- {# \n it's #}\n'a  b'", "-- {# \n it's #}\n'a b'"),
        # A comment that dbt reads ends with its line.
        ("-- {{ x }}\n+ 1", "-- {{ x }} + 1"),
        # A dash draws what follows into the comment; without one a note leaves nothing at all.
        ("1 -- note\n{{- x }}", "1\n{{- x }}"),
        ("1 -- {# x -#}\n+ 1", "1 -- {# x #}\n+ 1"),
        ("a {#- x -#} b", "a {# x #} b"),
        ("a{# x #}b", "a b"),
        ("a\n{# x #}{{- y }}", "a\n{{- y }}"),
        ("{{ y -}} /* note */ b", "{{ y -}} b"),
        ("{% raw %}{# a #}{% endraw %}", "{% raw %}{# b #}{% endraw %}"),
        ("a\x1fb", "a b"),
    ],
)
def test_texts_and_braces_in_sql_count(one: str, other: str) -> None:
    assert _of(f"select {one}", ".sql") != _of(f"select {other}", ".sql")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2025-01-01", "'2025-01-01'"),
        ("2025-01-01 00:00:00", "'2025-01-01 00:00:00'"),
        ('!!binary "YQ=="', "\"b'a'\""),
        ("{}", "[]"),
        ("{b: 1}", "[[b, 1]]"),
        ("!!omap [x: 1]", "[[x, 1]]"),
        ("!!set {x}", "\"{'x'}\""),
    ],
)
def test_types_in_yaml_count(one: str, other: str) -> None:
    assert _of(f"a: {one}", ".yml") != _of(f"a: {other}", ".yml")


def test_nested_beyond_reading_counts_byte_by_byte() -> None:
    for deep, kind in (("a: &a [*a]", ".yml"), (f"x = {'-' * 1200}1", ".py")):
        assert _of(deep, kind) != _of(f"{deep} ", kind)


@pytest.mark.parametrize(("old", "new"), [("# Words.\n", ""), ("ar: كلمة", "ar: كلمات"), ("en: word", "en: words")])
def test_words_in_yaml_mean_nothing(old: str, new: str) -> None:
    assert old in YAML
    assert _of(YAML.replace(old, new), ".yml") == _of(YAML, ".yml")


@pytest.mark.parametrize(
    ("old", "new"),
    [("30", "31"), ("30", "'30'"), ("محرم", "صفر"), ("Muharram", "Safar"), ("first", "third"), ("limit", "most")],
)
def test_what_yaml_says_counts(old: str, new: str) -> None:
    assert old in YAML
    assert _of(YAML.replace(old, new), ".yml") != _of(YAML, ".yml")


def test_the_order_of_yaml_counts() -> None:
    """Rules are tried in the order in which they stand."""
    first, second = "  - id: second\n", "rules:\n"
    assert _of(YAML.replace(first, "").replace(second, second + first), ".yml") != _of(YAML, ".yml")


def test_other_files_count_byte_by_byte() -> None:
    assert _of("a,b\n1,2\n", ".csv") != _of("a,b\n1,2\n\n", ".csv")


def _sources(kind: str) -> list[Path]:
    found = [path for path in source_files() if path.suffix == kind]
    assert len(found) > 50
    return found


def test_every_python_file_means_the_same_without_its_words() -> None:
    """Python itself drops comments; docstrings go here by the places that it names."""
    for path in _sources(".py"):
        text = path.read_text("utf-8")
        bare = ast.unparse(ast.parse(text))
        assert _of(bare, ".py") == _of(text, ".py"), path.relative_to(REPOSITORY)


def test_every_sql_file_counts_word_by_word() -> None:
    """A word left out of any model is another meaning, unless it stood in a comment."""
    stream = random.Random(18)
    for path in _sources(".sql"):
        text = path.read_text("utf-8")
        bare = re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL)
        bare = "\n".join(line for line in bare.splitlines() if "--" not in line)
        words = list(re.finditer(r"\w+", bare))
        for word in stream.sample(words, min(5, len(words))):
            cut = bare[: word.start()] + bare[word.end() :]
            assert _of(cut, ".sql") != _of(bare, ".sql"), (path.relative_to(REPOSITORY), word)
        spaced = bare.replace("\n", "\n\n")
        if "'''" not in bare and not re.search(r"'[^'\n]*\n[^']*'", bare):
            assert _of(spaced, ".sql") == _of(bare, ".sql"), path.relative_to(REPOSITORY)


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The rooms that compute numbers, to be changed."""
    for room in ROOMS:
        shutil.copytree(
            REPOSITORY / room, tmp_path / room, ignore=shutil.ignore_patterns("target", "logs", "__pycache__")
        )
    monkeypatch.setattr(source_code, "REPOSITORY", tmp_path)
    monkeypatch.setattr(source_code, "MEANINGS", tmp_path / "meanings.json")
    return tmp_path


def _hash() -> str:
    code_hash.cache_clear()
    try:
        return code_hash()
    finally:
        code_hash.cache_clear()


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text, path
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_comments_and_wording_change_no_hash(copied: Path) -> None:
    """What every fingerprint of a build is made of: scores, views, cells, and whether there is anything to publish."""
    before, cells = _hash(), build_key(copied / "dbt")
    for path in source_files():
        if path.suffix in (".py", ".yml"):
            path.write_text(path.read_text("utf-8") + "\n# Another comment.\n", "utf-8")
        elif path.suffix == ".sql":
            # Braces with a dash draw what they make into a comment before them, so below none is harmless.
            path.write_text(path.read_text("utf-8") + "\n-- Another comment.\n", "utf-8")
    _edit(copied / "publication" / "wording.yml", "better than peers", "better than its peers")
    assert (_hash(), build_key(copied / "dbt")) == (before, cells)
    _edit(copied / "methodology" / "ranks.py", "KNOWN_FROM = 100", "KNOWN_FROM = 101")
    changed = _hash()
    assert changed != before
    (copied / "methodology" / "ranks.py").unlink()
    assert _hash() not in (before, changed)


def test_what_was_noted_of_other_files_is_not_believed(copied: Path) -> None:
    for name in ("empty.py", "empty.csv"):
        (copied / "methodology" / name).touch()
    for name in ("empty.py", "empty.csv"):
        (copied / "methodology" / name).touch()
    before = _hash()
    write_meanings()
    assert _hash() == before
    _edit(copied / "methodology" / "ranks.py", "KNOWN_FROM = 100", "KNOWN_FROM = 101")
    changed = _hash()
    assert changed != before
    noted = (copied / "meanings.json").read_text("utf-8")
    for torn in (noted[:-40], "[]", noted.replace('"by": "', '"by": "0')):
        (copied / "meanings.json").write_text(torn, "utf-8")
        assert _hash() == changed
