"""Any OpenAI-compatible endpoint, through the official SDK.

The SDK is told to retry nothing: the one retry loop is `inference.retries`. It also takes for success what
is none (a stream that ends early, an HTML page with status 200), so content type and finish reason are
checked here.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import httpx2
import numpy as np
import openai

# The SDK loads these when first used: better now than while somebody waits for an answer.
import openai.resources.chat
import openai.resources.embeddings
from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletionChunk

from inference.clock import Clock
from inference.embedding.embedder import FloatArray
from inference.errors import ProviderUnavailable, StreamBroken, UnreadableResponse
from inference.providers.dialects import MOST_LESSONS, Dialects
from inference.providers.faults import UPSTREAM_ERRORS, translated
from inference.providers.provider import Endpoint, ProviderEvent, ResolvedModel, Stopped
from inference.types import ChatRequest, TextDelta, Timeouts, Usage, storable, token_count

MOST_ENDPOINTS = 256
# A provider that never stops must not fill our memory.
LONGEST_ANSWER = 1_000_000


@dataclass
class _Progress:
    """What one stream has brought so far."""

    characters: int = 0
    finish_reason: str | None = None
    usage: Usage | None = None

    @property
    def delivered(self) -> bool:
        return self.characters > 0

    def took(self, text: str) -> None:
        """Raises StreamBroken for an answer without end."""
        self.characters += len(text)
        if self.characters > LONGEST_ANSWER:
            raise StreamBroken(f"more than {LONGEST_ANSWER} characters", reason="too_long")


class OpenAICompatible:
    """One process's client for every such endpoint; connections are shared and owned by the caller."""

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http
        self._dialects = Dialects()
        # Making the SDK's client costs a millisecond; it holds nothing but the shared connections.
        self._client = lru_cache(maxsize=MOST_ENDPOINTS)(self._made)

    def stream(
        self, request: ChatRequest, model: ResolvedModel, clock: Clock
    ) -> Generator[ProviderEvent, None, None]:
        """One attempt. See `ChatProvider` for what it raises when."""
        progress, key = _Progress(), model.endpoint.api_key
        upstream = self._open(request, model, clock)
        try:
            while (chunk := _next(upstream, clock, progress, key)) is not None:
                yield from _deltas(chunk, progress, clock)
            if progress.finish_reason is None:
                raise _ended_early(progress)
            if progress.usage is not None:
                yield progress.usage
            yield Stopped(progress.finish_reason)
        finally:
            upstream.close()

    def embed(
        self, texts: Sequence[str], model: ResolvedModel, clock: Clock
    ) -> tuple[FloatArray, Usage]:
        """One batch's raw vectors in the order of `texts`, and its usage. Raises ProviderError."""
        try:
            with clock.active():
                response = self._client(model.endpoint).embeddings.create(
                    model=model.name,
                    input=list(texts),
                    encoding_format="float",
                    timeout=_timeout(clock.timeouts),
                )
        except UPSTREAM_ERRORS as error:
            raise translated(error, clock, delivered=False, key=model.endpoint.api_key) from error
        return _embeddings(response, len(texts))

    def post(self, path: str, body: dict[str, Any], endpoint: Endpoint, clock: Clock) -> Any:
        """The JSON that the endpoint answers, for what the SDK has no method. Raises ProviderError."""
        try:
            with clock.active():
                response = self._client(endpoint).post(
                    path,
                    body=body,
                    cast_to=httpx2.Response,
                    options={"timeout": _timeout(clock.timeouts)},
                )
                return response.json()
        except UPSTREAM_ERRORS as error:
            raise translated(error, clock, delivered=False, key=endpoint.api_key) from error

    def list_models(self, endpoint: Endpoint, clock: Clock) -> list[str]:
        """Names that the endpoint offers: the connection test of the admin. Raises ProviderError."""
        try:
            with clock.active():
                page = self._client(endpoint).models.list(timeout=_timeout(clock.timeouts))
        except UPSTREAM_ERRORS as error:
            raise translated(error, clock, delivered=False, key=endpoint.api_key) from error
        if not isinstance(getattr(page, "data", None), list):
            raise UnreadableResponse("the list of models is not what the protocol says")
        return [model.id for model in page.data]

    def _open(
        self, request: ChatRequest, model: ResolvedModel, clock: Clock
    ) -> openai.Stream[ChatCompletionChunk]:
        key = model.endpoint.api_key
        for lessons_left in reversed(range(MOST_LESSONS + 1)):
            sent = self._dialects.parameters(request, model)
            try:
                with clock.active():
                    upstream: openai.Stream[ChatCompletionChunk] = self._client(
                        model.endpoint
                    ).chat.completions.create(**sent, timeout=_timeout(clock.timeouts))
            except UPSTREAM_ERRORS as error:
                if lessons_left and self._dialects.learn(model, sent, error):
                    continue
                raise translated(error, clock, delivered=False, key=key) from error
            _check_content_type(upstream)
            return upstream
        raise AssertionError("the last try returns or raises")

    def _made(self, endpoint: Endpoint) -> openai.OpenAI:
        return openai.OpenAI(
            # Local servers want no key, but the SDK insists on one.
            api_key=endpoint.sent_key or "none",
            base_url=endpoint.base_url,
            http_client=self._http,
            max_retries=0,
        )


def _timeout(timeouts: Timeouts) -> httpx2.Timeout:
    """Connecting and sending are bounded here; reading is bounded by the clock."""
    return httpx2.Timeout(timeouts.first_token, connect=timeouts.connect, read=timeouts.total)


def _check_content_type(upstream: openai.Stream[ChatCompletionChunk]) -> None:
    kind = upstream.response.headers.get("content-type", "")
    if not kind.lower().startswith("text/event-stream"):
        upstream.close()
        raise UnreadableResponse(f"expected a stream of events, got {kind or 'no content type'!r}")


def _next(
    upstream: openai.Stream[ChatCompletionChunk], clock: Clock, progress: _Progress, key: str
) -> ChatCompletionChunk | None:
    """The next chunk, or None at the end.

    A break after the finish reason costs nothing but the token counts.
    """
    try:
        with clock.active():
            return next(upstream, None)
    except UPSTREAM_ERRORS as error:
        if progress.finish_reason is not None and not clock.stopped:
            return None
        raise translated(error, clock, delivered=progress.delivered, key=key) from error


def _deltas(chunk: ChatCompletionChunk, progress: _Progress, clock: Clock) -> Iterator[TextDelta]:
    """The text of a chunk. Fields are looked for gingerly: the SDK builds chunks of whatever JSON came."""
    if (usage := getattr(chunk, "usage", None)) is not None:
        progress.usage = _usage(usage)
    for choice in (getattr(chunk, "choices", None) or [])[:1]:
        clock.token_arrived()
        if text := _text(getattr(choice, "delta", None)):
            progress.took(text)
            yield TextDelta(text)
        if reason := getattr(choice, "finish_reason", None):
            progress.finish_reason = storable(str(reason))
            clock.answer_complete()


def _text(delta: Any) -> str:
    said = getattr(delta, "content", None) or getattr(delta, "refusal", None)
    return storable(said) if isinstance(said, str) else ""


def _usage(reported: Any) -> Usage:
    details = getattr(reported, "prompt_tokens_details", None)
    prompt = _count(reported, "prompt_tokens")
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=_count(reported, "completion_tokens"),
        cached_tokens=min(prompt, _count(details, "cached_tokens")),
    )


def _count(reported: Any, name: str) -> int:
    return token_count(getattr(reported, name, None))


def _ended_early(progress: _Progress) -> StreamBroken | ProviderUnavailable:
    if progress.delivered:
        return StreamBroken("the stream ended without a finish reason", reason="ended_early")
    return ProviderUnavailable("the stream ended before its first token")


def _embeddings(response: Any, count: int) -> tuple[FloatArray, Usage]:
    if not isinstance(response, CreateEmbeddingResponse) or not isinstance(response.data, list):
        raise UnreadableResponse("the response to /embeddings is not what the protocol says")
    ordered = sorted(response.data, key=lambda item: item.index)
    if [item.index for item in ordered] != list(range(count)):
        raise UnreadableResponse(f"asked for {count} embeddings, got {len(ordered)}")
    try:
        vectors = np.array([item.embedding for item in ordered], dtype=np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise UnreadableResponse("the embeddings are not lists of numbers of one length") from error
    usage = Usage(prompt_tokens=_count(getattr(response, "usage", None), "prompt_tokens"))
    return vectors, usage
