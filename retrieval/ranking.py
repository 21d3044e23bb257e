"""One question, one list: both sides ranked and fused by the pinned function ``footnote_search``.

``ranked`` is what ``search`` is made of. The gateway embeds the question, before any transaction is open. Where a
search like it has been made before, the place that it found is taken as a guess (``guesses``) and everything is sent at
once, as one transaction: its settings, the question where to look, the search there. Otherwise, and where the guess
turns out to be old, the place is asked for first.
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
from retrieval.errors import UnknownCollection
from retrieval.filters import matching_versions
from retrieval.naming import CONSIDERED, with_named_first
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
class Task:
    """A cleaned question, who asks it, and what opens a scope for it."""

    request: SearchRequest
    query: str
    asker: Principal
    scope: Scope


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
    task, timings = Task(request, query, asker, scope), dict[str, float]()
    for attempt in range(MOST_SPACES):
        guess = _guess(task)
        specification = _specification(task, guess)
        with timed(timings, "embed"):
            embedded = _embedded(task, specification)
        with timed(timings, "search"):
            result = _at_once(task, embedded, guess, timings) if guess else None
            if result:
                return result
            with scope():
                place = _place(task)
                moved = serving.has_moved(asker.tenant_id, specification, embedded, place.space)
                if moved and embedded is not NOT_ASKED and attempt + 1 < MOST_SPACES:
                    continue
                return _in_scope(task, _asked(task, embedded, place), timings)
    raise AssertionError("the last round returns")


def _guess(task: Task) -> Place | None:
    """Where it most likely looks, unless that is known to be old, or each step is to be seen by itself."""
    if task.request.space or task.request.plan or is_inside_transaction():
        return None
    guess = guesses.guess(task.asker, task.request.collection_ids)
    expected = serving.expected(task.asker.tenant_id)
    is_old = guess and guess.space and guess.space.specification != expected
    return None if is_old else guess


def _specification(task: Task, guess: Place | None) -> str:
    space = task.request.space or (guess and guess.space)
    return space.specification if space else serving.expected(task.asker.tenant_id)


def _embedded(task: Task, specification: str) -> EmbeddedQuestion:
    if task.request.side == "lexical":
        return NOT_ASKED
    return embedded_question(task.query, task.asker, specification)


def _at_once(
    task: Task, embedded: EmbeddedQuestion, guess: Place, timings: dict[str, float]
) -> SearchResult | None:
    """The search in one round trip; None where things are no longer as was guessed."""
    asker, wanted, stated = task.asker, task.request.collection_ids, task.request.stated
    asked = _asked(task, embedded, guess)
    where = place_query(asker.tenant_id, wanted, stated=stated)
    # Waiting for a connection makes no search slow.
    connection.ensure_connection()
    start = time.perf_counter()
    seen, rows = read_at_once(asker, [where, (asked.sql, asked.values)])
    ms = (time.perf_counter() - start) * 1000
    try:
        place = place_of(seen, wanted, stated=stated)
    except UnknownCollection:
        guesses.forget(asker, wanted)
        raise
    if replace(place, state="") != guess:
        return None
    _keep(task, asked, ms)
    return _result(task.request, replace(asked, place=place), rows, timings)


def _place(task: Task) -> Place:
    request = task.request
    found = find_place(request.collection_ids, stated=request.stated)
    guesses.remember(task.asker, request.collection_ids, found)
    return replace(found, space=request.space) if request.space else found


def _in_scope(task: Task, asked: Asked, timings: dict[str, float]) -> SearchResult:
    """The search in the open scope, and its plan, if that is asked for."""
    rows, plan = Rows(), ""
    if asked.place.languages:
        start = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.execute(asked.sql, asked.values)
            rows = list(cursor.fetchall())
        _keep(task, asked, (time.perf_counter() - start) * 1000)
        plan = slow.plan(asked.sql, asked.values) if task.request.plan else ""
    return _result(task.request, asked, rows, timings, plan)


def _asked(task: Task, embedded: EmbeddedQuestion, place: Place) -> Asked:
    vector, reason = usable_vector(embedded, place.space)
    languages = () if task.request.side == "dense" else place.languages.values()
    found = asked_terms(task.query, languages)
    counts = asked_dimensions(found)
    values: dict[str, Any] = {
        "vector": vector,
        "space": place.space.id if place.space else None,
        "dimensions": list(counts),
        "counts": list(counts.values()),
        "trust": lexical_trust(embedded.known) if vector else 1.0,
        "collections": list(place.languages),
        "as_of": task.request.as_of,
        "depth": max(DEPTH, task.request.limit),
        "cut": _cut(task.request),
    }
    versions, passing = _filtered(task, list(place.languages))
    sql = statement("search.sql", "search").format(versions=versions)
    return Asked(place, found, reason, sql, values | passing)


def _cut(request: SearchRequest) -> int:
    return max(CONSIDERED, request.limit) if request.side == "hybrid" else request.limit


def _filtered(task: Task, collection_ids: list[UUID]) -> tuple[str, dict[str, Any]]:
    """The versions that the filter lets through, as SQL inside the call, and its parameters."""
    if task.request.filter is None:
        return "NULL", {}
    passing = matching_versions(
        task.request.filter,
        tenant_id=task.asker.tenant_id,
        collection_ids=collection_ids,
        as_of=task.request.as_of,
    )
    return f"ARRAY({passing.sql})", passing.parameters


def _keep(task: Task, asked: Asked, ms: float) -> None:
    """What is kept of a search: a slow one with its plan, one of many as a sample. Mostly nothing, at no cost."""
    request = task.request
    is_slow = slow.is_slow(ms)
    is_sampled = request.side == "hybrid" and request.space is None and sampling.is_drawn()
    if not (is_slow or is_sampled):
        return
    with task.scope():
        if is_slow:
            slow.note(request, ms, asked.sql, asked.values)
        if is_sampled:
            sampling.note(task.query)


def _result(
    request: SearchRequest, asked: Asked, rows: Rows, timings: dict[str, float], plan: str = ""
) -> SearchResult:
    passages = tuple(_passage(rank, row, asked, request) for rank, row in enumerate(rows, start=1))
    if request.side == "hybrid":
        passages = with_named_first(passages, asked.terms)[: request.limit]
    degraded = (asked.reason,) if asked.reason else ()
    return SearchResult(passages, timings, degraded, plan, asked.place.state)


def _passage(rank: int, row: tuple[Any, ...], asked: Asked, request: SearchRequest) -> Passage:
    chunk, document, version, collection, external_id, title = row[:6]
    page, page_end, text, heading_path, start, end, score = row[6:13]
    dense_rank, dense_score, lexical_rank, lexical_score, lexical_share, page_before = row[13:]
    language = asked.place.languages[collection]
    sought, found = frozenset[str](), tuple[str, ...]()
    if request.explain or request.highlight:
        sought = frozenset(asked.terms.get(language, ()))
    if request.explain:
        whole = " ".join([title, *heading_path, text])
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
