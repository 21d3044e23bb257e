"""A tenant's provider obeys the address policy; the operator's own endpoint may be anywhere."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest

from inference import gateway
from inference.clients import Clients
from inference.errors import AddressRefused
from inference.models import Model
from inference.types import ChatRequest
from tests.cast import Member
from tests.fakes.model_server import ModelServer


@pytest.fixture
def closed(settings: Any) -> None:
    """As an installation is whose operator has opened nothing but a port."""
    settings.OUTBOUND_NETWORKS = []


@pytest.mark.usefixtures("closed", "fake_model")
def test_a_tenant_s_provider_cannot_be_this_machine(
    ask: Callable[..., ChatRequest], clients: Clients, model_server: ModelServer
) -> None:
    with pytest.raises(AddressRefused, match="FOOTNOTE_OUTBOUND_NETWORKS"):
        gateway.chat(ask(), clients=clients)
    assert model_server.requests == []


@pytest.mark.usefixtures("fake_model")
def test_a_network_that_the_operator_has_opened_is_reached(
    ask: Callable[..., ChatRequest],
    clients: Clients,
    model_server: ModelServer,
    settings: Any,
) -> None:
    settings.OUTBOUND_NETWORKS = [ip_network("127.0.0.1/32")]
    gateway.chat(ask(), clients=clients)
    assert len(model_server.requests) == 1


@pytest.mark.usefixtures("closed")
def test_the_operator_s_own_endpoint_may_be_this_machine(
    ask: Callable[..., ChatRequest],
    clients: Clients,
    model_server: ModelServer,
    settings: Any,
) -> None:
    settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY = model_server.base_url, "sk-operator"
    gateway.chat(ask(), clients=clients)
    assert len(model_server.requests) == 1


@pytest.mark.usefixtures("closed")
def test_a_tenant_does_not_become_the_operator_by_a_name(
    ask: Callable[..., ChatRequest],
    clients: Clients,
    fake_model: Model,
    model_server: ModelServer,
    alice: Member,
) -> None:
    with alice.scope():
        fake_model.provider.name = "environment"
        fake_model.provider.save()
    with pytest.raises(AddressRefused):
        gateway.chat(ask(), clients=clients)
    assert model_server.requests == []
