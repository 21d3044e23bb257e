"""Hybrid search inside one tenant. Entry point: ``search(request, principal=...)``.

It runs as the principal's reader: what a person may not read is not searched, whoever started the search. A question
is ranked on both sides by one call of the pinned function ``footnote_search`` (``ranking``). Fusion is by scores
rather than by ranks, and weighs the sides by what they know of the question (``trust``, docs/benchmarks.md). Where the
question cannot be embedded, or its model is not the one that the tenant's vectors come from, the search goes on with
its lexical side and says so in ``degraded``.

With ``expand`` other wordings or the parts of the question are searched too (``expansion``). With ``rerank`` the
tenant's reranker then reads the best passages, after the transaction (``reranking``).

Cost: one embedding (cached by the gateway), one transaction with two queries, sent in one round trip where a search
like it has been made before; both again in the moment in which the tenant moves to another embedding space
(``serving``).
"""

from contextlib import nullcontext
from dataclasses import replace
from functools import partial

from retrieval import expansion, reranking
from retrieval.passages import Passage, SearchRequest, SearchResult
from retrieval.phrases import REACH, joined, quoted, with_phrases_first
from retrieval.questions import cleaned_query
from retrieval.ranking import Scope, ranked, timed
from tenants.scope import Principal, current_principal, tenant_scope


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
    with timed(found.timings_ms, "rerank"):
        passages, reasons = reranking.reranked(query, found.passages, asker, request)
    return replace(found, passages=passages[: request.limit], degraded=(*found.degraded, *reasons))


def _gathered(request: SearchRequest, query: str, asker: Principal, scope: Scope) -> SearchResult:
    if request.expand is None:
        return _fused(request, query, asker, scope)
    timings: dict[str, float] = {}
    with timed(timings, "expand"):
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
        return ranked(request, query, asker, scope)
    deeper = replace(request, limit=max(request.limit, REACH))
    found = ranked(deeper, query, asker, scope)
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
    results = [ranked(alone, phrase, asker, scope) for phrase in phrases]
    spent = sum(result.timings_ms["search"] for result in results)
    timings["search"] = round(timings["search"] + spent, 3)
    return [result.passages for result in results]
