"""What pages say of budgets that are nearly or wholly spent. Entry point: ``context``, for every template.

Owners and admins hear of every budget; others only of one that is used up and refuses what they would ask in a chat.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

from django.http import HttpRequest

from inference import subjects
from inference.budget_standing import present_starts
from inference.models import Budget, BudgetCounter, Scope
from tenants.access import STEWARDS
from tenants.scope import Principal, tenant_scope

SHOWN = 3
USED_UP = 100


@dataclass(frozen=True)
class Notice:
    """A budget at ``percent`` of its limit, or beyond."""

    counter_id: UUID
    budget_id: UUID
    name: str
    whose: str
    percent: int
    spent_usd: Decimal
    limit_usd: Decimal
    period: str
    period_start: date
    is_refusing: bool
    for_steward: bool

    @property
    def title(self) -> str:
        """A budget that counts each person or key for itself says whom it means."""
        return f"{self.name} ({self.whose})" if self.whose else self.name

    @property
    def key(self) -> str:
        """What a reader waves away: this threshold of this period, and not the next."""
        return f"budget-{self.counter_id}-{self.percent}"


def context(request: HttpRequest) -> dict[str, Any]:
    """``budget_notices``, read only by a template that asks for it. One query."""
    found: Callable[[], list[Notice]] = lambda: of_request(request)  # noqa: E731  templates call it
    return {"budget_notices": found}


def of_request(request: HttpRequest) -> list[Notice]:
    """Those for the person who asks; none for a stranger."""
    place = getattr(request, "place", None)
    if not place:
        return []
    with tenant_scope(place.principal):
        return notices(place.principal)


def notices(principal: Principal) -> list[Notice]:
    """The fullest first, in the open scope. One query over the counters of the present periods, and for stewards one
    for the name of each that is shown and counts a person or a key.

    Uses index: budget_counter_once
    """
    starts = present_starts()
    rows = BudgetCounter.objects.filter(
        warned__gte=50, period_start__in=starts.values(), budget__enabled=True
    ).select_related("budget")
    is_steward = principal.role in STEWARDS
    found = (
        row
        for row in rows.order_by("-warned", "id")[:50]
        if row.period_start == starts[row.budget.period] and (is_steward or _stops(row, principal))
    )
    return [_notice(row, is_steward) for row in islice(found, SHOWN)]


def _stops(counter: BudgetCounter, principal: Principal) -> bool:
    """Is what this person asks in a chat refused by it?"""
    budget = counter.budget
    if counter.warned < USED_UP or budget.at_limit != Budget.AtLimit.REFUSE:
        return False
    counted = {Scope.TENANT: "", Scope.USER: str(principal.user_id), Scope.FEATURE: "chat"}
    return counted.get(Scope(budget.scope)) == counter.subject


def _notice(counter: BudgetCounter, for_steward: bool) -> Notice:
    budget = counter.budget
    return Notice(
        counter_id=counter.pk,
        budget_id=budget.pk,
        name=budget.name,
        whose=subjects.named(budget.scope, counter.subject) if for_steward else "",
        percent=counter.warned,
        spent_usd=counter.spent_usd,
        limit_usd=budget.limit_usd,
        period=budget.period,
        period_start=counter.period_start,
        is_refusing=counter.warned >= USED_UP and budget.at_limit == Budget.AtLimit.REFUSE,
        for_steward=for_steward,
    )
