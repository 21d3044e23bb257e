"""Trying a model out: one real, short call with a time-out, and in words what came of it and what to do.

Entry point: `tried`. The call is admitted, priced and recorded like any other (feature `test`). It runs in a thread
with a connection of its own, since the page that asks for it sits in an open transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal

from django.db import connections

from inference import catalogue, embeddings
from inference.clients import Clients, shared
from inference.clock import Clock
from inference.embeddings import EmbedCall
from inference.errors import InferenceError, ProviderError
from inference.models import Model
from inference.providers.endpoint_embedder import EndpointEmbedder
from inference.providers.provider import ResolvedModel
from inference.reranking.calls import RerankCall, rerank_with
from inference.retries import RetryPolicy
from inference.routing.failover import answered
from inference.routing.plans import Choice, Plan
from inference.types import ChatRequest, Finished, Message, Timeouts
from tenants.scope import Principal

FEATURE = "test"
QUESTION = "Reply with the single word: ready"
TIMEOUTS = Timeouts(connect=5.0, first_token=15.0, between_tokens=10.0, total=25.0)
DOCUMENTS = ("Water boils at 100 degrees.", "Leave is 25 days a year.")

ADVICE = {
    "bad_credentials": "The key was refused. Enter it again on the provider's page.",
    "quota_exhausted": "The account has no quota left. Top it up with the vendor, or route elsewhere.",
    "rate_limited": "The vendor limits this account's rate. Wait, or ask for a higher limit.",
    "provider_unavailable": (
        "Nobody answered, or only with an error. Check the address and that the server runs. A server in your own"
        " network has to be allowed by the operator: FOOTNOTE_OUTBOUND_NETWORKS and FOOTNOTE_OUTBOUND_PORTS."
    ),
    "address_refused": (
        "Footnote may not go there. A server in your own network has to be allowed by the operator:"
        " FOOTNOTE_OUTBOUND_NETWORKS and FOOTNOTE_OUTBOUND_PORTS."
    ),
    "provider_timeout": "No answer in time. Check address and firewall, or try a smaller model.",
    "unreadable_response": (
        "What answered does not speak the protocol. The address usually ends in /v1; check for a log-in page or proxy."
    ),
    "bad_request": "The endpoint refused the request. Its words above say what it does not know.",
    "context_too_long": "The context window that is set is smaller than this short question.",
    "budget_exhausted": "A budget of this tenant is used up. Raise it, or wait for its next period.",
}


TLS = (
    "No secure connection could be made. Check that the address is https with a certificate that is valid for its"
    " host, or http for a plain server of your own."
)


@dataclass(frozen=True)
class Trial:
    """What came of it. Times in milliseconds; `error` is for admins, `advice` says what to do about it."""

    answer: str = ""
    latency_ms: float | None = None
    first_token_ms: float | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: Decimal = Decimal(0)
    error: str = ""
    code: str = ""
    advice: str = ""


def tried(
    row: Model, principal: Principal, question: str = QUESTION, *, clients: Clients | None = None
) -> Trial:
    """One call of the model, enabled or not. Takes 25 s at most."""
    used = clients or shared()
    try:
        model = catalogue.from_row(row)
        return _apart(lambda: TRIALS[row.kind](model, principal, question, used))
    except InferenceError as error:
        return Trial(error=str(error), code=error.code, advice=_advice(error, row, used))


def _apart(trial: Callable[[], Trial]) -> Trial:
    def run() -> Trial:
        try:
            return trial()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(run).result()


def _chat(model: ResolvedModel, principal: Principal, question: str, clients: Clients) -> Trial:
    request = ChatRequest(
        [Message("user", question)], FEATURE, principal, max_tokens=64, timeouts=TIMEOUTS
    )
    for event in answered(request, Plan((Choice(model, "a test by hand"),)), clients):
        if isinstance(event, Finished):
            found = event.result
            return Trial(
                found.text,
                found.latency_ms,
                found.first_token_ms,
                found.usage.prompt_tokens,
                found.usage.completion_tokens,
                found.cost,
            )
    raise AssertionError("a stream ends with Finished or with an exception")


def _embed(model: ResolvedModel, principal: Principal, question: str, clients: Clients) -> Trial:
    embedder = EndpointEmbedder(clients.endpoint_of(model), model, RetryPolicy(attempts=1))
    found = embeddings.recorded(EmbedCall(embedder, principal, FEATURE, "query"), [question])
    return Trial(
        f"a vector of {found.dimensions} numbers",
        found.latency_ms,
        prompt_tokens=found.tokens,
        cost=found.cost,
    )


def _rerank(model: ResolvedModel, principal: Principal, question: str, clients: Clients) -> Trial:
    call = RerankCall("How long is leave?", DOCUMENTS, FEATURE, principal, clients)
    result = rerank_with(call, Plan((Choice(model, "a test by hand"),)))
    said = ", ".join(f"{score:.3f}" for score in result.scores)
    return Trial(f"scores {said}", result.latency_ms, cost=result.cost)


TRIALS: dict[str, Callable[[ResolvedModel, Principal, str, Clients], Trial]] = {
    Model.Kind.CHAT: _chat,
    Model.Kind.EMBEDDING: _embed,
    Model.Kind.RERANK: _rerank,
}


def _advice(error: InferenceError, row: Model, clients: Clients) -> str:
    if error.code == "model_not_found":
        return _offered(row, clients)
    if "[SSL" in str(error):
        return TLS
    return ADVICE.get(error.code, "The trace and the ledger have the details.")


def _offered(row: Model, clients: Clients) -> str:
    """For a name that the endpoint does not know: those that it knows."""
    model = catalogue.from_row(row)
    try:
        names = clients.endpoint_of(model).list_models(model.endpoint, Clock(TIMEOUTS, None))
    except ProviderError:
        return "The endpoint has no model of that name. Check it in the vendor's list of models."
    return f"The endpoint has no model of that name. It offers: {', '.join(sorted(names)[:30])}."
