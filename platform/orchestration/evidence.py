"""What the documents offer for a question: retrieval as a step of an answer, with its span in the trace.

Search runs as the asking principal's reader, in a short scope of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from ingestion.models import Collection
from orchestration.citations import quoted
from orchestration.events import Cited
from orchestration.prompts import fenced
from orchestration.questions import Question, search_text
from retrieval.answerability import THRESHOLD, answerability
from retrieval.context import Context, build_context
from retrieval.passages import Passage, SearchRequest, SearchResult
from retrieval.search import search
from tenants.scope import Principal, tenant_scope
from traces import recorder

SEARCHED = 20
NEAREST = 3
# What a model is given to read at most, in tokens; never more than half of what it can read.
CONTEXT_TOKENS = 5000


@dataclass(frozen=True)
class Place:
    """Where a question is searched: names of the collections, and the language of each one's index."""

    names: tuple[str, ...]
    languages: dict[UUID, str]


@dataclass(frozen=True)
class Evidence:
    """What was found for ``sought``, best first, and ``context``: what of it a model reads, in the prompt's order."""

    sought: str
    found: tuple[Passage, ...]
    context: Context
    score: float
    degraded: tuple[str, ...] = ()

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
            quoted(n, passage, self.sought)
            for n, passage in enumerate(self.found[:NEAREST], start=1)
        )


def place_of(question: Question, principal: Principal) -> Place:
    """The readable collections that are asked. One query."""
    with tenant_scope(principal.as_reader()):
        rows = Collection.objects.order_by("name")
        if question.collection_ids:
            rows = rows.filter(pk__in=question.collection_ids)
        found = list(rows.values_list("id", "name", "language"))
    return Place(tuple(row[1] for row in found), {row[0]: row[2] for row in found})


def gather(question: Question, principal: Principal, place: Place, *, window: int) -> Evidence:
    """Search, judge whether it answers, and pack it for a model that reads ``window`` tokens. Raises SearchRefused."""
    sought = search_text(question)
    with recorder.span("retrieve", kind="retrieval") as step:
        request = SearchRequest(
            query=sought, collection_ids=question.collection_ids or None, limit=SEARCHED
        )
        found = search(request, principal=principal)
        budget = min(CONTEXT_TOKENS, window // 2)
        context = build_context(found.passages, budget=budget, render=fenced)
        score = _score(sought, found.passages, place)
        evidence = Evidence(sought, found.passages, context, score, found.degraded)
        step.set(**_described(question, found, evidence))
    return evidence


def _score(sought: str, passages: Sequence[Passage], place: Place) -> float:
    if not passages:
        return 0.0
    language = place.languages.get(passages[0].collection_id, "english")
    return answerability(sought, passages, language=language)


def _described(question: Question, found: SearchResult, evidence: Evidence) -> dict[str, object]:
    return {
        "footnote__query": question.text,
        "footnote__query__searched": evidence.sought,
        "footnote__timings_ms": found.timings_ms,
        "footnote__degraded": found.degraded,
        "footnote__answerability": round(evidence.score, 4),
        "footnote__answerable": evidence.answerable,
        "footnote__context__tokens": evidence.context.tokens,
        "footnote__context__chunks": [str(passage.chunk_id) for passage in evidence.passages],
        "footnote__passages": _ranks(found.passages),
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
            "chunk_id": str(passage.chunk_id),
            "document_id": str(passage.document_id),
            "title": passage.title,
            "page": passage.page,
        }
        for passage in passages
    ]
