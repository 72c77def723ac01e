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
# Of SQL: dbt reads the braces first, also in texts and comments, and those with a dash take the spaces beside them away.
_NOTE = r"\{\#.*?\#\}"
_CODE = r"""(?:\{\{|\{%)(?>'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+"|(?!\}\}|%\}).)*+(?:\}\}|%\})"""
_SQL = re.compile(
    rf"""(?P<kept>\b[eE]'(?>''|\\.|{_NOTE}|{_CODE}|[^'])*+'|'(?>''|{_NOTE}|{_CODE}|[^'])*+'|"(?>{_NOTE}|{_CODE}|[^"])*+"
        |\$(?P<tag>(?:[A-Za-z_]\w*)?)\$.*?\$(?P=tag)\$)
    |(?P<code>{_CODE})
    |(?P<comment>--(?>{_NOTE}|{_CODE}|[^\n\r])*+|/\*(?>{_NOTE}|{_CODE}|(?!\*/).)*+\*/)
    |(?P<note>{_NOTE})
    |[ \t\n\r\f\v]+""",
    re.DOTALL | re.VERBOSE,
)
_IN_CODE = re.compile(r"""(?P<kept>'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+")|\s+""", re.DOTALL)
_RAW = re.compile(r"\{%[-+]?\s*raw\b")
_DASH = re.compile(r"^\{\#-|-\#\}$")
_DRAWN, _DRAWING = re.compile(r"\s*\{[{%#]-"), re.compile(r"-[}%#]\}\s*\Z")
_GAPS = re.compile(r"\0+")


def meaning(content: bytes, kind: str) -> str:
    """SHA-256 of what a file (its bytes, and its suffix as `kind`) means; the same on every version of Python.

    Python: the syntax tree without docstrings. SQL: the text without comments, spaces as one, but for what stands in quotes.
    YAML: the values in their order, without WORDS that are texts. Other files, and Python or YAML that cannot be read: the bytes.
    """
    try:
        said = _MEANINGS[kind](content) if kind in _MEANINGS else content
    except (SyntaxError, ValueError, RecursionError, yaml.YAMLError):
        said = content
    return hashlib.sha256(said).hexdigest()


def _python(content: bytes) -> bytes:
    return "\n".join(_tree(ast.parse(content))).encode()


def _tree(node: object) -> Iterator[str]:
    """The nodes of a syntax tree in order; fields left empty are left out, because versions of Python differ in them."""
    if isinstance(node, ast.Constant):
        yield f"{type(node.value).__name__} {node.value!a}"
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
    text = content.decode()
    # Of raw text dbt reads no braces, and a zero byte marks the gaps.
    if _RAW.search(text) or "\0" in text:
        return content
    return _GAPS.sub(" ", _SQL.sub(_of_sql, text)).strip(" ").encode()


def _of_sql(found: re.Match[str]) -> str:
    if found["code"]:
        return _IN_CODE.sub(lambda part: part["kept"] or " ", found["code"])
    beside = _DRAWN.match(found.string, found.end()) or _DRAWING.search(found.string, 0, found.start())
    if found["note"]:
        return found["note"] if beside or _DASH.search(found["note"]) else ""
    if found["comment"]:
        bare = re.sub(_NOTE, "", found["comment"], flags=re.DOTALL)
        is_read = re.search(_CODE, bare, re.DOTALL) or "-#}" in found["comment"]
        # What follows may be drawn into the comment, and where it ends counts.
        return f"{found[0]}\n" if beside or is_read else "\0"
    return found["kept"] or "\0"


def _yaml(content: bytes) -> bytes:
    # The C parser is ten times as fast.
    return json.dumps(_without_words(yaml.load(content, yaml.CSafeLoader)), default=_typed).encode()


def _without_words(value: object) -> object:
    if isinstance(value, dict):
        said = {key: one for key, one in value.items() if not (key in WORDS and isinstance(one, str))}
        return {"map": [[key, _without_words(one)] for key, one in said.items()]}
    if isinstance(value, tuple):
        return {"tuple": [_without_words(one) for one in value]}
    return [_without_words(one) for one in value] if isinstance(value, list) else value


def _typed(value: object) -> object:
    """What JSON has not, such as a day, by its type: a day written as a text is another value."""
    return {type(value).__name__: sorted(map(repr, value)) if isinstance(value, set) else repr(value)}


_MEANINGS = {".py": _python, ".sql": _sql, ".yml": _yaml}
