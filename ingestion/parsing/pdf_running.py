"""Headers, footers and page numbers: said once, then left out, so that no chunk repeats them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ingestion.parsing.pdf_lines import Line

_EDGE_LINES = 3  # how many lines from the top and the bottom of a page may be running ones
_REPEATED = 0.5  # of the pages
_MOSTLY = 0.8
_FEWEST = 3  # pages, so that a coincidence is none
_GAP = 1.6  # times the type's size: what sets a header or footer off from the text
_NUMBER = re.compile(r"\d+")
_LETTER = re.compile(r"[^\W\d_]")
Place = tuple[str, int]
Seen = tuple[int, Line, bool]


def without_running_lines(pages: Sequence[list[Line]]) -> list[list[Line]]:
    """Drop running lines, all but the first appearance of those with words: nothing is lost to search.

    A line is one when the same text stands at the same height on at least three pages: on any three when
    a gap sets it off from the text (headers change with the chapter), else on half of all. Numbers
    in it may differ only if they count the pages.
    """
    edges = [dict(_edges(page)) for page in pages]
    places: dict[Place, list[Seen]] = defaultdict(list)
    for number, page in enumerate(pages):
        for index, apart in edges[number].items():
            places[_place(page[index])].append((number, page[index], apart))
    running = {place for place, seen in places.items() if _runs(seen, len(pages))}
    told: set[str] = set()
    return [_kept(page, edges[number], running, told) for number, page in enumerate(pages)]


def _edges(page: list[Line]) -> Iterator[tuple[int, bool]]:
    """(index of a line at the top or bottom, whether a gap sets it off from the text)."""
    order = sorted(range(len(page)), key=lambda index: -page[index].y)
    for side in (order, order[::-1]):
        near = side[: _EDGE_LINES + 1]
        gaps = [abs(page[a].y - page[b].y) / max(page[a].size, 1.0) for a, b in pairwise(near)]
        last = max((place for place, gap in enumerate(gaps) if gap > _GAP), default=-1)
        for place, index in enumerate(near[:_EDGE_LINES]):
            yield index, place <= last


def _place(line: Line) -> Place:
    return _NUMBER.sub("#", line.text), round(line.y / 6)


def _runs(seen: list[Seen], pages: int) -> bool:
    if len(seen) < _FEWEST:
        return False
    apart = sum(apart for _, _, apart in seen) >= _MOSTLY * len(seen)
    if len({line.text for _, line, _ in seen}) == 1:
        return apart or len(seen) >= _REPEATED * pages
    counting = sum(_counts(seen[0], number, line) for number, line, _ in seen)
    return apart and counting >= _MOSTLY * len(seen)


def _counts(first: Seen, number: int, line: Line) -> bool:
    """Whether a number in the text has grown by as many as there are pages between."""
    pairs = zip(_NUMBER.findall(first[1].text), _NUMBER.findall(line.text), strict=False)
    return any(int(now[:9]) - int(then[:9]) == number - first[0] for then, now in pairs)


def _kept(
    page: list[Line], edges: dict[int, bool], running: set[Place], told: set[str]
) -> list[Line]:
    kept = []
    for index, line in enumerate(page):
        if index in edges and (place := _place(line)) in running:
            if place[0] in told or not _LETTER.search(line.text):
                continue
            told.add(place[0])
        kept.append(line)
    return kept
