"""Plans for what is no chat: reranking and embedding. Their routes are called as they are.

Entry points: `rerank_plan`, `embed_plan`. A failover may change a reranker's model, since all scores of a call come
from one; it never changes an embedding model: vectors of two models do not compare, so the candidates of the route
`embed` are endpoints of the configured model, and others are passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from inference import catalogue, snapshots
from inference.clients import Clients
from inference.errors import EncryptionError, ProviderError, UnknownModel, as_inference_error
from inference.models import Candidate, Model
from inference.providers.provider import ResolvedModel
from inference.retries import RetryPolicy
from inference.routing import circuits, strategies
from inference.routing.plans import BY_DEFAULT, PASSED_OVER, Choice, Plan, Skipped
from inference.routing.strategies import Wanted
from inference.snapshots import Snapshot
from inference.types import ChatRequest
from tenants.scope import Principal

R = TypeVar("R")
RERANK = "rerank"
EMBED = "embed"
# Of models that their routes may name; all other routes are of chat.
KINDS = {
    EMBED: (Model.Kind.EMBEDDING,),
    RERANK: (Model.Kind.RERANK, Model.Kind.CHAT),
}


def resolved(feature: str, name: str, snapshot: Snapshot) -> ResolvedModel | None:
    """The model that a candidate of the feature's route means, if there is one. Raises EncryptionError."""
    kinds = KINDS.get(feature, (Model.Kind.CHAT,))
    found = (catalogue.find(snapshot, name, kind=kind) for kind in kinds)
    model = next((one for one in found if one is not None), None)
    return None if model is catalogue.EXTRACTIVE and feature in KINDS else model


def rerank_plan(principal: Principal) -> Plan:
    """Who reranks, in order. Raises UnknownModel when nobody can."""
    snapshot = snapshots.of(principal)
    if plan := _by_route(principal, snapshot, RERANK):
        return plan
    if found := catalogue.rerankers(snapshot):
        return Plan(tuple(Choice(model, BY_DEFAULT) for model in found[:1]))
    raise UnknownModel(
        "there is no reranker: add a model of that kind, or set FOOTNOTE_RERANK_MODEL"
    )


def embed_plan(principal: Principal, model: ResolvedModel) -> Plan:
    """Which endpoints of this very embedding model are asked, in order. Never empty."""
    plan = _by_route(principal, snapshots.of(principal), EMBED, only=model.name)
    return plan or Plan((Choice(model, BY_DEFAULT),))


def by_first_that_answers(
    principal: Principal,
    plan: Plan,
    clients: Clients,
    ask: Callable[[Choice, RetryPolicy, Sequence[str]], R],
) -> R:
    """What the first model of the plan gave that gave anything. Raises the last one's ProviderError.

    `ask` gets the choice, how often to try, and who failed before it; only the last model has the whole retry loop.
    """
    failures: list[str] = []
    error: ProviderError | None = None
    breakers = clients.breakers
    circuits.heed(principal, snapshots.of(principal), breakers)
    for at, choice in enumerate(plan.choices, 1):
        model, is_last = choice.model, at == len(plan.choices)
        if not circuits.admits(principal, model, breakers) and not (is_last and error is None):
            failures.append(f"{model.name}: {PASSED_OVER}")
            continue
        try:
            found = ask(choice, clients.policy if is_last else RetryPolicy(attempts=1), failures)
        except BaseException as failed:  # also of a bug: a probe lets the next one probe
            circuits.ended(principal, model, breakers, as_inference_error(failed))
            if not isinstance(failed, ProviderError):
                raise
            error = failed
            failures.append(f"{model.name}: {failed.code}")
        else:
            circuits.ended(principal, model, breakers, None)
            return found
    assert error is not None, "a plan has at least one choice"
    raise error


def _by_route(
    principal: Principal,
    snapshot: Snapshot,
    operation: str,
    *,
    only: str | None = None,
) -> Plan | None:
    declared = snapshot.routes.get(operation)
    if declared is None:
        return None
    skipped: list[Skipped] = []
    mains: list[tuple[Candidate, ResolvedModel]] = []
    reserves: list[Choice] = []
    for candidate in declared.candidates:
        model, why = _resolved(snapshot, candidate, operation, only)
        if model is None:
            skipped.append(Skipped(candidate.model, why))
        elif candidate.is_fallback:
            reserves.append(Choice(model, f"fallback {len(reserves) + 1}"))
        else:
            mains.append((candidate, model))
    wanted = Wanted.of(ChatRequest((), operation, principal), declared.route)
    chosen = [Choice(*one) for one in strategies.in_order(wanted, mains)]
    choices = (*chosen, *reserves)
    return Plan(choices, operation, skipped=tuple(skipped)) if choices else None


def _resolved(
    snapshot: Snapshot, candidate: Candidate, operation: str, only: str | None
) -> tuple[ResolvedModel | None, str]:
    try:
        model = resolved(operation, candidate.model, snapshot)
    except EncryptionError:
        return None, "its key cannot be read; enter it again"
    if model is None:
        return None, "no enabled model of that name and kind"
    if only is not None and model.name != only:
        return None, f"another embedding model than {only}: its vectors do not compare"
    return model, ""
