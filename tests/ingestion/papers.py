"""Makes the small files that parsing is tested with, and finds the shared ones."""

import io
import json
import os
import zipfile
from pathlib import Path

import docx
import openpyxl
import pypdf
import pytest
from docx.document import Document
from pptx import Presentation
from pptx.util import Inches
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from ingestion.parsing.child import read
from ingestion.parsing.types import Block, Parsed, ParseLimits, Source

ROOT = Path(__file__).resolve().parents[2]
PROSE = (
    "The warranty covers the pump for twenty-four months from delivery. It does not cover the filter, "
    "which has to be replaced every six weeks. Claims are made in writing to the service desk, with the "
    "serial number and a photograph of the damage."
)


def shared(*parts: str) -> Path:
    """A path in the shared data; skips the test where there is none."""
    path = Path(os.environ.get("FOOTNOTE_SHARED", ROOT.parent / "shared"), "data", *parts)
    if not path.exists():
        pytest.skip(f"the shared data has no {'/'.join(parts)} here")
    return path


def parsed(path: Path, *, limits: ParseLimits | None = None, password: str | None = None) -> Parsed:
    """Parse in this process: for files that we made ourselves."""
    return read(Source(path, path.name, limits or ParseLimits(), password=password))


def written(path: Path, content: bytes | str) -> Path:
    """A file with this content."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def texts(document: Parsed, kind: str = "") -> list[str]:
    """The text of each block, or of those of one kind."""
    return [text_of(document, block) for block in document.blocks if kind in ("", block.kind)]


def text_of(document: Parsed, block: Block) -> str:
    """The text of a block."""
    return document.text[block.start : block.end]


def page_text(document: Parsed, number: int) -> str:
    """The text of a page, counted from 1."""
    page = document.pages[number - 1]
    return document.text[page.start : page.end]


def make_pdf(
    path: Path, pages: list[list[tuple[str, int]]], *, header: str = "", title: str = ""
) -> Path:
    """Pages of (line, type size) from top to bottom, with a page number at the bottom."""
    canvas = Canvas(str(path), pagesize=A4)
    if title:
        canvas.setTitle(title)
    for number, lines in enumerate(pages, 1):
        y = 780.0
        if header:
            canvas.setFont("Helvetica", 8)
            canvas.drawString(60, 815, header)
            canvas.drawString(280, 30, f"Page {number}")
        for text, size in lines:
            canvas.setFont("Helvetica", size)
            canvas.drawString(60, y, text)
            y -= size * 1.3 if text else size * 1.6
        canvas.showPage()
    canvas.save()
    return path


def encrypt_pdf(source: Path, target: Path, password: str) -> Path:
    """The same PDF behind a password."""
    writer = pypdf.PdfWriter(clone_from=source)
    writer.encrypt(password, algorithm="AES-256")
    with target.open("wb") as file:
        writer.write(file)
    return target


def make_docx(path: Path) -> Document:
    """An empty Word document; the caller fills it and saves it to the path."""
    document = docx.Document()
    document.save(str(path))
    return document


def make_pptx(path: Path) -> Path:
    """Two slides: one with points and notes, one with a table."""
    show = Presentation()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text = "Quarter in brief"
    slide.placeholders[1].text = "Revenue grew by 12 %\nTwo new sites"
    slide.notes_slide.notes_text_frame.text = "Mention the site in Porto."
    slide = show.slides.add_slide(show.slide_layouts[5])
    slide.shapes.title.text = "Figures"
    table = slide.shapes.add_table(2, 2, Inches(1), Inches(2), Inches(5), Inches(1)).table
    for (row, column), text in {
        (0, 0): "Site",
        (0, 1): "Staff",
        (1, 0): "Porto",
        (1, 1): "41",
    }.items():
        table.cell(row, column).text = text
    show.save(str(path))
    return path


def make_xlsx(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    """A spreadsheet with these sheets."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    """A zip with these members, packed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def png() -> bytes:
    """The smallest picture."""
    from PIL import Image  # inline: only two tests need it

    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, "PNG")
    return buffer.getvalue()


def json_lines(*rows: object) -> str:
    """One JSON document per line."""
    return "".join(json.dumps(row) + "\n" for row in rows)
