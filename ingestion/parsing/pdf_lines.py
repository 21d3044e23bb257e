"""The lines of a PDF page with their place and type size, read by PDFium.

Asking PDFium for every character's box would cost ten times the text itself, so only the first and
the last character of each line are asked: enough to tell headings, paragraphs and columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ingestion.parsing.pdf_characters import Characters

# PDFium writes U+FFFE (older ones U+0002) for a hyphen at a line's end and swallows the line break.
_HYPHENS = frozenset("\ufffe\x02")
_BREAK = re.compile(f"(\r\n|\r|\n|[{''.join(_HYPHENS)}])")
LETTER = re.compile(r"[^\W\d_]")
LIST_MARK = re.compile(r"(?:[•●◦▪‣∙·○■□✓➢–*-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,5})[.)])\s+\S")
_RULE = re.compile(r"([=_*~.-])\1{4,}")  # drawn with characters, says nothing
_WORD_GAP = 0.15  # of the type's size: less is no space


@dataclass(slots=True)
class Line:
    """A visual line. Coordinates are PDF points, y upwards; `size` is the type's height."""

    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool
    hyphen: bool  # the line ends in a hyphen that PDFium took for a word break
    first: int  # index of its first character on the PDFium text page
    last: int
    table: float = 0.0  # height of a whole table, whose Markdown is the text
    cells: int = 1  # how many parts with wide gaps between them it has
    full: bool = False  # wrapped here: the next line's first word would not have fitted


def page_lines(characters: Characters) -> list[Line]:
    """All lines with text, in content order."""
    fragments = (_line(characters, *piece) for piece in _pieces(characters.text()))
    return _joined(line for line in fragments if line)


def _pieces(text: str) -> Iterator[tuple[str, int, bool]]:
    """(line, index of its first character, whether it ends in a hyphen)."""
    start = 0
    pieces = _BREAK.split(text)
    for piece, ending in zip(pieces[::2], [*pieces[1::2], ""], strict=True):
        yield piece, start, ending in _HYPHENS
        start += len(piece) + len(ending)


def _joined(fragments: Iterable[Line]) -> list[Line]:
    """PDFium begins a new line at every raised or lowered character: those go on with their line."""
    lines: list[Line] = []
    for fragment in fragments:
        if lines and _goes_on(lines[-1], fragment):
            _append(lines[-1], fragment)
        else:
            lines.append(fragment)
    return lines


def _goes_on(line: Line, fragment: Line) -> bool:
    size = max(line.size, fragment.size)
    level = abs(fragment.y - line.y) < 0.6 * size
    return level and not line.hyphen and -0.3 * size < fragment.x0 - line.x1 < 0.8 * size


def _append(line: Line, fragment: Line) -> None:
    gap = fragment.x0 - line.x1
    line.text += ("" if gap < _WORD_GAP * max(line.size, fragment.size) else " ") + fragment.text
    if fragment.size > line.size:
        line.size, line.y = fragment.size, fragment.y
    line.x1, line.hyphen, line.last = fragment.x1, fragment.hyphen, fragment.last


def _line(characters: Characters, text: str, start: int, hyphen: bool) -> Line | None:
    stripped = text.strip()
    if not stripped or _RULE.fullmatch(stripped):
        return None
    first = start + text.index(stripped[0])
    last = first + len(stripped) - 1
    x1 = characters.box(last).right
    box = characters.box(first)
    y, size = box.bottom, round(box.top - box.bottom, 1)
    return Line(stripped, box.left, x1, y, size, characters.is_bold(first), hyphen, first, last)
