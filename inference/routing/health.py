"""How models do, by the calls that the ledger saw lately: latency, time to first token, share of errors.

Entry point: `of`. The ledger is shared by all processes, so there is nothing more to write; the figures are kept for
five seconds, and bounded: the last 2,000 calls of the last quarter of an hour. What a budget or a rate limit refused
was never asked of a model, and counts for none.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from inference.errors import NOT_ASKED
from tenants.scope import Principal, tenant_scope

WINDOW_MINUTES = 15
MOST_CALLS = 2_000
KEPT_SECONDS = 5.0
MOST_TENANTS = 1_000
# Fewer answers than this say nothing about speed.
FEWEST = 3

# Uses index: modelcall_newest (tenant, newest first), which the limit ends early.
_QUERY = """
SELECT provider, model, count(*), count(*) FILTER (WHERE outcome = 'error'),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY first_token_ms) FILTER (WHERE outcome = 'ok'),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms) FILTER (WHERE outcome = 'ok'),
       count(*) FILTER (WHERE outcome = 'ok')
  FROM (SELECT provider, model, outcome, first_token_ms, latency_ms
          FROM inference_modelcall
         WHERE tenant_id = %s AND created_at > now() - make_interval(mins => %s) AND cache = ''
           AND error_code <> ALL (%s)
         ORDER BY created_at DESC LIMIT %s) recent
 GROUP BY provider, model
"""


@dataclass(frozen=True)
class Health:
    """One model's last quarter of an hour. Times in milliseconds; None: nothing whole to measure."""

    calls: int
    errors: int
    first_token_ms: float | None
    latency_ms: float | None
    answered: int

    @property
    def error_share(self) -> float:
        return self.errors / self.calls if self.calls else 0.0

    @property
    def expected_ms(self) -> float | None:
        """To the first token (or to the end, where there are no tokens), repeated for what fails."""
        measured = self.latency_ms if self.first_token_ms is None else self.first_token_ms
        if measured is None or self.answered < FEWEST:
            return None
        return measured / max(0.05, 1 - self.error_share)


Figures = dict[tuple[str, str], Health]


def of(principal: Principal) -> Figures:
    """By provider and model name, at most five seconds old. One query when it has to be read."""
    with _lock:
        kept = _kept.get(principal.tenant_id)
    if kept is not None and time.monotonic() - kept[0] < KEPT_SECONDS:
        return kept[1]
    found = read(principal)
    with _lock:
        _kept[principal.tenant_id] = (time.monotonic(), found)
        if len(_kept) > MOST_TENANTS:
            _kept.popitem(last=False)
    return found


def read(principal: Principal) -> Figures:
    """The same afresh. One query over at most 2,000 rows."""
    values: list[Any] = [principal.tenant_id, WINDOW_MINUTES, list(NOT_ASKED), MOST_CALLS]
    with tenant_scope(principal), connection.cursor() as cursor:
        cursor.execute(_QUERY, values)
        return {(row[0], row[1]): Health(*row[2:7]) for row in cursor.fetchall()}


_kept: OrderedDict[UUID, tuple[float, Figures]] = OrderedDict()
_lock = threading.Lock()
