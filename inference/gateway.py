"""The only door to models: `chat`, `stream`, `embed`.

Every call is resolved to a model of the tenant, bounded in time, retried in one place, priced, and leaves a
row in the ledger and a span in the open trace, also when it fails or is stopped. A stream is whole when its
last event is `Finished`; anything else ends in an exception from `inference.errors`.

Call it outside of an open transaction: the ledger's row must not be rolled back with somebody else's work.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from tokenizers import Tokenizer

from inference import catalogue, embeddings
from inference.calls import ChatCall
from inference.clients import Clients, shared
from inference.embedding.loading import DEFAULT_SETTING, ENDPOINT_PREFIX
from inference.embedding.tokenizing import default_model_path, load_tokenizer
from inference.errors import ProviderError
from inference.types import ChatEvent, ChatRequest, ChatResult, EmbedResult, Finished, Purpose
from tenants.scope import Principal, current_principal


def stream(
    request: ChatRequest, *, clients: Clients | None = None
) -> Generator[ChatEvent, None, None]:
    """TextDelta events, then Usage, then Finished. Closing it cancels the provider's work at once.

    Raises UnknownModel here and now; ProviderError and Cancelled while iterating. One query now, one insert
    at the end; no transaction is held in between. Each event may be taken in another thread.
    """
    model = catalogue.resolve(request.principal, request.model)
    used = clients or shared()
    return _with_fallback(ChatCall(request, model, used))


def chat(request: ChatRequest, *, clients: Clients | None = None) -> ChatResult:
    """The whole answer. Raises UnknownModel, ProviderError, Cancelled; never returns half an answer."""
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
) -> EmbedResult:
    """Vectors of the texts, in order; `purpose="query"` keeps them in the process's cache.

    `principal` defaults to that of the open scope. Raises EmbeddingError, ProviderError, NoTenantScope.
    """
    return embeddings.embed(
        texts,
        feature=feature,
        purpose=purpose,
        principal=principal or current_principal(),
        clients=clients or shared(),
    )


@dataclass(frozen=True)
class EmbeddingModel:
    """What an embedding space is made with. `max_tokens` includes special tokens."""

    name: str
    dimensions: int
    max_tokens: int


def embedding_model(*, clients: Clients | None = None) -> EmbeddingModel:
    """The configured embedding model;

    the first call in a process loads it. Raises EmbeddingModelUnavailable.
    """
    embedder = (clients or shared()).embedder()
    return EmbeddingModel(embedder.name, embedder.dimensions, embedder.max_tokens)


def embedding_tokenizer() -> Tokenizer:
    """The tokenizer that texts are measured with, neither truncating nor padding. Cost: 20 ms, so keep it.

    An endpoint's tokenizer is not known; the default model's then stands in for it.
    """
    name = settings.EMBEDDING_MODEL
    is_local = name != DEFAULT_SETTING and not name.startswith(ENDPOINT_PREFIX)
    return load_tokenizer(Path(name) if is_local else default_model_path())


def _with_fallback(call: ChatCall) -> Generator[ChatEvent, None, None]:
    try:
        yield from call.events()
    except ProviderError as error:
        if not call.request.fall_back or call.delivered or call.model is catalogue.EXTRACTIVE:
            raise
        reason = f"{call.model.name}: {error.code}"
        yield from ChatCall(
            call.request, catalogue.EXTRACTIVE, call.clients, degraded=reason
        ).events()
