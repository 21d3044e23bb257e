"""Before a call: rate limits and budgets, checked and taken in one round trip. After it: `ledger.record` settles.

Entry point: `admit`. What is taken belongs to the call until its ledger row is written, in the same transaction;
when the process dies first, the lease runs out within half a minute and everything is given back (``accounts.sql``).
A call that finds the money held by others waits up to ``FOOTNOTE_BUDGET_WAIT`` seconds for some to come back.
Call it outside of a transaction: the tenant's account is locked until the statement's transaction ends.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import close_old_connections, connection

from inference import leases, waiting, warnings
from inference.bounds import Bound
from inference.errors import BudgetBusy, BudgetExhausted, Cancelled, RateExceeded
from tenants.scope import Principal

# What is refused because others hold the money for a moment may come back soon.
BUSY_SECONDS = 1.0
# The answer that is judged holds money of the same budget until the judge has spoken: it would wait for itself.
NEVER_WAITS = ("judge",)


@dataclass(frozen=True)
class Rate:
    """Where a rate limit stands: for headers. Times are in seconds."""

    measure: str
    limit: int
    remaining: int
    reset: float
    window: float


@dataclass(frozen=True)
class Admission:
    """What a call holds while it runs. ``granted`` is None where no budget applies."""

    tenant_id: UUID
    reservation_id: UUID | None = None
    granted: Decimal | None = None
    counters: tuple[str, ...] = ()
    token_meters: tuple[str, ...] = ()
    tokens: int = 0
    rates: tuple[Rate, ...] = ()


@dataclass(frozen=True)
class Ask:
    """A call that wants to be made."""

    principal: Principal
    operation: str
    feature: str
    bound: Bound
    id: UUID = field(default_factory=uuid4)

    def as_json(self) -> dict[str, Any]:
        """As ``footnote_admit_one`` reads it."""
        user, key = self.principal.user_id, self.principal.api_key_id
        return {
            "id": str(self.id),
            "user": str(user) if user else None,
            "key": str(key) if key else None,
            "operation": self.operation,
            "feature": self.feature,
            "provider": self.bound.model.provider,
            "model": self.bound.model.name,
            "tokens": self.bound.estimated_prompt,
            "least": str(self.bound.least),
            "want": str(self.bound.want),
            "share": str(self.bound.share),
        }


def admit(ask: Ask, stop: threading.Event | None = None) -> Admission:
    """Take what the call may cost. Raises RateExceeded, BudgetBusy, BudgetExhausted, Cancelled. One query, and one more
    each time it has waited.
    """
    patience = 0.0 if ask.feature in NEVER_WAITS else settings.BUDGET_WAIT_SECONDS
    ends = time.monotonic() + patience
    while True:
        try:
            return _taken(ask)
        except BudgetBusy:
            left = ends - time.monotonic()
            if left <= 0:
                raise
        waiting.pause(ask.principal.tenant_id, left, stop)
        if stop is not None and stop.is_set():
            raise Cancelled("the call was stopped while it waited for money")


def _taken(ask: Ask) -> Admission:
    tenant_id = ask.principal.tenant_id
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT footnote_admit(%s, %s::jsonb)", [tenant_id, json.dumps(ask.as_json())]
        )
        told = cursor.fetchone()[0]
    # Who waits for a model holds no connection of the pool.
    close_old_connections()
    found = read(tenant_id, ask.bound, json.loads(told) if isinstance(told, str) else told)
    if found.reservation_id is not None:
        leases.keeper().hold(tenant_id, found.reservation_id)
    return found


def read(tenant_id: UUID, bound: Bound, told: dict[str, Any]) -> Admission:
    """The database's word as a value. Raises RateExceeded, BudgetBusy, BudgetExhausted."""
    rates = tuple(_rate(name, values) for name, values in told.get("rates", {}).items())
    if told["status"] == "limited":
        raise _rate_exceeded(told["refused"], rates)
    if told["status"] != "ok":
        raise _budget_refusal(told)
    reservation, granted = told.get("reservation"), told.get("granted")
    return Admission(
        tenant_id=tenant_id,
        reservation_id=UUID(reservation) if reservation else None,
        granted=None if granted is None else Decimal(granted),
        counters=tuple(told["counters"]),
        token_meters=tuple(told["token_meters"]),
        tokens=bound.estimated_prompt,
        rates=rates,
    )


def _rate(measure: str, values: list[float]) -> Rate:
    limit, remaining, reset, window = values
    return Rate(measure, int(limit), int(remaining), float(reset), float(window))


def _rate_exceeded(refused: dict[str, Any], rates: tuple[Rate, ...]) -> RateExceeded:
    limit, name = int(refused["limit"]), refused["name"]
    if refused["measure"] == "concurrent":
        what = f"{limit} calls at once are allowed"
    else:
        what = f"{limit} {refused['measure']} per {int(refused['seconds'])} seconds are allowed"
    return RateExceeded(f"limit {name!r}: {what}", retry_after=float(refused["wait"]), rates=rates)


def _budget_refusal(told: dict[str, Any]) -> BudgetBusy | BudgetExhausted:
    budget = told["budget"]
    spent, limit = Decimal(budget["spent"]), Decimal(budget["limit"])
    said = f"budget {budget['name']!r}: {spent:.4f} of {limit:.4f} USD are spent"
    if told["status"] == "busy":
        return BudgetBusy(f"{said}, calls in progress hold the rest", retry_after=BUSY_SECONDS)
    if warning := told.get("warning"):
        warnings.send([warning])
    return BudgetExhausted(said, budget=budget["name"], at_limit=budget["at_limit"])
