"""What was spent, by whatever one asks: feature, user, key, collection, model, prompt version or day.

Entry points: `by`, and `daily` for charts. A call that read several collections is booked on them in equal parts. A
successful outcome is a trace that ended well and that nobody gave a thumb down.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import LiteralString

from django.db import connection
from psycopg import sql

from tenants.scope import current_tenant_id

# What rows are grouped by: an expression over a call `m`, or a collection `c` that it read.
GROUPS = {
    "day": "to_char(m.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
    "feature": "m.feature",
    "model": "m.model",
    "user": "coalesce(m.user_id::text, '')",
    "key": "coalesce(m.api_key_id::text, '')",
    "collection": "coalesce(c.id::text, '')",
    "prompt_version": "coalesce(m.prompt_version_id::text, '')",
}
LONGEST_DAYS = 366
_CALLS = """
      FROM inference_modelcall m
      CROSS JOIN LATERAL (
           SELECT x AS id, greatest(1, cardinality(m.collections)) AS parts
             FROM unnest(CASE WHEN {by_collection} AND cardinality(m.collections) > 0
                              THEN m.collections ELSE ARRAY[NULL]::uuid[] END) AS x) c_all
      CROSS JOIN LATERAL (SELECT c_all.id, CASE WHEN {by_collection} THEN c_all.parts ELSE 1 END AS parts) c
     WHERE m.tenant_id = %s AND m.created_at >= %s AND m.created_at < %s::date + 1"""
# Uses index: modelcall_newest, feedback_trace.
_QUERY = """
    SELECT {group}, count(DISTINCT m.id), count(DISTINCT m.id) FILTER (WHERE m.outcome = 'error'),
           sum(m.input_tokens)::bigint, sum(m.output_tokens)::bigint, sum(m.cost_usd / c.parts),
           sum(m.excess_usd / c.parts), sum(m.saved_usd / c.parts),
           count(DISTINCT m.trace_id) FILTER (WHERE m.outcome = 'ok' AND m.trace_id <> '' AND NOT EXISTS (
               SELECT FROM traces_feedback f
                WHERE f.tenant_id = m.tenant_id AND f.trace_id = m.trace_id AND f.score < 0))
    {calls}
     GROUP BY 1 ORDER BY {order}"""
# Uses index: modelcall_newest.
_DAILY = """
    SELECT (m.created_at AT TIME ZONE 'UTC')::date, {group}, sum(m.cost_usd / c.parts)
    {calls}
     GROUP BY 1, 2 ORDER BY 1, 2"""


@dataclass(frozen=True)
class DayCost:
    """What a group cost on one day (UTC)."""

    day: date
    group: str
    cost_usd: Decimal


@dataclass(frozen=True)
class Cost:
    """One group's sums. ``per_success_usd`` is None where nothing ended well."""

    group: str
    calls: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    excess_usd: Decimal
    saved_usd: Decimal
    successes: int

    @property
    def per_success_usd(self) -> Decimal | None:
        return round(self.cost_usd / self.successes, 8) if self.successes else None

    def as_json(self) -> dict[str, object]:
        """Money as text: a float would lose digits."""
        told = {one.name: getattr(self, one.name) for one in fields(self)}
        told["per_success_usd"] = self.per_success_usd
        return {
            name: f"{value:.8f}" if isinstance(value, Decimal) else value
            for name, value in told.items()
        }


COLUMNS = (*(one.name for one in fields(Cost)), "per_success_usd")


def by(group: str, first: date, last: date) -> list[Cost]:
    """The costs of the days from ``first`` to ``last`` (both included, UTC), the dearest group first, days in order.

    Runs in the open scope; one query over the period's rows. Raises KeyError for a group that is none.
    """
    order = sql.SQL("1" if group == "day" else "6 DESC, 1")
    with connection.cursor() as cursor:
        cursor.execute(_grouped(_QUERY, group, order=order), [current_tenant_id(), first, last])
        return [Cost(*row) for row in cursor.fetchall()]


def daily(group: str, first: date, last: date) -> list[DayCost]:
    """The same by day and group, costs alone. One query over the period's rows."""
    with connection.cursor() as cursor:
        cursor.execute(_grouped(_DAILY, group), [current_tenant_id(), first, last])
        return [DayCost(*row) for row in cursor.fetchall()]


def _grouped(query: LiteralString, group: str, **parts: sql.SQL) -> sql.Composed:
    is_by_collection = sql.SQL("true" if group == "collection" else "false")
    calls = sql.SQL(_CALLS).format(by_collection=is_by_collection)
    return sql.SQL(query).format(group=sql.SQL(GROUPS[group]), calls=calls, **parts)
