"""A version's text page by page, with the boundaries of its passages. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingestion.models import Chunk, DocumentVersion

# Of a text without pages, this much is shown at a time.
PART_CHARS = 6_000


@dataclass(frozen=True)
class Piece:
    """Text that belongs to the same passages; none, one, or two where they overlap."""

    text: str
    ordinals: tuple[int, ...]
    begins: tuple[int, ...]

    @property
    def shade(self) -> int:
        """0 outside of passages, 1 and 2 by turns, 3 where two overlap."""
        return 3 if len(self.ordinals) > 1 else self.ordinals[0] % 2 + 1 if self.ordinals else 0


@dataclass(frozen=True)
class TextPage:
    """One page, or one part of a text without pages. ``number`` counts from 1."""

    number: int
    count: int
    is_part: bool
    label: str
    pieces: list[Piece]

    @property
    def previous(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def following(self) -> int | None:
        return self.number + 1 if self.number < self.count else None


def page_of(version: DocumentVersion, number: int) -> TextPage:
    """Page ``number``, or the nearest that there is. One query; the version with its text is already read."""
    spans = version.page_spans or _parts(len(version.text))
    place = min(max(1, number), len(spans))
    span = spans[place - 1]
    start, end = int(span["start"]), int(span["end"])
    # Uses index: chunk_order
    chunks = Chunk.objects.filter(
        version_id=version.pk, valid_to=version.valid_to, span_start__lt=end, span_end__gt=start
    )
    pieces = divided(version.text, start, end, list(chunks.order_by("ordinal")))
    return TextPage(place, len(spans), not version.page_spans, str(span.get("label", "")), pieces)


def _parts(length: int) -> list[dict[str, int]]:
    starts = range(0, max(1, length), PART_CHARS)
    return [{"start": start, "end": min(length, start + PART_CHARS)} for start in starts]


def divided(text: str, start: int, end: int, chunks: Sequence[Chunk]) -> list[Piece]:
    """The text from ``start`` to ``end``, cut wherever a passage begins or ends."""
    cuts = {start, end}
    for chunk in chunks:
        cuts |= {place for place in (chunk.span_start, chunk.span_end) if start < place < end}
    places = sorted(cuts)
    return [
        Piece(
            text[first:last],
            tuple(c.ordinal for c in chunks if c.span_start <= first and c.span_end >= last),
            tuple(c.ordinal for c in chunks if _is_numbered(c, first, start)),
        )
        for first, last in pairwise(places)
    ]


def _is_numbered(chunk: Chunk, first: int, start: int) -> bool:
    """Does it begin at ``first``, or go on there from the page before?"""
    return chunk.span_start == first or (
        first == start and chunk.span_start < first < chunk.span_end
    )
