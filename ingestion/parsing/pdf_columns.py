"""Columns of running text that were drawn row by row: they look like a table, and are read one after the other.

Most programs draw a column to its end before the next, which needs nothing of this. Here a run of close rows is told
from a table by what stands in its cells: in each column most lines are full, and many go on with a small letter.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from ingestion.parsing.pdf_lines import Line

_FEWEST = 6  # rows
_MOST_COLUMNS = 4
_STEP = 2.2  # times the type's size: rows further apart are not lines of one text
_FULL = 0.75  # of the column's width
_CHARS = 18  # of the usual line
_RUNS_ON = 0.4  # of the lines begin with a small letter
Row = list[Line]
Span = tuple[float, float]


def columns_length(rows: Sequence[Row], first: int) -> int:
    """How many rows from `first` on are columns of running text; 0 when they are not."""
    if not 1 < len(rows[first]) <= _MOST_COLUMNS:
        return 0
    bounds = _bounds(rows[first])
    last = first
    for index in range(first + 1, len(rows)):
        places = [_place(cell, bounds) for cell in rows[index]]
        if not _is_next(rows[index - 1], rows[index]) or None in places:
            break
        if len(set(places)) < len(places):
            break
        bounds = _widened(bounds, rows[index])
        last = index
    found = rows[first : last + 1]
    enough = len([row for row in found if len(row) > 1]) >= _FEWEST
    return len(found) if enough and all(map(_is_prose, columns(found))) else 0


def columns(rows: Sequence[Row]) -> list[list[Line]]:
    """The lines of each column, from the left."""
    bounds = _bounds(rows[0])
    for row in rows:
        bounds = _widened(bounds, row)
    sorted_in: list[list[Line]] = [[] for _ in bounds]
    for row in rows:
        for cell in row:
            place = _place(cell, bounds)
            sorted_in[0 if place is None else place].append(cell)
    return sorted_in


def _bounds(row: Row) -> list[Span]:
    return [(cell.x0, cell.x1) for cell in row]


def _widened(bounds: list[Span], row: Row) -> list[Span]:
    wider = list(bounds)
    for cell in row:
        place = _place(cell, bounds)
        if place is not None:
            wider[place] = min(bounds[place][0], cell.x0), max(bounds[place][1], cell.x1)
    return wider


def _place(cell: Line, bounds: list[Span]) -> int | None:
    """The one column that a cell stands in; None when it stands in none or reaches over several."""
    met = [i for i, (x0, x1) in enumerate(bounds) if min(cell.x1, x1) - max(cell.x0, x0) > 0]
    return met[0] if len(met) == 1 else None


def _is_next(above: Row, row: Row) -> bool:
    step = above[0].y - row[0].y
    alike = abs(above[0].size - row[0].size) < 0.15 * row[0].size
    return alike and 0 < step < _STEP * row[0].size


def _is_prose(lines: list[Line]) -> bool:
    width = max(line.x1 for line in lines) - min(line.x0 for line in lines)
    full = median(line.x1 - line.x0 for line in lines) >= _FULL * width
    small = sum(below.text[:1].islower() for _, below in pairwise(lines))
    long = median(len(line.text) for line in lines) >= _CHARS
    return full and long and small >= _RUNS_ON * (len(lines) - 1)
