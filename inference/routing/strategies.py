"""Which candidate comes first: by weight, by price, by speed, or as declared. Each is a function and a line below.

A strategy gets what is wanted and the usable candidates, and returns all of them in the order to be tried, each with
its reason in words. Nothing here asks a model.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeAlias

from inference.models import Candidate, Route
from inference.providers.provider import ResolvedModel
from inference.routing import health
from inference.types import ChatRequest, Usage
from tenants.scope import Principal

# For prices before the fact: letters per token of English, and the length of a usual answer.
LETTERS_PER_TOKEN = 4
USUAL_ANSWER = 400

Usable: TypeAlias = tuple[Candidate, ResolvedModel]
Ordered: TypeAlias = list[tuple[ResolvedModel, str]]


@dataclass(frozen=True)
class Wanted:
    """What a strategy may look at. `sticky_key` is empty when nothing holds the calls together."""

    principal: Principal
    strategy: str
    sticky_key: str
    usage: Usage

    @classmethod
    def of(cls, request: ChatRequest, route: Route) -> Wanted:
        """Of this request on this route."""
        conversation = request.conversation_id
        letters = sum(len(one.content) for one in request.messages)
        return cls(
            principal=request.principal,
            strategy=route.strategy,
            sticky_key=f"{route.pk}:{conversation}" if route.sticky and conversation else "",
            usage=Usage(letters // LETTERS_PER_TOKEN, request.max_tokens or USUAL_ANSWER),
        )


def in_order(wanted: Wanted, usable: Sequence[Usable]) -> Ordered:
    """The candidates in the order to be tried, with reasons."""
    if len(usable) < 2:
        return [(model, "the only one that fits") for _, model in usable]
    return STRATEGIES[wanted.strategy](wanted, usable)


def _weighted(wanted: Wanted, usable: Sequence[Usable]) -> Ordered:
    """One by lot, in proportion to the weights; the same one for a whole conversation.

    The lot is a point on a line on which the candidates lie side by side as declared: when weights change a
    little, few conversations change hands.
    """
    total = sum(candidate.weight for candidate, _ in usable)
    point, how = _lot(wanted.sticky_key)
    chosen = _at(usable, point * total) if total else 0
    weight = usable[chosen][0].weight
    rest = [one for index, one in enumerate(usable) if index != chosen]
    rest.sort(key=lambda one: -one[0].weight)
    return [
        (usable[chosen][1], f"weight {weight} of {total}, {how}"),
        *((model, f"weight {candidate.weight} of {total}, next") for candidate, model in rest),
    ]


def _lot(sticky_key: str) -> tuple[float, str]:
    if not sticky_key:
        return random.random(), "by lot"  # noqa: S311 - spreads load, keeps no secret
    digest = blake2b(sticky_key.encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64, "by conversation"


def _at(usable: Sequence[Usable], point: float) -> int:
    for index, (candidate, _) in enumerate(usable):
        point -= candidate.weight
        if point < 0:
            return index
    return len(usable) - 1


def _cheapest(wanted: Wanted, usable: Sequence[Usable]) -> Ordered:
    priced = [(model.cost(wanted.usage), model) for _, model in usable]
    priced.sort(key=lambda one: one[0])
    return [(model, f"about ${price:.6f}") for price, model in priced]


def _fastest(wanted: Wanted, usable: Sequence[Usable]) -> Ordered:
    """Whoever has not been measured lately comes first: so everybody is, every quarter of an hour."""
    figures = health.of(wanted.principal)
    timed = []
    for _, model in usable:
        known = figures.get((model.provider, model.name))
        timed.append((known.expected_ms if known else None, model))
    timed.sort(key=lambda one: -1.0 if one[0] is None else one[0])
    return [
        (model, "not measured lately" if took is None else f"lately {took:.0f} ms")
        for took, model in timed
    ]


def _ordered(wanted: Wanted, usable: Sequence[Usable]) -> Ordered:
    return [(model, f"number {n} in order") for n, (_, model) in enumerate(usable, 1)]


# The registry: a new strategy is one function and one line.
STRATEGIES: dict[str, Callable[[Wanted, Sequence[Usable]], Ordered]] = {
    Route.Strategy.WEIGHTED: _weighted,
    Route.Strategy.CHEAPEST: _cheapest,
    Route.Strategy.FASTEST: _fastest,
    Route.Strategy.ORDERED: _ordered,
}
