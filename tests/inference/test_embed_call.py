"""`gateway.embed`: cache, ledger, money, and an endpoint's faults."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pytest
from pytest_django import Settings

from inference import embeddings, gateway, snapshots
from inference.clients import Clients
from inference.errors import (
    BadCredentials,
    InferenceError,
    InvalidVectors,
    ProviderUnavailable,
    RateLimited,
    UnreadableResponse,
)
from inference.models import Budget, Candidate, Model, ModelCall, Provider, Reservation, Route
from inference.providers.endpoint_embedder import EndpointEmbedder
from inference.routing.validation import problems
from tenants.scope import NoTenantScope
from tests.cast import Member
from tests.fakes import behaviours as does
from tests.fakes.behaviours import Behaviour
from tests.fakes.model_server import ModelServer

Rows = Callable[[], list[ModelCall]]


@pytest.fixture
def endpoint(settings: Settings, model_server: ModelServer) -> ModelServer:
    """Embeddings come from the fake server."""
    settings.OPENAI_BASE_URL = model_server.base_url
    settings.OPENAI_API_KEY = "sk-embeddings"
    settings.EMBEDDING_MODEL = "openai:text-embedding-3-small"
    return model_server


def test_documents_have_a_row_and_local_queries_need_none(
    alice: Member, clients: Clients, ledger_rows: Rows
) -> None:
    asked = gateway.embed(
        ["a query"], feature="search", purpose="query", principal=alice.principal, clients=clients
    )
    assert ledger_rows() == []
    stored = gateway.embed(
        ["a query", "another"], feature="ingestion", principal=alice.principal, clients=clients
    )
    (row,) = ledger_rows()
    assert (row.operation, row.feature, row.provider) == ("embeddings", "ingestion", "footnote")
    assert (row.input_tokens, row.cost_usd) == (stored.tokens, Decimal(0))
    assert np.array_equal(asked.vectors[0], stored.vectors[0])
    assert (stored.dimensions, stored.truncated, stored.vectors.shape) == (384, 0, (2, 384))


def test_the_principal_is_that_of_the_open_scope(alice: Member, clients: Clients) -> None:
    with alice.scope():
        assert (
            gateway.embed(["a"], feature="search", purpose="query", clients=clients).dimensions
            == 384
        )
    with pytest.raises(NoTenantScope):
        gateway.embed(["a"], feature="search", purpose="query", clients=clients)


def test_a_query_is_asked_of_the_endpoint_once_per_tenant(
    alice: Member, charlie: Member, clients: Clients, endpoint: ModelServer, ledger_rows: Rows
) -> None:
    def embed(member: Member) -> np.ndarray:
        return gateway.embed(
            ["a query"],
            feature="search",
            purpose="query",
            principal=member.principal,
            clients=clients,
        ).vectors

    first, again, elsewhere = embed(alice), embed(alice), embed(charlie)
    assert np.array_equal(first, again)
    assert np.array_equal(first, elsewhere)
    bodies = [request.body["input"] for request in endpoint.requests]
    assert bodies.count(["a query"]) == 2
    assert len(ledger_rows()) == 1


def test_an_endpoints_vectors_come_in_order_and_are_paid_for(
    alice: Member, clients: Clients, endpoint: ModelServer, ledger_rows: Rows
) -> None:
    texts = [f"text number {n}" for n in range(300)]
    result = gateway.embed(texts, feature="ingestion", principal=alice.principal, clients=clients)
    alone = gateway.embed(
        texts[200:201], feature="ingestion", principal=alice.principal, clients=clients
    )
    assert result.vectors[200] == pytest.approx(alone.vectors[0])
    assert np.linalg.norm(result.vectors, axis=1) == pytest.approx(1.0, abs=1e-6)
    row = ledger_rows()[0]
    # 900 tokens at 0.02 USD per million, in three batches of at most 128 texts.
    assert (row.input_tokens, row.cost_usd, row.attempts) == (900, Decimal("0.00001800"), 3)
    assert row.provider == "environment"


def test_a_model_whose_vectors_are_cut_is_still_called_by_its_name(
    alice: Member, clients: Clients, endpoint: ModelServer, settings: Settings
) -> None:
    settings.EMBEDDING_MODEL = "openai:text-embedding-3-small@4"
    asked = {"feature": "search", "principal": alice.principal, "clients": clients}
    assert gateway.embed(["a"], **asked).dimensions == 4
    name = embeddings.names(alice.principal)[0]
    assert name == "text-embedding-3-small"
    assert embeddings.embed_by_name(name, ["a"], **asked).dimensions == endpoint.dimensions
    assert {one.body["model"] for one in endpoint.requests} == {name}
    candidate = Candidate(model=f"environment/{name}")
    assert problems(Route(feature="embed"), [candidate], snapshots.of(alice.principal)) == []


@pytest.mark.parametrize(
    ("behaviour", "error", "requests"),
    [
        (does.rate_limited(), RateLimited, 3),
        (does.failure(500), ProviderUnavailable, 3),
        (does.failure(401), BadCredentials, 1),
        (does.html(), UnreadableResponse, 1),
        (Behaviour("wrong_count"), UnreadableResponse, 1),
        (Behaviour("short"), UnreadableResponse, 1),
        (Behaviour("huge"), UnreadableResponse, 1),
        (Behaviour("digits"), UnreadableResponse, 1),
        (Behaviour("nested"), UnreadableResponse, 1),
        (Behaviour("nan"), InvalidVectors, 1),
        (Behaviour("zero"), InvalidVectors, 1),
    ],
    ids=lambda one: getattr(one, "kind", None) or getattr(one, "__name__", str(one)),
)
def test_an_endpoints_fault_ends_in_the_right_error(
    behaviour: Behaviour,
    error: type[InferenceError],
    requests: int,
    alice: Member,
    clients: Clients,
    endpoint: ModelServer,
    ledger_rows: Rows,
) -> None:
    endpoint.default = behaviour
    with pytest.raises(error):
        gateway.embed(
            ["text 0", "text 1"], feature="ingestion", principal=alice.principal, clients=clients
        )
    assert len(endpoint.requests) == requests
    (row,) = ledger_rows()
    assert (row.outcome, row.error_code) == ("error", error.code)


def test_batches_before_the_one_that_failed_are_paid_for(
    alice: Member, clients: Clients, endpoint: ModelServer, ledger_rows: Rows
) -> None:
    gateway.embed(["text"], feature="ingestion", principal=alice.principal, clients=clients)
    alone = ledger_rows()[0].input_tokens
    endpoint.script(does.answer(), does.failure(401))
    with pytest.raises(BadCredentials):
        gateway.embed(
            ["text"] * 200, feature="ingestion", principal=alice.principal, clients=clients
        )
    row = ledger_rows()[1]
    assert (row.outcome, row.input_tokens) == ("error", alone * 128)
    assert row.cost_usd > 0


def test_a_bug_of_ours_gives_back_what_the_call_held(
    alice: Member,
    clients: Clients,
    endpoint: ModelServer,
    ledger_rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise ArithmeticError

    monkeypatch.setattr(EndpointEmbedder, "encode", broken)
    with alice.scope():
        Budget.objects.create(name="all", limit_usd=1)
    with pytest.raises(ArithmeticError):
        gateway.embed(["text"], feature="ingestion", principal=alice.principal, clients=clients)
    assert [row.error_code for row in ledger_rows()] == ["inference_error"]
    with alice.scope():
        assert not Reservation.objects.exists()


@pytest.mark.parametrize(
    "fault",
    [
        does.rate_limited(),
        does.failure(500),
        does.failure(401),
        does.reset(),
        does.early_close(),
        does.malformed(),
        does.html(),
        Behaviour("wrong_count"),
    ],
    ids=lambda one: f"{one.kind} {one.status}",
)
def test_another_endpoint_of_the_same_model_takes_over_and_no_other_model_ever(
    fault: Behaviour,
    alice: Member,
    clients: Clients,
    endpoint: ModelServer,
    ledger_rows: Rows,
) -> None:
    endpoint.default = fault
    with ModelServer() as other:
        _route(alice, other)
        result = gateway.embed(
            ["text"], feature="ingestion", principal=alice.principal, clients=clients
        )
    assert (len(endpoint.requests), len(other.requests)) == (1, 1)
    assert other.requests[0].body["model"] == result.model == "text-embedding-3-small"
    rows = [(row.provider, row.outcome, row.candidate_reason) for row in ledger_rows()]
    assert rows == [
        ("environment", "error", "the only one that fits"),
        ("other", "ok", "fallback 1"),
    ]


def _route(member: Member, other: ModelServer) -> None:
    """First the configured endpoint; then, elsewhere, another model and the same one."""
    names = ["text-embedding-3-large", "text-embedding-3-small"]
    with member.scope():
        provider = Provider.objects.create(name="other", base_url=other.base_url)
        route = Route.objects.create(feature="embed")
        Candidate.objects.create(route=route, model="environment/text-embedding-3-small")
        for position, name in enumerate(names):
            Model.objects.create(provider=provider, name=name, kind="embedding")
            Candidate.objects.create(
                route=route, model=f"other/{name}", is_fallback=True, position=position
            )
