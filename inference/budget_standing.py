"""How much of a budget is used in its present period (UTC). Entry points: `present_starts`, `with_standing`.

A budget that counts each person or key for itself has as many counters; it stands where the fullest of them does.
"""

from __future__ import annotations

from datetime import date

from django.db.models import Case, Count, IntegerField, OuterRef, QuerySet, Subquery, Value, When
from django.utils import timezone

from inference.models import Budget, BudgetCounter

EVER = date(1970, 1, 1)


def present_starts() -> dict[str, date]:
    """When the present period began, by its name."""
    today = timezone.now().date()
    return {"day": today, "month": today.replace(day=1), "total": EVER}


def with_standing(budgets: QuerySet[Budget]) -> QuerySet[Budget]:
    """Each with ``spent`` and ``whose`` of its fullest present counter, and ``counters_now``, how many there are.

    All three are None where nothing was spent yet. No query more. Uses index: budget_counter_once
    """
    starts = present_starts()
    began = Case(*(When(period=name, then=Value(start)) for name, start in starts.items()))
    present = BudgetCounter.objects.filter(budget=OuterRef("pk"), period_start=OuterRef("began"))
    fullest = present.order_by("-spent_usd", "subject")[:1]
    counted = present.order_by().values("budget").annotate(n=Count("*")).values("n")
    return budgets.annotate(
        began=began,
        spent=Subquery(fullest.values("spent_usd")),
        whose=Subquery(fullest.values("subject")),
        counters_now=Subquery(counted, output_field=IntegerField()),
    )
