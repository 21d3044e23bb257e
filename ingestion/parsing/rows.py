"""Sheets of rows (XLSX, XLS, CSV) to blocks that stand on their own.

A long table becomes several short ones, each with the head repeated and a heading that says which rows it
holds: so a chunk of it is understood, and cited, by itself. Rows of very wide tables are
written as records ("Column: value"), because a head of fifty columns would fill a chunk alone.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from ingestion.parsing.assembly import Assembly
from ingestion.parsing.tables import markdown_table

Cells = list[str]
Numbered = tuple[int, Cells]

# Of one table with its head, as an embedding model counts them: so that it becomes a chunk as it is.
_TABLE_TOKENS = 165
_ROWS_TOKENS = 60  # that rows may have at least, however long the head is
_TOKEN = re.compile(r"[a-zA-Z\u00c0-\u024f]{1,6}|\d{1,3}|\S")  # roughly what makes one
_HEAD_CHARS = 240  # above this, or above _HEAD_COLUMNS, rows become records
_HEAD_COLUMNS = 12
_CELL_CHARS = 4000


def add_sheet(assembly: Assembly, rows: Iterable[Numbered], *, level: int = 2) -> None:
    """Add numbered rows as tables, cut at blank rows; `level` is that of the headings for row ranges."""
    for table in _tables(rows):
        head = _head_at(table)
        for _, cells in table[:head]:  # a title above the table
            assembly.add("paragraph", " ".join(cell for cell in cells if cell))
        if head < len(table):
            _add_table(assembly, table[head:], level)


def cell_text(value: object, number_format: str = "") -> str:
    """A cell as a person would write it: dates in ISO form, no binary fractions, percentages."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        if "%" in number_format:  # 1 is stored as a whole number, and shown as 100%
            return f"{value * 100:.10g}%"
        return str(value) if isinstance(value, int) else f"{value:.12g}"
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date().isoformat()
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat(" ") if isinstance(value, dt.datetime) else value.isoformat()
    return str(value).strip()[:_CELL_CHARS]


def _tables(rows: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    """Runs of rows without a blank one between them."""
    table: list[Numbered] = []
    for number, cells in rows:
        if any(cells):
            table.append((number, cells))
        elif table:
            yield table
            table = []
    if table:
        yield table


def _head_at(table: list[Numbered]) -> int:
    """The first row that could name columns: single cells above it are a title."""
    for index, (_, cells) in enumerate(table):
        if sum(1 for cell in cells if cell) > 1:
            return index
    return 0


def _add_table(assembly: Assembly, table: list[Numbered], level: int) -> None:
    (_, head), *body = table
    if not body:
        assembly.add("paragraph", " | ".join(cell for cell in head if cell))
        return
    if len(head) > _HEAD_COLUMNS or sum(map(len, head)) > _HEAD_CHARS:
        _add_records(assembly, head, body, level)
        return
    # The head stands in each, with a rule of three dashes a column below it.
    room = _TABLE_TOKENS - _tokens(head) - 4 * len(head)
    parts = list(_parts(body, max(room, _ROWS_TOKENS)))
    for first, last in parts:
        rows = body[first:last]
        if len(parts) > 1:
            assembly.add("heading", _range(rows), level=level)
        assembly.add("table", markdown_table([head, *(cells for _, cells in rows)]))


def _parts(body: list[Numbered], room: int) -> Iterator[tuple[int, int]]:
    """Bounds of groups of rows that are about `room` tokens together, at least one each."""
    bounds, used = [0], 0
    for index, (_, cells) in enumerate(body):
        size = _tokens(cells)
        if used and used + size > room:
            bounds.append(index)
            used = 0
        used += size
    return pairwise([*bounds, len(body)] if body else [])


def _tokens(cells: Cells) -> int:
    return 1 + sum(len(_TOKEN.findall(cell)) + 1 for cell in cells)


def _range(rows: list[Numbered]) -> str:
    first, last = rows[0][0], rows[-1][0]
    return f"Row {first}" if first == last else f"Rows {first} to {last}"


def _add_records(assembly: Assembly, head: Cells, body: list[Numbered], level: int) -> None:
    for number, cells in body:
        assembly.add("heading", f"Row {number}", level=level)
        names = head + [""] * (len(cells) - len(head))
        pairs = (
            f"{name}: {cell}" if name else cell
            for name, cell in zip(names, cells, strict=False)
            if cell
        )
        assembly.add("list", "\n".join(pair.replace("\n", " ") for pair in pairs))
