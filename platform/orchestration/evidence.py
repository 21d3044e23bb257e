"""What the documents offer for a question: retrieval as a step of an answer, with its span in the trace.

Search runs as the asking principal's reader, in a short scope of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ingestion.models import Collection
from orchestration.citations import quoted
from orchestration.events import Cited
from orchestration.questions import Question, search_text
from retrieval.passages import Passage, SearchRequest, SearchResult
from retrieval.search import search
from tenants.scope import Principal, tenant_scope
from traces import recorder

SEARCHED = 20
NEAREST = 3


@dataclass(frozen=True)
class Evidence:
    """Passages in the order in which a prompt numbers them. ``sought`` is what was searched for."""

    sought: str
    passages: tuple[Passage, ...]
    answerable: bool
    degraded: tuple[str, ...] = ()

    @property
    def documents(self) -> int:
        """How many documents the passages are from."""
        return len({passage.document_id for passage in self.passages})

    def nearest(self) -> tuple[Cited, ...]:
        """What came closest, for a reader who gets no answer."""
        return tuple(
            quoted(n, passage, self.sought)
            for n, passage in enumerate(self.passages[:NEAREST], start=1)
        )


def searched_collections(question: Question, principal: Principal) -> tuple[str, ...]:
    """Names of the collections that are searched. One query."""
    with tenant_scope(principal.as_reader()):
        rows = Collection.objects.order_by("name")
        if question.collection_ids:
            rows = rows.filter(pk__in=question.collection_ids)
        return tuple(rows.values_list("name", flat=True))


def gather(question: Question, principal: Principal) -> Evidence:
    """Search, choose, and judge whether it is worth answering from. Raises SearchRefused."""
    sought = search_text(question)
    with recorder.span("retrieve", kind="retrieval") as step:
        request = SearchRequest(
            query=sought, collection_ids=question.collection_ids or None, limit=SEARCHED
        )
        found = search(request, principal=principal)
        evidence = Evidence(sought, found.passages, bool(found.passages), found.degraded)
        step.set(**_described(question, found, evidence))
    return evidence


def _described(question: Question, found: SearchResult, evidence: Evidence) -> dict[str, object]:
    return {
        "footnote__query": question.text,
        "footnote__query__searched": evidence.sought,
        "footnote__timings_ms": found.timings_ms,
        "footnote__degraded": found.degraded,
        "footnote__answerable": evidence.answerable,
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
