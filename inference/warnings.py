"""Budgets that passed 50, 80 or 100 per cent: told once per budget and period, by whoever listens.

``config.budget_warnings`` listens and wakes those who mail and post; what they send is owed by rows, not by this
signal. A listener that fails is logged and does not fail the call that crossed the line.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.dispatch import Signal

# Sent with ``warning``, a BudgetWarning. Receivers run in the thread of the call and must be quick.
budget_warning = Signal()
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BudgetWarning:
    """A budget that has come to ``percent`` of its limit."""

    tenant_id: UUID
    budget_id: UUID
    subject: str
    percent: int
    spent_usd: Decimal
    limit_usd: Decimal
    period_start: date


def send(found: Iterable[Mapping[str, Any]]) -> None:
    """Tell the listeners of what ``footnote_settle`` or ``footnote_admit`` noticed."""
    for one in found:
        warning = BudgetWarning(
            tenant_id=UUID(one["tenant"]),
            budget_id=UUID(one["budget"]),
            subject=one["subject"],
            percent=int(one["percent"]),
            spent_usd=Decimal(one["spent"]),
            limit_usd=Decimal(one["limit"]),
            period_start=date.fromisoformat(one["period_start"]),
        )
        for receiver, result in budget_warning.send_robust(sender=BudgetWarning, warning=warning):
            if isinstance(result, Exception):
                _log.error("%r could not pass on a budget's warning", receiver, exc_info=result)
