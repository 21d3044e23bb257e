"""The last stage of a search, where it is asked for: the tenant's reranker reads the best passages with the question.

Entry points: ``require``, ``deepened``, ``reranked``. A reranker is asked through the gateway, never inside of the
search's transaction, and may fail: the order is then that of the fusion, and the result says so.
"""

from collections.abc import Sequence
from dataclasses import replace

from inference import gateway
from inference.errors import InferenceError
from retrieval.errors import SearchRefused
from retrieval.passages import Passage, SearchRequest
from tenants.scope import Principal

# How many passages are read. Beyond, a reranker costs more than it finds, and a page of results is shorter.
RERANKED = 30


def require(asker: Principal) -> None:
    """Raises ``SearchRefused`` when the tenant has no reranker."""
    if not gateway.can_rerank(asker):
        raise SearchRefused(
            "rerank",
            "There is no reranker: an administrator can add a model of the kind reranker"
            " (or the operator set FOOTNOTE_RERANK_MODEL). Leave `rerank` out until then.",
        )


def deepened(request: SearchRequest) -> SearchRequest:
    """The same search with as many passages as are reranked: every page of it then orders the same ones."""
    return replace(request, limit=max(request.limit, RERANKED))


def reranked(
    query: str, passages: tuple[Passage, ...], asker: Principal, request: SearchRequest
) -> tuple[tuple[Passage, ...], tuple[str, ...]]:
    """The first ``RERANKED`` in the reranker's order, the rest behind them; and why not, where it failed.

    Equal scores keep their order. A passage takes the ``score`` of its new place, so that scores fall down the list.
    Cost: one call of the gateway, in its own time-out.
    """
    head = passages[:RERANKED]
    try:
        scores = gateway.rerank(
            query,
            _texts(head),
            feature=request.feature,
            principal=asker,
            seconds=request.patience,
        ).scores
    except InferenceError as error:
        return passages, (f"rerank: {error.member_message} The order is that of the search.",)
    order = sorted(range(len(head)), key=lambda at: -scores[at])
    moved = tuple(
        _moved(head[at], scores[at], place) for at, place in zip(order, head, strict=True)
    )
    return moved + passages[RERANKED:], ()


def _moved(passage: Passage, score: float, place: Passage) -> Passage:
    why = replace(passage.explain, rank_before=passage.rank, rerank_score=score)
    return replace(passage, rank=place.rank, score=place.score, explain=why)


def _texts(passages: Sequence[Passage]) -> list[str]:
    return ["\n".join((one.title, *one.heading_path, one.text)) for one in passages]
