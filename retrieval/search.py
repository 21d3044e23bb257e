"""Hybrid search inside one tenant. Entry point: ``search(request, principal=...)``.

It runs as the principal's reader: what a person may not read is not searched, whoever started the search. The gateway
embeds the question, before any transaction is open; one small query finds the collections and the serving space, and
one call of the pinned function ``footnote_search`` ranks on both sides and fuses the ranks (not the scores, which live
on different scales). Where the question cannot be embedded, or its model is not the one that the tenant's vectors come
from, the search goes on with its lexical side and says so in ``degraded``.

Cost: one embedding (cached by the gateway), one transaction with two queries.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from ingestion.cleaning import clean
from ingestion.lexical import dimension, terms
from retrieval.errors import SearchRefused, UnknownCollection
from retrieval.passages import (
    MAX_LIMIT,
    Explanation,
    Passage,
    SearchRequest,
    SearchResult,
)
from retrieval.query_embedding import EmbeddedQuestion, embedded_question
from retrieval.statements import statement
from tenants.scope import Principal, current_principal, tenant_scope

MAX_QUERY_CHARACTERS = 8000
# Each side offers this many candidates at least; measured in docs/benchmarks.md.
DEPTH = 100


@dataclass(frozen=True)
class Space:
    """The embedding space that serves the tenant's searches."""

    id: UUID
    model: str
    dimensions: int


@dataclass(frozen=True)
class Place:
    """Where a search looks: readable collections by the language of their index, and the serving space."""

    languages: dict[UUID, str]
    space: Space | None


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
        embedded = embedded_question(query, asker)
    with _timed(timings, "search"), scope:
        place = _place(request.collection_ids)
        vector, reason = _usable(embedded, place.space)
        asked = asked_terms(query, set(place.languages.values()))
        rows = _ranked(request, place, vector, asked) if place.languages else []
    passages = tuple(
        _passage(rank, row, asked if request.explain else {}, place)
        for rank, row in enumerate(rows, start=1)
    )
    return SearchResult(passages, timings, (reason,) if reason else ())


def _usable(embedded: EmbeddedQuestion, space: Space | None) -> tuple[str | None, str]:
    """The vector if it lives in the space that the tenant's vectors live in, else why not."""
    if embedded.vector is None or space is None:
        return None, embedded.reason
    if (embedded.model, embedded.dimensions) != (space.model, space.dimensions):
        made, asked = (
            f"{space.model} ({space.dimensions})",
            f"{embedded.model} ({embedded.dimensions})",
        )
        return None, f"dense: this tenant's vectors were made by {made}, the question's by {asked}"
    return embedded.vector, ""


def cleaned_query(request: SearchRequest) -> str:
    """The question as the index knows text; raises ``SearchRefused`` for what cannot be asked."""
    if not isinstance(request.query, str):
        raise SearchRefused("query", "The query must be a string.")
    if len(request.query) > MAX_QUERY_CHARACTERS:
        raise SearchRefused(
            "query",
            f"The query has {len(request.query)} characters; at most {MAX_QUERY_CHARACTERS} are searched.",
        )
    if not 1 <= request.limit <= MAX_LIMIT:
        raise SearchRefused(
            "limit", f"The limit must be between 1 and {MAX_LIMIT}, not {request.limit}."
        )
    if request.as_of is not None and request.as_of.tzinfo is None:
        raise SearchRefused("as_of", "The time needs a time zone, as in 2026-01-31T12:00:00Z.")
    query = clean(request.query).strip()
    if not query:
        raise SearchRefused("query", "The query is empty: say what to look for.")
    return query


def asked_terms(query: str, languages: set[str]) -> dict[str, Counter[str]]:
    """The question's terms and how often each is asked, by the language of the indexes that are searched."""
    return {
        language: Counter(terms(query, language, question=True)) for language in sorted(languages)
    }


def _place(wanted: Sequence[UUID] | None) -> Place:
    values = {
        "tenant": current_principal().tenant_id,
        "wanted": None if wanted is None else list(wanted),
    }
    with connection.cursor() as cursor:
        cursor.execute(statement("search.sql", "place"), values)
        rows = cursor.fetchall()
    languages = {row[0]: row[1] for row in rows}
    for collection_id in wanted or ():
        if collection_id not in languages:
            raise UnknownCollection(collection_id)
    space = Space(*rows[0][2:]) if rows and rows[0][2] else None
    return Place(languages, space)


def _ranked(
    request: SearchRequest,
    place: Place,
    vector: str | None,
    asked: dict[str, Counter[str]],
) -> list[tuple[Any, ...]]:
    counts = _dimensions(asked)
    values = {
        "vector": vector,
        "space": place.space.id if place.space else None,
        "dimensions": list(counts),
        "counts": list(counts.values()),
        "collections": list(place.languages),
        "as_of": request.as_of,
        "depth": max(DEPTH, 2 * request.limit),
        "cut": request.limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement("search.sql", "search"), values)
        return cursor.fetchall()


def _dimensions(asked: dict[str, Counter[str]]) -> dict[int, int]:
    """How often each dimension is asked. Terms that share one add up; languages that agree on a term ask it once."""
    counts: dict[int, int] = {}
    for words in asked.values():
        places: Counter[int] = Counter()
        for term, times in words.items():
            places[dimension(term)] += times
        for place, times in places.items():
            counts[place] = max(times, counts.get(place, 0))
    return counts


def _passage(
    rank: int, row: tuple[Any, ...], asked: dict[str, Counter[str]], place: Place
) -> Passage:
    chunk, document, version, collection, external_id, title = row[:6]
    page, page_end, text, heading_path, start, end, score = row[6:13]
    language = place.languages[collection]
    held = set(terms(text, language)) if asked else set()
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
        explain=Explanation(*row[13:17], terms=found),
    )


@contextmanager
def _timed(timings: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timings[name] = round((time.perf_counter() - start) * 1000, 3)
