"""Hybrid search inside one tenant. Entry point: ``search(request)`` within an open ``tenant_scope``.

It runs as the current principal's reader: what a person may not read is not searched, whoever started the search. One
small query finds the collections and the serving space, the gateway embeds the question, and one call of the pinned
function ``footnote_search`` ranks on both sides and fuses the ranks (not the scores, which live on different scales).
Where the question cannot be embedded the search goes on with its lexical side and says so in ``degraded``.

Cost: two queries, one embedding (cached by the gateway).
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
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
from retrieval.query_embedding import embedded_question
from retrieval.statements import statement
from tenants.scope import current_principal, tenant_scope

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
class Scope:
    """Where a search looks: readable collections by the language of their index, and the serving space."""

    languages: dict[UUID, str]
    space: Space | None


def search(request: SearchRequest) -> SearchResult:
    """Passages for the question, best first, at most ``limit``; fewer only when fewer match.

    Runs as the reader of the open scope. Raises ``SearchRefused`` for a blank or over-long question, a limit out of
    range, or an unknown collection, and ``NoTenantScope`` outside a scope.
    """
    with _as_reader():
        return _search(request)


def search_as_steward(request: SearchRequest) -> SearchResult:
    """The same as the open scope's principal stands, reader groups lifted if it reads all: for operators' tools."""
    return _search(request)


def _as_reader() -> Any:
    principal = current_principal()
    return tenant_scope(principal.as_reader()) if principal.reads_all else nullcontext()


def _search(request: SearchRequest) -> SearchResult:
    timings: dict[str, float] = {}
    query = cleaned_query(request)
    with _timed(timings, "scope"):
        scope = _scope(request.collection_ids)
    if not scope.languages:
        return SearchResult(passages=(), timings_ms=timings)
    with _timed(timings, "embed"):
        vector, degraded = embedded_question(query, scope.space)
    asked = asked_terms(query, set(scope.languages.values()))
    with _timed(timings, "search"):
        rows = _ranked(request, scope, vector, asked)
    passages = tuple(
        _passage(rank, row, asked if request.explain else {}, scope)
        for rank, row in enumerate(rows, start=1)
    )
    return SearchResult(passages, timings, degraded)


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
    return {language: Counter(terms(query, language)) for language in sorted(languages)}


def _scope(wanted: Sequence[UUID] | None) -> Scope:
    values = {
        "tenant": current_principal().tenant_id,
        "wanted": None if wanted is None else list(wanted),
    }
    with connection.cursor() as cursor:
        cursor.execute(statement("search.sql", "scope"), values)
        rows = cursor.fetchall()
    languages = {row[0]: row[1] for row in rows}
    for collection_id in wanted or ():
        if collection_id not in languages:
            raise UnknownCollection(collection_id)
    space = Space(*rows[0][2:]) if rows and rows[0][2] else None
    return Scope(languages, space)


def _ranked(
    request: SearchRequest,
    scope: Scope,
    vector: str | None,
    asked: dict[str, Counter[str]],
) -> list[tuple[Any, ...]]:
    counts = _dimensions(asked)
    values = {
        "vector": vector,
        "space": scope.space.id if scope.space else None,
        "languages": [language for language, _ in counts],
        "dimensions": [dimension for _, dimension in counts],
        "counts": list(counts.values()),
        "collections": list(scope.languages),
        "as_of": request.as_of,
        "depth": max(DEPTH, 2 * request.limit),
        "cut": request.limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement("search.sql", "search"), values)
        return cursor.fetchall()


def _dimensions(asked: dict[str, Counter[str]]) -> Counter[tuple[str, int]]:
    """How often each (language, dimension) is asked; terms that share a dimension add up."""
    counts: Counter[tuple[str, int]] = Counter()
    for language, asked_in_it in asked.items():
        for term, times in asked_in_it.items():
            counts[language, dimension(term)] += times
    return counts


def _passage(
    rank: int, row: tuple[Any, ...], asked: dict[str, Counter[str]], scope: Scope
) -> Passage:
    chunk, document, version, collection, external_id, title = row[:6]
    page, page_end, text, heading_path, start, end, score = row[6:13]
    language = scope.languages[collection]
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
