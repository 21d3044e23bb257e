"""The only door to models: `chat`, `stream`, `embed`, `rerank`.

Every call is routed to a model of the tenant (`inference.routing`), bounded in time, retried in one place,
priced, and leaves a row in the ledger and a span in the open trace, also when it fails or is stopped. A stream
is whole when its last event is `Finished`; anything else ends in an exception from `inference.errors`.

Call it outside of an open transaction: the ledger's row must not be rolled back with somebody else's work.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tokenizers import Tokenizer

from inference import embeddings, structured
from inference.clients import Clients, shared
from inference.embedding.loading import DEFAULT_SETTING
from inference.embedding.specification import ENDPOINT_PREFIX, parse
from inference.embedding.tokenizing import default_model_path, load_tokenizer
from inference.errors import InputRefused, UnknownModel
from inference.guards import duty
from inference.judging import with_judge
from inference.reranking.calls import RerankCall
from inference.reranking.calls import rerank as reranked
from inference.routing.failover import answered
from inference.routing.operations import rerank_plan
from inference.routing.plans import plan_of
from inference.types import (
    ChatEvent,
    ChatRequest,
    ChatResult,
    EmbedResult,
    Finished,
    Purpose,
    RerankResult,
)
from tenants.scope import Principal, current_principal
from traces import recorder


def stream(
    request: ChatRequest, *, clients: Clients | None = None
) -> Generator[ChatEvent, None, None]:
    """TextDelta events, then Usage, then Finished. Closing it cancels the provider's work at once.

    Raises UnknownModel and InputRefused here and now; ProviderError, AnswerWithheld and Cancelled while iterating.
    Now and then four queries now, one insert per model asked; no transaction is held in between. Each event may be
    taken in another thread.
    """
    used = clients or shared()
    plan = plan_of(request)
    asked = with_judge(guarded(request), lambda one: chat(one, clients=clients))
    return answered(asked, plan, used)


def chat(request: ChatRequest, *, clients: Clients | None = None) -> ChatResult:
    """The whole answer, with `json_schema` checked JSON. Never returns half an answer.

    Raises UnknownModel, ProviderError, Cancelled; with `json_schema` also InvalidAnswer after one try to repair it,
    and ValueError for what is no schema.
    """
    if request.json_schema is not None:
        return structured.answered(request, request.json_schema, lambda one: _whole(one, clients))
    return _whole(request, clients)


def _whole(request: ChatRequest, clients: Clients | None) -> ChatResult:
    for event in stream(request, clients=clients):
        if isinstance(event, Finished):
            return event.result
    raise AssertionError("a stream ends with Finished or with an exception")


def embed(
    texts: Sequence[str],
    *,
    feature: str,
    purpose: Purpose = "document",
    principal: Principal | None = None,
    clients: Clients | None = None,
    model: str = "",
) -> EmbedResult:
    """Vectors of the texts, in order; `purpose="query"` keeps them in the process's cache.

    `model` is a specification (`inference.embedding.specification`), by default the configured one.
    `principal` defaults to that of the open scope. Raises EmbeddingError, ProviderError, NoTenantScope.
    """
    return embeddings.embed(
        texts,
        feature=feature,
        purpose=purpose,
        principal=principal or current_principal(),
        clients=clients or shared(),
        model=model,
    )


def embed_by_name(
    name: str,
    texts: Sequence[str],
    *,
    feature: str,
    principal: Principal,
    clients: Clients | None = None,
) -> EmbedResult:
    """The same by an embedding model of the tenant's or the operator's, for whoever asks for one by its name.

    Raises UnknownModel, LimitReached, EmbeddingError, ProviderError.
    """
    return embeddings.embed_by_name(
        name, texts, feature=feature, principal=principal, clients=clients or shared()
    )


def rerank(
    query: str,
    documents: Sequence[str],
    *,
    feature: str,
    principal: Principal | None = None,
    top: int | None = None,
    seconds: float | None = None,
    clients: Clients | None = None,
) -> RerankResult:
    """How well each document answers the query; with `top`, all but the best so many get 0.0.

    By the tenant's route `rerank`, else its first reranker, else the operator's cross-encoder; in `seconds` at most.
    `principal` defaults to that of the open scope. Raises UnknownModel when there is no reranker, ProviderError when
    none answered.
    """
    return reranked(
        RerankCall(
            query,
            documents,
            feature,
            principal or current_principal(),
            clients or shared(),
            seconds,
        ),
        top=top,
    )


def can_rerank(principal: Principal) -> bool:
    """Whether `rerank` has anybody to ask."""
    try:
        return bool(rerank_plan(principal).choices)
    except UnknownModel:
        return False


def guarded(request: ChatRequest) -> ChatRequest:
    """What may be sent of a request, with what was found. Raises InputRefused; its findings are stored."""
    try:
        sent, raised = duty.incoming(request)
    except InputRefused as error:
        trace_id, _ = recorder.current_ids()
        duty.keep(
            [*request.raised, *error.raised],
            principal=request.principal,
            feature=request.feature,
            trace_id=trace_id,
        )
        raise
    return replace(sent, raised=(*request.raised, *raised)) if raised else sent


def look_over(request: ChatRequest) -> None:
    """Only the guards on input, for a request that no model is asked. Raises InputRefused; findings are stored."""
    read = guarded(request)
    trace_id, _ = recorder.current_ids()
    duty.keep(read.raised, principal=request.principal, feature=request.feature, trace_id=trace_id)


@dataclass(frozen=True)
class EmbeddingModel:
    """What an embedding space is made with. `max_tokens` includes special tokens."""

    name: str
    dimensions: int
    max_tokens: int


def embedding_model(specification: str = "", *, clients: Clients | None = None) -> EmbeddingModel:
    """An embedding model, by default the configured one;

    the first call in a process loads it. Raises EmbeddingModelUnavailable.
    """
    embedder = (clients or shared()).embedder(specification)
    return EmbeddingModel(embedder.name, embedder.dimensions, embedder.max_tokens)


def embedding_tokenizer(specification: str = "") -> Tokenizer:
    """The tokenizer that texts are measured with, neither truncating nor padding. Cost: 20 ms, so keep it.

    An endpoint's tokenizer is not known; the default model's then stands in for it.
    """
    name = parse(specification).model
    is_local = name != DEFAULT_SETTING and not name.startswith(ENDPOINT_PREFIX)
    return load_tokenizer(Path(name) if is_local else default_model_path())
