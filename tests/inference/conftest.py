"""What the tests of the gateway share: quick retries, a provider row that points at the fake server, the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from inference.clients import Clients
from inference.encryption import encrypt
from inference.models import Model, ModelCall, Provider
from inference.query_cache import QueryCache
from inference.retries import RetryPolicy
from inference.types import ChatRequest, Message, Timeouts
from tests.cast import Member
from tests.fakes.model_server import ModelServer

KEY = "sk-canary-4711"
# Machines that run tests are busy: only tests of a server that hangs are impatient with it.
PATIENT = Timeouts(connect=5.0, first_token=10.0, between_tokens=10.0, total=30.0)
IMPATIENT = Timeouts(connect=5.0, first_token=1.0, between_tokens=1.0, total=30.0)


@pytest.fixture
def clients() -> Iterator[Clients]:
    made = Clients(
        policy=RetryPolicy(attempts=3, first_wait=0.01, longest_wait=0.5), queries=QueryCache()
    )
    yield made
    made.close()


@pytest.fixture
def fake_model(alice: Member, model_server: ModelServer) -> Model:
    """Acme's default model, on the fake server, at 1 USD in, 0.10 cached and 2 out per million tokens."""
    with alice.scope():
        provider = Provider.objects.create(
            name="fake", base_url=model_server.base_url, encrypted_key=encrypt(KEY)
        )
        return Model.objects.create(
            provider=provider,
            name="fake-model",
            is_default=True,
            input_price=Decimal(1),
            cached_price=Decimal("0.10"),
            output_price=Decimal(2),
        )


@pytest.fixture
def ask(alice: Member) -> Callable[..., ChatRequest]:
    """A request of Alice's: `ask(model=..., timeouts=...)`."""

    def make(**options: object) -> ChatRequest:
        fields = {
            "messages": [Message("user", "How long is leave?")],
            "feature": "chat",
            "principal": alice.principal,
            "timeouts": PATIENT,
        }
        return ChatRequest(**{**fields, **options})  # type: ignore[arg-type]

    return make


@pytest.fixture
def ledger_rows(alice: Member) -> Callable[[], list[ModelCall]]:
    """Acme's ledger, oldest first."""

    def read() -> list[ModelCall]:
        with alice.scope():
            return list(ModelCall.objects.order_by("created_at", "id"))

    return read
