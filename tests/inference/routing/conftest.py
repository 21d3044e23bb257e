"""Two fake providers, and routes between their models."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from inference.models import Candidate, Model, Provider, Route
from tests.cast import Member
from tests.fakes.model_server import ModelServer

MakeModel = Callable[..., Model]
MakeRoute = Callable[..., Route]


@pytest.fixture
def other_server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def make_model(alice: Member, model_server: ModelServer) -> MakeModel:
    """A model of Acme's: `make_model("small", server=other_server, tier="small")`."""

    def make(name: str, *, server: ModelServer = model_server, **fields: object) -> Model:
        prices = {"input_price": Decimal(1), "output_price": Decimal(2)}
        with alice.scope():
            provider, _ = Provider.objects.get_or_create(
                name=f"port {server.port}", defaults={"base_url": server.base_url}
            )
            return Model.objects.create(provider=provider, name=name, **(prices | fields))

    return make


@pytest.fixture
def make_route(alice: Member) -> MakeRoute:
    """A route of Acme's: `make_route({"a": 9, "b": 1}, fallbacks=["c"], strategy="weighted")`."""

    def make(
        weights: dict[str, int], *, fallbacks: tuple[str, ...] = (), **fields: object
    ) -> Route:
        with alice.scope():
            route = Route.objects.create(**({"feature": "chat"} | fields))
            for position, (name, weight) in enumerate(weights.items()):
                Candidate.objects.create(route=route, model=name, weight=weight, position=position)
            for position, name in enumerate(fallbacks):
                Candidate.objects.create(
                    route=route, model=name, is_fallback=True, position=position
                )
            return route

    return make


def runners_are_in() -> None:
    """Waits for the runners of hedged races: those of races that are decided may still be on their way."""
    for thread in threading.enumerate():
        if thread.name == "hedge":
            thread.join(timeout=30)
