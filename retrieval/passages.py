"""What a search is asked and what it returns: plain, immutable data."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from ingestion.lexical import term_spans
from retrieval.filters import Filter
from retrieval.places import Space

MAX_LIMIT = 1000
Side = Literal["hybrid", "dense", "lexical"]
Expansion = Literal["variants", "parts"]
EXPANSIONS: tuple[Expansion, ...] = ("variants", "parts")
SIDES: tuple[Side, ...] = ("hybrid", "dense", "lexical")


@dataclass(frozen=True)
class SearchRequest:
    """A question for the current principal. ``collection_ids`` None: all that may be read; ``as_of`` None: now.

    ``side`` narrows the search to vectors or to words, for comparison; people get both. ``filter`` narrows it to
    documents, before the cut. ``highlight`` asks where each passage holds the question's words, ``plan`` how the
    database found them, which costs the search once more. ``space`` searches another embedding space than the one
    that serves, for comparison. ``stated`` asks for the state of the documents that were searched. ``rerank`` has
    the tenant's reranker order the best passages anew (``reranking``), for ``patience`` seconds at most, booked on
    ``feature``; ``expand`` searches for other wordings of the question, or for its parts, as well (``expansion``).
    """

    query: str
    collection_ids: tuple[UUID, ...] | None = None
    limit: int = 10
    as_of: datetime | None = None
    explain: bool = False
    side: Side = "hybrid"
    filter: Filter | None = None
    highlight: bool = False
    space: Space | None = None
    plan: bool = False
    stated: bool = False
    rerank: bool = False
    expand: Expansion | None = None
    patience: float | None = None
    feature: str = "search"


@dataclass(frozen=True)
class Explanation:
    """Why a passage is where it is: its rank and score on each side.

    A rank is None where that side did not have it among its candidates; its score is known all the same.
    ``dense_score`` is the cosine similarity, ``lexical_score`` BM25 and ``lexical_share`` the part of it that the
    question could reach at most; ``page_before`` says that it comes among the first because the best passage by
    meaning and words follows on from it across the end of a page; ``title_named`` that the question names its document
    (``naming``); ``terms`` are the asked terms (stems) that the passage holds, filled
    only when the request says ``explain``; ``phrases`` are the quoted ones that it holds as typed. ``rank_before`` and
    ``rerank_score`` (0 to 1) are None for what no reranker has read.
    """

    dense_rank: int | None
    dense_score: float | None
    lexical_rank: int | None
    lexical_score: float | None
    lexical_share: float | None
    terms: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    rank_before: int | None = None
    rerank_score: float | None = None
    # With ``expand``: the queries that found it, and its rank for each.
    found_by: tuple[tuple[str, int], ...] = ()
    page_before: bool = False
    title_named: bool = False

    def __str__(self) -> str:
        dense = _side("dense", self.dense_rank, self.dense_score, 3)
        lexical = _side("lexical", self.lexical_rank, self.lexical_score, 2)
        said = f"{dense}, {lexical}"
        if self.page_before:
            said += ", the page before the best by meaning and words"
        if self.title_named:
            said += ", its title is named"
        if self.rerank_score is not None:
            said += f", reranked {self.rerank_score:.3f} (before #{self.rank_before})"
        if self.phrases:
            said += f", holds: {'; '.join(self.phrases)}"
        if self.found_by:
            said += (
                f", found by: {'; '.join(f'{query} (#{rank})' for query, rank in self.found_by)}"
            )
        return said + (f", terms: {' '.join(self.terms)}" if self.terms else "")

    def as_json(self) -> dict[str, object]:
        """The same under the names that the API uses."""
        found_by = [{"query": query, "rank": rank} for query, rank in self.found_by]
        told = {"terms": list(self.terms), "phrases": list(self.phrases), "found_by": found_by}
        return asdict(self) | told


def _side(name: str, rank: int | None, score: float | None, digits: int) -> str:
    value = "" if score is None else f" ({score:.{digits}f})"
    return f"{name} {f'#{rank}' if rank else '-'}{value}"


@dataclass(frozen=True)
class Passage:
    """A chunk as search returns it. Spans are character offsets into the version's text; pages count from one."""

    rank: int
    score: float
    chunk_id: UUID
    document_id: UUID
    version_id: UUID
    collection_id: UUID
    external_id: str
    title: str
    page: int | None
    page_end: int | None
    text: str
    heading_path: tuple[str, ...]
    span_start: int
    span_end: int
    explain: Explanation
    # The terms that were asked for, in the passage's language; filled only when the request says ``highlight``.
    sought: frozenset[str] = frozenset()
    language: str = "english"

    @property
    def highlights(self) -> tuple[tuple[int, int], ...]:
        """Where the text holds a term that was asked for. Cost: the words of the text are analysed at each call."""
        return tuple(term_spans(self.text, self.sought, self.language)) if self.sought else ()


@dataclass(frozen=True)
class SearchResult:
    """Passages, best first. ``degraded`` says in words what could not be used ("dense: ..."); empty when all was.

    ``state`` differs after every change to what could be found (``ingestion.generations``); filled only when the
    request says ``stated``, and read before the search. ``queries`` are those that an expanded search asked.
    """

    passages: tuple[Passage, ...]
    timings_ms: dict[str, float] = field(default_factory=dict)
    degraded: tuple[str, ...] = ()
    plan: str = ""
    state: str = ""
    queries: tuple[str, ...] = ()
