"""Which embedding model, in one word: `minilm`, a folder's path, `openai:NAME`; `@256` takes the first 256 numbers.

Shortening is for models trained to bear it (Matryoshka representation learning, Kusupati et al. 2022); others lose some
quality, which comparing two spaces shows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from inference.embedding.embedder import Embedder, Encoded, FloatArray, checked_vectors
from inference.errors import EmbeddingModelUnavailable

ENDPOINT_PREFIX = "openai:"
_DIMENSIONS = re.compile(r"(?P<model>.+)@(?P<dimensions>[0-9]{1,5})", re.DOTALL)


@dataclass(frozen=True)
class Specification:
    """A model, and to how many dimensions its vectors are cut (None: all)."""

    model: str
    dimensions: int | None = None

    def __str__(self) -> str:
        return self.model if self.dimensions is None else f"{self.model}@{self.dimensions}"


def read(text: str) -> Specification:
    """What a setting says, whether or not there is such a model."""
    found = _DIMENSIONS.fullmatch(text)
    return Specification(found["model"], int(found["dimensions"])) if found else Specification(text)


def parse(text: str) -> Specification:
    """The specification, by default the configured one. Raises EmbeddingModelUnavailable for one not on the list."""
    asked = read(text or settings.EMBEDDING_MODEL)
    if asked.model not in allowed():
        raise EmbeddingModelUnavailable(
            f"{asked.model!r} is not an embedding model of this Footnote; there are: {', '.join(allowed())}"
            " (FOOTNOTE_EMBEDDING_MODELS lists them)"
        )
    return asked


def allowed() -> list[str]:
    """The operator's models, the default one first. A tenant takes no others: a model is files of the server."""
    default = read(settings.EMBEDDING_MODEL).model
    return list(dict.fromkeys([default, *settings.EMBEDDING_MODELS]))


class Shortened:
    """The first numbers of another embedder's vectors, normalised again. `close` leaves the other open."""

    def __init__(self, whole: Embedder, dimensions: int) -> None:
        if not 0 < dimensions < whole.dimensions:
            raise EmbeddingModelUnavailable(
                f"{whole.name} has {whole.dimensions} dimensions and cannot be cut to {dimensions}"
            )
        self.whole = whole
        self.dimensions = dimensions
        self.name = f"{whole.name}@{dimensions}"
        self.max_tokens = whole.max_tokens

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Vectors with token counts. Raises EmbeddingError and, for endpoints, ProviderError."""
        found = self.whole.encode(texts)
        cut = checked_vectors(
            found.vectors[:, : self.dimensions],
            count=len(texts),
            dimensions=self.dimensions,
            model=self.name,
        )
        return Encoded(cut, found.tokens, found.truncated, found.attempts)

    def embed(self, texts: Sequence[str]) -> FloatArray:
        return self.encode(texts).vectors

    def known_share(self, text: str) -> float:
        return self.whole.known_share(text)

    def close(self) -> None:
        """Whoever loaded the whole model closes it."""
