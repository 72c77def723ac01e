"""A document in one language as plain values, as HTML and as PDF.

Belongs here: handing values to the two templates. Does not belong here: what a document says, the workbook (`workbook`).
"""

import base64
import json
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from markupsafe import Markup

from publication.documents.model import (
    WORDS,
    Code,
    Document,
    Plot,
    Sentence,
    Table,
    Text,
    column_text,
    dated,
    tell,
    tell_cell,
)
from publication.phrasing import Language, Phrasing

if TYPE_CHECKING:
    from jinja2 import Environment
    from typst import Compiler

FONTS = Path(__file__).parents[1] / "fonts"
TEMPLATES = Path(__file__).parent / "templates"
FAMILY = "IBM Plex Sans Arabic"
_own = threading.local()


def values(document: Document, language: Language) -> dict[str, Any]:
    """Return the document in words, as JSON values: texts, lists and mappings."""
    say = Phrasing(language, WORDS)
    return {
        "language": language,
        "direction": "rtl" if say.is_rtl else "ltr",
        "title": tell(document.title, say),
        "lead": [tell(sentence, say) for sentence in document.lead],
        "sections": [
            {"heading": tell(section.heading, say), "blocks": [_block(block, say) for block in section.blocks]}
            for section in document.sections
        ],
    }


def as_html(told: dict[str, Any]) -> str:
    """Return the `values` of a document as one self-contained page: style and fonts inline, no script, all escaped."""
    return _environment().get_template("document.html.j2").render(**told, fonts=_embedded_fonts(), family=FAMILY)


def as_pdf(told: dict[str, Any], period_id: str) -> bytes:
    """Return the `values` of a document as a tagged PDF (PDF/UA-1)."""
    made = _compiler().compile(
        (TEMPLATES / "document.typ").read_bytes(),
        format="pdf",
        sys_inputs={"document": json.dumps(told | {"family": FAMILY}, ensure_ascii=False)},
        pdf_standards=["ua-1"],
        timestamp=dated(period_id),
    )
    assert isinstance(made, bytes)  # noqa: S101 - it returns a list only for images of pages
    return made


def _block(block: Sentence | Table | Plot, say: Phrasing) -> dict[str, Any]:
    match block:
        case Sentence():
            return {"kind": "sentence", "text": tell(block, say)}
        case Table():
            return {
                "kind": "table",
                "columns": [column_text(column, say.language) for column in block.columns],
                "rows": [
                    [{"text": tell_cell(cell, say), "kind": _cell_kind(cell)} for cell in row] for row in block.rows
                ],
            }
        case Plot():
            return {"kind": "plot", "drawings": [_drawing(draw(say.language)) for draw in block.draws]}


def _drawing(svg: str) -> dict[str, Any]:
    """Return an SVG with its description and width, for media that need them separately."""
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own text
    # Safe: ElementTree wrote the text and escaped it.
    return {"svg": Markup(svg), "alt": root[1].text or "", "width": float(root.attrib["width"])}  # noqa: S704


def _cell_kind(cell: object) -> str:
    return "text" if isinstance(cell, Text) else "code" if isinstance(cell, Code) else "number"


@cache
def _environment() -> "Environment":
    # Imported here and below, not at start-up: only publishing needs it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _compiler() -> "Compiler":
    """Return this thread's compiler, used for all its documents: it reads the fonts once, and only ours.

    No other thread may use it.
    """
    if not hasattr(_own, "compiler"):
        import typst

        fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FONTS)])
        _own.compiler = typst.Compiler(font_paths=fonts, ignore_system_fonts=True)
    compiler: Compiler = _own.compiler
    return compiler


@cache
def _embedded_fonts() -> dict[str, str]:
    """Return weight -> font file as base64."""
    files = {"400": "IBMPlexSansArabic-Regular.woff2", "700": "IBMPlexSansArabic-Bold.woff2"}
    return {weight: base64.b64encode((FONTS / name).read_bytes()).decode() for weight, name in files.items()}
