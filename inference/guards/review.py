"""Findings as people judge them, and how often each guard was right. In the open scope."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.utils import timezone

from inference.models import GuardFinding
from tenants import audit
from tenants.scope import current_principal


@dataclass(frozen=True)
class Rate:
    """One guard's findings in a period, and how they were judged."""

    guard: str
    found: int
    right: int
    false: int

    @property
    def false_share(self) -> float | None:
        """Of those that were judged; None when none was."""
        judged = self.right + self.false
        return self.false / judged if judged else None


@dataclass(frozen=True)
class Day:
    """Findings of one day (UTC), by guard."""

    day: date
    counts: dict[str, int]

    @property
    def found(self) -> int:
        """All of them."""
        return sum(self.counts.values())


@transaction.atomic
def judge(ids: Iterable[UUID], verdict: str) -> int:
    """Mark findings as right or as false alarms; how many. Leaves one audit event for each."""
    rows = list(GuardFinding.objects.filter(pk__in=list(ids)).exclude(verdict=verdict))
    for row in rows:
        row.verdict = verdict
        row.reviewed_by_id = current_principal().user_id
        row.reviewed_at = timezone.now()
        row.save(update_fields=["verdict", "reviewed_by_id", "reviewed_at"])
        audit.record("guard.judged", row, verdict=verdict)
    return len(rows)


def rates(days: int) -> list[Rate]:
    """By guard. One query; uses index: guard_finding_newest."""
    rows = (
        GuardFinding.objects.filter(created_at__gte=timezone.now() - timedelta(days=days))
        .values("guard")
        .annotate(
            found=Count("id"),
            right=Count("id", filter=Q(verdict=GuardFinding.Verdict.RIGHT)),
            false=Count("id", filter=Q(verdict=GuardFinding.Verdict.FALSE)),
        )
        .order_by("guard")
    )
    return [Rate(**row) for row in rows]


def daily(days: int) -> list[Day]:
    """The days that have findings, newest first. One query; uses index: guard_finding_newest."""
    rows = (
        GuardFinding.objects.filter(created_at__gte=timezone.now() - timedelta(days=days))
        .annotate(day=TruncDate("created_at", tzinfo=UTC))
        .values("day", "guard")
        .annotate(found=Count("id"))
        .order_by("-day", "guard")
    )
    found: dict[date, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["day"], {})[row["guard"]] = row["found"]
    return [Day(day, counts) for day, counts in found.items()]


def of_trace(trace_id: str) -> list[GuardFinding]:
    """What guards found in one trace, at most 100. One query; uses index: guard_finding_trace."""
    return list(GuardFinding.objects.filter(trace_id=trace_id).order_by("created_at")[:100])
