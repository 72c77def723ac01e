"""Spreadsheets written as raw XML, for what no library writes: NaN cells, hidden rows, merged cells, stray cells."""

import io
import zipfile
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
# Cell formats 1 to 3 of every workbook made here: [mm]:ss, [h]:mm and h:mm.
STYLES = (
    f'<styleSheet {_MAIN}><numFmts count="3"><numFmt numFmtId="164" formatCode="[mm]:ss"/>'
    '<numFmt numFmtId="165" formatCode="[h]:mm"/><numFmt numFmtId="166" formatCode="h:mm"/></numFmts>'
    '<fonts count="1"><font/></fonts><fills count="1"><fill/></fills><borders count="1"><border/></borders>'
    '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="4"><xf numFmtId="0"/>'
    + "".join(f'<xf numFmtId="{number}" applyNumberFormat="1"/>' for number in (164, 165, 166))
    + "</cellXfs></styleSheet>"
)


def cell(place: str, value: Any, style: int = 0) -> str:
    """One cell: a text becomes an inline string, a number (or a text in `Raw`) stands in `<v>`."""
    styled = f' s="{style}"' if style else ""
    if isinstance(value, Raw):
        return f'<c r="{place}"{styled}>{value.content}</c>'
    if isinstance(value, str):
        return f'<c r="{place}"{styled} t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    return f'<c r="{place}"{styled}><v>{value}</v></c>'


class Raw:
    """The inside of a cell as XML."""

    def __init__(self, content: str) -> None:
        self.content = content


def rows(*lines: Sequence[Any], hidden: Sequence[int] = ()) -> str:
    """Rows from 1; None leaves a cell out."""
    made = []
    for number, line in enumerate(lines, start=1):
        cells = "".join(
            cell(f"{chr(65 + column)}{number}", value) for column, value in enumerate(line) if value is not None
        )
        made.append(f'<row r="{number}"{" hidden=" + quoteattr("1") if number in hidden else ""}>{cells}</row>')
    return "".join(made)


def workbook(*sheets: tuple[str, str], hidden: Sequence[str] = (), after: str = "") -> bytes:
    """A workbook of (name, rows as XML); `after` stands behind the last sheet's data (merged cells)."""
    listed, links, types = "", "", ""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (name, content) in enumerate(sheets, start=1):
            state = ' state="hidden"' if name in hidden else ""
            listed += f'<sheet name={quoteattr(name)} sheetId="{number}"{state} r:id="r{number}"/>'
            links += f'<Relationship Id="r{number}" Type="{_LINKS}/worksheet" Target="worksheets/sheet{number}.xml"/>'
            types += (
                f'<Override PartName="/xl/worksheets/sheet{number}.xml" '
                'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
            )
            behind = after if number == len(sheets) else ""
            archive.writestr(
                f"xl/worksheets/sheet{number}.xml",
                f"<worksheet {_MAIN}><sheetData>{content}</sheetData>{behind}</worksheet>",
            )
        archive.writestr(
            "xl/workbook.xml", f'<workbook {_MAIN} xmlns:r="{_LINKS}"><sheets>{listed}</sheets></workbook>'
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{_PACKAGE}/relationships">{links}'
            f'<Relationship Id="s" Type="{_LINKS}/styles" Target="styles.xml"/></Relationships>',
        )
        archive.writestr("xl/styles.xml", STYLES)
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="w" Type="{_LINKS}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Override PartName="/xl/workbook.xml" '
            'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
            f"{types}</Types>",
        )
    return out.getvalue()
