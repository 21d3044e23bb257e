"""What OpenAI-compatible endpoints differ in is found out once, or said by the provider's row."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from inference import gateway
from inference.clients import Clients
from inference.errors import BadRequest
from inference.models import Model, Provider
from inference.types import ChatRequest
from tests.cast import Member
from tests.fakes import behaviours as does
from tests.fakes.model_server import ModelServer

Ask = Callable[..., ChatRequest]
OLD = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."


def bodies(server: ModelServer) -> list[dict[str, object]]:
    return [request.body for request in server.requests]


def test_the_limit_of_tokens_is_renamed_and_that_is_remembered(
    ask: Ask, clients: Clients, fake_model: Model, model_server: ModelServer
) -> None:
    model_server.script(does.failure(400, message=OLD))
    for _ in range(2):
        assert gateway.chat(ask(max_tokens=50), clients=clients).text == does.DEFAULT_TEXT
    first, second, third = bodies(model_server)
    assert (first["max_tokens"], "max_completion_tokens" in first) == (50, False)
    for later in (second, third):
        assert (later["max_completion_tokens"], "max_tokens" in later) == (50, False)


def test_what_a_server_refuses_is_left_out_and_tokens_are_counted_here(
    ask: Ask, clients: Clients, fake_model: Model, model_server: ModelServer
) -> None:
    model_server.script(
        does.failure(422, message="extra fields not permitted: stream_options"),
        does.failure(400, message="temperature does not support 0.2 with this model"),
    )
    result = gateway.chat(ask(temperature=0.2), clients=clients)
    assert result.usage.estimated
    assert len(model_server.requests) == 3
    assert not {"stream_options", "temperature"} & set(bodies(model_server)[-1])


def test_a_refusal_of_anything_else_is_not_repeated(
    ask: Ask, clients: Clients, fake_model: Model, model_server: ModelServer
) -> None:
    model_server.script(does.failure(400, message="messages: too many roles"))
    with pytest.raises(BadRequest):
        gateway.chat(ask(max_tokens=50), clients=clients)
    assert len(model_server.requests) == 1


def test_a_server_that_refuses_both_names_is_asked_twice(
    ask: Ask, clients: Clients, fake_model: Model, model_server: ModelServer
) -> None:
    model_server.default = does.failure(400, message="neither max_tokens nor max_completion_tokens")
    with pytest.raises(BadRequest):
        gateway.chat(ask(max_tokens=50), clients=clients)
    assert len(model_server.requests) == 2


def test_a_providers_row_may_say_it_beforehand(
    ask: Ask, clients: Clients, fake_model: Model, model_server: ModelServer, alice: Member
) -> None:
    with alice.scope():
        provider = Provider.objects.get()
        provider.length_parameter = "max_completion_tokens"
        provider.reports_usage = False
        provider.save()
    gateway.chat(ask(max_tokens=50), clients=clients)
    (body,) = bodies(model_server)
    assert body["max_completion_tokens"] == 50
    assert "stream_options" not in body
