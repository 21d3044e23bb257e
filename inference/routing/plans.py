"""A plan: who is asked for an answer, in which order, and why. Made before the call; nobody is asked yet.

Entry points: `plan_of` for a chat request, `dry_run` for the admin's "who would answer this?". Without a route for
the feature the default model answers, as it does without any routes; a model asked for by name is never replaced,
except by the built-in one where the request allows that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from inference import catalogue, snapshots
from inference.errors import ContextTooLong, EncryptionError, UnknownModel
from inference.models import Candidate, Model, Route
from inference.providers.provider import ResolvedModel
from inference.routing import strategies
from inference.routing.complexity import Judged, rule_from, tier_of
from inference.routing.strategies import Wanted
from inference.snapshots import Declared, Snapshot
from inference.tokens import count_messages
from inference.types import ChatRequest
from tenants.scope import Principal

# The route for every chat feature that has none of its own.
EVERY_FEATURE = "*"
BY_NAME = "asked for by name"
BY_DEFAULT = "the default model"
LAST_RESORT = "the last resort"
# What is said of a model whose breaker is open.
PASSED_OVER = "circuit_open"
TIERS = (Model.Tier.SMALL, Model.Tier.STANDARD, Model.Tier.LARGE)


@dataclass(frozen=True)
class Choice:
    """A model, and why it stands where it stands."""

    model: ResolvedModel
    reason: str


@dataclass(frozen=True)
class Skipped:
    """A candidate that cannot answer this request, and why not."""

    name: str
    why: str
    is_too_small: bool = False

    def __str__(self) -> str:
        return f"{self.name}: {self.why}"


@dataclass(frozen=True)
class Plan:
    """Choices in order. `route` is empty when none is declared; times are in seconds."""

    choices: tuple[Choice, ...]
    route: str = ""
    judged: Judged | None = None
    skipped: tuple[Skipped, ...] = ()
    hedge_after: float | None = None
    first_token: float | None = None

    @property
    def smallest_window(self) -> int:
        """What every model of the plan can read: a prompt of that size survives a failover."""
        windows = [
            one.model.context_window for one in self.choices if one.model.kind != "extractive"
        ]
        return min(windows, default=catalogue.EXTRACTIVE.context_window)


def plan_of(request: ChatRequest) -> Plan:
    """Who answers the request. Queries only when the snapshot is stale.

    Raises UnknownModel, ContextTooLong (no candidate reads that much), EncryptionError.
    """
    return _checked(request, _plan(request, snapshots.of(request.principal)))


def dry_run(request: ChatRequest, declared: Declared | None = None) -> Plan:
    """The plan by what the database holds now, or by a route that is not saved yet. Raises UnknownModel."""
    snapshot = snapshots.load(request.principal)
    if declared is not None:
        routes = {**snapshot.routes, declared.route.feature: declared}
        snapshot = replace(snapshot, routes=routes)
    return _checked(request, _plan(request, snapshot))


def _checked(request: ChatRequest, planned: Plan) -> Plan:
    plan = with_last_resort(planned, allowed=request.fall_back)
    if plan.choices:
        return plan
    why = "; ".join(map(str, plan.skipped)) or "it has no candidates"
    if any(one.is_too_small for one in plan.skipped):
        raise ContextTooLong(f"route {plan.route!r}: {why}")
    raise UnknownModel(f"route {plan.route!r} has no usable model: {why}")


def with_last_resort(plan: Plan, *, allowed: bool) -> Plan:
    """The plan with the built-in model at its end, where quoting is better than nothing."""
    models = [one.model for one in plan.choices]
    if not allowed or catalogue.EXTRACTIVE in models:
        return plan
    return replace(plan, choices=(*plan.choices, Choice(catalogue.EXTRACTIVE, LAST_RESORT)))


def _plan(request: ChatRequest, snapshot: Snapshot) -> Plan:
    if request.model is not None:
        return Plan((Choice(catalogue.named(snapshot, request.model), BY_NAME),))
    declared = snapshot.routes.get(request.feature) or snapshot.routes.get(EVERY_FEATURE)
    if declared is None or not declared.candidates:
        return Plan((Choice(catalogue.default(snapshot), BY_DEFAULT),))
    return _by_route(request, snapshot, declared)


def _by_route(request: ChatRequest, snapshot: Snapshot, declared: Declared) -> Plan:
    route = declared.route
    judged = judged_by(route, request)
    skipped: list[Skipped] = []
    mains = [one for one in declared.candidates if not one.is_fallback]
    reserves = [one for one in declared.candidates if one.is_fallback]
    found = _usable(mains, snapshot, request, skipped)
    fallbacks = _usable(reserves, snapshot, request, skipped)
    tier = request.tier or _fixed_tier(route) or (judged.tier if judged else None)
    first, others = by_tier(found, tier) if tier else (found, [])
    wanted = Wanted.of(request, route)
    choices = [
        *_reasoned(strategies.in_order(wanted, first), judged if tier else None),
        *(Choice(model, f"of another tier ({model.tier})") for _, model in others),
        *(Choice(model, f"fallback {n}") for n, (_, model) in enumerate(fallbacks, 1)),
    ]
    return Plan(
        tuple(choices),
        route.feature,
        judged,
        tuple(skipped),
        None if route.hedge_after_ms is None else route.hedge_after_ms / 1000,
        route.first_token_s,
    )


def judged_by(route: Route, request: ChatRequest) -> Judged | None:
    """What the route's rule makes of the question, if it asks its rule."""
    if route.tiers != Route.Tiers.BY_COMPLEXITY:
        return None
    users = [one.content for one in request.messages if one.role == "user"]
    question = request.question or (users[-1] if users else "")
    return tier_of(question, passages=len(request.passages), rule=rule_from(route.complexity))


def _fixed_tier(route: Route) -> str | None:
    return route.tiers if route.tiers in TIERS else None


def by_tier(
    found: list[tuple[Candidate, ResolvedModel]], tier: str
) -> tuple[list[tuple[Candidate, ResolvedModel]], list[tuple[Candidate, ResolvedModel]]]:
    """Those of the tier (or of the nearest: rather a larger one), and the others, nearest first."""
    rank = TIERS.index(Model.Tier(tier))

    def distance(one: tuple[Candidate, ResolvedModel]) -> int:
        steps = TIERS.index(Model.Tier(one[1].tier)) - rank
        return 2 * steps - 1 if steps > 0 else -2 * steps

    ordered = sorted(found, key=distance)
    nearest = distance(ordered[0]) if ordered else 0
    return (
        [one for one in ordered if distance(one) == nearest],
        [one for one in ordered if distance(one) > nearest],
    )


def _usable(
    candidates: Sequence[Candidate],
    snapshot: Snapshot,
    request: ChatRequest,
    skipped: list[Skipped],
) -> list[tuple[Candidate, ResolvedModel]]:
    """The candidates that exist, can do what is needed and can read the prompt; the others with their reason."""
    found = []
    for candidate in candidates:
        try:
            model = catalogue.named(snapshot, candidate.model)
        except UnknownModel:
            skipped.append(Skipped(candidate.model, "no enabled model of that name"))
        except EncryptionError:
            skipped.append(Skipped(candidate.model, "its key cannot be read; enter it again"))
        else:
            if unfit := _unfit(model, request):
                skipped.append(unfit)
            else:
                found.append((candidate, model))
    return found


def _unfit(model: ResolvedModel, request: ChatRequest) -> Skipped | None:
    """Why the model cannot serve the request, if so."""
    if missing := sorted(request.needs - model.abilities):
        return Skipped(model.name, f"lacks {', '.join(missing)}")
    # No token is shorter than a byte, so most prompts need no counting.
    window = model.context_window
    if sum(len(one.content.encode()) for one in request.messages) <= window:
        return None
    counted = count_messages(request.messages)
    if counted <= window:
        return None
    why = f"the prompt has about {counted} tokens, it reads {window}"
    return Skipped(model.name, why, is_too_small=True)


def _reasoned(ordered: Sequence[tuple[ResolvedModel, str]], judged: Judged | None) -> list[Choice]:
    because = f"tier {judged}: " if judged else ""
    return [Choice(model, f"{because}{reason}") for model, reason in ordered]


def expected(
    principal: Principal,
    feature: str,
    model: str | None,
    question: str = "",
    conversation_id: UUID | None = None,
) -> Plan:
    """The plan before there is a prompt: for how much context to fetch. Raises as `plan_of` does.

    Without a conversation a route by weight may draw another lot for the call itself.
    """
    return plan_of(
        ChatRequest(
            (),
            feature,
            principal,
            model=model,
            question=question,
            fall_back=model is None,
            conversation_id=conversation_id,
        )
    )
