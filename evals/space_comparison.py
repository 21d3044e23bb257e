"""Two embedding spaces side by side: on judged questions, and on questions that people asked lately.

Entry points: ``on_judged`` (nDCG@10 and recall of both) and ``on_live`` (how far their first ten agree). Both
search as the given principal, hybrid, as people do.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evals.metrics import ndcg, recall
from ingestion.models import EmbeddingSpace
from retrieval.passages import SearchRequest
from retrieval.places import Space
from retrieval.runs import Query, ranked_documents
from retrieval.search import search_as_steward
from tenants.scope import Principal

K = 10


@dataclass(frozen=True)
class Judged:
    """Quality of one space on judged questions: means of nDCG@10 and recall@100, and the median milliseconds."""

    questions: int
    ndcg: float
    recall: float
    milliseconds: float


@dataclass(frozen=True)
class Live:
    """How two spaces differ on live questions: the mean share of common passages in the first ten, how often the first
    passage is the same, and the median milliseconds of each."""

    questions: int
    overlap: float
    same_first: float
    milliseconds: tuple[float, float]


def place_of(space: EmbeddingSpace) -> Space:
    """The space as a search takes it."""
    return Space(space.pk, space.model, space.dimensions, space.specification)


def on_judged(
    space: EmbeddingSpace,
    queries: Sequence[Query],
    judged: Mapping[str, Mapping[str, int]],
    *,
    principal: Principal,
    request: SearchRequest,
) -> Judged:
    """Search every judged question in the space. Costs a search per question, with its embedding."""
    gains, found, times = [], [], []
    for query in queries:
        asked = _request(request, query.text, space, 100)
        passages, result = ranked_documents(
            asked, lambda one: search_as_steward(one, principal=principal)
        )
        ids = [passage.external_id for passage in passages]
        gains.append(ndcg(ids, judged[query.id], K))
        found.append(recall(ids, judged[query.id], 100))
        times.append(sum(result.timings_ms.values()))
    return Judged(
        len(gains), statistics.fmean(gains), statistics.fmean(found), statistics.median(times)
    )


def on_live(
    spaces: tuple[EmbeddingSpace, EmbeddingSpace],
    questions: Sequence[str],
    *,
    principal: Principal,
    request: SearchRequest,
) -> Live:
    """Search every question in both spaces, in turns."""
    common, same, times = [], [], ([], [])  # type: ignore[var-annotated]
    for question in questions:
        lists = []
        for number, space in enumerate(spaces):
            result = search_as_steward(_request(request, question, space, K), principal=principal)
            lists.append([passage.chunk_id for passage in result.passages])
            times[number].append(sum(result.timings_ms.values()))
        most = max(len(lists[0]), len(lists[1]), 1)
        common.append(len(set(lists[0]) & set(lists[1])) / most)
        same.append(lists[0][:1] == lists[1][:1])
    return Live(
        len(questions),
        statistics.fmean(common),
        statistics.fmean(same),
        (statistics.median(times[0]), statistics.median(times[1])),
    )


def _request(like: SearchRequest, query: str, space: EmbeddingSpace, limit: int) -> SearchRequest:
    return SearchRequest(
        query, collection_ids=like.collection_ids, limit=limit, space=place_of(space)
    )
