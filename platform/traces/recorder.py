"""Writing traces: spans are collected in memory while the work runs, and stored together when it ends.

``with recorder.trace("chat", principal, feature="chat") as trace:`` opens a trace; inside it,
``with recorder.span("retrieve", kind="retrieval") as span: span.set(...)`` adds a step to whatever trace is
open in this context; outside a trace a span is measured and forgotten, so that lower layers need not know.
``trace.store()`` writes the trace and its spans in one short transaction of the trace's own tenant; ``trace()``
calls it on the way out. A generator that yields must not hold ``trace()`` open across a yield: it calls
``begin``, ``trace.active()`` around each piece of work, and ``finish`` itself.

Ids and attribute names follow OpenTelemetry and its GenAI semantic conventions.
Cost: nothing while running; two inserts when stored.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from tenants.scope import Principal, tenant_scope
from traces.models import Outcome, Span, Trace

# Longer values are cut when stored, with their length said: a trace is for reading, not a second copy of the corpus.
LONGEST_TEXT = 20_000


@dataclass
class OpenSpan:
    """A step being measured."""

    name: str
    kind: str
    parent_id: str = ""
    span_id: str = field(default_factory=lambda: secrets.token_hex(8))
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    attributes: dict[str, Any] = field(default_factory=dict)
    outcome: str = Outcome.OK
    duration_ms: float = 0.0
    _clock: float = field(default_factory=time.perf_counter)

    def set(self, **attributes: Any) -> None:
        """Add attributes; in names, two underscores stand for the dot of the conventions."""
        self.attributes |= {name.replace("__", "."): value for name, value in attributes.items()}

    def end(self, outcome: str | None = None) -> None:
        """Stop the clock."""
        self.duration_ms = (time.perf_counter() - self._clock) * 1000
        self.outcome = outcome or self.outcome


@dataclass
class OpenTrace:
    """A question (or job) being answered. Fields besides the ids may be set at any time before it is stored."""

    name: str
    principal: Principal
    feature: str
    trace_id: str = field(default_factory=lambda: secrets.token_hex(16))
    conversation_id: UUID | None = None
    question: str = ""
    answer: str = ""
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    outcome: str = Outcome.OK
    spans: list[OpenSpan] = field(default_factory=list)
    root: OpenSpan = field(init=False)

    def __post_init__(self) -> None:
        self.root = OpenSpan(self.name, "root")
        self.spans.append(self.root)

    @contextmanager
    def active(self) -> Iterator["OpenTrace"]:
        """Make this the trace that ``span`` adds to, for one piece of work."""
        token = _open.set((self, self.root))
        try:
            yield self
        finally:
            _open.reset(token)

    def finish(self, outcome: str | None = None) -> None:
        """Stop the clock and store. Opens its own tenant scope: call it outside of one that may roll back."""
        self.outcome = outcome or self.outcome
        self.root.end(self.outcome)
        self.store()

    def store(self) -> None:
        """Write the trace and its spans in one transaction."""
        with tenant_scope(self.principal):
            Trace.objects.create(
                tenant_id=self.principal.tenant_id,
                trace_id=self.trace_id,
                name=self.name,
                feature=self.feature,
                user_id=self.principal.user_id,
                api_key_id=self.principal.api_key_id,
                conversation_id=self.conversation_id,
                outcome=self.outcome,
                question=clipped(self.question),
                answer=clipped(self.answer),
                model=self.model,
                input_tokens=self.input_tokens,
                output_tokens=self.output_tokens,
                cost_usd=self.cost_usd,
                started_at=self.root.started_at,
                duration_ms=self.root.duration_ms,
            )
            Span.objects.bulk_create([self._row(span) for span in self.spans])

    def _row(self, span: OpenSpan) -> Span:
        return Span(
            tenant_id=self.principal.tenant_id,
            trace_id=self.trace_id,
            span_id=span.span_id,
            parent_span_id=span.parent_id,
            name=span.name,
            kind=span.kind,
            outcome=span.outcome,
            started_at=span.started_at,
            duration_ms=span.duration_ms,
            attributes=clipped(span.attributes),
        )


_open: ContextVar[tuple[OpenTrace, OpenSpan] | None] = ContextVar("open_trace", default=None)


def begin(name: str, principal: Principal, *, feature: str, question: str = "") -> OpenTrace:
    """A trace that its caller makes ``active`` piece by piece and finishes."""
    return OpenTrace(name=name, principal=principal, feature=feature, question=question)


@contextmanager
def trace(
    name: str, principal: Principal, *, feature: str, question: str = ""
) -> Iterator[OpenTrace]:
    """Measure the block as one trace and store it, also when the block raises."""
    opened = begin(name, principal, feature=feature, question=question)
    try:
        with opened.active():
            yield opened
    except BaseException:  # whatever ended it, also Ctrl-C, the trace is kept
        opened.finish(Outcome.ERROR)
        raise
    opened.finish()


@contextmanager
def span(name: str, *, kind: str, **attributes: Any) -> Iterator[OpenSpan]:
    """Measure the block as one step of the open trace, if there is one; an exception marks it as an error."""
    parent = _open.get()
    step = OpenSpan(name, kind, parent_id=parent[1].span_id if parent else "")
    step.set(**attributes)
    if parent:
        parent[0].spans.append(step)
    token = _open.set((parent[0], step) if parent else None)
    try:
        yield step
    except GeneratorExit:
        step.outcome = Outcome.CANCELLED
        raise
    except BaseException as error:
        step.outcome = Outcome.ERROR
        step.set(error__type=type(error).__name__, error__message=str(error)[:500])
        raise
    finally:
        _open.reset(token)
        step.end()


def detached_span(name: str, *, kind: str, **attributes: Any) -> OpenSpan:
    """A step of the open trace that its caller ends: for generators, which must not hold ``span`` across a yield."""
    parent = _open.get()
    step = OpenSpan(name, kind, parent_id=parent[1].span_id if parent else "")
    step.set(**attributes)
    if parent:
        parent[0].spans.append(step)
    return step


def current_ids() -> tuple[str, str]:
    """Trace and span id of the open step, or empty strings: for the ledger and the logs."""
    opened = _open.get()
    return (opened[0].trace_id, opened[1].span_id) if opened else ("", "")


def clipped(value: Any) -> Any:
    """``value`` as JSON that Postgres takes: no NUL, long texts cut with their length said."""
    if isinstance(value, str):
        text = value.replace("\x00", "").encode("utf-8", "replace").decode()
        return (
            text
            if len(text) <= LONGEST_TEXT
            else f"{text[:LONGEST_TEXT]}... ({len(text)} characters)"
        )
    if isinstance(value, dict):
        return {clipped(str(name)): clipped(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [clipped(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return clipped(str(value))
