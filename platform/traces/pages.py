"""What a trace's page shows, gathered: one call per page, four queries and those of the panels."""

from dataclasses import dataclass
from typing import Any

from traces import panels, presentation, queries
from traces.models import Feedback, Outcome, Span, Trace
from traces.waterfall import Bar, Waterfall, waterfall


@dataclass(frozen=True)
class OpenedSpan:
    """The span beside the waterfall, with its attributes sorted for reading."""

    span: Span
    bar: Bar
    share: float
    shown: presentation.Shown

    @property
    def percent(self) -> str:
        """Its share of the whole."""
        return f"{self.share:.0%}" if self.share >= 0.01 else "<1%"


@dataclass(frozen=True)
class TracePage:
    """Everything on the page."""

    trace: Trace
    waterfall: Waterfall
    opened: OpenedSpan | None
    feedback: list[Feedback]
    panels: list[panels.Panel]


def trace_page(trace: Trace, span_id: str = "") -> TracePage:
    """The page of a trace with one span opened: the one asked for, else the most telling one."""
    fall = waterfall(queries.spans_of(trace))
    return TracePage(
        trace=trace,
        waterfall=fall,
        opened=opened_span(trace, fall, span_id),
        feedback=queries.feedback_of(trace),
        panels=panels.panels_of(trace),
    )


def opened_span(trace: Trace, fall: Waterfall, span_id: str) -> OpenedSpan | None:
    """The span asked for; when there is none of that id, the deepest error, else the root."""
    bar = next((bar for bar in fall.bars if bar.span.span_id == span_id), None) or telling(fall)
    span = queries.span_of(trace, bar.span.span_id) if bar else None
    if bar is None or span is None:
        return None
    share = bar.span.duration_ms / fall.total_ms if fall.total_ms else 0.0
    return OpenedSpan(span, bar, share, presentation.shown(span.attributes))


def telling(fall: Waterfall) -> Bar | None:
    """Where a reader wants to look first: what went wrong, as deep as it is known, else the whole."""
    errors = [bar for bar in fall.bars if bar.span.outcome == Outcome.ERROR]
    if errors:
        return max(errors, key=lambda bar: bar.depth)
    return fall.bars[0] if fall.bars else None


def as_json(trace: Trace) -> dict[str, Any]:
    """The whole trace for a file: ids and attribute names as in OpenTelemetry."""
    return {
        "trace_id": trace.trace_id,
        "name": trace.name,
        "feature": trace.feature,
        "outcome": trace.outcome,
        "question": trace.question,
        "answer": trace.answer,
        "model": trace.model,
        "input_tokens": trace.input_tokens,
        "output_tokens": trace.output_tokens,
        "cost_usd": str(trace.cost_usd),
        "started_at": trace.started_at.isoformat(),
        "duration_ms": trace.duration_ms,
        "spans": [_span_json(span) for span in queries.spans_of(trace)],
    }


def _span_json(span: Span) -> dict[str, Any]:
    return {
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id or None,
        "name": span.name,
        "kind": span.kind,
        "outcome": span.outcome,
        "started_at": span.started_at.isoformat(),
        "duration_ms": span.duration_ms,
        "attributes": span.attributes,
    }
