"""What goes through the door to models, and what comes back. Immutable."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, TypeAlias
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from inference.guards.findings import Raised
from tenants.scope import Principal

Role: TypeAlias = Literal["system", "user", "assistant"]
Purpose: TypeAlias = Literal["query", "document"]
# Whether passages bear out a sentence: supported, contradicted, unsupported, or None when nobody can say.
Judge: TypeAlias = Callable[[str, Sequence[str]], str | None]

EXTRACTIVE_MODEL = "footnote/extractive"
RERANK_MODEL = "footnote/cross-encoder"
# The database adds two as int.
LARGEST_COUNT = 1_000_000_000


@dataclass(frozen=True)
class Message:
    """One message of a chat prompt."""

    role: Role
    content: str


@dataclass(frozen=True)
class Passage:
    """A retrieved passage as a model may cite it: `n` is the number of its citation mark."""

    n: int
    text: str
    title: str = ""
    page: int | None = None
    chunk_id: str = ""
    score: float = 0.0


@dataclass(frozen=True)
class PromptUsed:
    """Which version of which prompt a call's messages were made with; `version` is a number or "built-in"."""

    name: str
    version_id: UUID
    version: str
    label: str = ""


@dataclass(frozen=True)
class Timeouts:
    """Seconds.

    `first_token` runs from the request, `between_tokens` from the last token; bytes that are no token count
    nothing.
    """

    connect: float = 5.0
    first_token: float = 20.0
    between_tokens: float = 30.0
    total: float = 300.0


@dataclass(frozen=True)
class ChatRequest:
    """A prompt, who asks and for what.

    `question` and `passages` are for models that answer from them alone.
    """

    messages: Sequence[Message]
    feature: str
    principal: Principal
    model: str | None = None
    """A configured model's name; None: the tenant's default."""
    question: str = ""
    passages: Sequence[Passage] = ()
    follow_up: str = ""
    """The end of `question`, where an earlier one stands before it: what is asked now."""
    earlier: tuple[str, ...] = ()
    """What the person wrote before `question`, where guards have not read it yet."""
    temperature: float | None = None
    max_tokens: int | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    stop: threading.Event | None = None
    """Set it, from any thread, to cancel the call:

    the connection to the provider closes within half a second.
    """
    prompt: PromptUsed | None = None
    """Which prompt the messages were made with; ledger and span name it."""
    raised: tuple[Raised, ...] = ()
    """What guards have found in the passages before they became a prompt."""
    fall_back: bool = False
    """Let the built-in extractive model answer when the provider fails before the first token."""
    conversation_id: UUID | None = None
    collections: tuple[UUID, ...] = ()
    """The collections that the passages are from: what the call's cost is booked on."""
    tier: Literal["small", "standard", "large"] | None = None
    """Overrides the tier that the route would choose."""
    needs: frozenset[str] = frozenset()
    """Abilities without which a model is no candidate: tools, json, vision."""
    json_schema: Mapping[str, Any] | None = None
    """The answer is to be JSON of this schema: `gateway.chat` checks it and has it repaired once; a stream is
    delivered as it is written, unchecked."""
    judge: Judge | None = None
    """Who says whether passages bear a sentence out; the gateway sets it by the tenant's policy."""


@dataclass(frozen=True)
class TextDelta:
    """Some more of the answer."""

    text: str


@dataclass(frozen=True)
class Usage:
    """Tokens. `estimated`: counted here, because the provider did not say."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    estimated: bool = False

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            estimated=self.estimated or other.estimated,
        )


@dataclass(frozen=True)
class ChatResult:
    """A whole answer and what it took. `cost` is in USD."""

    text: str
    model: str
    provider: str
    usage: Usage
    cost: Decimal
    latency_ms: float
    first_token_ms: float | None
    finish_reason: str
    degraded: str | None = None
    """Why a lesser model answered than was asked for; None when it did not."""
    answered: bool | None = None
    """Whether the model found an answer; None when it does not say (only the extractive model does)."""
    attempts: int = 1
    route: str = ""
    """The route that chose the model; empty when none is declared."""
    chosen_because: str = ""
    data: Any = None
    """The value of `text`, where JSON of a schema was asked for."""


@dataclass(frozen=True)
class RerankResult:
    """How well each document answers the query, from 0 to 1, in the order of the documents.

    0.0 for documents beyond the `top` that was asked for. `cost` is in USD.
    """

    scores: list[float]
    model: str
    cost: Decimal
    latency_ms: float


@dataclass(frozen=True)
class Finished:
    """The answer is whole: the last event of a stream, and the only proof of that."""

    finish_reason: str
    result: ChatResult


ChatEvent: TypeAlias = TextDelta | Usage | Finished


@dataclass(frozen=True)
class EmbedResult:
    """Vectors float32 (n, dimensions), L2 normalised, in the order of the texts."""

    vectors: NDArray[np.float32]
    model: str
    dimensions: int
    tokens: int
    truncated: int
    cost: Decimal
    latency_ms: float


def token_count(reported: Any) -> int:
    """A provider's word for a number of tokens; what is no whole number (a bill is made of it) counts as none."""
    whole = isinstance(reported, int) and not isinstance(reported, bool) and reported >= 0
    return min(reported, LARGEST_COUNT) if whole else 0


def storable(text: str) -> str:
    """Without what Postgres and UTF-8 do not take: NUL, and surrogates that JSON escapes can smuggle in."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
