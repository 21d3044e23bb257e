"""One question, one list: both sides ranked and fused by the pinned function ``footnote_search``.

``ranked`` is what ``search`` is made of. The gateway embeds the question, before any transaction is open. Where a
search like it has been made before, the place that it found is taken as a guess (``guesses``) and everything is sent at
once: the transaction, the question where to look, the search there. Otherwise, and where the guess turns out to be old,
the place is asked for first.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db import connection

from ingestion.lexical import terms
from retrieval import guesses, sampling, serving, slow
from retrieval.filters import matching_versions
from retrieval.passages import Explanation, Passage, SearchRequest, SearchResult
from retrieval.places import Place, find_place, place_of, place_query, usable_vector
from retrieval.query_embedding import NOT_ASKED, EmbeddedQuestion, embedded_question
from retrieval.questions import Terms, asked_dimensions, asked_terms
from retrieval.statements import statement
from retrieval.trust import lexical_trust
from tenants.scope import Principal, is_inside_transaction, read_at_once

# Each side offers at least this many candidates; what both lack is not found.
DEPTH = 100
# A tenant that moves to another embedding space during a search is followed; nobody moves twice in that time.
MOST_SPACES = 3
Rows = list[tuple[Any, ...]]
Scope = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class Asked:
    """A question as it is put to the database in one place: the call, and what is to be known of it afterwards."""

    place: Place
    terms: Terms
    reason: str
    sql: str
    values: dict[str, Any]


def ranked(request: SearchRequest, query: str, asker: Principal, scope: Scope) -> SearchResult:
    """Passages for one cleaned question, best first, in a scope of its own or in the open one (``scope`` opens it)."""
    timings: dict[str, float] = {}
    for attempt in range(MOST_SPACES):
        guess = _guess(request, asker)
        specification = _specification(request, asker, guess)
        with timed(timings, "embed"):
            embedded = _embedded(request, query, asker, specification)
        with timed(timings, "search"):
            result = guess and _at_once(request, query, embedded, guess, asker, scope, timings)
            if result:
                return result
            with scope():
                place = _place(request, asker)
                moved = serving.has_moved(asker.tenant_id, specification, embedded, place.space)
                if moved and embedded is not NOT_ASKED and attempt + 1 < MOST_SPACES:
                    continue
                asked = _asked(request, query, embedded, place, asker.tenant_id)
                return _in_scope(request, query, asked, scope, timings)
    raise AssertionError("the last round returns")


def _guess(request: SearchRequest, asker: Principal) -> Place | None:
    if request.space or request.plan or is_inside_transaction():
        return None
    return guesses.guess(asker, request.collection_ids)


def _specification(request: SearchRequest, asker: Principal, guess: Place | None) -> str:
    space = request.space or (guess and guess.space)
    return space.specification if space else serving.expected(asker.tenant_id)


def _embedded(
    request: SearchRequest, query: str, asker: Principal, specification: str
) -> EmbeddedQuestion:
    if request.side == "lexical":
        return NOT_ASKED
    return embedded_question(query, asker, specification)


def _at_once(
    request: SearchRequest,
    query: str,
    embedded: EmbeddedQuestion,
    guess: Place,
    asker: Principal,
    scope: Scope,
    timings: dict[str, float],
) -> SearchResult | None:
    """The search in one round trip; None where things are no longer as was guessed."""
    asked = _asked(request, query, embedded, guess, asker.tenant_id)
    where = place_query(asker.tenant_id, request.collection_ids, stated=request.stated)
    start = time.perf_counter()
    seen, rows = read_at_once(asker, [where, (asked.sql, asked.values)])
    ms = (time.perf_counter() - start) * 1000
    place = place_of(seen, request.collection_ids, stated=request.stated)
    if replace(place, state="") != guess:
        return None
    _keep(request, query, asked, ms, scope)
    return _result(request, replace(asked, place=place), rows, timings)


def _place(request: SearchRequest, asker: Principal) -> Place:
    found = find_place(request.collection_ids, stated=request.stated)
    guesses.remember(asker, request.collection_ids, found)
    return replace(found, space=request.space) if request.space else found


def _in_scope(
    request: SearchRequest, query: str, asked: Asked, scope: Scope, timings: dict[str, float]
) -> SearchResult:
    """The search in the open scope, and its plan, if that is asked for."""
    rows, plan = Rows(), ""
    if asked.place.languages:
        start = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.execute(asked.sql, asked.values)
            rows = list(cursor.fetchall())
        _keep(request, query, asked, (time.perf_counter() - start) * 1000, scope)
        plan = slow.plan(asked.sql, asked.values) if request.plan else ""
    return _result(request, asked, rows, timings, plan)


def _asked(
    request: SearchRequest, query: str, embedded: EmbeddedQuestion, place: Place, tenant_id: UUID
) -> Asked:
    vector, reason = usable_vector(embedded, place.space)
    languages = () if request.side == "dense" else place.languages.values()
    found = asked_terms(query, languages)
    trust = lexical_trust(embedded.known) if vector else 1.0
    sql, values = _call(request, place, vector, found, trust, tenant_id)
    return Asked(place, found, reason, sql, values)


def _call(
    request: SearchRequest,
    place: Place,
    vector: str | None,
    asked: Terms,
    trust: float,
    tenant_id: UUID,
) -> tuple[str, dict[str, Any]]:
    """The call of the search function, with the filter inside it, and its parameters."""
    counts = asked_dimensions(asked)
    values: dict[str, Any] = {
        "vector": vector,
        "space": place.space.id if place.space else None,
        "dimensions": list(counts),
        "counts": list(counts.values()),
        "trust": trust,
        "collections": list(place.languages),
        "as_of": request.as_of,
        "depth": max(DEPTH, request.limit),
        "cut": request.limit,
    }
    versions = "NULL"
    if request.filter is not None:
        passing = matching_versions(
            request.filter,
            tenant_id=tenant_id,
            collection_ids=list(place.languages),
            as_of=request.as_of,
        )
        versions, values = f"ARRAY({passing.sql})", values | passing.parameters
    return statement("search.sql", "search").format(versions=versions), values


def _keep(request: SearchRequest, query: str, asked: Asked, ms: float, scope: Scope) -> None:
    """What is kept of a search: a slow one with its plan, one of many as a sample. Mostly nothing, at no cost."""
    is_slow = slow.is_slow(ms)
    is_sampled = request.side == "hybrid" and request.space is None and sampling.is_drawn()
    if not (is_slow or is_sampled):
        return
    with scope():
        if is_slow:
            slow.note(request, ms, asked.sql, asked.values)
        if is_sampled:
            sampling.note(query)


def _result(
    request: SearchRequest, asked: Asked, rows: Rows, timings: dict[str, float], plan: str = ""
) -> SearchResult:
    passages = tuple(_passage(rank, row, asked, request) for rank, row in enumerate(rows, start=1))
    degraded = (asked.reason,) if asked.reason else ()
    return SearchResult(passages, timings, degraded, plan, asked.place.state)


def _passage(rank: int, row: tuple[Any, ...], asked: Asked, request: SearchRequest) -> Passage:
    chunk, document, version, collection, external_id, title = row[:6]
    page, page_end, text, heading_path, start, end, score = row[6:13]
    dense_rank, dense_score, lexical_rank, lexical_score, lexical_share, page_before = row[13:]
    language = asked.place.languages[collection]
    sought = frozenset(asked.terms.get(language, ()))
    whole = " ".join([title, *heading_path, text]) if request.explain else ""
    found = tuple(sorted(sought & set(terms(whole, language))))
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
            dense_rank,
            dense_score,
            lexical_rank,
            lexical_score,
            lexical_share,
            found,
            page_before=page_before,
        ),
        sought=sought if request.highlight else frozenset(),
        language=language,
    )


@contextmanager
def timed(timings: dict[str, float], name: str) -> Iterator[None]:
    """Adds the milliseconds of the block."""
    start = time.perf_counter()
    yield
    timings[name] = round((time.perf_counter() - start) * 1000, 3)
