"""Calling ``footnote_search`` as the runtime role does, without anything around it."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from ingestion.lexical import dimension, terms

CALL = (
    "SELECT * FROM footnote_search(%s::halfvec, %s, %s::int[], %s::int[], %s, %s::uuid[], %s::uuid[],"
    " %s::timestamptz, %s, %s)"
)


def call(
    query: str = "",
    vector: Sequence[float] | None = None,
    *,
    space: UUID | None = None,
    collections: Sequence[UUID] | None = None,
    versions: Sequence[UUID] | None = None,
    as_of: Any = None,
    trust: float = 1.0,
    depth: int = 100,
    cut: int = 10,
) -> list[dict[str, Any]]:
    """The function's rows by column name, in the open scope (or without one)."""
    counts = Counter(dimension(term) for term in terms(query, "english"))
    halfvec = None if vector is None else "[" + ",".join(map(str, vector)) + "]"
    wanted = None if collections is None else list(collections)
    asked = [halfvec, space, list(counts), list(counts.values()), trust]
    only = None if versions is None else list(versions)
    with connection.cursor() as cursor:
        cursor.execute(CALL, [*asked, wanted, only, as_of, depth, cut])
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def texts(rows: list[dict[str, Any]]) -> list[str]:
    """The passages' texts, best first."""
    return [row["text"] for row in rows]
