"""Which lines of a PDF are headings, and of what level: by its outline, else by the type.

`heading_levels(pages, outline)` is the one entry point.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from ingestion.parsing.pdf_lines import LETTER, LIST_MARK, Line

LEVELS = 6
_BIGGER = 1.12  # a heading's type against the body's
_CHARS = 150
_SPARSE = 3.0  # pages for each bookmark found: with more, the outline names chapters only
Levels = dict[int, dict[int, int]]  # page -> index of line -> level


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """A bookmark: the page counts from 0."""

    title: str
    level: int
    page: int | None


def heading_levels(pages: Sequence[list[Line]], outline: Iterable[OutlineEntry]) -> Levels:
    """page -> index of line -> level, from 1. A sparse outline is filled up by type, one level deeper."""
    named = _from_outline(pages, outline)
    found = sum(map(len, named.values()))
    if found * _SPARSE >= len(pages):
        return named
    deepest = max((level for page in named.values() for level in page.values()), default=0)
    levels = {
        number: {index: min(level + deepest, LEVELS) for index, level in page.items()}
        for number, page in _from_type(pages).items()
    }
    for number, page in named.items():
        levels.setdefault(number, {}).update(page)
    return levels


def _from_outline(pages: Sequence[list[Line]], outline: Iterable[OutlineEntry]) -> Levels:
    levels: Levels = defaultdict(dict)
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
    return "".join(LETTER.findall(text)).casefold()


def _same(line: str, wanted: str) -> bool:
    """A long title runs over several lines: then the first line is how the title begins."""
    return bool(wanted) and (line == wanted or (len(line) >= 20 and wanted.startswith(line)))


def _from_type(pages: Sequence[list[Line]]) -> Levels:
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
    if line.table or line.cells > 2 or len(text) > _CHARS or text.endswith((",", ";")):
        return None
    larger = line.size > body * _BIGGER
    # Few lines stand out, so only theirs are looked at letter by letter.
    if not (larger or line.bold) or len(LETTER.findall(text)) < 3:
        return None
    if larger:
        return line.size, line.bold
    alone = line.bold and not bold_body and line.size >= body * 0.95 and not LIST_MARK.match(text)
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
        ranks[size, bold] = min(level, LEVELS)
        previous = size
    return ranks
