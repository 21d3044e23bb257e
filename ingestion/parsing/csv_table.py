"""CSV and its relatives: any delimiter, any encoding."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter

from ingestion.parsing.assembly import Assembly, file_stem
from ingestion.parsing.decoding import decode
from ingestion.parsing.detection import CSV
from ingestion.parsing.rows import add_sheet, cell_text
from ingestion.parsing.types import Parsed, Source

VERSION = "csv 2"

_DELIMITERS = ",;\t|^~"
_SAMPLE_LINES = 50
_SEPARATOR = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
_FIELD = 1_000_000  # characters: a quote that is never closed must not swallow the file


def parse(source: Source) -> Parsed:
    """One sheet; the first row is the head."""
    text, encoding = decode(source.read_bytes())
    csv.field_size_limit(_FIELD)
    delimiter = _delimiter(text)
    assembly = Assembly(source)
    rows = _rows(text, delimiter, assembly)
    if _SEPARATOR.match(text):  # Excel's note about the delimiter is no row
        rows[0] = []
    cells = ([cell_text(cell) for cell in row] for row in rows)
    add_sheet(assembly, enumerate(cells, 1), level=1)
    return assembly.finish(
        title=file_stem(source.filename),
        media_type=CSV,
        parser=VERSION,
        metadata={"encoding": encoding, "rows": len(rows)},
    )


def _rows(text: str, delimiter: str, assembly: Assembly) -> list[list[str]]:
    """Rows and cells. A quotation mark that is never closed would make one cell of all that follows."""
    try:
        return _read(text, delimiter, strict=True)
    except csv.Error as error:
        closed = "unexpected end" not in str(error)
    try:
        if closed:
            return _read(text, delimiter, strict=False)
    except csv.Error:
        pass
    assembly.warn("The quotation marks do not match; they were read as plain characters.")
    return list(csv.reader(text.splitlines(), delimiter=delimiter, quoting=csv.QUOTE_NONE))


def _read(text: str, delimiter: str, *, strict: bool) -> list[list[str]]:
    lines = io.StringIO(text, newline="")
    return list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=strict))


def _delimiter(text: str) -> str:
    """The one that divides the first lines into the same number of fields, most of them."""
    lines = [line for line in text[:200_000].splitlines()[:_SAMPLE_LINES] if line.strip()]
    noted = _SEPARATOR.match(text)
    if noted:
        return noted.group(1)

    def merit(delimiter: str) -> tuple[float, int]:
        counts = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter))
        fields, times = counts.most_common(1)[0]
        return (times / len(lines) if fields > 1 else 0.0, fields)

    return max(_DELIMITERS, key=merit) if lines else ","
