"""What happens while a question is answered, as typed events. Chat stores them, APIs serialise them, evals score them.

The order is ``Searching``, ``Found``, then ``Writing``, any number of ``TextDelta``, and exactly one of ``Completed``,
``Stopped`` or ``Failed``. ``as_json`` gives the one documented shape (``docs/api.md``), ``kind`` its name.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

# What `Answer.degraded` says of one that its model did not end.
CUT_OFF = "length: the answer was cut off at the limit of its length"


@dataclass(frozen=True)
class Cited:
    """A citation ``[n]`` of an answer: where the quote stands. ``span`` is offsets in the version's text."""

    n: int
    chunk_id: UUID
    document_id: UUID
    version_id: UUID
    external_id: str
    title: str
    page: int | None
    quote: str
    span_start: int
    span_end: int

    def as_json(self) -> dict[str, Any]:
        """The public shape."""
        return {
            "n": self.n,
            "document_id": str(self.document_id),
            "external_id": self.external_id,
            "title": self.title,
            "page": self.page,
            "quote": self.quote,
        }


@dataclass(frozen=True)
class Sentence:
    """One sentence of an answer: its span there, what it cites, and how far the cited text bears it out."""

    start: int
    end: int
    citations: tuple[int, ...]
    support: float


@dataclass(frozen=True)
class Searching:
    """Retrieval has begun."""

    kind: ClassVar[str] = "searching"
    collections: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {"collections": list(self.collections)}


@dataclass(frozen=True)
class Found:
    """Retrieval has ended: how much, and the nearest passages (also shown when the answer is a refusal)."""

    kind: ClassVar[str] = "found"
    passages: int
    documents: int
    nearest: tuple[Cited, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "passages": self.passages,
            "documents": self.documents,
            "nearest": [cited.as_json() for cited in self.nearest],
        }


@dataclass(frozen=True)
class Writing:
    """A model has been asked to write."""

    kind: ClassVar[str] = "writing"
    model: str

    def as_json(self) -> dict[str, Any]:
        return {"model": self.model}


@dataclass(frozen=True)
class TextDelta:
    """The next piece of the answer's text."""

    kind: ClassVar[str] = "text"
    text: str

    def as_json(self) -> dict[str, Any]:
        return {"text": self.text}


@dataclass(frozen=True)
class Answer:
    """A whole answer. ``support`` is the share of its sentences that cited text bears out, 0 to 1.

    ``finish_reason`` is ``stop``, or ``length`` when a limit cut it (the asker's, a budget's, the model's).
    """

    text: str
    citations: tuple[Cited, ...]
    sentences: tuple[Sentence, ...]
    answered: bool
    support: float
    model: str
    trace_id: str
    cached: bool = False
    degraded: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    duration_ms: float = 0.0
    nearest: tuple[Cited, ...] = ()
    finish_reason: str = "stop"

    def as_json(self) -> dict[str, Any]:
        """The public shape of DESIGN's contract for ``POST /api/v1/ask``."""
        return {
            "answer": self.text,
            "citations": [cited.as_json() for cited in self.citations],
            "answered": self.answered,
            "support": round(self.support, 4),
            "model": self.model,
            "trace_id": self.trace_id,
            "cached": self.cached,
            "degraded": self.degraded,
        }


@dataclass(frozen=True)
class Completed:
    """The answer is whole."""

    kind: ClassVar[str] = "completed"
    answer: Answer = field()

    def as_json(self) -> dict[str, Any]:
        return self.answer.as_json()


@dataclass(frozen=True)
class Failed:
    """No whole answer: ``message`` is for the reader, ``partial`` what had been written; it is not an answer."""

    kind: ClassVar[str] = "failed"
    code: str
    message: str
    retryable: bool
    trace_id: str
    partial: str = ""
    retry_after: float | None = None
    """Seconds, where a limit or a provider that refused says when it will not."""

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "message": self.message,
            "retryable": self.retryable,
            "trace_id": self.trace_id,
            "partial": self.partial,
        }


@dataclass(frozen=True)
class Stopped:
    """The reader stopped the answer; ``partial`` is what had been written."""

    kind: ClassVar[str] = "stopped"
    trace_id: str
    partial: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"trace_id": self.trace_id, "partial": self.partial}


Event = Searching | Found | Writing | TextDelta | Completed | Failed | Stopped
