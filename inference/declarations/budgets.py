"""Budgets: how much money may be spent, by whom and in which period."""

from __future__ import annotations

from inference.declarations import counted
from inference.models import Budget

PROPERTIES = {
    "period": {"enum": Budget.Period.values},
    "limit_usd": {
        "type": "number",
        "minimum": 0.00000001,
        "maximum": 999_999_999,
        "description": "an amount of USD above 0",
    },
    "at_limit": {"enum": Budget.AtLimit.values},
}
DEFAULTS = {"period": "month", "at_limit": "refuse"}

KIND = counted.kind("budgets", "budget", Budget, PROPERTIES, DEFAULTS, "limit_usd")
