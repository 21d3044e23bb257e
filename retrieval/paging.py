"""Search a page at a time, with facets. Entry point: ``search_page``.

A cursor is signed and belongs to one question of one principal. It holds the passages that were given already, by half
of their ids (the random half), so that a page never repeats one, whatever was ingested meanwhile; the state of the
index, so that a page can say that it changed; and the last score, which no later one is above. Every page is searched
anew, and deeper: what was deleted or forbidden since is gone, and the same passage may score a little otherwise.
"""

import base64
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.core import signing

from retrieval.errors import CursorRefused
from retrieval.facets import COUNTED, Facets, count_facets
from retrieval.passages import MAX_LIMIT, Passage, SearchRequest
from retrieval.search import search
from tenants.scope import Principal, tenant_scope

SALT = "retrieval.cursor"
HALF = 8


@dataclass(frozen=True)
class Page:
    """One page. ``next`` is the cursor of the following one; ``changed``: the index is not that of the first page."""

    passages: tuple[Passage, ...]
    next: str | None
    changed: bool
    degraded: tuple[str, ...]
    timings_ms: dict[str, float]
    facets: Facets | None
    queries: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Cursor:
    question: str
    state: str
    seen: tuple[bytes, ...]
    last: float


def search_page(
    request: SearchRequest, *, principal: Principal, cursor: str | None = None, facets: bool = False
) -> Page:
    """The first page, or the one after ``cursor``; ``request.limit`` passages long, at most 1,000 in all.

    Raises ``SearchRefused`` as ``search`` does, and ``CursorRefused`` for a cursor of another question. Cost: that of a
    search, and with facets a scope with one query more. A page that is reranked asks the reranker anew.
    """
    question = _digest(request, principal)
    before = _Cursor(question, "", (), math.inf) if cursor is None else _read(cursor, question)
    size, given = request.limit, len(before.seen)
    reach = max(given + size + 1, COUNTED if facets else 0)
    wanted = replace(request, limit=min(reach, MAX_LIMIT), stated=True)
    found, seen = search(wanted, principal=principal), frozenset(before.seen)
    fresh = [one for one in found.passages if _half(one) not in seen]
    counted = _counted(found.passages, principal) if facets else None
    shown = tuple(
        replace(one, rank=given + n, score=min(one.score, before.last))
        for n, one in enumerate(fresh[:size], start=1)
    )
    last = shown[-1].score if shown else before.last
    after = _Cursor(question, before.state or found.state, (*before.seen, *map(_half, shown)), last)
    is_last = len(fresh) <= size or len(after.seen) >= MAX_LIMIT
    return Page(
        passages=shown,
        next=None if is_last else _written(after),
        changed=before.state not in ("", found.state),
        degraded=found.degraded,
        timings_ms=found.timings_ms,
        facets=counted,
        queries=found.queries,
    )


def _counted(passages: Sequence[Passage], principal: Principal) -> Facets:
    with tenant_scope(principal.as_reader()):
        return count_facets(passages[:COUNTED])


def _digest(request: SearchRequest, principal: Principal) -> str:
    """What a cursor belongs to. The size of a page may change on the way."""
    asked = (
        request.query,
        sorted(map(str, request.collection_ids or ())),
        request.collection_ids is None,
        str(request.as_of),
        request.side,
        request.rerank,
        request.expand,
        repr(request.filter),
        str(principal.tenant_id),
        str(principal.user_id),
        str(principal.api_key_id),
    )
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:32]


def _half(passage: Passage) -> bytes:
    return passage.chunk_id.bytes[-HALF:]


def _written(cursor: _Cursor) -> str:
    seen = base64.b64encode(b"".join(cursor.seen)).decode()
    return signing.dumps([cursor.question, cursor.state, seen, cursor.last], salt=SALT)


def _read(text: str, question: str) -> _Cursor:
    try:
        # A cursor that was given before scores were kept in it has none.
        owner, state, packed, *last = signing.loads(text, salt=SALT)
    except signing.BadSignature:
        raise CursorRefused("The cursor is not one that a search gave; use its `next`.") from None
    if owner != question:
        raise CursorRefused(
            "The cursor belongs to another search: send the same query, collections, filter, as_of, rerank and expand"
            " with it.",
        )
    seen = base64.b64decode(packed)
    halves = tuple(seen[start : start + HALF] for start in range(0, len(seen), HALF))
    return _Cursor(owner, state, halves, last[0] if last else math.inf)
