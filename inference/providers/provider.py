"""What a provider is to the gateway: something that streams an answer, or raises an error of the tree."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from inference.clock import Clock
from inference.prices import Prices
from inference.types import ChatRequest, TextDelta, Usage


@dataclass(frozen=True)
class Endpoint:
    """Where an OpenAI-compatible API is. The key never shows in a repr, and so in no log or traceback."""

    base_url: str = ""
    api_key: str = field(default="", repr=False)


@dataclass(frozen=True)
class ResolvedModel:
    """A model chosen for a call, with all that calling and pricing it takes.

    `kind` is a key of the provider registry.
    """

    kind: str
    provider: str
    name: str
    endpoint: Endpoint = field(default_factory=Endpoint)
    context_window: int = 128_000
    prices: Prices = field(default_factory=Prices)


@dataclass(frozen=True)
class Stopped:
    """The provider said that the answer is whole, and why it ended there."""

    finish_reason: str
    answered: bool | None = None


ProviderEvent: TypeAlias = TextDelta | Usage | Stopped


class ChatProvider(Protocol):
    """Streams one attempt at an answer. Closing the iterator gives up the upstream request at once.

    Raises RetryableProviderError and PermanentProviderError only before the first TextDelta, StreamBroken
    only after it, Cancelled at any time. A stream that ends without an error has yielded exactly one
    Stopped.
    """

    def stream(
        self, request: ChatRequest, model: ResolvedModel, clock: Clock
    ) -> Generator[ProviderEvent, None, None]: ...
