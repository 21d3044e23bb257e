"""What goes through the door to models, and what comes back. Immutable."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tenants.scope import Principal

Role: TypeAlias = Literal["system", "user", "assistant"]
Purpose: TypeAlias = Literal["query", "document"]

EXTRACTIVE_MODEL = "footnote/extractive"


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
    temperature: float | None = None
    max_tokens: int | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    stop: threading.Event | None = None
    """Set it, from any thread, to cancel the call:

    the connection to the provider closes within half a second.
    """
    fall_back: bool = False
    """Let the built-in extractive model answer when the provider fails before the first token."""


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
