"""Finding and keeping answers. Each call opens one short scope of the asking principal.

``find`` makes one query for the same request and, where the policy allows it, one for similar questions; ``accept`` has
the last word on what was found (are the cited passages still readable?), in the same transaction. A hit leaves a row of
its own in the ledger, with what it saved. Entries of another context are never looked at: they lie under another key.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal

from django.db.models import F, QuerySet
from django.db.models.functions import Now
from pgvector.django import CosineDistance

from inference import ledger
from inference.caching.keys import Key
from inference.caching.policies import Policy
from inference.facts import agree, facts
from inference.models import CacheEntry
from inference.types import Usage
from tenants.scope import tenant_scope
from traces import recorder

How = Literal["exact", "semantic"]
Accept = Callable[[CacheEntry], bool]
# Of the nearest questions, how many are looked at before it is a miss.
NEAREST = 5


@dataclass(frozen=True)
class Hit:
    """A kept answer. ``similarity`` is 1 for the same request."""

    entry: CacheEntry
    how: How
    similarity: float = 1.0


def find(
    key: Key, policy: Policy, *, accept: Accept, vector: Sequence[float] | None = None
) -> Hit | None:
    """The answer to this request, if there is one that may be given. ``vector`` is the question's, for similar ones."""
    began = time.monotonic()
    with tenant_scope(key.principal.as_reader()):
        hit = _exact(key, accept) if policy.exact else None
        if hit is None and policy.semantic and vector is not None:
            hit = _similar(key, policy, vector, accept)
        if hit is not None:
            CacheEntry.objects.filter(pk=hit.entry.pk).update(hits=F("hits") + 1, used_at=Now())
    if hit is not None:
        _book(key, hit, (time.monotonic() - began) * 1000)
    return hit


def _current(key: Key) -> QuerySet[CacheEntry]:
    # Uses index: cache_entry_once.
    return CacheEntry.objects.filter(context=key.context, expires_at__gt=Now())


def _exact(key: Key, accept: Accept) -> Hit | None:
    entry = _current(key).filter(asked=key.asked).first()
    return Hit(entry, "exact") if entry is not None and _accepted(entry, accept) else None


def _similar(key: Key, policy: Policy, vector: Sequence[float], accept: Accept) -> Hit | None:
    near = (
        _current(key)
        .filter(vector__isnull=False)
        .annotate(distance=CosineDistance("vector", list(vector)))
        .order_by("distance")[:NEAREST]
    )
    asked = facts(key.question)
    for entry in near:
        similarity = 1.0 - entry.distance
        if similarity < policy.threshold:
            return None
        if agree(asked, facts(entry.question)) and _accepted(entry, accept):
            return Hit(entry, "semantic", round(similarity, 4))
    return None


def _accepted(entry: CacheEntry, accept: Accept) -> bool:
    if accept(entry):
        return True
    entry.delete()
    return False


def keep(
    key: Key,
    policy: Policy,
    *,
    value: dict[str, Any],
    model: str,
    cost: Decimal,
    vector: Sequence[float] | None = None,
) -> None:
    """Keep a whole answer, in place of an older one to the same request. Three statements."""
    with tenant_scope(key.principal.as_reader()):
        entry = CacheEntry(
            tenant_id=key.principal.tenant_id,
            feature=key.feature,
            context=key.context,
            asked=key.asked,
            question=key.question,
            vector=list(vector) if vector is not None else None,
            collection_ids=list(key.collections),
            value=value,
            model=model,
            prompt_version_id=key.prompt_version_id,
            cost_usd=cost,
            expires_at=Now() + timedelta(seconds=policy.seconds),
        )
        CacheEntry.objects.filter(context=key.context, asked=key.asked).delete()
        CacheEntry.objects.bulk_create([entry], ignore_conflicts=True)
        _make_room(key.feature, policy)


def _make_room(feature: str, policy: Policy) -> None:
    """What expired goes, and the least recently used when there are too many. Uses index: cache_entry_used."""
    ours = CacheEntry.objects.filter(feature=feature)
    ours.filter(expires_at__lt=Now()).delete()
    surplus = ours.order_by("-used_at").values_list("pk", flat=True)[policy.most :]
    if gone := list(surplus[:100]):
        CacheEntry.objects.filter(pk__in=gone).delete()


def clear(feature: str | None = None) -> int:
    """Forget what is kept for a feature, or all of it, in the open scope; how many answers."""
    rows = (
        CacheEntry.objects.all() if feature is None else CacheEntry.objects.filter(feature=feature)
    )
    return rows.delete()[0]


def _book(key: Key, hit: Hit, latency_ms: float) -> None:
    trace_id, span_id = recorder.current_ids()
    ledger.record(
        ledger.Entry(
            principal=key.principal,
            operation="chat",
            feature=key.feature,
            provider="footnote",
            model=hit.entry.model,
            trace_id=trace_id,
            span_id=span_id,
            usage=Usage(),
            cost=Decimal(0),
            latency_ms=latency_ms,
            attempts=0,
            finish_reason="stop",
            collections=key.collections,
            prompt_version_id=key.prompt_version_id,
            cache=hit.how,
            saved=hit.entry.cost_usd,
        )
    )
