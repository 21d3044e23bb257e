"""`chunk()`: units, packed, with heading paths, pages and overlap."""

from __future__ import annotations

from collections.abc import Sequence

from ingestion.chunking.code_heads import code_heads
from ingestion.chunking.drafts import ChunkDraft
from ingestion.chunking.packing import pack
from ingestion.chunking.profiles import ChunkProfile
from ingestion.chunking.tokens import TokenCounter, TokenMap
from ingestion.chunking.units import Unit, units
from ingestion.parsing.types import Block, PageSpan

_HEADING_CHARS = 200
_CONTINUED = ("sentence", "word")  # cuts after which the end of the previous chunk is repeated


def chunk(
    parsed_text: str,
    blocks: Sequence[Block],
    pages: Sequence[PageSpan] = (),
    *,
    tokenizer: TokenCounter,
    profile: ChunkProfile,
) -> list[ChunkDraft]:
    """Divide a document. Linear in its length: one tokenising pass, one pass over its units."""
    tokens = tokenizer.measure(parsed_text)
    room = max(4, profile.max_tokens - tokenizer.special_tokens - profile.prefix_tokens)
    row = units(parsed_text, blocks, pages, tokenizer, tokens, profile, room)
    paths = _heading_paths(parsed_text, row)
    heads = _table_heads(parsed_text, row) | code_heads(parsed_text, row)
    drafts: list[ChunkDraft] = []
    for first, last in pack(row, profile, room):
        begin = _with_overlap(row, first, last, tokens, profile, room)
        run = row[begin:last]
        start, end = run[0].start, run[-1].end
        count = sum(unit.tokens for unit in run)
        drafts.append(
            ChunkDraft(
                ordinal=len(drafts),
                start=start,
                end=end,
                text=parsed_text[start:end],
                heading_path=paths[first],
                page=run[0].page,
                page_end=run[-1].page,
                tokens=count,
                measured=max(count, tokens.between(start, end)),
                table_head=heads.get(begin, ""),
                max_tokens=profile.max_tokens,
                prefix_tokens=profile.prefix_tokens,
                counter=tokenizer,
            )
        )
    return drafts


def _heading_paths(text: str, row: Sequence[Unit]) -> list[tuple[str, ...]]:
    """For each unit the headings it stands under; a heading stands under those above it and itself."""
    paths: list[tuple[str, ...]] = []
    stack: list[tuple[int, str]] = []
    ends = {unit.block: unit.end for unit in row}
    block = -1
    for unit in row:
        if unit.level and unit.block != block:
            # One so long that it had to be cut is a single heading all the same.
            heading = " ".join(text[unit.start : ends[unit.block]].split())[:_HEADING_CHARS]
            stack = [entry for entry in stack if entry[0] < unit.level]
            stack.append((unit.level, heading))
        block = unit.block
        paths.append(tuple(heading for _, heading in stack))
    return paths


def _table_heads(text: str, row: Sequence[Unit]) -> dict[int, str]:
    """For each unit inside a cut table: the table's first row, which says what the columns are."""
    heads: dict[int, str] = {}
    head, block = "", -1
    for index, unit in enumerate(row):
        if unit.kind == "table" and unit.block != block:
            head, block = text[unit.start : unit.end].split("\n", 1)[0], unit.block
        elif unit.kind == "table":
            heads[index] = head
    return heads


def _with_overlap(
    row: Sequence[Unit],
    first: int,
    last: int,
    tokens: TokenMap,
    profile: ChunkProfile,
    room: int,
) -> int:
    """Where the chunk begins once the end of a sentence cut off before it is repeated."""
    if row[first].cut not in _CONTINUED:
        return first
    used = sum(unit.tokens for unit in row[first:last])
    budget = min(profile.overlap_tokens, room - used)
    begin = first
    while begin and row[begin - 1].block == row[first].block and row[begin].cut in _CONTINUED:
        earlier = row[begin - 1]
        budget -= earlier.tokens
        if budget < 0 or row[last - 1].end - earlier.start > profile.max_chars:
            break
        begin -= 1
    return begin
