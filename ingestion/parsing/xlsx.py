"""Spreadsheets: one page for each sheet, the values as last computed."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from typing import Any, BinaryIO
from zipfile import BadZipFile, ZipFile

import openpyxl
from openpyxl.packaging.core import DocumentProperties
from openpyxl.utils.exceptions import InvalidFileException

from ingestion.parsing.archives import damaged, open_zip
from ingestion.parsing.assembly import Assembly, file_stem
from ingestion.parsing.detection import XLSX
from ingestion.parsing.rows import Numbered, add_sheet, cell_text
from ingestion.parsing.types import MIB, Parsed, Source

VERSION = f"xlsx 2, openpyxl {version('openpyxl')}"

_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
_VALUELESS = re.compile(rb"<f\b[^<>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>")
_OVERLAP = 1000
_UNCOMPUTED = (
    "Some formulas were never computed, so that their cells are empty here: open the file in Excel or LibreOffice,"
    " save it, and upload that."
)


def parse(source: Source) -> Parsed:
    """Sheets with their tables; formulas give the value that the program stored with them."""
    with open_zip(source) as archive:
        computed = all(_is_computed(archive, name) for name in archive.namelist())
    # As a stream: given a path, openpyxl refuses names that do not end in .xlsx.
    with source.path.open("rb") as stream:
        assembly, properties = _read(source, stream)
    if not computed:
        assembly.warn(_UNCOMPUTED)
    return assembly.finish(
        title=properties.title or file_stem(source.filename),
        media_type=XLSX,
        parser=VERSION,
        metadata=_metadata(properties),
    )


def _is_computed(archive: ZipFile, name: str) -> bool:
    """Has each formula of a sheet its value beside it? Programs that write files without a spreadsheet leave it out."""
    if not _SHEET.fullmatch(name):
        return True
    tail = b""
    with suppress(BadZipFile, OSError, EOFError, zlib.error), archive.open(name) as sheet:
        while block := sheet.read(MIB):
            if _VALUELESS.search(tail + block):
                return False
            tail = block[-_OVERLAP:]
    return True


def _read(source: Source, stream: BinaryIO) -> tuple[Assembly, DocumentProperties]:
    try:
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
    except (InvalidFileException, BadZipFile, KeyError, ValueError, OSError) as error:
        raise damaged("spreadsheet") from error
    assembly = Assembly(source)
    try:
        for sheet in book.worksheets:
            _add(assembly, sheet)
        return assembly, book.properties
    finally:
        book.close()


def _add(assembly: Assembly, sheet: Any) -> None:
    assembly.page(sheet.title)
    rows = list(_rows(sheet))
    if any(any(cells) for _, cells in rows):
        assembly.add("heading", sheet.title, level=1)
        add_sheet(assembly, rows)


def _rows(sheet: Any) -> Iterator[Numbered]:
    # A declared size is not believed: one cell in the last column would pad every row to 16,384.
    sheet.reset_dimensions()
    for number, row in enumerate(sheet.iter_rows(), 1):
        cells = [cell_text(cell.value, _format(cell)) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        yield number, cells


def _format(cell: Any) -> str:
    return cell.number_format if isinstance(cell.value, int | float) else ""


def _metadata(properties: Any) -> dict[str, str]:
    fields = {
        "author": properties.creator,
        "subject": properties.subject,
        "keywords": properties.keywords,
        "created": properties.created.date().isoformat() if properties.created else "",
        "modified": properties.modified.date().isoformat() if properties.modified else "",
    }
    return {name: value for name, value in fields.items() if value}
