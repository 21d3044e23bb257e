"""Reading traces. Everything runs inside the open tenant scope, so a foreign trace does not exist here.

Spans are partitioned by day and keyed by (tenant, started_at, id): each query here gives the days, so that it touches
one or two partitions and their key, whatever the age of the table.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _

from tenants.identifiers import uuid_or_none
from tenants.models import ApiKey
from traces.models import Feedback, Span, Trace

# A span is stamped by the clock of its process, its trace by that of another: allow for their difference.
CLOCK_SLACK = timedelta(minutes=1)
# Distinct values of a filter are read from the newest traces only, never from the whole table.
SAMPLE = 1_000


class Period(NamedTuple):
    """From and to, both included."""

    first: datetime
    last: datetime


def period_of(trace: Trace) -> Period:
    """When the rows that belong to a trace were written, with slack for clocks."""
    end = trace.started_at + timedelta(milliseconds=trace.duration_ms)
    return Period(trace.started_at - CLOCK_SLACK, end + CLOCK_SLACK)


def trace_named(name: str) -> Trace | None:
    """The trace with this trace id (as chat and the APIs give it) or row id. One or two queries."""
    traces = with_columns(Trace.objects.all())
    found = traces.filter(trace_id=name).first()
    return found or (traces.filter(pk=name).first() if uuid_or_none(name) else None)


def spans_of(trace: Trace) -> list[Span]:
    """The trace's spans by their start, without their attributes, which can be long. Uses index: traces_span_pkey."""
    return list(_spans(trace).defer("attributes").order_by("started_at", "id"))


def span_of(trace: Trace, span_id: str) -> Span | None:
    """One span of the trace with its attributes."""
    return _spans(trace).filter(span_id=span_id).first()


def feedback_of(trace: Trace) -> list[Feedback]:
    """What readers thought of the trace's answer, oldest first. Uses index: feedback_trace."""
    rows = Feedback.objects.filter(trace_id=trace.trace_id)
    return list(rows.select_related("user").order_by("created_at"))


def with_columns(traces: QuerySet[Trace]) -> QuerySet[Trace]:
    """Adds what the list shows beside the row: the key's name and the latest thumb."""
    key = ApiKey.objects.filter(pk=OuterRef("api_key_id")).values("name")[:1]
    thumb = Feedback.objects.filter(trace_id=OuterRef("trace_id")).order_by("-created_at")
    return traces.select_related("user").annotate(
        api_key_name=Subquery(key), thumb=Subquery(thumb.values("score")[:1])
    )


def asker(trace: Trace) -> str:
    """Who asked: a person, a key, or the platform itself."""
    if trace.user is not None:
        return str(trace.user)
    if trace.api_key_id is not None:
        name = getattr(trace, "api_key_name", None)
        return _("key %s") % name if name else _("a deleted key")
    return _("the platform")


def recent_values(column: str) -> list[str]:
    """The distinct non-empty values of a column among the newest traces. Uses index: trace_newest."""
    newest = Trace.objects.order_by("-started_at").values_list(column, flat=True)[:SAMPLE]
    return sorted({value for value in newest if value})


def _spans(trace: Trace) -> QuerySet[Span]:
    period = period_of(trace)
    return Span.objects.filter(trace_id=trace.trace_id, started_at__range=period)
