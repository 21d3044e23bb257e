"""Hybrid search inside one tenant. Entry point: ``search(request, principal=...)``.

It runs as the principal's reader: what a person may not read is not searched, whoever started the search. The gateway
embeds the question, before any transaction is open; one small query finds the collections and the serving space, and
one call of the pinned function ``footnote_search`` ranks on both sides and fuses them. Fusion is by scores rather than
by ranks, and weighs the sides by what they know of the question (``trust``, docs/benchmarks.md). Where the question
cannot be embedded, or its model is not the one that the tenant's vectors come from, the search goes on with its lexical
side and says so in ``degraded``.

With ``expand`` other wordings or the parts of the question are searched too (``expansion``). With ``rerank`` the
tenant's reranker then reads the best passages, after the transaction (``reranking``).

Cost: one embedding (cached by the gateway), one transaction with two queries; both again in the moment in which the
tenant moves to another embedding space (``serving``).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

from django.db import connection

from ingestion.lexical import terms
from retrieval import expansion, reranking, sampling, serving, slow
from retrieval.filters import matching_versions
from retrieval.passages import Explanation, Passage, SearchRequest, SearchResult
from retrieval.phrases import REACH, joined, quoted, with_phrases_first
from retrieval.places import Place, find_place, usable_vector
from retrieval.query_embedding import NOT_ASKED, EmbeddedQuestion, embedded_question
from retrieval.questions import Terms, asked_dimensions, asked_terms, cleaned_query
from retrieval.statements import statement
from retrieval.trust import known_share, lexical_trust
from tenants.scope import Principal, current_principal, current_tenant_id, tenant_scope

# Each side offers at least this many candidates; what both lack is not found.
DEPTH = 100
# A tenant that moves to another embedding space during a search is followed; nobody moves twice in that time.
MOST_SPACES = 3
Scope = Callable[[], AbstractContextManager[object]]


def search(request: SearchRequest, *, principal: Principal | None = None) -> SearchResult:
    """Passages for the question, best first, at most ``limit``; fewer only when fewer match.

    With ``principal`` it opens its own short scope once the question is embedded: the way to call it from outside of a
    transaction. Without, it runs in the open scope. In both it reads what the principal's groups may read, never as a
    steward. Raises ``SearchRefused`` for a blank or over-long question, a limit out of range, an unknown collection, or
    ``rerank`` where there is no reranker; ``NoTenantScope``; and ``ValueError`` for ``rerank`` or ``expand`` in the
    open scope: no transaction waits for a model.
    """
    if (request.rerank or request.expand) and principal is None:
        raise ValueError("a search that asks a model needs its principal, outside of any scope")
    asker = (principal or current_principal()).as_reader()
    if principal is None and not current_principal().reads_all:
        return _search(request, asker, nullcontext)
    return _search(request, asker, partial(tenant_scope, asker))


def search_as_steward(request: SearchRequest, *, principal: Principal) -> SearchResult:
    """The same as exactly this principal, reader groups lifted if it reads all: for operators' tools alone."""
    return _search(request, principal, partial(tenant_scope, principal))


def _search(request: SearchRequest, asker: Principal, scope: Scope) -> SearchResult:
    query = cleaned_query(request)
    if not request.rerank:
        return _gathered(request, query, asker, scope)
    reranking.require(asker)
    found = _gathered(reranking.deepened(request), query, asker, scope)
    with _timed(found.timings_ms, "rerank"):
        passages, reasons = reranking.reranked(query, found.passages, asker, request)
    return replace(found, passages=passages[: request.limit], degraded=(*found.degraded, *reasons))


def _gathered(request: SearchRequest, query: str, asker: Principal, scope: Scope) -> SearchResult:
    if request.expand is None:
        return _fused(request, query, asker, scope)
    timings: dict[str, float] = {}
    with _timed(timings, "expand"):
        queries = expansion.queries_for(query, request.expand, asker)
    deeper = replace(request, limit=max(request.limit, expansion.REACH))
    # The plan and the state are told once, those of the question itself.
    alone = replace(deeper, plan=False, stated=False)
    results = [
        _fused(alone if number else deeper, text, asker, scope)
        for number, text in enumerate(queries.texts)
    ]
    for name in results[0].timings_ms:
        timings[name] = round(sum(one.timings_ms.get(name, 0.0) for one in results), 3)
    return replace(
        results[0],
        passages=expansion.fused([one.passages for one in results], queries.texts, request.limit),
        timings_ms=timings,
        degraded=(*results[0].degraded, *filter(None, [queries.reason])),
        queries=queries.texts,
    )


def _fused(request: SearchRequest, query: str, asker: Principal, scope: Scope) -> SearchResult:
    phrases = quoted(query)
    if not phrases:
        return _ranked_by_scores(request, query, asker, scope)
    deeper = replace(request, limit=max(request.limit, REACH))
    found = _ranked_by_scores(deeper, query, asker, scope)
    lists = _by_phrase(replace(request, limit=REACH), phrases, asker, scope, found.timings_ms)
    passages = with_phrases_first(joined(found.passages, lists, phrases), phrases, request.limit)
    return replace(found, passages=passages)


def _by_phrase(
    request: SearchRequest,
    phrases: tuple[str, ...],
    asker: Principal,
    scope: Scope,
    timings: dict[str, float],
) -> list[tuple[Passage, ...]]:
    """What each phrase finds by its words alone; none where vectors alone are asked for. Adds its time."""
    if request.side == "dense":
        return []
    alone = replace(request, side="lexical", plan=False, stated=False)
    results = [_ranked_by_scores(alone, phrase, asker, scope) for phrase in phrases]
    spent = sum(result.timings_ms["search"] for result in results)
    timings["search"] = round(timings["search"] + spent, 3)
    return [result.passages for result in results]


def _ranked_by_scores(
    request: SearchRequest, query: str, asker: Principal, scope: Scope
) -> SearchResult:
    timings: dict[str, float] = {}
    for attempt in range(MOST_SPACES):
        specification = _specification(request, asker)
        with _timed(timings, "embed"):
            embedded = _embedded(request, query, asker, specification)
        with _timed(timings, "search"), scope():
            place = _place(request)
            moved = serving.has_moved(asker.tenant_id, specification, embedded, place.space)
            if moved and embedded is not NOT_ASKED and attempt + 1 < MOST_SPACES:
                continue
            return _found(request, query, embedded, place, timings)
    raise AssertionError("the last round returns")


def _specification(request: SearchRequest, asker: Principal) -> str:
    return request.space.specification if request.space else serving.expected(asker.tenant_id)


def _place(request: SearchRequest) -> Place:
    found = find_place(request.collection_ids, stated=request.stated)
    return replace(found, space=request.space) if request.space else found


def _embedded(
    request: SearchRequest, query: str, asker: Principal, specification: str
) -> EmbeddedQuestion:
    if request.side == "lexical":
        return NOT_ASKED
    return embedded_question(query, asker, specification)


def _found(
    request: SearchRequest,
    query: str,
    embedded: EmbeddedQuestion,
    place: Place,
    timings: dict[str, float],
) -> SearchResult:
    vector, reason = usable_vector(embedded, place.space)
    languages = () if request.side == "dense" else place.languages.values()
    asked = asked_terms(query, languages)
    known = known_share(query, place.space.specification) if vector and place.space else 0.0
    plan, rows = "", list[tuple[Any, ...]]()
    if place.languages:
        sql, values = _call(request, place, vector, asked, known)
        rows, ms = _ranked(sql, values)
        if slow.is_slow(ms):
            slow.note(request, ms, sql, values)
        if request.side == "hybrid" and request.space is None:
            sampling.note(query)
        plan = slow.plan(sql, values) if request.plan else ""
    passages = tuple(
        _passage(rank, row, asked, place, request) for rank, row in enumerate(rows, start=1)
    )
    return SearchResult(passages, timings, (reason,) if reason else (), plan, place.state)


def _call(
    request: SearchRequest, place: Place, vector: str | None, asked: Terms, known: float
) -> tuple[str, dict[str, Any]]:
    """The call of the search function, with the filter inside it, and its parameters."""
    counts = asked_dimensions(asked)
    values: dict[str, Any] = {
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
    versions = "NULL"
    if request.filter is not None:
        passing = matching_versions(
            request.filter,
            tenant_id=current_tenant_id(),
            collection_ids=list(place.languages),
            as_of=request.as_of,
        )
        versions, values = f"ARRAY({passing.sql})", values | passing.parameters
    return statement("search.sql", "search").format(versions=versions), values


def _ranked(sql: str, values: dict[str, Any]) -> tuple[list[tuple[Any, ...]], float]:
    """The rows, and how many milliseconds they took."""
    start = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows = list(cursor.fetchall())
    return rows, (time.perf_counter() - start) * 1000


def _passage(
    rank: int, row: tuple[Any, ...], asked: Terms, place: Place, request: SearchRequest
) -> Passage:
    chunk, document, version, collection, external_id, title = row[:6]
    page, page_end, text, heading_path, start, end, score = row[6:13]
    dense_rank, dense_score, lexical_rank, lexical_score, lexical_share, page_before = row[13:]
    language = place.languages[collection]
    sought = frozenset(asked.get(language, ()))
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
def _timed(timings: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timings[name] = round((time.perf_counter() - start) * 1000, 3)
