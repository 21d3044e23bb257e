"""What the cache has saved by feature. Entry point: ``saved``. One query; uses index: modelcall_newest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db.models import Count, Q, Sum
from django.utils import timezone

from inference.caching.rows import FEATURES
from inference.models import ModelCall


@dataclass(frozen=True)
class Saved:
    """One feature's answers in a period: from models, from the cache, and what the latter would have cost (USD)."""

    feature: str
    asked: int
    exact: int
    semantic: int
    saved_usd: Decimal

    @property
    def rate(self) -> float:
        """The share of answers that came from the cache."""
        total = self.asked + self.exact + self.semantic
        return (self.exact + self.semantic) / total if total else 0.0


def saved(days: int) -> list[Saved]:
    """By feature, in the open scope."""
    rows = (
        ModelCall.objects.filter(
            operation="chat",
            outcome=ModelCall.Outcome.OK,
            feature__in=[name for name, _ in FEATURES],
            created_at__gte=timezone.now() - timedelta(days=days),
        )
        .values("feature")
        .annotate(
            asked=Count("id", filter=Q(cache="")),
            exact=Count("id", filter=Q(cache="exact")),
            semantic=Count("id", filter=Q(cache="semantic")),
            saved_usd=Sum("saved_usd"),
        )
        .order_by("feature")
    )
    return [Saved(**row) for row in rows]
