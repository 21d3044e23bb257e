"""The gateway's embedding side: query cache, ledger row, trace span.

A query embedded in this process costs one millisecond and no money, and a ledger row would cost more than
the call; its span is its record. Batches of documents, and everything that an endpoint embeds, have a row.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from inference import ledger
from inference.clients import Clients
from inference.embedding.embedder import Embedder
from inference.errors import InferenceError
from inference.prices import cost_of
from inference.providers.endpoint_embedder import EndpointEmbedder
from inference.types import EmbedResult, Purpose, Usage
from tenants.scope import Principal
from traces import recorder


@dataclass(frozen=True)
class EmbedCall:
    """Who embeds with what, and what for."""

    embedder: Embedder
    principal: Principal
    feature: str
    purpose: Purpose

    @property
    def endpoint(self) -> EndpointEmbedder | None:
        return self.embedder if isinstance(self.embedder, EndpointEmbedder) else None

    @property
    def has_row(self) -> bool:
        return self.purpose == "document" or self.endpoint is not None


def embed(
    texts: Sequence[str], *, feature: str, purpose: Purpose, principal: Principal, clients: Clients
) -> EmbedResult:
    """See `gateway.embed`."""
    call = EmbedCall(clients.embedder(), principal, feature, purpose)
    if purpose == "document":
        return _traced(call, texts)
    return _cached(call, texts, clients) or _traced_and_kept(call, texts, clients)


def _cached(call: EmbedCall, texts: Sequence[str], clients: Clients) -> EmbedResult | None:
    tenant_id, embedder = call.principal.tenant_id, call.embedder
    found = [clients.queries.get((tenant_id, embedder.name, text)) for text in texts]
    vectors = [vector for vector in found if vector is not None]
    if not vectors or len(vectors) < len(found):
        return None
    return EmbedResult(np.stack(vectors), embedder.name, embedder.dimensions, 0, 0, Decimal(0), 0.0)


def _traced_and_kept(call: EmbedCall, texts: Sequence[str], clients: Clients) -> EmbedResult:
    result = _traced(call, texts)
    for text, vector in zip(texts, result.vectors, strict=True):
        clients.queries.put((call.principal.tenant_id, result.model, text), vector)
    return result


def _traced(call: EmbedCall, texts: Sequence[str]) -> EmbedResult:
    name = call.embedder.name
    with recorder.span(
        f"embeddings {name}",
        kind="embedding",
        gen_ai__operation__name="embeddings",
        gen_ai__request__model=name,
        footnote__texts=len(texts),
    ) as span:
        result = _recorded(call, texts)
        span.set(gen_ai__usage__input_tokens=result.tokens, footnote__cost_usd=str(result.cost))
        return result


def _recorded(call: EmbedCall, texts: Sequence[str]) -> EmbedResult:
    began = time.monotonic()
    try:
        encoded = call.embedder.encode(texts)
    except InferenceError as error:
        _record(call, Usage(), Decimal(0), _since(began), 1, error)
        raise
    usage = Usage(prompt_tokens=encoded.tokens)
    cost, latency_ms = _cost(call, usage), _since(began)
    _record(call, usage, cost, latency_ms, encoded.attempts, None)
    dimensions = int(encoded.vectors.shape[1])
    return EmbedResult(
        encoded.vectors,
        call.embedder.name,
        dimensions,
        encoded.tokens,
        encoded.truncated,
        cost,
        latency_ms,
    )


def _record(
    call: EmbedCall,
    usage: Usage,
    cost: Decimal,
    latency_ms: float,
    attempts: int,
    error: InferenceError | None,
) -> None:
    if not call.has_row:
        return
    trace_id, span_id = recorder.current_ids()
    ledger.record(
        ledger.Entry(
            principal=call.principal,
            operation="embeddings",
            feature=call.feature,
            provider=call.endpoint.model.provider if call.endpoint else "footnote",
            model=call.embedder.name,
            trace_id=trace_id,
            span_id=span_id,
            usage=usage,
            cost=cost,
            latency_ms=latency_ms,
            attempts=attempts,
            error=error,
        )
    )


def _cost(call: EmbedCall, usage: Usage) -> Decimal:
    if call.endpoint is None:
        return Decimal(0)
    model = call.endpoint.model
    return cost_of(usage, model=model.name, base_url=model.endpoint.base_url, prices=model.prices)


def _since(began: float) -> float:
    return (time.monotonic() - began) * 1000
