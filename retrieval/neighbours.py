"""What stands next to the best passages: the chunk before and after each, and the rest of a short section.

Entry point: ``neighbours``. They are passages like others, with their own chunk, page and span, so that a sentence
quoted from one is cited where it stands; ``retrieval.context.beside`` packs them behind the ranked ones.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from retrieval.passages import Explanation, Passage
from retrieval.statements import statement
from tenants.scope import current_tenant_id

# Of how many passages, best first, the surroundings are worth reading.
BEST = 3
# How far a section is followed on either side, in chunks; across a heading only the next chunk counts.
REACH = 3


def neighbours(passages: Sequence[Passage], *, as_of: datetime | None = None) -> list[Passage]:
    """Chunks around the best passages that are not among ``passages``: nearest first, then by their passage's rank.

    In the open scope, which must be that of the reader who searched; one query, by index.
    """
    best = {one.chunk_id: one for one in sorted(passages, key=lambda one: one.rank)[:BEST]}
    if not best:
        return []
    given = {one.chunk_id for one in passages}
    with connection.cursor() as cursor:
        cursor.execute(
            statement("search.sql", "neighbours"),
            {
                "tenant": current_tenant_id(),
                "chunks": list(best),
                "reach": REACH,
                "as_of": as_of,
            },
        )
        rows = [row for row in cursor.fetchall() if row[1] not in given]
    rows.sort(key=lambda row: (abs(row[2]), best[row[0]].rank, row[2]))
    found: dict[UUID, Passage] = {}
    for row in rows:
        found.setdefault(row[1], _neighbour(best[row[0]], row))
    return list(found.values())


def _neighbour(of: Passage, row: tuple[Any, ...]) -> Passage:
    """Under its passage's document; no side of the search has ranked it."""
    chunk, page, page_end, text, heading_path, start, end = row[1], *row[3:]
    return replace(
        of,
        chunk_id=chunk,
        page=page,
        page_end=page_end,
        text=text,
        heading_path=tuple(heading_path),
        span_start=start,
        span_end=end,
        explain=Explanation(None, None, None, None, None),
        sought=frozenset(),
    )
