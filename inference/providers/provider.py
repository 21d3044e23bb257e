"""What a provider is to the gateway: something that streams an answer, or raises an error of the tree."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol, TypeAlias

from inference.clock import Clock
from inference.errors import BadCredentials
from inference.prices import Prices, cost_of
from inference.types import ChatRequest, ChatResult, TextDelta, Usage


@dataclass(frozen=True)
class Endpoint:
    """Where an OpenAI-compatible API is. The key never shows in a repr, and so in no log or traceback."""

    base_url: str = ""
    api_key: str = field(default="", repr=False)

    @property
    def sent_key(self) -> str:
        """The key as it may be sent. Raises BadCredentials."""
        if not fits_header(self.api_key):
            raise BadCredentials("the key has characters that no header takes; enter it again")
        return self.api_key


def fits_header(key: str) -> bool:
    """Whether it is printable ASCII: a line break would end the header and begin another one."""
    return key.isascii() and key.isprintable()


@dataclass(frozen=True)
class Dialect:
    """How an OpenAI-compatible endpoint differs. `length_parameter` empty: found out by asking."""

    length_parameter: str = ""
    reports_usage: bool = True


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
    tier: str = "standard"
    abilities: frozenset[str] = frozenset({"tools", "json"})
    dialect: Dialect = field(default_factory=Dialect)

    @property
    def full_name(self) -> str:
        """How a route names it beyond doubt."""
        return self.name if self.endpoint == Endpoint() else f"{self.provider}/{self.name}"

    @property
    def identity(self) -> tuple[str, ...]:
        """Who answers, for what is kept of it: under the same name, another address is somebody else."""
        return (self.kind, self.endpoint.base_url, self.provider, self.name)

    def cost(self, usage: Usage) -> Decimal:
        """In USD, at the model's own prices or those published for its address."""
        return cost_of(usage, model=self.name, base_url=self.endpoint.base_url, prices=self.prices)

    def wrote(self, result: ChatResult) -> bool:
        """Whether an answer is this model's: a fallback, a hedge or a smaller one may have stood in for it."""
        return (result.provider, result.model) == (self.provider, self.name)


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
