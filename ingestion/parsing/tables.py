"""Tables as Markdown: one row per line, so that a chunker can cut between rows and repeat the head."""

from __future__ import annotations

from collections.abc import Sequence

Row = Sequence[str]


def markdown_table(rows: Sequence[Row], *, header: bool = True) -> str:
    """Rows of cell texts as a Markdown table; the first row is its head unless `header` is false.

    Empty rows and columns are dropped; a table of one column becomes plain lines. Empty: "".
    """
    rows = _trim([[_cell(cell) for cell in row] for row in rows])
    if not rows:
        return ""
    if len(rows[0]) == 1:
        return "\n".join(row[0] for row in rows)
    if not header:
        rows = [[""] * len(rows[0]), *rows]
    return "\n".join([line(rows[0]), rule(len(rows[0])), *map(line, rows[1:])])


def line(cells: Row) -> str:
    """One row."""
    return "| " + " | ".join(cells) + " |"


def rule(columns: int) -> str:
    """The line under the head."""
    return "|" + " --- |" * columns


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _trim(rows: list[list[str]]) -> list[list[str]]:
    rows = [row for row in rows if any(row)]
    width = max((len(row) for row in rows), default=0)
    rows = [row + [""] * (width - len(row)) for row in rows]
    used = [column for column in range(width) if any(row[column] for row in rows)]
    return [[row[column] for column in used] for row in rows]
