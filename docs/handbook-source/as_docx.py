"""A chapter as DOCX with Word's own headings, lists and tables, and a page number; the same bytes every time."""

import zipfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from blocks import Block, Code, Heading, Listing, Paragraph, Table, Text, plain
from docx import Document
from docx.document import Document as Docx
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Pt
from docx.text.paragraph import Paragraph as Written

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
MONOSPACE = "Courier New"


def write(found: list[Block], path: Path) -> None:
    """Write the chapter."""
    document = Document()
    _describe(document, plain(found[0].text))  # type: ignore[union-attr]
    for block in found:
        _add(document, block)
    _number_pages(document)
    packed = BytesIO()
    document.save(packed)
    path.write_bytes(_without_times(packed))


def _describe(document: Docx, title: str) -> None:
    about = document.core_properties
    about.title, about.author, about.subject = title, "Footnote", "The Footnote handbook"
    about.created = about.modified = MOMENT.replace(tzinfo=None)
    about.comments = ""
    document.styles["Normal"].font.name = "Calibri"
    document.styles["Normal"].font.size = Pt(11)


def _add(document: Docx, block: Block) -> None:
    match block:
        case Heading():
            _fill(document.add_heading(level=block.level), block.text)
        case Paragraph():
            _fill(document.add_paragraph(), block.text)
        case Listing():
            style = "List Number" if block.ordered else "List Bullet"
            start_again = _numbering(document) if block.ordered else None
            for item in block.items:
                written = document.add_paragraph(style=style)
                _fill(written, item)
                if start_again is not None:
                    _number(written, start_again)
        case Table():
            _add_table(document, block)
        case Code():
            written = document.add_paragraph()
            written.add_run(block.text).font.name = MONOSPACE


def _fill(written: Written, text: Text) -> None:
    for run in text:
        added = written.add_run(run.text)
        if run.style == "bold":
            added.bold = True
        elif run.style == "code":
            added.font.name = MONOSPACE


def _add_table(document: Docx, block: Table) -> None:
    table = document.add_table(len(block.rows), len(block.rows[0]), style="Light Grid Accent 1")
    for row, cells in zip(table.rows, block.rows, strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            _fill(cell.paragraphs[0], text)
    # The head is repeated on every page, and readers of the file can tell it from the rows.
    mark = OxmlElement("w:tblHeader")
    table.rows[0]._tr.get_or_add_trPr().append(mark)
    document.add_paragraph()


def _numbering(document: Docx) -> int:
    """A numbering of its own for a list, so that the next list begins at 1 again; its id."""
    numbering = document.part.numbering_part.element
    style = document.styles["List Number"].element
    base = numbering.num_having_numId(style.pPr.numPr.numId.val)
    fresh = numbering.add_num(base.abstractNumId.val)
    fresh.add_lvlOverride(ilvl=0).add_startOverride(1)
    return int(fresh.numId)


def _number(written: Written, numbering: int) -> None:
    properties = written._p.get_or_add_pPr().get_or_add_numPr()
    properties.get_or_add_ilvl().val = 0
    properties.get_or_add_numId().val = numbering


def _number_pages(document: Docx) -> None:
    footer = document.sections[0].footer.paragraphs[0]
    footer.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    footer.add_run("Page ")
    run = footer.add_run()
    for kind, text in (("begin", None), (None, "PAGE"), ("end", None)):
        part = OxmlElement("w:instrText" if text else "w:fldChar")
        if text:
            part.text = text
        else:
            part.set(qn("w:fldCharType"), str(kind))
        run._r.append(part)


def _without_times(packed: BytesIO) -> bytes:
    """The same archive with one fixed time for all members."""
    fixed = BytesIO()
    with zipfile.ZipFile(packed) as old, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            member = zipfile.ZipInfo(entry.filename, MOMENT.timetuple()[:6])
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            new.writestr(member, old.read(entry))
    return fixed.getvalue()
