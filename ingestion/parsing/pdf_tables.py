"""Tables without borders or tags: rows of cells that stand in columns, written as Markdown.

PDFium gives a table's row as one line with single spaces. Lines that are wider than their letters
explain are cut at wide gaps; runs of rows whose cells share columns become tables; everything
else is put together again as it was.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from statistics import median

from ingestion.parsing.pdf_characters import Characters
from ingestion.parsing.pdf_columns import columns, columns_length
from ingestion.parsing.pdf_lines import Line
from ingestion.parsing.tables import markdown_table

_GAP = 1.0  # times the type's size: no space between words is that wide
_WIDE = 1.12  # times the page's usual width of a character
_ACROSS = 0.8  # of the widest line
_ASKED = 4  # lines of a page
_ROW_STEP = 3.5  # times the type's size: rows further apart are not one table
_LONGEST = 500  # characters of a line that is looked into
_PROSE = 45  # characters of the usual cell: columns of running text are not a table
_SPACE = re.compile(" ")
Row = list[Line]


def cut_at_gaps(characters: Characters, lines: Sequence[Line]) -> list[Line]:
    """Lines cut into cells where a gap is too wide for a space.

    Asks PDFium only about lines that are wide for their letters and those beside them: on a page of
    prose there are next to none.
    """
    widths = [_width(line) for line in lines]
    long = sorted(w for w, line in zip(widths, lines, strict=True) if len(line.text) > 20)
    usual = long[len(long) // 4] if long else 0.0
    if usual and _has_gutter(characters, lines):
        usual = 0.0  # then no line is usual
    wide = {i for i, w in enumerate(widths) if w > usual * _WIDE and " " in lines[i].text}
    asked = {near for index in wide for near in (index - 1, index, index + 1)}
    cells: list[Line] = []
    for index, line in enumerate(lines):
        cells.extend(_cells(characters, line) if index in asked else [line])
    return cells


def _has_gutter(characters: Characters, lines: Sequence[Line]) -> bool:
    """Do the wide lines of a page have a gap at one place, so that all of them are wide for their letters?"""
    most = max((line.x1 - line.x0 for line in lines), default=0.0)
    across = [line for line in lines if line.x1 - line.x0 > _ACROSS * most and " " in line.text]
    if len(across) <= _ASKED:
        return False
    gaps: list[tuple[float, float]] = []
    for line in across[:: len(across) // _ASKED][:_ASKED]:
        own = [(a.x1, b.x0) for a, b in pairwise(_cells(characters, line))]
        gaps = [gap for gap in own if not gaps or any(map(partial(_meet, gap), gaps))]
        if not gaps:
            return False  # a page of prose: known after a line
    return True


def _meet(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return min(one[1], other[1]) > max(one[0], other[0])


def _width(line: Line) -> float:
    return (line.x1 - line.x0) / (len(line.text) * max(line.size, 1.0))


def _cells(characters: Characters, line: Line) -> Iterator[Line]:
    """The parts of a line; only where its text still has one character for each of PDFium's."""
    if line.last - line.first + 1 != len(line.text) or len(line.text) > _LONGEST:
        yield line
        return
    start, x0 = 0, line.x0
    for space in _SPACE.finditer(line.text):
        index = space.start()
        left = characters.box(line.first + index - 1).right
        right = characters.box(line.first + index + 1).left
        if right - left > _GAP * line.size:
            yield _part(line, start, index, x0, left)
            start, x0 = index + 1, right
    yield _part(line, start, len(line.text), x0, line.x1)


def _part(line: Line, start: int, end: int, x0: float, x1: float) -> Line:
    return replace(
        line,
        text=line.text[start:end],
        x0=x0,
        x1=x1,
        first=line.first + start,
        last=line.first + end - 1,
    )


def with_tables(lines: Sequence[Line]) -> list[Line]:
    """The page's lines, each table as one line that holds its Markdown."""
    rows = _rows(lines)
    found: list[Line] = []
    index = 0
    while index < len(rows):
        if length := columns_length(rows, index):
            for column in columns(rows[index : index + length]):
                found.extend(column)
        elif length := _table_length(rows, index):
            found.append(_table(rows[index : index + length]))
        else:
            found.append(_rejoined(rows[index]))
        index += max(length, 1)
    return found


def _rows(lines: Sequence[Line]) -> list[Row]:
    rows: list[Row] = []
    for line in lines:
        last = rows[-1][-1] if rows else None
        if last and abs(line.y - last.y) < 0.4 * line.size and line.x0 > last.x1:
            rows[-1].append(line)
        else:
            rows.append([line])
    return rows


def _table_length(rows: Sequence[Row], first: int) -> int:
    """How many rows from `first` on make a table; 0 when they make none."""
    if len(rows[first]) < 2:
        return 0
    columns, last = _columns(rows[first : first + 1]), first
    for index in range(first + 1, len(rows)):
        row, above = rows[index], rows[index - 1]
        if not 0 < above[0].y - row[0].y < _ROW_STEP * max(above[0].size, row[0].size):
            break
        if len(row) > 1 and _aligned(row, columns):
            last = index
            columns = _columns(rows[first : index + 1])
        elif len(row) > 1 or _spans(row[0], columns) != 1 or _stands_out(row[0], above[0]):
            break
    table = rows[first : last + 1]
    full = [row for row in table if len(row) > 1]
    cells = [len(cell.text) for row in full for cell in row]
    return len(table) if len(full) > 1 and median(cells) < _PROSE else 0


def _stands_out(line: Line, above: Line) -> bool:
    """A line alone in larger or bolder type is the heading of what follows."""
    return line.size > above.size * 1.1 or (line.bold and not above.bold)


def _columns(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """Where the columns stand: from the rows with the most usual number of cells, or more."""
    counts = Counter(len(row) for row in rows if len(row) > 1)
    usual = max(counts, key=lambda count: (counts[count], count))
    spans = sorted((cell.x0, cell.x1) for row in rows if len(row) >= usual for cell in row)
    columns: list[tuple[float, float]] = []
    for x0, x1 in spans:
        if columns and x0 < columns[-1][1]:
            columns[-1] = columns[-1][0], max(columns[-1][1], x1)
        else:
            columns.append((x0, x1))
    return columns


def _aligned(row: Row, columns: list[tuple[float, float]]) -> bool:
    return sum(_spans(cell, columns) == 1 for cell in row) * 2 > len(row)


def _spans(cell: Line, columns: list[tuple[float, float]]) -> int:
    return sum(min(cell.x1, x1) - max(cell.x0, x0) > 0 for x0, x1 in columns)


def _table(rows: Sequence[Row]) -> Line:
    columns = _columns(rows)
    grid: list[list[str]] = []
    for row in rows:
        cells = [""] * len(columns)
        for cell in row:
            place = _place(cell, columns)
            cells[place] = f"{cells[place]} {cell.text}".strip()
        # A lone cell right of the first column goes on with the one above it.
        if grid and len(row) == 1 and not cells[0]:
            grid[-1] = [f"{a} {b}".strip() for a, b in zip(grid[-1], cells, strict=True)]
        else:
            grid.append(cells)
    top, bottom = rows[0][0], rows[-1][0]
    return replace(
        top,
        text=markdown_table(grid),
        x0=min(cell.x0 for row in rows for cell in row),
        x1=max(cell.x1 for row in rows for cell in row),
        y=bottom.y,
        last=rows[-1][-1].last,
        table=top.y + top.size - bottom.y,
    )


def _place(cell: Line, columns: list[tuple[float, float]]) -> int:
    def overlap(index: int) -> float:
        return min(cell.x1, columns[index][1]) - max(cell.x0, columns[index][0])

    return max(range(len(columns)), key=overlap)


def _rejoined(row: Row) -> Line:
    if len(row) == 1:
        return row[0]
    text = " ".join(cell.text for cell in row)
    return replace(
        row[0], text=text, x1=row[-1].x1, last=row[-1].last, hyphen=row[-1].hyphen, cells=len(row)
    )
