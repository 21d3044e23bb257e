"""What tests of the API share: clients with Acme's and Globex's keys on a live server."""

from collections.abc import Callable, Iterator
from decimal import Decimal

import httpx
import openai
import pytest

from api.openai import passthrough
from inference.clients import shared
from inference.encryption import encrypt
from inference.models import Model, ModelCall, Provider
from inference.retries import RetryPolicy
from inference.types import Timeouts
from tenants.models import Tenant
from tenants.scope import platform_principal, tenant_scope
from tests.fakes.model_server import ModelServer
from tests.library import Key

Rows = Callable[[], list[ModelCall]]
SECRET = "sk-canary-0815"


def client_of(site: str, key: Key | None) -> httpx.Client:
    """An HTTP client; without a key it is a stranger."""
    return httpx.Client(base_url=site, headers=key.headers if key else {}, timeout=30)


@pytest.fixture
def acme_client(site: str, acme_key: Key) -> Iterator[httpx.Client]:
    with client_of(site, acme_key) as client:
        yield client


@pytest.fixture
def globex_client(site: str, globex_key: Key) -> Iterator[httpx.Client]:
    with client_of(site, globex_key) as client:
        yield client


@pytest.fixture
def stranger(site: str) -> Iterator[httpx.Client]:
    with client_of(site, None) as client:
        yield client


@pytest.fixture
def acme_openai(site: str, acme_key: Key) -> Iterator[openai.OpenAI]:
    """The official client, with Acme's key."""
    with openai.OpenAI(base_url=f"{site}/v1", api_key=acme_key.secret, max_retries=0) as client:
        yield client


@pytest.fixture
def raw_model(acme: Tenant, model_server: ModelServer) -> Model:
    """Acme's model on the fake server, at 1 USD in, 0.10 cached and 2 out per million tokens."""
    return model_on(acme, model_server, "fake")


def model_on(tenant: Tenant, server: ModelServer, provider: str) -> Model:
    """``fake-model`` of a provider of that name."""
    with tenant_scope(platform_principal(tenant.pk)):
        return Model.objects.create(
            provider=Provider.objects.create(
                name=provider, base_url=server.base_url, encrypted_key=encrypt(SECRET)
            ),
            name="fake-model",
            input_price=Decimal(1),
            cached_price=Decimal("0.10"),
            output_price=Decimal(2),
        )


@pytest.fixture
def rows(acme: Tenant) -> Rows:
    """Acme's ledger, oldest first."""

    def read() -> list[ModelCall]:
        with tenant_scope(platform_principal(acme.pk)):
            return list(ModelCall.objects.order_by("created_at"))

    return read


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short waits, as an operator could not configure them."""
    quick = Timeouts(connect=5.0, first_token=0.8, between_tokens=0.8, total=5.0)
    monkeypatch.setattr(passthrough, "TIMEOUTS", quick)
    hasty = RetryPolicy(attempts=3, first_wait=0.01, longest_wait=0.5)
    monkeypatch.setattr(shared(), "policy", hasty)
