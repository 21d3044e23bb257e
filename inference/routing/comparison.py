"""How the candidates of a route have done: outcomes, thumbs, cost and latency, each with its interval.

Entry point: `compare`, in an open scope. A call that lost a hedge or was stopped counts as neither success nor failure,
and what a budget or a rate limit refused does not count at all: no model was asked.
One query over the period's rows; uses index: modelcall_newest, feedback_trace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection

from inference.errors import NOT_ASKED
from inference.routing.intervals import Interval, mean, share
from tenants.scope import current_tenant_id

LONGEST_DAYS = 90

_QUERY = """
SELECT call.provider, call.model,
       count(*) FILTER (WHERE outcome = 'ok') AS answered,
       count(*) FILTER (WHERE outcome = 'error') AS failed,
       count(*) FILTER (WHERE outcome = 'cancelled') AS stopped,
       coalesce(sum(helpful), 0) AS helpful, coalesce(sum(unhelpful), 0) AS unhelpful,
       sum(cost_usd) AS spent,
       avg(cost_usd) FILTER (WHERE outcome = 'ok') AS cost,
       stddev_samp(cost_usd) FILTER (WHERE outcome = 'ok') AS cost_deviation,
       avg(latency_ms) FILTER (WHERE outcome = 'ok') AS latency,
       stddev_samp(latency_ms) FILTER (WHERE outcome = 'ok') AS latency_deviation,
       avg(first_token_ms) FILTER (WHERE outcome = 'ok') AS first_token,
       stddev_samp(first_token_ms) FILTER (WHERE outcome = 'ok') AS first_token_deviation,
       count(first_token_ms) FILTER (WHERE outcome = 'ok') AS with_first_token
  FROM inference_modelcall AS call
  LEFT JOIN (
        SELECT trace_id, count(*) FILTER (WHERE score = 1) AS helpful,
               count(*) FILTER (WHERE score = -1) AS unhelpful
          FROM traces_feedback
         WHERE tenant_id = %(tenant)s AND created_at > now() - make_interval(days => %(days)s)
         GROUP BY trace_id
       ) AS thumbs ON thumbs.trace_id = call.trace_id AND call.outcome = 'ok' AND call.trace_id <> ''
 WHERE call.tenant_id = %(tenant)s AND call.route = %(route)s AND call.cache = ''
   AND call.created_at > now() - make_interval(days => %(days)s) AND call.error_code <> ALL (%(not_asked)s)
 GROUP BY call.provider, call.model
 ORDER BY answered DESC, call.provider, call.model
"""


@dataclass(frozen=True)
class Compared:
    """One candidate's record. Costs in USD per answer, times in milliseconds per answer."""

    provider: str
    model: str
    answered: int
    failed: int
    stopped: int
    spent: float
    failures: Interval | None
    thumbs_up: Interval | None
    cost: Interval | None
    latency: Interval | None
    first_token: Interval | None


def compare(route: str, days: int) -> list[Compared]:
    """The candidates that were asked in the last `days` days, who answered most first."""
    with connection.cursor() as cursor:
        cursor.execute(
            _QUERY,
            {
                "tenant": current_tenant_id(),
                "route": route,
                "not_asked": list(NOT_ASKED),
                "days": max(1, min(days, LONGEST_DAYS)),
            },
        )
        names = [column.name for column in cursor.description or ()]
        return [_compared(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def _compared(row: dict[str, Any]) -> Compared:
    answered, failed = row["answered"], row["failed"]
    helpful = int(row["helpful"])
    return Compared(
        provider=row["provider"],
        model=row["model"],
        answered=answered,
        failed=failed,
        stopped=row["stopped"],
        spent=float(row["spent"]),
        failures=share(failed, answered + failed),
        thumbs_up=share(helpful, helpful + int(row["unhelpful"])),
        cost=mean(_number(row["cost"]), _number(row["cost_deviation"]), answered),
        latency=mean(row["latency"], row["latency_deviation"], answered),
        first_token=mean(row["first_token"], row["first_token_deviation"], row["with_first_token"]),
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
