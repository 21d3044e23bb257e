"""An endpoint's embedding model as an `Embedder`: batches, and the one retry loop around each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from inference.clock import Clock
from inference.embedding.embedder import Encoded, FloatArray, checked_texts, checked_vectors
from inference.errors import InferenceError
from inference.providers.openai_compatible import OpenAICompatible
from inference.providers.provider import ResolvedModel
from inference.retries import Attempts, RetryPolicy, with_retries
from inference.types import Timeouts

# Endpoints take up to 2,048 texts, and some 300,000 tokens, per request.
BATCH = 128
# What OpenAI's embedding models read; an endpoint that reads less refuses, and says so.
MAX_TOKENS = 8_191
TIMEOUTS = Timeouts(first_token=60.0, total=180.0)


class EndpointEmbedder:
    """Stateless but for the connection it borrows; `close` leaves that to its owner."""

    def __init__(
        self, provider: OpenAICompatible, model: ResolvedModel, policy: RetryPolicy
    ) -> None:
        self._provider = provider
        self._policy = policy
        self.model = model
        self.name = model.name
        self.max_tokens = MAX_TOKENS

    @cached_property
    def dimensions(self) -> int:
        """Asked of the endpoint once, by embedding a word."""
        return int(self._batch(["dimensions"], Attempts())[0].shape[1])

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Vectors with the endpoint's token count. Raises ProviderError, EmbeddingError."""
        checked, attempts = checked_texts(texts), Attempts()
        if not checked:
            return Encoded(np.empty((0, self.dimensions), np.float32), 0, 0)
        parts: list[FloatArray] = []
        tokens = 0
        try:
            for at in range(0, len(checked), BATCH):
                part, used = self._batch(checked[at : at + BATCH], attempts)
                parts.append(part)
                tokens += used
            vectors = self._together(parts, len(checked))
        except InferenceError as error:
            error.billed_tokens = tokens
            raise
        return Encoded(vectors, tokens, 0, attempts.count)

    def _together(self, parts: list[FloatArray], count: int) -> FloatArray:
        raw = np.concatenate(parts)
        return checked_vectors(raw, count=count, dimensions=raw.shape[1], model=self.name)

    def embed(self, texts: Sequence[str]) -> FloatArray:
        return self.encode(texts).vectors

    def known_share(self, text: str) -> float:
        return 1.0

    def close(self) -> None:
        """The connection is not ours."""

    def _batch(self, texts: list[str], attempts: Attempts) -> tuple[FloatArray, int]:
        ends_at = time.monotonic() + TIMEOUTS.total
        own = Attempts()
        try:
            vectors, usage = with_retries(
                lambda clock: self._provider.embed(texts, self.model, clock),
                clock=lambda: Clock(TIMEOUTS, None, ends_at=ends_at),
                policy=self._policy,
                counted=own,
            )
        finally:
            attempts.count += own.count
        return vectors, usage.prompt_tokens
