"""The ledger: a row for every call to a model, also for those that failed or were stopped. Append-only.

Entry point: `record`. It opens the tenant's scope itself: call it outside of a transaction that may roll
back, or the row goes with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone

from inference.errors import Cancelled, InferenceError
from inference.models import ModelCall
from inference.types import Usage
from tenants.scope import Principal, tenant_scope


@dataclass(frozen=True)
class Entry:
    """One call as the ledger keeps it. `error`: how it failed; None when it did not."""

    principal: Principal
    operation: str
    feature: str
    provider: str
    model: str
    trace_id: str
    span_id: str
    usage: Usage
    cost: Decimal
    latency_ms: float
    attempts: int = 1
    first_token_ms: float | None = None
    finish_reason: str = ""
    degraded: str = ""
    error: InferenceError | None = None


def record(entry: Entry) -> None:
    """Append the row. One insert."""
    with tenant_scope(entry.principal):
        ModelCall.objects.create(
            tenant_id=entry.principal.tenant_id,
            created_at=timezone.now(),
            operation=entry.operation,
            feature=entry.feature,
            provider=entry.provider,
            model=entry.model,
            user_id=entry.principal.user_id,
            api_key_id=entry.principal.api_key_id,
            trace_id=entry.trace_id,
            span_id=entry.span_id,
            attempts=entry.attempts,
            outcome=outcome_of(entry.error),
            error_code=entry.error.code if entry.error else "",
            finish_reason=entry.finish_reason[:40],
            input_tokens=entry.usage.prompt_tokens,
            cached_tokens=entry.usage.cached_tokens,
            output_tokens=entry.usage.completion_tokens,
            cost_usd=entry.cost,
            latency_ms=entry.latency_ms,
            first_token_ms=entry.first_token_ms,
            degraded=entry.degraded[:200],
        )


def outcome_of(error: InferenceError | None) -> str:
    """How a call that ended so is called in ledger and traces."""
    if error is None:
        return ModelCall.Outcome.OK
    if isinstance(error, Cancelled):
        return ModelCall.Outcome.CANCELLED
    return ModelCall.Outcome.ERROR
