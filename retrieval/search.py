"""Hybrid search inside one tenant. Entry point: ``search(request, principal=...)``.

It runs as the principal's reader: what a person may not read is not searched, whoever started the search. The gateway
embeds the question, before any transaction is open; one small query finds the collections and the serving space, and
one call of the pinned function ``footnote_search`` ranks on both sides and fuses them. Fusion is by scores rather than
by ranks, and weighs the sides by what they know of the question (``trust``, docs/benchmarks.md). Where the question
cannot be embedded, or its model is not the one that the tenant's vectors come from, the search goes on with its lexical
side and says so in ``degraded``.

Cost: one embedding (cached by the gateway), one transaction with two queries.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from django.db import connection

from ingestion.lexical import terms
from retrieval.passages import Explanation, Passage, SearchRequest, SearchResult
from retrieval.places import Place, find_place, usable_vector
from retrieval.query_embedding import NOT_ASKED, embedded_question
from retrieval.questions import Terms, asked_dimensions, asked_terms, cleaned_query
from retrieval.statements import statement
from retrieval.trust import known_share, lexical_trust
from tenants.scope import Principal, current_principal, tenant_scope

# Each side offers at least this many candidates; what both lack is not found.
DEPTH = 100


def search(request: SearchRequest, *, principal: Principal | None = None) -> SearchResult:
    """Passages for the question, best first, at most ``limit``; fewer only when fewer match.

    With ``principal`` it opens its own short scope once the question is embedded: the way to call it from outside of a
    transaction. Without, it runs in the open scope. In both it reads what the principal's groups may read, never as a
    steward. Raises ``SearchRefused`` for a blank or over-long question, a limit out of range, or an unknown collection,
    and ``NoTenantScope``.
    """
    asker = (principal or current_principal()).as_reader()
    if principal is None and not current_principal().reads_all:
        return _search(request, asker, nullcontext())
    return _search(request, asker, tenant_scope(asker))


def search_as_steward(request: SearchRequest, *, principal: Principal) -> SearchResult:
    """The same as exactly this principal, reader groups lifted if it reads all: for operators' tools alone."""
    return _search(request, principal, tenant_scope(principal))


def _search(
    request: SearchRequest, asker: Principal, scope: AbstractContextManager[object]
) -> SearchResult:
    timings: dict[str, float] = {}
    query = cleaned_query(request)
    with _timed(timings, "embed"):
        embedded = NOT_ASKED if request.side == "lexical" else embedded_question(query, asker)
    with _timed(timings, "search"), scope:
        place = find_place(request.collection_ids)
        vector, reason = usable_vector(embedded, place.space)
        languages = () if request.side == "dense" else place.languages.values()
        asked = asked_terms(query, languages)
        known = known_share(query) if vector else 0.0
        rows = _ranked(request, place, vector, asked, known) if place.languages else []
    told = asked if request.explain else {}
    passages = tuple(_passage(rank, row, told, place) for rank, row in enumerate(rows, start=1))
    return SearchResult(passages, timings, (reason,) if reason else ())


def _ranked(
    request: SearchRequest, place: Place, vector: str | None, asked: Terms, known: float
) -> list[tuple[Any, ...]]:
    counts = asked_dimensions(asked)
    values = {
        "vector": vector,
        "space": place.space.id if place.space else None,
        "dimensions": list(counts),
        "counts": list(counts.values()),
        "trust": lexical_trust(known) if vector else 1.0,
        "collections": list(place.languages),
        "as_of": request.as_of,
        "depth": max(DEPTH, request.limit),
        "cut": request.limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement("search.sql", "search"), values)
        return list(cursor.fetchall())


def _passage(rank: int, row: tuple[Any, ...], asked: Terms, place: Place) -> Passage:
    chunk, document, version, collection, external_id, title = row[:6]
    page, page_end, text, heading_path, start, end, score = row[6:13]
    dense_rank, dense_score, lexical_rank, lexical_score, lexical_share = row[13:]
    language = place.languages[collection]
    held = set(terms(" ".join([title, *heading_path, text]), language)) if asked else set()
    found = tuple(sorted(term for term in asked.get(language, ()) if term in held))
    return Passage(
        rank=rank,
        score=score,
        chunk_id=chunk,
        document_id=document,
        version_id=version,
        collection_id=collection,
        external_id=external_id,
        title=title,
        page=page,
        page_end=page_end,
        text=text,
        heading_path=tuple(heading_path),
        span_start=start,
        span_end=end,
        explain=Explanation(
            dense_rank, dense_score, lexical_rank, lexical_score, lexical_share, found
        ),
    )


@contextmanager
def _timed(timings: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timings[name] = round((time.perf_counter() - start) * 1000, 3)
