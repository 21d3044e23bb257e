"""The ledger: a row for every call to a model, also for those that failed or were stopped. Append-only.

Entry point: `record`. Call it outside of a transaction that may roll back, or the row goes with it.
The row, the reservation's end and the budgets' counters are one transaction (`accounts.sql`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from inference import leases, warnings
from inference.admission import Admission
from inference.errors import Cancelled, InferenceError
from inference.models import ModelCall
from inference.types import Usage, storable
from tenants.identifiers import uuid7
from tenants.scope import Principal
from traces import recorder


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
    conversation_id: UUID | None = None
    collections: tuple[UUID, ...] = ()
    prompt_version_id: UUID | None = None
    route: str = ""
    candidate_reason: str = ""
    cache: str = ""
    saved: Decimal = Decimal(0)
    guards: Mapping[str, Any] = field(default_factory=dict)
    admission: Admission | None = None
    id: UUID = field(default_factory=uuid7)


def record(entry: Entry) -> None:
    """Append the row and settle what its call had reserved, in one transaction. One query."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT footnote_settle(%s::jsonb)", [json.dumps([as_json(entry)])])
            told = cursor.fetchone()[0]
    finally:
        # Also what could not be settled is held no longer: its lease runs out, and its money is given back.
        if entry.admission and entry.admission.reservation_id:
            leases.keeper().let_go(entry.admission.reservation_id)
    warnings.send(json.loads(told) if isinstance(told, str) else told)


def as_json(entry: Entry) -> dict[str, Any]:
    """The entry as ``footnote_settle`` reads it."""
    held, asker = entry.admission, entry.principal
    return {
        "id": str(entry.id),
        "tenant": str(asker.tenant_id),
        "user": _text(asker.user_id),
        "key": _text(asker.api_key_id),
        "operation": entry.operation,
        "feature": entry.feature[:40],
        "provider": storable(entry.provider)[:100],
        "model": storable(entry.model)[:200],
        "trace_id": entry.trace_id,
        "span_id": entry.span_id,
        "attempts": entry.attempts,
        "outcome": str(outcome_of(entry.error)),
        "error_code": entry.error.code if entry.error else "",
        "finish_reason": storable(entry.finish_reason)[:40],
        "input_tokens": entry.usage.prompt_tokens,
        "cached_tokens": entry.usage.cached_tokens,
        "output_tokens": entry.usage.completion_tokens,
        "cost": str(entry.cost),
        "latency_ms": entry.latency_ms,
        "first_token_ms": entry.first_token_ms,
        "degraded": storable(entry.degraded)[:200],
        "conversation_id": _text(entry.conversation_id),
        "collections": [str(one) for one in entry.collections],
        "prompt_version_id": _text(entry.prompt_version_id),
        "route": storable(entry.route)[:100],
        "candidate_reason": storable(entry.candidate_reason)[:200],
        "cache": entry.cache,
        "saved": str(entry.saved),
        "guards": recorder.clipped(dict(entry.guards)),
        "reservation": _text(held.reservation_id) if held else None,
        "counters": list(held.counters) if held else [],
        "token_meters": list(held.token_meters) if held else [],
        "tokens": held.tokens if held else 0,
    }


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def outcome_of(error: InferenceError | None) -> str:
    """How a call that ended so is called in ledger and traces."""
    if error is None:
        return ModelCall.Outcome.OK
    if isinstance(error, Cancelled):
        return ModelCall.Outcome.CANCELLED
    return ModelCall.Outcome.ERROR
