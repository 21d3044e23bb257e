"""Operator work on money: giving back what dead processes held, and holding the budgets against the ledger.

Entry points: `release_expired` (every 15 seconds), `discrepancies` (`bin/manage ledger check`, nightly).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import connection, connections

from tenants.models import Tenant
from tenants.scope import platform_principal, tenant_scope

# Each row of the ledger names the counters that its cost was added to.
_COMPARED = """
    SELECT c.id, b.name, c.subject, c.period_start, c.spent_usd, coalesce(l.cost, 0)
      FROM inference_budgetcounter c
      JOIN inference_budget b ON b.tenant_id = c.tenant_id AND b.id = c.budget_id
      LEFT JOIN (SELECT counter, sum(cost_usd) AS cost
                   FROM inference_modelcall m, unnest(m.charged) AS counter
                  WHERE m.tenant_id = %s GROUP BY counter) l ON l.counter = c.id
     WHERE c.tenant_id = %s AND c.spent_usd <> coalesce(l.cost, 0)
     ORDER BY b.name, c.period_start, c.subject"""


@dataclass(frozen=True)
class Discrepancy:
    """A budget whose spent is not the sum of its ledger rows."""

    counter_id: UUID
    budget: str
    subject: str
    period_start: str
    spent: Decimal
    ledger: Decimal


def release_expired() -> int:
    """Give back what calls held whose process no longer renews their lease; how many there were. One query."""
    with connections["operator"].cursor() as cursor:
        cursor.execute("SELECT footnote_release_expired()")
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def discrepancies(tenant_id: UUID) -> list[Discrepancy]:
    """The tenant's budgets that do not agree with the ledger, in an open scope. Reads the tenant's whole ledger."""
    with connection.cursor() as cursor:
        cursor.execute(_COMPARED, [tenant_id, tenant_id])
        rows = cursor.fetchall()
    return [
        Discrepancy(key, name, subject, str(start), spent, cost)
        for key, name, subject, start, spent, cost in rows
    ]


def all_discrepancies() -> Iterator[tuple[str, Discrepancy]]:
    """Those of every tenant, with its slug. One query per tenant, each in its own scope."""
    # Uses: the owner's view of the list of tenants is not needed, the operator may read it.
    for tenant in Tenant.objects.using("operator").order_by("slug"):
        with tenant_scope(platform_principal(tenant.pk)):
            found = discrepancies(tenant.pk)
        yield from ((tenant.slug, one) for one in found)
