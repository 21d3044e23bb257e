"""The gateway's reranking side: route, retries, failover, ledger row, trace span.

All scores of a call come from one model, since no two models mean the same by a number: when a model fails in the
third batch, the next one begins with the first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache

from inference import bounds, catalogue, ledger
from inference.admission import Admission, Ask, admit
from inference.clients import Clients
from inference.clock import Clock
from inference.errors import InferenceError, as_inference_error
from inference.providers.provider import ResolvedModel
from inference.reranking.by_chat import LONGEST_GRADES, ChatReranker
from inference.reranking.cross_encoder import LocalCrossEncoder
from inference.reranking.endpoint import RerankEndpoint
from inference.reranking.reranker import Reranker, Scored
from inference.retries import Attempts, RetryPolicy, with_retries
from inference.routing.operations import by_first_that_answers, rerank_plan
from inference.routing.plans import Choice, Plan
from inference.types import RerankResult, Timeouts, Usage
from tenants.scope import Principal
from traces import recorder

# Somebody is waiting for a search.
TIMEOUTS = Timeouts(connect=3.0, first_token=15.0, total=30.0)


@dataclass(frozen=True)
class RerankCall:
    """What is to be ranked, for whom, and how long they wait."""

    query: str
    documents: Sequence[str]
    feature: str
    principal: Principal
    clients: Clients
    seconds: float | None = None


def rerank(call: RerankCall, *, top: int | None) -> RerankResult:
    """See `gateway.rerank`."""
    result = rerank_with(call, rerank_plan(call.principal))
    return result if top is None else _cut(result, top)


def rerank_with(call: RerankCall, plan: Plan) -> RerankResult:
    """By the models of this plan."""
    if not call.documents:
        return RerankResult([], plan.choices[0].model.name, Decimal(0), 0.0)
    with recorder.span(
        "rerank",
        kind="rerank",
        gen_ai__operation__name="rerank",
        footnote__documents=len(call.documents),
    ) as span:
        result = _by_first_that_answers(call, plan)
        span.set(gen_ai__request__model=result.model, footnote__cost_usd=str(result.cost))
    return result


def _by_first_that_answers(call: RerankCall, plan: Plan) -> RerankResult:
    ends_at = time.monotonic() + min(call.seconds or TIMEOUTS.total, TIMEOUTS.total)
    return by_first_that_answers(
        call.principal,
        plan,
        call.clients,
        lambda choice, policy, failures: _Attempt(
            call, choice, plan.route, policy, ends_at, failures
        ).result(),
    )


@dataclass
class _Attempt:
    """One model's try at all the documents, which leaves one row in the ledger."""

    call: RerankCall
    choice: Choice
    route: str
    policy: RetryPolicy
    ends_at: float
    failures: Sequence[str]
    attempts: Attempts = field(default_factory=Attempts)
    began: float = field(default_factory=time.monotonic)
    admission: Admission | None = None

    def result(self) -> RerankResult:
        model = self.choice.model
        usage = Usage()
        scores: list[float] = []
        try:
            self.admission = self._admission()
            reranker = RERANKERS[model.kind](self.call, model)
            for at in range(0, len(self.call.documents), reranker.batch):
                scored = self._batch(reranker, self.call.documents[at : at + reranker.batch])
                scores += scored.scores
                usage += scored.usage
        except BaseException as error:  # also of a bug: what the call holds is given back
            self._record(usage, as_inference_error(error))
            raise
        cost = self._record(usage, None)
        return RerankResult(scores, model.name, cost, self._elapsed_ms())

    def _admission(self) -> Admission | None:
        """What it may cost, taken beforehand; nothing where it happens here. Raises LimitReached."""
        call, model = self.call, self.choice.model
        if model.kind == catalogue.CROSS_ENCODER:
            return None
        read = [call.query + document for document in call.documents]
        bound = bounds.of_texts(model, read)
        if model.kind == catalogue.ENDPOINT:
            answers = -(-len(read) // ChatReranker.batch)
            bound = bounds.of_prompt(model, bound.prompt_tokens, LONGEST_GRADES, answers=answers)
        return admit(Ask(call.principal, "rerank", call.feature, bound))

    def _batch(self, reranker: Reranker, documents: Sequence[str]) -> Scored:
        own = Attempts()
        try:
            return with_retries(
                lambda clock: reranker.score(self.call.query, documents, self.choice.model, clock),
                clock=lambda: Clock(TIMEOUTS, None, ends_at=self.ends_at),
                policy=self.policy,
                counted=own,
            )
        finally:
            self.attempts.count += own.count

    def _record(self, usage: Usage, error: InferenceError | None) -> Decimal:
        model, (trace_id, span_id) = self.choice.model, recorder.current_ids()
        cost = model.cost(usage)
        ledger.record(
            ledger.Entry(
                principal=self.call.principal,
                operation="rerank",
                feature=self.call.feature,
                provider=model.provider,
                model=model.name,
                trace_id=trace_id,
                span_id=span_id,
                usage=usage,
                cost=cost,
                latency_ms=self._elapsed_ms(),
                attempts=max(1, self.attempts.count),
                degraded="; ".join(self.failures),
                route=self.route,
                candidate_reason=self.choice.reason,
                error=error,
                admission=self.admission,
            )
        )
        return cost

    def _elapsed_ms(self) -> float:
        return (time.monotonic() - self.began) * 1000


def _cut(result: RerankResult, top: int) -> RerankResult:
    """Zero for all but the `top` best."""
    best = sorted(range(len(result.scores)), key=lambda at: -result.scores[at])[: max(0, top)]
    kept = set(best)
    scores = [score if at in kept else 0.0 for at, score in enumerate(result.scores)]
    return RerankResult(scores, result.model, result.cost, result.latency_ms)


@lru_cache(maxsize=2)
def _local(path: str) -> LocalCrossEncoder:
    """The process's own: the weights are too large to have twice."""
    return LocalCrossEncoder(path)


def _endpoint(call: RerankCall, model: ResolvedModel) -> Reranker:
    return RerankEndpoint(call.clients.endpoint_of(model), model.kind)


def _chat(call: RerankCall, model: ResolvedModel) -> Reranker:
    return ChatReranker(call.clients.provider(model), call.principal)


# The registry: a new kind of reranker is one module and one line.
RERANKERS: dict[str, Callable[[RerankCall, ResolvedModel], Reranker]] = {
    "cohere": _endpoint,
    "jina": _endpoint,
    "tei": _endpoint,
    catalogue.CROSS_ENCODER: lambda _call, _model: _local(catalogue.cross_encoder_path()),
    catalogue.ENDPOINT: _chat,
}
