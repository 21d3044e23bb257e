"""The lexical side of chunks: their terms, BM25 weights in Postgres' text form, and what they add to the counts.

All entries of a collection are weighted with one average length, which a job moves when the real one has drifted
(``reweighing``): ranks within a collection are then those of BM25 itself.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from ingestion import lexical


@dataclass
class Counts:
    """What a collection's term counts change by: chunks per dimension, and for dimension 0 chunks and terms."""

    documents: Counter[int] = field(default_factory=Counter)
    length: int = 0

    def add(self, dimensions: Iterable[int], length: int, *, sign: int = 1) -> None:
        """Count one chunk in (or, with ``sign`` -1, out)."""
        for dimension in dimensions:
            self.documents[dimension] += sign
        self.documents[0] += sign
        self.length += sign * length

    def rows(self) -> tuple[list[int], list[int], list[int]]:
        """Dimensions, documents and lengths to insert, in order of dimension."""
        changed = sorted(
            (place, count) for place, count in self.documents.items() if count or not place
        )
        lengths = [0 if place else self.length for place, _ in changed]
        return [place for place, _ in changed], [count for _, count in changed], lengths


@dataclass(frozen=True)
class Words:
    """A chunk's terms, counted."""

    counts: Counter[str]
    length: int

    @classmethod
    def of(cls, text: str, language: str) -> "Words":
        """Tokenise and stem; about 0.4 s a megabyte."""
        found = lexical.terms(text, language)
        return cls(Counter(found), len(found))


@dataclass(frozen=True)
class Scale:
    """How a collection's chunks are weighted."""

    collection_id: UUID
    language: str
    k1: float
    b: float
    average: float | None
    chunks: int
    length: int

    def average_with(self, words: list[Words]) -> float:
        """The average that its entries have, or, for its first ones, the one that they make."""
        if self.average is not None:
            return self.average
        chunks = self.chunks + len(words)
        return max(1.0, (self.length + sum(word.length for word in words)) / max(1, chunks))

    def weigh(self, words: Words, average: float) -> dict[int, float]:
        """The stored vector of a chunk, by dimension."""
        return lexical.bm25_weights(words.counts, words.length, average, self.k1, self.b)


def as_text(weights: dict[int, float]) -> str:
    """Postgres' text form of a sparse vector; dimensions count from 1, in order."""
    inside = ",".join([f"{place}:{weights[place]:.7g}" for place in sorted(weights)])
    return f"{{{inside}}}/{lexical.DIMENSIONS}"


def from_text(text: str) -> dict[int, float]:
    """The way back from ``as_text``."""
    inside = text[1 : text.rindex("}")]
    pairs = (pair.split(":") for pair in inside.split(",") if pair)
    return {int(place): float(weight) for place, weight in pairs}
