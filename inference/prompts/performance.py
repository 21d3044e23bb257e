"""How each version of a prompt has done: answers, thumbs, cost, latency, support. Entry point: ``by_version``.

In the open scope; one query over the period's rows. Uses index: modelcall_newest, feedback_trace, and the traces' own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection

from tenants.scope import current_tenant_id

_QUERY = """
SELECT call.prompt_version_id AS version_id, {day} AS day,
       count(*) FILTER (WHERE call.outcome = 'ok') AS calls,
       count(*) FILTER (WHERE call.outcome = 'error') AS errors,
       count(*) FILTER (WHERE call.cache <> '') AS kept,
       coalesce(sum(thumbs.helpful), 0) AS helpful, coalesce(sum(thumbs.unhelpful), 0) AS unhelpful,
       sum(call.cost_usd) AS cost,
       avg(call.latency_ms) FILTER (WHERE call.outcome = 'ok' AND call.cache = '') AS latency,
       avg((root.attributes ->> 'footnote.support')::float)
           FILTER (WHERE (root.attributes ->> 'footnote.answered')::boolean) AS support,
       avg((root.attributes ->> 'footnote.answered')::boolean::int) AS answered
  FROM inference_modelcall AS call
  LEFT JOIN (SELECT trace_id, count(*) FILTER (WHERE score = 1) AS helpful,
                    count(*) FILTER (WHERE score = -1) AS unhelpful
               FROM traces_feedback
              WHERE tenant_id = %(tenant)s AND created_at > now() - make_interval(days => %(days)s)
              GROUP BY trace_id) AS thumbs ON thumbs.trace_id = call.trace_id AND call.trace_id <> ''
  LEFT JOIN traces_span AS root ON root.tenant_id = call.tenant_id AND root.trace_id = call.trace_id
        AND root.kind = 'root' AND root.started_at > now() - make_interval(days => %(days)s)
 WHERE call.tenant_id = %(tenant)s AND call.prompt_version_id = ANY (%(versions)s)
   AND call.created_at > now() - make_interval(days => %(days)s)
 GROUP BY 1, 2 ORDER BY 2 DESC, calls DESC
"""


@dataclass(frozen=True)
class Performance:
    """One version's record; on one day, or (``day`` None) in all. Cost in USD, latency in ms; shares from 0 to 1."""

    version_id: UUID
    day: date | None
    calls: int
    errors: int
    kept: int
    helpful: int
    unhelpful: int
    cost: Any
    latency: float | None
    support: float | None
    answered: float | None

    @property
    def cost_per_answer(self) -> Any:
        """USD; None without an answer."""
        return self.cost / self.calls if self.calls else None


def by_version(versions: list[UUID], days: int, *, daily: bool = False) -> list[Performance]:
    """The record of these versions, newest day first when ``daily``."""
    day = "(call.created_at AT TIME ZONE 'UTC')::date" if daily else "NULL::date"
    with connection.cursor() as cursor:
        cursor.execute(
            _QUERY.format(day=day),
            {"tenant": current_tenant_id(), "days": days, "versions": versions},
        )
        return [Performance(*row) for row in cursor.fetchall()]
