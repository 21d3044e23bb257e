"""What every embedding engine offers, and the checks that every vector passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from inference.errors import EmbeddingInputError, InvalidVectors

FloatArray: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True)
class Encoded:
    """Vectors of shape (n, dimensions), L2 normalised, and what the texts came to in tokens."""

    vectors: FloatArray
    tokens: int
    truncated: int
    """How many of the texts were longer than the model reads; their ends are not in the vector."""
    attempts: int = 1
    """Requests that an endpoint got for it."""


class Embedder(Protocol):
    """One loaded embedding model. Thread-safe; a text's vector never depends on its neighbours."""

    @property
    def name(self) -> str:
        """Model name as it stands in the ledger and on the embedding space."""
        ...

    @property
    def dimensions(self) -> int: ...

    @property
    def max_tokens(self) -> int:
        """Tokens per text, special tokens included; what lies beyond is not read."""
        ...

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Vectors with token counts. Raises EmbeddingError and, for endpoints, ProviderError."""
        ...

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """Only the vectors of `encode`: float32, shape (n, dimensions), L2 normalised."""
        ...

    def known_share(self, text: str) -> float:
        """How much of the text is made of words that the model knows, 0 to 1; 1.0 where nobody can tell."""
        ...

    def close(self) -> None: ...


def checked_vectors(vectors: FloatArray, *, count: int, dimensions: int, model: str) -> FloatArray:
    """The same vectors, normalised; raises InvalidVectors for a wrong shape, NaN or zero vector.

    Postgres refuses NaN in a vector and sorts zero vectors oddly, so neither may get past here.
    """
    if vectors.shape != (count, dimensions):
        raise InvalidVectors(
            f"{model} returned vectors of shape {vectors.shape}, expected {(count, dimensions)}"
        )
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    broken = np.flatnonzero(~(np.isfinite(norms[:, 0]) & (norms[:, 0] > 0)))
    if broken.size:
        raise InvalidVectors(f"{model} returned a NaN or zero vector for text {int(broken[0])}")
    normalised: FloatArray = (vectors / norms).astype(np.float32, copy=False)
    return normalised


def checked_texts(texts: Sequence[str]) -> list[str]:
    """The texts as a list; raises EmbeddingInputError for what is not encodable text."""
    if isinstance(texts, str):
        raise EmbeddingInputError("texts must be a sequence of strings, not one string")
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise EmbeddingInputError(f"texts[{index}] must be a string, got {type(text).__name__}")
        if not is_encodable(text):
            raise EmbeddingInputError(f"texts[{index}] holds a lone surrogate; clean it first")
    return list(texts)


def is_encodable(text: str) -> bool:
    """False for text with lone surrogates, which no UTF-8 boundary accepts."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
