"""A document as a row of units: the pieces between which a chunk may begin.

A block that fits is one unit. One that does not is cut where its kind allows: items, rows, lines,
sentences, then words, then characters. Each unit knows what it would cost to begin a chunk there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingestion.chunking import sentences
from ingestion.chunking.profiles import ChunkProfile
from ingestion.chunking.sentences import Span
from ingestion.chunking.tokens import TokenCounter, TokenMap
from ingestion.parsing.types import Block, BlockKind, PageSpan

# What it costs to begin a chunk at a unit, by what was cut to make it. A chunk that is a fifth too
# small costs 0.04, one of half the target size 0.25.
CUT_COST = {
    "heading": 0.0, "block": 0.05, "item": 0.15, "row": 0.15, "line": 0.3,
    "sentence": 0.4, "word": 1.0, "character": 1.2,
}  # fmt: skip
_SENTENCE_ENDS = '.!?。！？…؟۔।॥։:："”»)）」』'
_LEAST_SENTENCE = 80  # characters; a shorter line without a full stop is a title
_MAX_WORD_PIECE = 60  # characters of a run without spaces, whose tokens are not known in advance


@dataclass(slots=True)
class Unit:
    """text[start:end] of one block. `cut` says what kind of boundary it begins at."""

    start: int
    end: int
    tokens: int
    kind: BlockKind
    cut: str
    level: int  # of a heading, else 0
    page: int | None
    block: int  # index of the block it comes from
    leads: bool = False  # introduces what follows: a heading, or a line that ends in a colon
    flows: bool = False  # goes on with a sentence that a page's end interrupts


def units(
    text: str,
    blocks: Sequence[Block],
    pages: Sequence[PageSpan],
    counter: TokenCounter,
    tokens: TokenMap,
    profile: ChunkProfile,
    room: int,
) -> list[Unit]:
    """All units in order, none larger than `room` tokens or the profile's characters."""
    cutter = _Cutter(text, counter, tokens, room, profile)
    found: list[Unit] = []
    for index, block in enumerate(_whole(text, blocks, pages)):
        for number, (start, end, count, cut) in enumerate(cutter.cut(block)):
            how = cut if number else ("heading" if block.kind == "heading" else "block")
            level = block.level if block.kind == "heading" else 0
            found.append(Unit(start, end, count, block.kind, how, level, block.page, index))
        if found and found[-1].block == index:
            found[-1].leads = block.kind in ("heading", "caption") or _introduces(text, block)
    for before, unit in pairwise(found):
        if _runs_on(text, before, unit):
            before.leads, unit.flows, unit.cut = False, True, "sentence"
    return found


def _runs_on(text: str, before: Unit, unit: Unit) -> bool:
    """A paragraph without an end, and on the next page what reads as the rest of it rather than as something new."""
    if before.page == unit.page or not before.kind == unit.kind == "paragraph":
        return False
    first, long = text[unit.start], before.end - before.start >= _LEAST_SENTENCE
    follows = first.islower() or (long and not first.isupper())
    return follows and text[before.end - 1] not in _SENTENCE_ENDS


def _introduces(text: str, block: Block) -> bool:
    """A short line without a full stop says what the next block is about."""
    if block.kind != "paragraph" or block.end - block.start > 300:
        return False
    tail = text[block.end - 1]
    return tail in ":：" or (block.end - block.start < 80 and tail not in '.!?。！？…;,"”)')


def _whole(text: str, blocks: Sequence[Block], pages: Sequence[PageSpan]) -> Iterator[Block]:
    """The blocks in order, with what lies between them made blocks too: no text is ever lost."""
    done = 0
    for block in sorted(blocks, key=lambda block: (block.start, block.end)):
        yield from _gap(text, done, block.start, pages)
        start = max(block.start, done)
        if text[start : block.end].strip():
            yield Block(block.kind, start, block.end, block.level, block.page)
        done = max(done, block.end)
    yield from _gap(text, done, len(text), pages)


def _gap(text: str, start: int, end: int, pages: Sequence[PageSpan]) -> Iterator[Block]:
    if start < end and text[start:end].strip():
        page = next((page.number for page in pages if page.start <= start < page.end), None)
        yield Block("paragraph", start, end, 0, page)


Piece = tuple[int, int, int, str]  # start, end, tokens, boundary


class _Cutter:
    """Cuts blocks into spans that fit."""

    def __init__(
        self, text: str, counter: TokenCounter, tokens: TokenMap, room: int, profile: ChunkProfile
    ) -> None:
        self._text, self._counter, self._tokens = text, counter, tokens
        self._room, self._chars, self._split = room, profile.max_chars, profile.split

    def cut(self, block: Block) -> Iterator[Piece]:
        """(start, end, tokens, boundary) of a block's pieces; the finest only where needed."""
        for start, end in _trim(self._text, block.start, block.end):
            ways = _WAYS.get(block.kind, _PROSE)
            if block.kind in self._split:
                yield from self._apart(start, end, ways)
            else:
                yield from self._without_crumbs(self._finer(start, end, ways, "block"))

    def _apart(self, start: int, end: int, ways: Sequence[tuple[str, _Way]]) -> Iterator[Piece]:
        """Every row or line for itself, though all would fit; the first two rows of a table are its head."""
        (name, way), *rest = ways
        for number, (first, last) in enumerate(way(self._text, start, end)):
            yield from self._finer(first, last, rest, name if number else "block")

    def _without_crumbs(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """Very short sentences, items or lines stay together: packing weighs every run of pieces."""
        small, short = max(self._room // 10, 1), max(self._chars // 10, 1)
        held: Piece | None = None
        for piece in pieces:
            if held and held[2] + piece[2] <= small and piece[1] - held[0] <= short:
                held = held[0], piece[1], held[2] + piece[2], held[3]
                continue
            if held:
                yield held
            held = piece
        if held:
            yield held

    def _finer(
        self, start: int, end: int, ways: Sequence[tuple[str, _Way]], cut: str
    ) -> Iterator[Piece]:
        count = self._tokens.between(start, end)
        if count <= self._room and end - start <= self._chars:
            yield start, end, count, cut
        elif not ways:
            yield from self._characters(start, end, cut)
        else:
            (name, way), *rest = ways
            pieces = way(self._text, start, end)
            if name == "word":
                pieces = self._joined(pieces)
            for number, (first, last) in enumerate(pieces):
                yield from self._finer(first, last, rest, name if number else cut)

    def _joined(self, words: Iterable[Span]) -> Iterator[Span]:
        """Words in groups of about a quarter of the room, so that few units come of many words."""
        begin = stop = -1
        for start, end in words:
            small = end - begin <= self._chars // 4
            if begin >= 0 and small and self._tokens.between(begin, end) <= max(self._room // 4, 1):
                stop = end
                continue
            if begin >= 0:
                yield begin, stop
            begin, stop = start, end
        if begin >= 0:
            yield begin, stop

    def _characters(self, start: int, end: int, cut: str) -> Iterator[Piece]:
        size = max(1, min(_MAX_WORD_PIECE, self._chars, self._room))
        for first, last in sentences.characters(self._text, start, end, size):
            # Part of a word has other tokens than the word: count it, and leave room for the joint.
            count = self._counter.count(self._text[first:last]) + 1
            if count <= self._room or last - first == 1:
                yield first, last, count, cut
            else:
                middle = (first + last) // 2
                yield from self._characters(first, middle, cut)
                yield from self._characters(middle, last, "character")
            cut = "character"


_Way = Callable[[str, int, int], Iterable[Span]]
_PROSE: tuple[tuple[str, _Way], ...] = (
    ("sentence", sentences.sentences),
    ("word", sentences.words),
)
_CODE: tuple[tuple[str, _Way], ...] = (
    ("item", sentences.gaps),
    ("line", sentences.lines),
    ("word", sentences.words),
)
_WAYS: dict[str, tuple[tuple[str, _Way], ...]] = {
    "list": (("item", sentences.items), ("line", sentences.lines), *_PROSE),
    "table": (("row", sentences.lines), ("word", sentences.words)),
    "code": _CODE,
}


def _trim(text: str, start: int, end: int) -> Iterator[Span]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield start, end
