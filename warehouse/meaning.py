"""What a source file means: its text without what only people read, so that a comment rebuilds nothing.

Belongs here: which parts of Python, SQL and YAML compute something. Does not belong here: which files there are (`source_code`),
and what is made again when one means something else (`dbt_runner`).
"""

import ast
import hashlib
import json
import re
from collections.abc import Iterator

import yaml

# Keys of YAML whose texts people read: descriptions of columns, and the sentences in both languages.
WORDS = {"ar", "en", "next_ar", "next_en", "description"}
# Of SQL: what is kept as it stands, and gaps. Texts in quotes come first, because what looks like a comment in one is none.
# Comments with braces are no gaps, for dbt reads those as it does elsewhere.
_SQL = re.compile(
    r"""(?P<kept>'(?:[^']|'')*'|"[^"]*"|--[^\n]*\{[{%][^\n]*)
    |(?:\{\#.*?\#\}|--(?![^\n]*\{[{%])[^\n]*|/\*(?:(?!\{[{%]).)*?\*/|\s)+""",
    re.DOTALL | re.VERBOSE,
)


def meaning(content: bytes, kind: str) -> str:
    """SHA-256 of what a file (its bytes, and its suffix as `kind`) means; the same on every version of Python.

    Python: the syntax tree without docstrings. SQL: the text without comments, spaces as one, but for what stands in quotes.
    YAML: the values in their order, without WORDS that are texts. Other files, and Python or YAML that cannot be read: the bytes.
    """
    try:
        said = _MEANINGS[kind](content) if kind in _MEANINGS else content
    except (SyntaxError, ValueError, yaml.YAMLError):
        said = content
    return hashlib.sha256(said).hexdigest()


def _python(content: bytes) -> bytes:
    return "\n".join(_tree(ast.parse(content))).encode()


def _tree(node: object) -> Iterator[str]:
    """The nodes of a syntax tree in order; fields left empty are left out, because versions of Python differ in them."""
    if isinstance(node, ast.Constant):
        yield f"{type(node.value).__name__} {node.value!r}"
    elif isinstance(node, ast.AST):
        yield f"({type(node).__name__}"
        for name, value in ast.iter_fields(node):
            if value is not None and value != [] and name != "type_comment":
                yield name
                yield from _tree(value)
        yield ")"
    elif isinstance(node, list):
        yield "["
        for one in node:
            if not _is_text_alone(one):
                yield from _tree(one)
        yield "]"
    else:
        yield repr(node)


def _is_text_alone(node: object) -> bool:
    """A docstring, or another text that is a statement of its own."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _sql(content: bytes) -> bytes:
    return _SQL.sub(lambda found: found["kept"] or " ", content.decode()).strip().encode()


def _yaml(content: bytes) -> bytes:
    # The C parser is ten times as fast.
    return json.dumps(_without_words(yaml.load(content, yaml.CSafeLoader)), default=str).encode()


def _without_words(value: object) -> object:
    if isinstance(value, dict):
        said = {key: one for key, one in value.items() if not (key in WORDS and isinstance(one, str))}
        return [[key, _without_words(one)] for key, one in said.items()]
    return [_without_words(one) for one in value] if isinstance(value, list) else value


_MEANINGS = {".py": _python, ".sql": _sql, ".yml": _yaml}
