"""Searches that took too long, kept with the plan that the database has for them, to be looked at in the admin.

``note`` stores at most ``MOST_A_DAY`` a tenant and day, because each costs the search once more: the plan is taken
as the same role and reader, and given up when it takes longer than the search did twice over
(and than ``LEAST_MS``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from psycopg.errors import Diagnostic

from retrieval.models import SlowQuery
from retrieval.passages import SearchRequest

MOST_A_DAY = 20
KEPT = timedelta(days=30)
_EXPLAINED = "SELECT set_config('statement_timeout', %s, true), set_config('app.explain', %s, true)"
# A plan that is measured takes longer than the statement alone; what is a matter of milliseconds may well do so.
LEAST_MS = 1_000


def is_slow(milliseconds: float) -> bool:
    """Longer than ``FOOTNOTE_SLOW_SEARCH_MS``; never when that is 0."""
    return 0 < settings.SLOW_SEARCH_MS <= milliseconds


def note(request: SearchRequest, milliseconds: float, sql: str, values: dict[str, Any]) -> None:
    """Keep a slow search, in the open scope. Uses index: slow_query_newest"""
    today = SlowQuery.objects.filter(created_at__gt=timezone.now() - timedelta(days=1))
    if today.count() >= MOST_A_DAY:
        return
    SlowQuery.objects.create(
        query=request.query,
        duration_ms=milliseconds,
        details=_details(request, values),
        plan=plan(sql, values, most_ms=max(LEAST_MS, 2 * milliseconds)),
    )
    SlowQuery.objects.filter(created_at__lt=timezone.now() - KEPT).delete()


def plan(sql: str, values: dict[str, Any], *, most_ms: float = 10_000) -> str:
    """What the database says about a statement that it runs once more; why not, when it takes too long.

    Before the plan, which does not look into a function, stands what the search function says of itself.
    """
    try:
        with transaction.atomic(), _told() as lines, connection.cursor() as cursor:
            cursor.execute(_EXPLAINED, [str(int(most_ms) + 1), "on"])
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", values)
            lines += [row[0] for row in cursor.fetchall()]
            cursor.execute(_EXPLAINED, ["0", ""])
    except OperationalError as error:
        return f"No plan: {error}".strip()
    return "\n".join(lines)


@contextmanager
def _told() -> Iterator[list[str]]:
    """What functions tell meanwhile, line by line, as it comes."""
    lines: list[str] = []

    def keep(said: Diagnostic) -> None:
        if said.severity_nonlocalized == "INFO":
            lines.append(said.message_primary or "")

    connection.ensure_connection()
    connection.connection.add_notice_handler(keep)
    try:
        yield lines
    finally:
        connection.connection.remove_notice_handler(keep)


def _details(request: SearchRequest, values: dict[str, Any]) -> dict[str, Any]:
    """What the search asked for, without its vector."""
    return {
        "side": request.side,
        "limit": request.limit,
        "depth": values["depth"],
        "collections": len(values["collections"]),
        "as_of": request.as_of.isoformat() if request.as_of else None,
        "filter": repr(request.filter) if request.filter is not None else None,
        "terms": len(values["dimensions"]),
        "is_embedded": values["vector"] is not None,
    }
