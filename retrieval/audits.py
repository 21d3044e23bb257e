"""Does the fast way find what the exact one finds? Compared every night on questions that were really asked.

``audit`` takes the newest different searches and questions of the last days (``sampling``) and searches each twice on
each side: as people do, by graph and postings where the tenant is large, and as of this moment, which is always a scan
and so exact. It keeps one row a side. ``statistics`` says which collections' statistics no longer fit.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from statistics import fmean, median
from uuid import UUID

from django.db import connection
from django.utils import timezone

from retrieval import sampling
from retrieval.errors import SearchRefused
from retrieval.models import RecallAudit
from retrieval.passages import SearchRequest, Side
from retrieval.search import search_as_steward
from retrieval.statements import statement
from tenants.models import Tenant
from tenants.scope import Principal, current_tenant_id, platform_principal, tenant_scope

SIDES: tuple[Side, ...] = ("dense", "lexical")
SAMPLED = 20
TOP = 10
# Below it an admin is warned.
WARN_BELOW = 0.95
# Nights beyond these are forgotten.
KEPT = timedelta(days=180)


@dataclass(frozen=True)
class Compared:
    """One question on one side."""

    recall: float
    ms: float
    exact_ms: float


@dataclass(frozen=True)
class Drift:
    """A collection's statistics: the average length that it is weighted with, the real one, and what is amiss."""

    id: UUID
    name: str
    passages: int
    weighted_with: float | None
    average: float
    problems: tuple[str, ...]


def audit_all() -> None:
    """Every tenant in turn. Operator work, by its own connection."""
    for tenant_id in Tenant.objects.using("operator").values_list("pk", flat=True):
        audit(tenant_id)


def audit(tenant_id: UUID) -> list[RecallAudit]:
    """The rows that were kept; none where nothing was asked lately. Cost: four searches a question."""
    platform = platform_principal(tenant_id)
    with tenant_scope(platform):
        questions = sampling.lately(SAMPLED)
        sampling.forget()
        RecallAudit.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    kept = []
    for side in SIDES if questions else ():
        found = [one for text in questions if (one := _compared(text, side, platform))]
        if found:
            with tenant_scope(platform):
                kept.append(_kept(side, found))
    return kept


def _compared(text: str, side: Side, platform: Principal) -> Compared | None:
    request = SearchRequest(text, limit=TOP, side=side)
    try:
        found, ms = _searched(request, platform)
        right, exact_ms = _searched(replace(request, as_of=timezone.now()), platform)
    except SearchRefused:
        return None
    return Compared(len(found & right) / len(right), ms, exact_ms) if right else None


def _searched(request: SearchRequest, platform: Principal) -> tuple[set[UUID], float]:
    """The passages, and the milliseconds without the embedding, which only the first of two equal searches makes."""
    result = search_as_steward(request, principal=platform)
    return {one.chunk_id for one in result.passages}, result.timings_ms["search"]


def _kept(side: str, found: list[Compared]) -> RecallAudit:
    return RecallAudit.objects.create(
        side=side,
        queries=len(found),
        recall=fmean(one.recall for one in found),
        worst=min(one.recall for one in found),
        ms=median(one.ms for one in found),
        exact_ms=median(one.exact_ms for one in found),
    )


def statistics() -> list[Drift]:
    """The statistics of all collections in the open scope, by name; one query. Uses index: term_count_lookup"""
    with connection.cursor() as cursor:
        cursor.execute(statement("search.sql", "drift"), {"tenant": current_tenant_id()})
        rows = cursor.fetchall()
    return [
        Drift(
            key, name, passages, weighted, average, _problems(passages, weighted, average, entries)
        )
        for key, name, passages, weighted, average, entries in rows
    ]


def _problems(
    passages: int, weighted_with: float | None, average: float, entries: int
) -> tuple[str, ...]:
    problems = []
    if weighted_with and not 0.8 <= average / weighted_with <= 1.25:
        problems.append(
            f"weighted with an average of {weighted_with:.0f} terms, really {average:.0f}"
        )
    if passages != entries:
        problems.append(f"{passages} passages are counted, {entries} can be searched by words")
    return tuple(problems)
