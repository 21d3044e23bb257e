"""Old spreadsheets (.xls): one page for each sheet, read by calamine."""

from __future__ import annotations

from importlib.metadata import version

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from ingestion.parsing.archives import damaged
from ingestion.parsing.assembly import Assembly, file_stem
from ingestion.parsing.detection import XLS, locked_office_file
from ingestion.parsing.rows import add_sheet, cell_text
from ingestion.parsing.types import Parsed, Source

VERSION = f"xls 1, calamine {version('python-calamine')}"


def parse(source: Source) -> Parsed:
    """Sheets with their tables, the values as last computed."""
    assembly = Assembly(source)
    try:
        with CalamineWorkbook.from_path(str(source.path)) as book:
            for name in book.sheet_names:
                _add(assembly, book, name)
    except PasswordError as error:
        raise locked_office_file() from error
    except (CalamineError, OSError) as error:
        raise damaged("spreadsheet") from error
    return assembly.finish(title=file_stem(source.filename), media_type=XLS, parser=VERSION)


def _add(assembly: Assembly, book: CalamineWorkbook, name: str) -> None:
    assembly.page(name)
    rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    # Every number of the old format is a fraction: 12.0 was typed as 12, which cell_text restores.
    cells = [[cell_text(value) for value in row] for row in rows]
    if any(any(row) for row in cells):
        assembly.add("heading", name, level=1)
        add_sheet(assembly, enumerate(cells, 1))
