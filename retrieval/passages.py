"""What a search is asked and what it returns: plain, immutable data."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

MAX_LIMIT = 1000
Side = Literal["hybrid", "dense", "lexical"]
SIDES: tuple[Side, ...] = ("hybrid", "dense", "lexical")


@dataclass(frozen=True)
class SearchRequest:
    """A question for the current principal. ``collection_ids`` None: all that may be read; ``as_of`` None: now.

    ``side`` narrows the search to vectors or to words, for comparison; people get both.
    """

    query: str
    collection_ids: tuple[UUID, ...] | None = None
    limit: int = 10
    as_of: datetime | None = None
    explain: bool = False
    side: Side = "hybrid"


@dataclass(frozen=True)
class Explanation:
    """Why a passage is where it is: its rank and score on each side.

    A rank is None where that side did not have it among its candidates; its score is known all the same.
    ``dense_score`` is the cosine similarity, ``lexical_score`` BM25 and ``lexical_share`` the part of it that the
    question could reach at most; ``terms`` are the asked terms (stems) that the passage holds, filled only when the
    request says ``explain``.
    """

    dense_rank: int | None
    dense_score: float | None
    lexical_rank: int | None
    lexical_score: float | None
    lexical_share: float | None
    terms: tuple[str, ...] = ()

    def __str__(self) -> str:
        dense = _side("dense", self.dense_rank, self.dense_score, 3)
        lexical = _side("lexical", self.lexical_rank, self.lexical_score, 2)
        return f"{dense}, {lexical}" + (f", terms: {' '.join(self.terms)}" if self.terms else "")

    def as_json(self) -> dict[str, object]:
        """The same under the names that the API uses."""
        return asdict(self) | {"terms": list(self.terms)}


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


@dataclass(frozen=True)
class SearchResult:
    """Passages, best first. ``degraded`` says in words what could not be used ("dense: ..."); empty when all was."""

    passages: tuple[Passage, ...]
    timings_ms: dict[str, float] = field(default_factory=dict)
    degraded: tuple[str, ...] = ()
