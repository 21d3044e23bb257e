"""From lines to structure: headers and footers out, headings found, lines joined to paragraphs.

`structure(pages, outline)` is the one entry point: a list of pages, each a list of pieces in reading order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ingestion.parsing.pdf_headings import LEVELS, OutlineEntry, heading_levels
from ingestion.parsing.pdf_hyphens import Hyphenation
from ingestion.parsing.pdf_lines import LETTER, LIST_MARK, Line
from ingestion.parsing.pdf_running import without_running_lines
from ingestion.parsing.types import BlockKind

_HEADING_LINES = 3
_TITLE_CHARS = 80
_END = re.compile(r"[.!?:;…。！？：]['\"”’)\]]*$")


@dataclass(slots=True)
class Piece:
    """A block before it is added: its kind, level and text."""

    kind: BlockKind
    level: int
    lines: list[Line] = field(default_factory=list)


def structure(
    pages: Sequence[list[Line]], outline: Iterable[OutlineEntry] = ()
) -> list[list[tuple[BlockKind, int, str]]]:
    """(kind, level, text) of every block of every page."""
    kept = without_running_lines(pages)
    for page in kept:
        _mark_full_lines(page)
    levels = heading_levels(kept, outline)
    deepest = max((level for page in levels.values() for level in page.values()), default=0)
    words = Hyphenation(kept)
    blocks = []
    for number, page in enumerate(kept):
        pieces = list(_pieces(page, levels.get(number, {})))
        _demote(pieces)
        _promote(pieces, min(deepest + 1, LEVELS))
        blocks.append([(p.kind, p.level, words.join(p.lines)) for p in pieces])
    return blocks


def _demote(pieces: list[Piece]) -> None:
    """Many lines of large or bold type are text that is set so, not a heading."""
    for piece in pieces:
        if piece.level and len(piece.lines) > _HEADING_LINES:
            piece.kind, piece.level = "paragraph", 0


def _promote(pieces: list[Piece], level: int) -> None:
    """A short line alone before running text is its heading, though its type says nothing."""
    for before, piece, after in zip([None, *pieces], pieces, pieces[1:], strict=False):
        text = piece.lines[0].text
        if piece.kind != "paragraph" or len(piece.lines) > 1 or len(text) > _TITLE_CHARS:
            continue
        starts = text[:1].isupper() and len(LETTER.findall(text)) > 3 and not _END.search(text)
        first_of_many = before is not None and before.kind == "paragraph" and len(before.lines) == 1
        running = (
            after.kind in ("list", "paragraph") and sum(len(x.text) for x in after.lines) > 120
        )
        if starts and running and not first_of_many:
            piece.kind, piece.level = "heading", level


def _pieces(page: list[Line], levels: dict[int, int]) -> Iterator[Piece]:
    piece: Piece | None = None
    previous: Line | None = None
    leading = _leading(page)
    for index, line in enumerate(page):
        level = levels.get(index, 0)
        if piece and previous and _continues(piece, previous, line, level, leading):
            piece.lines.append(line)
        else:
            if piece:
                yield piece
            piece = Piece(_kind(line, level), level, [line])
        previous = line
    if piece:
        yield piece


def _kind(line: Line, level: int) -> BlockKind:
    if level or line.table:
        return "heading" if level else "table"
    return "list" if LIST_MARK.match(line.text) else "paragraph"


def _continues(piece: Piece, previous: Line, line: Line, level: int, leading: float) -> bool:
    """Whether a line belongs to the piece that the line before it belongs to."""
    if line.table or previous.table:
        return False
    step = previous.y - line.y
    near = -0.5 * leading < step < 1.35 * max(leading, line.size)
    if piece.level or level:
        same_type = abs(line.size - previous.size) < 0.5 and line.bold == previous.bold
        return piece.level == level and near and same_type
    if LIST_MARK.match(line.text):
        return piece.kind == "list" and near
    if previous.hyphen:
        return True
    if step < -leading:  # a new column: the sentence goes on if it had not ended
        return not _END.search(previous.text) and line.text[:1].islower()
    return near and not _paragraph_ended(previous, line)


def _paragraph_ended(previous: Line, line: Line) -> bool:
    indented = previous.x0 + 0.8 * line.size < line.x0 < previous.x0 + 6 * line.size
    return bool(_END.search(previous.text)) and (indented or not previous.full)


def _mark_full_lines(page: list[Line]) -> None:
    margins = _margins(page)
    for line, following in pairwise(page):
        word = following.text.split(" ", 1)[0]
        width = (following.x1 - following.x0) / len(following.text)
        line.full = line.hyphen or line.x1 + (len(word) + 1) * width > margins[_column(line)]


def _margins(page: list[Line]) -> dict[int, float]:
    """Column -> where the longest line of it and of its neighbours ends."""
    ends: dict[int, float] = {}
    for line in page:
        column = _column(line)
        ends[column] = max(ends.get(column, 0.0), line.x1)
    return {
        column: max(ends.get(near, 0.0) for near in range(column - 2, column + 3))
        for column in ends
    }


def _column(line: Line) -> int:
    """Lines that begin within about 20 points of each other share a right margin."""
    return round(line.x0 / 10)


def _leading(page: list[Line]) -> float:
    steps = Counter(
        round(above.y - below.y, 1)
        for above, below in pairwise(page)
        if 0.5 * above.size < above.y - below.y < 3 * above.size
    )
    return steps.most_common(1)[0][0] if steps else 12.0
