"""The `/rerank` endpoints of Cohere (v2), Jina and Text Embeddings Inference. Their shapes differ in a few words.

Cohere  {model, query, documents} -> {results: [{index, relevance_score}], meta: {billed_units, tokens}}
Jina    the same, with return_documents -> {results: [...], usage: {total_tokens}}
TEI     {query, texts, raw_scores, truncate} -> [{index, score}]
Documentation: docs.cohere.com/reference/rerank, jina.ai/reranker, huggingface.github.io/text-embeddings-inference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from inference.clock import Clock
from inference.errors import UnreadableResponse
from inference.providers.openai_compatible import OpenAICompatible
from inference.providers.provider import ResolvedModel
from inference.reranking.reranker import Scored, in_place
from inference.tokens import count_text
from inference.types import Usage, token_count


@dataclass(frozen=True)
class Shape:
    """How one vendor asks and answers. `batch`: what a server takes at once unless told otherwise."""

    body: Callable[[str, str, Sequence[str]], dict[str, Any]]
    results: Callable[[Any], Any]
    score: str
    batch: int


def _like_cohere(model: str, query: str, documents: Sequence[str]) -> dict[str, Any]:
    return {"model": model, "query": query, "documents": list(documents)}


def _like_jina(model: str, query: str, documents: Sequence[str]) -> dict[str, Any]:
    return {**_like_cohere(model, query, documents), "return_documents": False}


def _like_tei(_model: str, query: str, documents: Sequence[str]) -> dict[str, Any]:
    return {"query": query, "texts": list(documents), "raw_scores": False, "truncate": True}


SHAPES = {
    "cohere": Shape(_like_cohere, lambda body: body["results"], "relevance_score", 1_000),
    "jina": Shape(_like_jina, lambda body: body["results"], "relevance_score", 1_000),
    "tei": Shape(_like_tei, lambda body: body, "score", 32),
}


class RerankEndpoint:
    """Stateless but for the connections it borrows."""

    def __init__(self, provider: OpenAICompatible, protocol: str) -> None:
        self._provider = provider
        self._shape = SHAPES[protocol]
        self.batch = self._shape.batch

    def score(
        self, query: str, documents: Sequence[str], model: ResolvedModel, clock: Clock
    ) -> Scored:
        """One request."""
        asked = self._shape.body(model.name, query, documents)
        body = self._provider.post("/rerank", asked, model.endpoint, clock)
        try:
            results = self._shape.results(body)
            by_index = {one["index"]: one[self._shape.score] for one in results}
        except (KeyError, TypeError) as error:
            raise UnreadableResponse(
                "the response to /rerank is not what the protocol says"
            ) from error
        return Scored(in_place(by_index, len(documents)), _usage(body, query, documents))


def _usage(body: Any, query: str, documents: Sequence[str]) -> Usage:
    """What the endpoint counted, or what we count: the query is read with every document."""
    reported = body.get("usage") if isinstance(body, dict) else None
    told = reported.get("total_tokens") if isinstance(reported, dict) else None
    if tokens := token_count(told):
        return Usage(prompt_tokens=tokens)
    counted = count_text(query) * len(documents) + sum(map(count_text, documents))
    return Usage(prompt_tokens=counted, estimated=True)
