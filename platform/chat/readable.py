"""A block of a document's clean text as people read it: marks in place, Markdown's own signs out of the way.

The stored text keeps what search and citations count on (``## Title``, ``| a | b |``); a reader wants a heading and a
table. The marked span is put into the text as two private characters first, so that it survives whatever is taken out.
"""

import re
from dataclasses import dataclass

OPEN, CLOSE = "\ue000", "\ue001"
_PRIVATE = re.compile("[\ue000-\uf8ff]")
_HEADING = re.compile(rf"^({OPEN}?)#{{1,6}}[ \t]+")
_STRONG = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", re.DOTALL)
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[^\n]*\n?|\n[ \t]*(?:```|~~~)[ \t]*$")
_RULE = re.compile(r"^\|?[\s:|-]*-[\s:|-]*$")
_CELL_ENDS = re.compile(r"(?<!\\)\|")

Span = tuple[int, int]


@dataclass(frozen=True)
class Piece:
    """A stretch of text, marked or not."""

    text: str
    marked: bool = False


Pieces = tuple[Piece, ...]


@dataclass(frozen=True)
class ShownBlock:
    """One block; a table has rows of cells instead of pieces."""

    kind: str
    pieces: Pieces = ()
    rows: tuple[tuple[Pieces, ...], ...] = ()


def shown(kind: str, text: str, marked: Span | None, *, markdown: bool = False) -> ShownBlock:
    """The block for a reader; ``marked`` is a span of ``text``, ``markdown`` says that the source was Markdown."""
    held = _PRIVATE.sub("\ufffd", text)
    if marked is not None and marked[0] < marked[1]:
        start, end = marked
        held = f"{held[:start]}{OPEN}{held[start:end]}{CLOSE}{held[end:]}"
    if kind == "table" and held.lstrip(OPEN).startswith("|"):
        return ShownBlock("table", rows=_rows(held))
    return ShownBlock(kind, pieces=_pieces(_without_signs(kind, held, markdown)))


def _without_signs(kind: str, text: str, markdown: bool) -> str:
    if kind == "heading":
        text = _HEADING.sub(r"\1", text)
    if kind == "code":
        return _FENCE.sub("", text)
    return _STRONG.sub(r"\2", text) if markdown else text


def _rows(text: str) -> tuple[tuple[Pieces, ...], ...]:
    """Cells by row; a mark that goes over several cells is in each of them."""
    rows, inside = [], False
    for line in text.splitlines():
        bare = line.replace(OPEN, "").replace(CLOSE, "").strip()
        row = []
        for cell in _CELL_ENDS.split(line):
            held = (OPEN if inside else "") + cell.strip()
            inside = held.rfind(OPEN) > held.rfind(CLOSE)
            row.append(_pieces(held.replace("\\|", "|").strip()))
        if bare and not _RULE.match(bare):
            # What stands before the first and after the last bar is no cell.
            rows.append(tuple(row[1:-1]))
    return tuple(rows)


def _pieces(text: str) -> Pieces:
    before, opened, rest = text.partition(OPEN)
    marked, _, after = rest.partition(CLOSE) if opened else ("", "", "")
    pieces = (Piece(before), Piece(marked, marked=True), Piece(after))
    return tuple(
        Piece(piece.text.replace(OPEN, "").replace(CLOSE, ""), piece.marked)
        for piece in pieces
        if piece.text
    )
