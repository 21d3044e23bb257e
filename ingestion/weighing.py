"""The lexical side of chunks: their terms, BM25 weights in Postgres' text form, and what they add to the counts.

All entries of a collection are weighted with one average length, which a job moves when the real one has drifted
(``reweighing``): ranks within a collection are then those of BM25 itself. Words of titles and headings may count
several times (``Emphasis``); how long a passage is, and in how many passages a word stands, does not depend on that.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
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
    def of(cls, text: str, language: str, also: Mapping[str, int] | None = None) -> "Words":
        """Tokenise and stem; about 0.4 s a megabyte. Terms of ``also`` that the text has count so often more."""
        found = lexical.terms(text, language)
        counts = Counter(found)
        for term in counts.keys() & (also or {}).keys():
            counts[term] += (also or {})[term]
        return cls(counts, len(found))


@dataclass(frozen=True)
class Emphasis:
    """How many times words of titles and headings count. As a difference of two, how many times more than before."""

    title: int = 0
    headings: int = 0

    def of(self, title: str, heading_path: Iterable[str], language: str) -> Counter[str]:
        """What is added to the count of each term of a chunk with this title and these headings."""
        added: Counter[str] = Counter()
        for text, more in ((title, self.title), ("\n".join(heading_path), self.headings)):
            for term in lexical.terms(text, language) if more else ():
                added[term] += more
        return added


@dataclass(frozen=True)
class Scale:
    """How a collection's chunks are weighted."""

    collection_id: UUID
    language: str
    k1: float
    b: float
    title: int
    headings: int
    average: float | None
    chunks: int
    length: int

    def words(self, text: str, title: str, heading_path: Iterable[str]) -> Words:
        """The terms of a chunk, those of its title and headings as often as they count."""
        more = Emphasis(self.title - 1, self.headings - 1)
        return Words.of(text, self.language, more.of(title, heading_path, self.language))

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


@dataclass(frozen=True)
class Norm:
    """What the count of a term is weighed against (see ``lexical.bm25_weights``)."""

    k1: float
    b: float
    average: float

    def of(self, length: int) -> float:
        """For a chunk of ``length`` terms."""
        return self.k1 * (1 - self.b + self.b * length / self.average)


def weighed_anew(
    text: str, length: int, before: Norm, now: Norm, more: Mapping[int, int] | None = None
) -> str:
    """A stored vector for another norm, without the chunk's text: a weight tells how often its term occurs.

    ``more`` says by dimension how many times more it is to count.
    """
    old, new = before.of(length), now.of(length)
    weights = {}
    for place, weight in from_text(text).items():
        count = max(1, round(old * weight / max(1 - weight, 1e-9)))
        count = max(1, count + (more or {}).get(place, 0))
        weights[place] = count / (count + new)
    return as_text(weights)
