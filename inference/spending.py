"""Reading the ledger: what was spent by day, feature and model, and which calls a trace made.

Runs inside the open tenant scope. The ledger is partitioned by month; each query here names its days.
Uses index: modelcall_newest (totals), modelcall_trace (calls of a trace).
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Avg, Count, Q, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from inference.models import ModelCall

LONGEST_DAYS = 366
_GROUP = ("day", "feature", "model")


@dataclass(frozen=True)
class Spent:
    """The calls of one day, feature and model. Tokens are counts, ``latency_ms`` is the average."""

    day: date
    feature: str
    model: str
    calls: int
    errors: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_usd: Decimal
    latency_ms: float


@dataclass(frozen=True)
class Total:
    """Sums over all rows of a period."""

    calls: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal


COLUMNS = tuple(column.name for column in fields(Spent))


def spent(days: int) -> list[Spent]:
    """The last ``days`` days up to today in UTC, newest first. One query, an index scan over the period's rows."""
    rows = (
        ModelCall.objects.filter(created_at__gte=_start(days))
        .annotate(day=TruncDate("created_at"))
        .values(*_GROUP)
        .annotate(**_sums())
        .order_by("-day", "feature", "model")
    )
    return [Spent(**row) for row in rows]


def _sums() -> dict[str, Any]:
    return {
        "calls": Count("id"),
        "errors": Count("id", filter=Q(outcome=ModelCall.Outcome.ERROR)),
        "input_tokens": Sum("input_tokens"),
        "cached_tokens": Sum("cached_tokens"),
        "output_tokens": Sum("output_tokens"),
        "cost_usd": Sum("cost_usd"),
        "latency_ms": Avg("latency_ms"),
    }


def total(rows: Iterable[Spent]) -> Total:
    """What the rows add up to."""
    found = list(rows)
    return Total(
        calls=sum(row.calls for row in found),
        errors=sum(row.errors for row in found),
        input_tokens=sum(row.input_tokens for row in found),
        output_tokens=sum(row.output_tokens for row in found),
        cost_usd=sum((row.cost_usd for row in found), Decimal(0)),
    )


def calls_of(trace_id: str, first: datetime, last: datetime) -> list[ModelCall]:
    """The calls that a trace made between two times, in their order."""
    rows = ModelCall.objects.filter(trace_id=trace_id, created_at__range=(first, last))
    return list(rows.order_by("created_at"))


def _start(days: int) -> datetime:
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=min(days, LONGEST_DAYS) - 1)
