"""The gateway's embedding side: query cache, ledger row, trace span.

A query embedded in this process costs one millisecond and no money, and a ledger row would cost more than
the call; its span is its record. Batches of documents, and everything that an endpoint embeds, have a row.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
from django.conf import settings

from inference import bounds, catalogue, ledger, snapshots
from inference.admission import Admission, Ask, admit
from inference.clients import Clients
from inference.embedding.embedder import Embedder
from inference.embedding.loading import local_model
from inference.embedding.specification import ENDPOINT_PREFIX, Shortened, allowed
from inference.errors import InferenceError, UnknownModel, as_inference_error
from inference.models import Model
from inference.providers.endpoint_embedder import EndpointEmbedder
from inference.routing.operations import by_first_that_answers, embed_plan
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
    route: str = ""
    reason: str = ""
    degraded: str = ""

    @property
    def endpoint(self) -> EndpointEmbedder | None:
        found = self.embedder.whole if isinstance(self.embedder, Shortened) else self.embedder
        return found if isinstance(found, EndpointEmbedder) else None

    @property
    def has_row(self) -> bool:
        return self.purpose == "document" or self.endpoint is not None


def embed(
    texts: Sequence[str],
    *,
    feature: str,
    purpose: Purpose,
    principal: Principal,
    clients: Clients,
    model: str = "",
) -> EmbedResult:
    """See `gateway.embed`."""
    call = EmbedCall(clients.embedder(model), principal, feature, purpose)
    if purpose == "document":
        return _traced(call, texts, clients)
    return _cached(call, texts, clients) or _traced_and_kept(call, texts, clients)


def embed_by_name(
    name: str, texts: Sequence[str], *, feature: str, principal: Principal, clients: Clients
) -> EmbedResult:
    """See `gateway.embed_by_name`."""
    model = catalogue.find(snapshots.of(principal), name, kind=Model.Kind.EMBEDDING)
    if model is not None:
        embedder: Embedder = EndpointEmbedder(clients.endpoint_of(model), model, clients.policy)
    elif setting := local_models().get(name):
        embedder = clients.embedder(setting)
    else:
        raise UnknownModel(f"no enabled embedding model is called {name!r}")
    return _traced(EmbedCall(embedder, principal, feature, "document"), texts, clients)


def names(principal: Principal) -> list[str]:
    """The embedding models that may be asked by name: the tenant's, then the operator's."""
    rows = [one.name for one in snapshots.of(principal).models if one.kind == Model.Kind.EMBEDDING]
    configured = catalogue.environment_embedder()
    operators = [*([configured.name] if configured else []), *local_models()]
    return list(dict.fromkeys([*rows, *operators]))


def local_models() -> dict[str, str]:
    """Those that run here: their names, and the settings that they have them from."""
    found = (one for one in allowed() if not one.startswith(ENDPOINT_PREFIX))
    return {local_model(one, Path(settings.HOME)).name: one for one in found}


def _cached(call: EmbedCall, texts: Sequence[str], clients: Clients) -> EmbedResult | None:
    tenant_id, embedder = call.principal.tenant_id, call.embedder
    found = [clients.queries.get((tenant_id, embedder.name, text)) for text in texts]
    vectors = [vector for vector in found if vector is not None]
    if not vectors or len(vectors) < len(found):
        return None
    return EmbedResult(np.stack(vectors), embedder.name, embedder.dimensions, 0, 0, Decimal(0), 0.0)


def _traced_and_kept(call: EmbedCall, texts: Sequence[str], clients: Clients) -> EmbedResult:
    result = _traced(call, texts, clients)
    for text, vector in zip(texts, result.vectors, strict=True):
        clients.queries.put((call.principal.tenant_id, result.model, text), vector)
    return result


def _traced(call: EmbedCall, texts: Sequence[str], clients: Clients) -> EmbedResult:
    name = call.embedder.name
    with recorder.span(
        f"embeddings {name}",
        kind="embedding",
        gen_ai__operation__name="embeddings",
        gen_ai__request__model=name,
        footnote__texts=len(texts),
    ) as span:
        result = _by_first_that_answers(call, texts, clients)
        span.set(gen_ai__usage__input_tokens=result.tokens, footnote__cost_usd=str(result.cost))
        return result


def _by_first_that_answers(call: EmbedCall, texts: Sequence[str], clients: Clients) -> EmbedResult:
    """By the configured endpoint, or by those of the tenant's route `embed` that serve the very same model."""
    if call.endpoint is None:
        return recorded(call, texts)
    plan = embed_plan(call.principal, call.endpoint.model)
    if not plan.route:
        return recorded(call, texts)
    return by_first_that_answers(
        call.principal,
        plan,
        clients,
        lambda choice, policy, failures: recorded(
            EmbedCall(
                EndpointEmbedder(clients.endpoint_of(choice.model), choice.model, policy),
                call.principal,
                call.feature,
                call.purpose,
                plan.route,
                choice.reason,
                "; ".join(failures),
            ),
            texts,
        ),
    )


def recorded(call: EmbedCall, texts: Sequence[str]) -> EmbedResult:
    """One call of this embedder, admitted, priced and in the ledger.

    Raises EmbeddingError, ProviderError, LimitReached.
    """
    began = time.monotonic()
    admission = None
    try:
        admission = _admission(call, texts)
        encoded = call.embedder.encode(texts)
    except BaseException as error:  # also of a bug: what the call holds is given back
        known = as_inference_error(error)
        usage = Usage(prompt_tokens=known.billed_tokens)
        _record(call, usage, _cost(call, usage), _since(began), 1, known, admission)
        raise
    usage = Usage(prompt_tokens=encoded.tokens)
    cost, latency_ms = _cost(call, usage), _since(began)
    _record(call, usage, cost, latency_ms, encoded.attempts, None, admission)
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
    admission: Admission | None,
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
            admission=admission,
            route=call.route,
            candidate_reason=call.reason,
            degraded=call.degraded,
        )
    )


def _admission(call: EmbedCall, texts: Sequence[str]) -> Admission | None:
    """What embedding may cost, taken beforehand; nothing where it happens here. Raises LimitReached."""
    if call.endpoint is None:
        return None
    bound = bounds.of_texts(call.endpoint.model, texts)
    return admit(Ask(call.principal, "embeddings", call.feature, bound))


def _cost(call: EmbedCall, usage: Usage) -> Decimal:
    return Decimal(0) if call.endpoint is None else call.endpoint.model.cost(usage)


def _since(began: float) -> float:
    return (time.monotonic() - began) * 1000
