"""What the documents offer for a question: retrieval as a step of an answer, with its span in the trace.

Search runs as the asking principal's reader, in a short scope of its own. Where the tenant has a reranker, it orders
what was found; where it fails or is too slow, the answer is made from the search's own order, and the trace says so.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.conf import settings

from inference import gateway
from inference.guards import duty
from inference.guards.findings import Raised
from ingestion.models import Collection
from orchestration.citations import quoted
from orchestration.events import Cited
from orchestration.prompts import fenced
from orchestration.questions import Question
from orchestration.rewriting import Sought, sought_for
from retrieval.answerability import THRESHOLD, answerability
from retrieval.context import Context, beside, build_context
from retrieval.neighbours import neighbours
from retrieval.passages import EXPANSIONS, Expansion, Passage, SearchRequest, SearchResult
from retrieval.search import search
from tenants.scope import Principal, tenant_scope
from traces import recorder

SEARCHED = 20
NEAREST = 3
# So many seconds a reader waits for the reranker; then the search's own order has to do.
RERANK_PATIENCE = 5.0
# What a model is given to read at most, in tokens; never more than half of what it can read.
CONTEXT_TOKENS = 5000
# Less room than this holds no chunk.
LEAST_ROOM = 100


@dataclass(frozen=True)
class Place:
    """Where a question is searched: names of the collections, and the language of each one's index."""

    names: tuple[str, ...]
    languages: dict[UUID, str]


@dataclass(frozen=True)
class Evidence:
    """What was found for ``sought``, best first, and ``context``: what of it a model reads, in the prompt's order."""

    sought: Sought
    found: tuple[Passage, ...]
    context: Context
    score: float
    degraded: tuple[str, ...] = ()
    raised: tuple[Raised, ...] = ()

    @property
    def passages(self) -> tuple[Passage, ...]:
        """The passages that may be cited; ``passages[0]`` is [1]."""
        return self.context.passages

    @property
    def answerable(self) -> bool:
        """Is it worth answering from?"""
        return bool(self.passages) and self.score >= THRESHOLD

    @property
    def documents(self) -> int:
        """How many documents the passages are from."""
        return len({passage.document_id for passage in self.passages})

    def nearest(self) -> tuple[Cited, ...]:
        """What came closest, for a reader who gets no answer."""
        return tuple(
            quoted(n, passage, self.sought.text)
            for n, passage in enumerate(self.found[:NEAREST], start=1)
        )


def place_of(question: Question) -> Place:
    """The collections that are asked and may be read in the open scope. One query."""
    if question.collection_ids:
        rows = Collection.every.filter(pk__in=question.collection_ids).order_by("name")
    else:
        rows = Collection.objects.order_by("name")
    found = list(rows.values_list("id", "name", "language"))
    return Place(tuple(row[1] for row in found), {row[0]: row[2] for row in found})


def gather(
    question: Question,
    principal: Principal,
    place: Place,
    *,
    window: int,
    stop: threading.Event | None = None,
) -> Evidence:
    """Search, judge whether it answers, and pack it for a model that reads ``window`` tokens.

    Raises SearchRefused, and Cancelled where a follow-up is being rewritten.
    """
    with recorder.span("retrieve", kind="retrieval") as step:
        asked = sought_for(question, principal, stop=stop)
        sought = asked.text
        request = SearchRequest(
            query=sought,
            collection_ids=question.collection_ids or None,
            limit=SEARCHED,
            filter=question.filter,
            expand=expansion_of(question),
            rerank=gateway.can_rerank(principal),
            patience=RERANK_PATIENCE,
            feature=question.feature,
        )
        found, raised = _guarded(search(request, principal=principal), principal)
        budget = budget_of(window)
        context = build_context(found.passages, budget=budget, render=fenced)
        context, more = _with_neighbours(context, budget, principal)
        score = _score(sought, found.passages, place)
        evidence = Evidence(asked, found.passages, context, score, found.degraded, (*raised, *more))
        step.set(**_described(question, asked, found, evidence))
    return evidence


def expansion_of(question: Question) -> Expansion | None:
    """What is searched besides the question: as it asks, else as the operator has set."""
    usual = next((kind for kind in EXPANSIONS if kind == settings.SEARCH_EXPAND), None)
    return question.expand or usual


def budget_of(window: int) -> int:
    """Tokens of context for models that read ``window``."""
    return min(CONTEXT_TOKENS, window // 2)


def _with_neighbours(
    context: Context, budget: int, principal: Principal
) -> tuple[Context, tuple[Raised, ...]]:
    """What stands around the best passages, where the ranked ones leave room; read by the guards like these."""
    if budget - context.tokens < LEAST_ROOM:
        return context, ()
    with tenant_scope(principal.as_reader()):
        around = neighbours(context.passages)
    wider = beside(context, around, budget=budget, render=fenced)
    new = wider.passages[len(context.passages) :]
    fit, raised = duty.fit([passage.text for passage in new], principal)
    if len(fit) < len(new):
        wider = beside(context, [new[place] for place in fit], budget=budget, render=fenced)
    return wider, tuple(raised)


def _guarded(found: SearchResult, principal: Principal) -> tuple[SearchResult, tuple[Raised, ...]]:
    """Without the passages that the tenant's guards keep from models, and what they found."""
    fit, raised = duty.fit([passage.text for passage in found.passages], principal)
    if len(fit) < len(found.passages):
        left = replace(found, passages=tuple(found.passages[place] for place in fit))
        return left, tuple(raised)
    return found, tuple(raised)


def _score(sought: str, passages: Sequence[Passage], place: Place) -> float:
    if not passages:
        return 0.0
    # What the score was fitted to is the search's order, not a reranker's.
    found = sorted(passages, key=lambda one: one.explain.rank_before or one.rank)
    language = place.languages.get(found[0].collection_id, "english")
    return answerability(sought, found, language=language)


def _described(
    question: Question, asked: Sought, found: SearchResult, evidence: Evidence
) -> dict[str, object]:
    return {
        "footnote__query": question.text,
        "footnote__query__searched": asked.text,
        "footnote__query__by": asked.by,
        "footnote__query__rule": asked.rule,
        "footnote__queries": found.queries,
        "footnote__timings_ms": found.timings_ms,
        "footnote__degraded": found.degraded,
        "footnote__answerability": round(evidence.score, 4),
        "footnote__answerable": evidence.answerable,
        "footnote__context__tokens": evidence.context.tokens,
        "footnote__context__chunks": [str(passage.chunk_id) for passage in evidence.passages],
        "footnote__passages": _ranks(found.passages),
        "footnote__guards": [one.as_json() for one in evidence.raised],
    }


def _ranks(passages: Sequence[Passage]) -> list[dict[str, object]]:
    return [
        {
            "rank": passage.rank,
            "score": passage.score,
            "dense_rank": passage.explain.dense_rank,
            "dense_score": passage.explain.dense_score,
            "lexical_rank": passage.explain.lexical_rank,
            "lexical_score": passage.explain.lexical_score,
            "rank_before": passage.explain.rank_before,
            "rerank_score": passage.explain.rerank_score,
            "page_before": passage.explain.page_before,
            "title_named": passage.explain.title_named,
            "chunk_id": str(passage.chunk_id),
            "document_id": str(passage.document_id),
            "title": passage.title,
            "page": passage.page,
        }
        for passage in passages
    ]
