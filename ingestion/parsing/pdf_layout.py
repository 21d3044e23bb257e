"""From lines to structure: headers and footers out, headings found, lines joined to paragraphs.

`structure(pages, outline)` is the one entry point: a list of pages, each a list of pieces in reading order.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ingestion.parsing.pdf_lines import Line
from ingestion.parsing.pdf_running import without_running_lines
from ingestion.parsing.types import BlockKind

_BIGGER = 1.12  # a heading's type against the body's
_HEADING_CHARS = 150
_HEADING_LINES = 3
_LEVELS = 6
_TITLE_CHARS = 80
_LIST = re.compile(r"(?:[•●◦▪‣∙·○■□✓➢–*-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,5})[.)])\s+\S")
_END = re.compile(r"[.!?:;…。！？：]['\"”’)\]]*$")
_WORD = re.compile(r"[^\W\d_]+")
_CJK = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(slots=True)
class Piece:
    """A block before it is added: its kind, level and text."""

    kind: BlockKind
    level: int
    lines: list[Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """A bookmark: the page counts from 0."""

    title: str
    level: int
    page: int | None


def structure(
    pages: Sequence[list[Line]], outline: Iterable[OutlineEntry] = ()
) -> list[list[tuple[BlockKind, int, str]]]:
    """(kind, level, text) of every block of every page."""
    kept = without_running_lines(pages)
    for page in kept:
        _mark_full_lines(page)
    levels = _heading_levels(kept, outline)
    deepest = max((level for page in levels.values() for level in page.values()), default=0)
    words = Hyphenation(kept)
    blocks = []
    for number, page in enumerate(kept):
        pieces = list(_pieces(page, levels.get(number, {})))
        _demote(pieces)
        _promote(pieces, min(deepest + 1, _LEVELS))
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
        starts = text[:1].isupper() and len(_LETTER.findall(text)) > 3 and not _END.search(text)
        first_of_many = before is not None and before.kind == "paragraph" and len(before.lines) == 1
        running = (
            after.kind in ("list", "paragraph") and sum(len(x.text) for x in after.lines) > 120
        )
        if starts and running and not first_of_many:
            piece.kind, piece.level = "heading", level


# ---- headings ------------------------------------------------------------------------------------


def _heading_levels(
    pages: Sequence[list[Line]], outline: Iterable[OutlineEntry]
) -> dict[int, dict[int, int]]:
    """page -> index of line -> level: from the outline where there is one, else from type sizes."""
    found = _from_outline(pages, outline)
    return found or _from_type(pages)


def _from_outline(
    pages: Sequence[list[Line]], outline: Iterable[OutlineEntry]
) -> dict[int, dict[int, int]]:
    levels: dict[int, dict[int, int]] = defaultdict(dict)
    for entry in outline:
        if entry.page is not None and 0 <= entry.page < len(pages):
            index = _heading_line(pages[entry.page], entry.title, levels[entry.page])
            if index is not None:
                levels[entry.page][index] = entry.level
    return {page: found for page, found in levels.items() if found}


def _heading_line(page: list[Line], title: str, taken: Container[int]) -> int | None:
    """The line that a bookmark names: of several the largest, and of these the first that is free."""
    wanted = _squeeze(title)
    fits = [
        i for i, line in enumerate(page) if i not in taken and _same(_squeeze(line.text), wanted)
    ]
    return max(fits, key=lambda index: (page[index].size, -index), default=None)


def _squeeze(text: str) -> str:
    return "".join(_LETTER.findall(text)).casefold()


def _same(line: str, wanted: str) -> bool:
    """A long title runs over several lines: then the first line is how the title begins."""
    return bool(wanted) and (line == wanted or (len(line) >= 20 and wanted.startswith(line)))


def _from_type(pages: Sequence[list[Line]]) -> dict[int, dict[int, int]]:
    body = _body_size(line for page in pages for line in page)
    bold_body = _mostly_bold(pages, body)
    chosen = {
        number: {
            index: style
            for index, line in enumerate(page)
            if (style := _heading_style(line, page, index, body, bold_body))
        }
        for number, page in enumerate(pages)
    }
    ranks = _ranks(style for lines in chosen.values() for style in lines.values())
    return {
        number: {index: ranks[style] for index, style in lines.items()}
        for number, lines in chosen.items()
    }


def _body_size(lines: Iterable[Line]) -> float:
    """The size of running text. Tables, often set smaller, count only where there is little else."""
    prose: Counter[float] = Counter()
    tables: Counter[float] = Counter()
    for line in lines:
        (tables if line.table else prose)[line.size] += len(line.text)
    if tables.total() <= prose.total():
        return max(prose, key=lambda size: prose[size], default=0.0)
    return max(*(counts.most_common(1)[0][0] for counts in (prose, tables) if counts), 0.0)


def _mostly_bold(pages: Sequence[list[Line]], body: float) -> bool:
    lines = [line for page in pages for line in page if line.size == body]
    return sum(len(line.text) for line in lines if line.bold) * 2 > sum(len(x.text) for x in lines)


def _heading_style(
    line: Line, page: list[Line], index: int, body: float, bold_body: bool
) -> tuple[float, bool] | None:
    """What makes a line a heading: larger type, or bold type on a line of its own."""
    text = line.text
    if (
        line.table
        or line.cells > 2
        or len(text) > _HEADING_CHARS
        or len(_LETTER.findall(text)) < 3
        or text.endswith((",", ";"))
    ):
        return None
    if line.size > body * _BIGGER:
        return line.size, line.bold
    alone = line.bold and not bold_body and line.size >= body * 0.95 and not _LIST.match(text)
    if alone and len(text) < 100 and not text.endswith(".") and not _runs_on(page, index):
        return body, True
    return None


def _runs_on(page: list[Line], index: int) -> bool:
    """A bold start of a running paragraph is not a heading: the next line continues it."""
    line = page[index]
    follower = page[index + 1] if index + 1 < len(page) else None
    widest = max((other.x1 for other in page), default=line.x1)
    return follower is not None and not follower.bold and line.x1 > widest * 0.9


def _ranks(styles: Iterable[tuple[float, bool]]) -> dict[tuple[float, bool], int]:
    ordered = sorted(set(styles), key=lambda style: (-style[0], not style[1]))
    ranks: dict[tuple[float, bool], int] = {}
    level, previous = 0, 0.0
    for size, bold in ordered:
        # Sizes within 4 % are one level: rounding, not design.
        if not previous or size < previous * 0.96 or not bold:
            level += 1
        ranks[size, bold] = min(level, _LEVELS)
        previous = size
    return ranks


# ---- paragraphs ----------------------------------------------------------------------------------


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
    return "list" if _LIST.match(line.text) else "paragraph"


def _continues(piece: Piece, previous: Line, line: Line, level: int, leading: float) -> bool:
    """Whether a line belongs to the piece that the line before it belongs to."""
    if line.table or previous.table:
        return False
    step = previous.y - line.y
    near = -0.5 * leading < step < 1.35 * max(leading, line.size)
    if piece.level or level:
        same_type = abs(line.size - previous.size) < 0.5 and line.bold == previous.bold
        return piece.level == level and near and same_type
    if _LIST.match(line.text):
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
    margins: dict[int, float] = defaultdict(float)
    for line in page:
        for column in range(_column(line) - 2, _column(line) + 3):
            margins[column] = max(margins[column], line.x1)
    for line, following in pairwise(page):
        word = following.text.split(" ", 1)[0]
        width = (following.x1 - following.x0) / len(following.text)
        line.full = line.hyphen or line.x1 + (len(word) + 1) * width > margins[_column(line)]


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


# ---- joining lines -------------------------------------------------------------------------------


class Hyphenation:
    """Joins lines; at a hyphen it asks the document itself how it writes the word elsewhere."""

    def __init__(self, pages: Sequence[list[Line]]) -> None:
        text = [line.text for page in pages for line in page]
        self._words = Counter(word.casefold() for line in text for word in _WORD.findall(line))
        compounds = re.compile(r"\b[^\W\d_]{1,40}(?:-[^\W\d_]{1,40})+")
        self._compounds = {c.casefold() for line in text for c in compounds.findall(line)}

    def join(self, lines: Sequence[Line]) -> str:
        """The text of a block: list items and short lines keep their line breaks."""
        text = ""
        for previous, line in zip([None, *lines[:-1]], lines, strict=True):
            if previous is None:
                text = line.text
            elif previous.hyphen or self._hyphenated(text, line.text):
                text = self._rejoin(text, line.text)
            else:
                text += self._space(previous, line) + line.text
        return text

    def _hyphenated(self, text: str, following: str) -> bool:
        return (
            len(text) > 2
            and text[-1] in "-\u2010"
            and text[-2].isalpha()
            and following[:1].islower()
        )

    def _rejoin(self, text: str, following: str) -> str:
        before = text.rstrip("-\u2010")
        head = _WORD.findall(before)[-1:] or [""]
        tail = _WORD.match(following)
        if not tail or not head[0]:
            return f"{before}-{following}"
        hyphen = (
            "-"
            if self._keeps_hyphen(head[0].casefold(), tail.group().casefold(), following)
            else ""
        )
        return before + hyphen + following

    def _keeps_hyphen(self, head: str, tail: str, following: str) -> bool:
        """Joined where the document writes it joined; kept where both halves are words of it."""
        joined, compound = head + tail, f"{head}-{tail}"
        if self._words[joined]:
            return False
        if any(c == compound or c.startswith(compound + "-") for c in self._compounds):
            return True
        if following[len(tail) : len(tail) + 1] == "-":
            return True  # "out-" + "of-pocket"
        return self._words[head] > 1 and self._words[tail] > 1 and min(len(head), len(tail)) > 1

    @staticmethod
    def _space(previous: Line, line: Line) -> str:
        if _LIST.match(line.text):
            return "\n"
        if _CJK.match(previous.text[-1:]) and _CJK.match(line.text[:1]):
            return ""
        return " " if previous.full or line.y > previous.y else "\n"
