"""Calls that go well: the text, the tokens, the money, the ledger's row and the trace's span."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from decimal import Decimal

import pytest
from pytest_django import Settings

from inference import gateway
from inference.clients import Clients
from inference.errors import Cancelled, ContextTooLong, UnknownModel
from inference.models import Model, ModelCall
from inference.types import ChatRequest, Finished, Message, Passage, TextDelta, Usage
from tests.cast import Member
from tests.fakes import behaviours
from tests.fakes.model_server import ModelServer
from tests.inference.conftest import KEY
from traces import recorder

Ask = Callable[..., ChatRequest]
Rows = Callable[[], list[ModelCall]]

pytestmark = pytest.mark.usefixtures("fake_model")


def test_a_whole_answer_comes_with_what_it_took(
    ask: Ask, clients: Clients, model_server: ModelServer
) -> None:
    model_server.script(behaviours.answer("Five weeks [1].", prompt_tokens=1000, cached_tokens=400))
    result = gateway.chat(ask(temperature=0.0, max_tokens=50), clients=clients)
    assert result.text == "Five weeks [1]."
    assert (result.model, result.provider, result.finish_reason) == ("fake-model", "fake", "stop")
    assert result.usage == Usage(1000, 3, 400)
    # 600 fresh at 1 USD, 400 cached at 0.10, 3 out at 2, per million.
    assert result.cost == Decimal("0.00064600")
    assert result.first_token_ms is not None
    assert 0 < result.first_token_ms <= result.latency_ms
    body = model_server.requests[0].body
    assert (body["temperature"], body["max_tokens"]) == (0.0, 50)
    assert model_server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_stream_ends_with_usage_and_finished(ask: Ask, clients: Clients) -> None:
    events = list(gateway.stream(ask(), clients=clients))
    assert [type(event) for event in events[-2:]] == [Usage, Finished]
    texts = [event.text for event in events if isinstance(event, TextDelta)]
    assert len(texts) > 5
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert "".join(texts) == finished.result.text == behaviours.DEFAULT_TEXT


def test_each_call_has_one_ledger_row(
    ask: Ask, alice: Member, clients: Clients, ledger_rows: Rows
) -> None:
    result = gateway.chat(ask(feature="judge"), clients=clients)
    (row,) = ledger_rows()
    assert (row.operation, row.feature, row.outcome) == ("chat", "judge", "ok")
    assert (row.provider, row.model, row.attempts) == ("fake", "fake-model", 1)
    assert (row.user_id, row.error_code, row.finish_reason) == (alice.user.pk, "", "stop")
    assert (row.input_tokens, row.output_tokens) == (100, 11)
    assert row.cost_usd == result.cost == Decimal("0.00012200")
    assert row.first_token_ms == result.first_token_ms


def test_another_tenant_sees_neither_row_nor_model(
    ask: Ask, charlie: Member, clients: Clients, ledger_rows: Rows
) -> None:
    gateway.chat(ask(), clients=clients)
    assert len(ledger_rows()) == 1
    with charlie.scope():
        assert not ModelCall.objects.exists()
    with pytest.raises(UnknownModel):
        gateway.stream(ask(principal=charlie.principal, model="fake-model"), clients=clients)


def test_the_call_is_a_span_of_the_open_trace(
    ask: Ask, alice: Member, clients: Clients, ledger_rows: Rows
) -> None:
    trace = recorder.begin("chat", alice.principal, feature="chat")
    with trace.active():
        events = gateway.stream(ask(), clients=clients)
    list(events)
    span = trace.spans[-1]
    assert (span.name, span.outcome) == ("chat fake-model", "ok")
    assert span.attributes["gen_ai.usage.output_tokens"] == 11
    assert span.attributes["gen_ai.output.messages"][0]["content"] == behaviours.DEFAULT_TEXT
    assert span.duration_ms > 0
    (row,) = ledger_rows()
    assert (row.trace_id, row.span_id) == (trace.trace_id, span.span_id)


def test_tokens_are_counted_here_when_the_provider_does_not(
    ask: Ask, clients: Clients, model_server: ModelServer
) -> None:
    model_server.script(behaviours.answer("Five weeks.", usage=False))
    usage = gateway.chat(ask(), clients=clients).usage
    assert usage.estimated
    assert usage.completion_tokens == 3
    assert 8 <= usage.prompt_tokens <= 14


def test_an_answer_is_whole_with_its_finish_reason_even_without_done(
    ask: Ask, clients: Clients, model_server: ModelServer
) -> None:
    model_server.script(behaviours.answer(usage=False, done=False))
    assert gateway.chat(ask(), clients=clients).text == behaviours.DEFAULT_TEXT


def test_an_answer_that_was_cut_at_the_limit_says_so(
    ask: Ask, clients: Clients, model_server: ModelServer, ledger_rows: Rows
) -> None:
    model_server.script(behaviours.answer(finish_reason="length"))
    assert gateway.chat(ask(), clients=clients).finish_reason == "length"
    assert ledger_rows()[0].finish_reason == "length"


def test_closing_the_stream_cancels_upstream_at_once(
    ask: Ask, clients: Clients, model_server: ModelServer, ledger_rows: Rows
) -> None:
    model_server.script(behaviours.slow_drip(delay=0.05))
    events = gateway.stream(ask(), clients=clients)
    assert isinstance(next(events), TextDelta)
    closed_at = time.monotonic()
    events.close()
    request = model_server.wait_for("disconnected_at")
    assert request.disconnected_at is not None
    assert request.disconnected_at - closed_at < 2
    (row,) = ledger_rows()
    assert (row.outcome, row.error_code) == ("cancelled", "cancelled")
    # What was delivered was paid for.
    assert row.output_tokens >= 1
    assert row.cost_usd > 0


@pytest.mark.parametrize(
    "behaviour",
    [behaviours.hang(), behaviours.keep_alive(), behaviours.stall()],
    ids=lambda one: one.kind,
)
def test_the_stop_event_cancels_a_call_that_is_stuck(
    ask: Ask,
    clients: Clients,
    model_server: ModelServer,
    ledger_rows: Rows,
    behaviour: behaviours.Behaviour,
) -> None:
    model_server.script(behaviour)
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        gateway.chat(ask(stop=stop), clients=clients)
    assert time.monotonic() - began < 2
    model_server.wait_for("disconnected_at")
    assert len(model_server.requests) == 1
    assert [row.outcome for row in ledger_rows()] == ["cancelled"]


def test_whole_answers_leave_their_connection_for_the_next(
    ask: Ask, clients: Clients, model_server: ModelServer
) -> None:
    for _ in range(3):
        gateway.chat(ask(), clients=clients)
    assert model_server.connections_opened == 1


def test_an_answer_can_be_stored_whatever_the_model_writes(
    ask: Ask, clients: Clients, model_server: ModelServer, ledger_rows: Rows
) -> None:
    model_server.script(
        behaviours.answer(
            "NUL \x00, half an emoji \ud83d!", finish_reason="st\x00op", prompt_tokens=2**60
        )
    )
    result = gateway.chat(ask(), clients=clients)
    assert result.text == "NUL , half an emoji ?!"
    (row,) = ledger_rows()
    assert (row.finish_reason, row.input_tokens) == ("stop", 1_000_000_000)


def test_a_prompt_that_cannot_fit_never_leaves(
    ask: Ask, clients: Clients, model_server: ModelServer, fake_model: Model, alice: Member
) -> None:
    with alice.scope():
        Model.objects.filter(pk=fake_model.pk).update(context_window=100)
    with pytest.raises(ContextTooLong, match="reads 100"):
        gateway.chat(ask(messages=[Message("user", "leave " * 200)]), clients=clients)
    assert model_server.requests == []


def test_a_model_is_named_with_or_without_its_provider(ask: Ask, clients: Clients) -> None:
    for name in ("fake-model", "fake/fake-model"):
        assert gateway.chat(ask(model=name), clients=clients).model == "fake-model"
    with pytest.raises(UnknownModel):
        gateway.stream(ask(model="fake-model-2"), clients=clients)


def test_a_disabled_model_is_as_good_as_absent(
    ask: Ask, clients: Clients, fake_model: Model, alice: Member, model_server: ModelServer
) -> None:
    with alice.scope():
        Model.objects.filter(pk=fake_model.pk).update(enabled=False)
    with pytest.raises(UnknownModel):
        gateway.stream(ask(model="fake-model"), clients=clients)
    assert gateway.chat(ask(), clients=clients).model == "footnote/extractive"
    assert model_server.requests == []


def test_the_environment_names_a_model_for_tenants_without_one(
    ask: Ask, charlie: Member, clients: Clients, model_server: ModelServer, settings: Settings
) -> None:
    settings.OPENAI_BASE_URL = model_server.base_url
    settings.OPENAI_API_KEY = "sk-environment"
    settings.CHAT_MODEL = "env-model"
    assert gateway.chat(ask(principal=charlie.principal), clients=clients).model == "env-model"
    assert model_server.requests[-1].headers["authorization"] == "Bearer sk-environment"
    # Acme has a model of its own, and that comes first.
    assert gateway.chat(ask(), clients=clients).model == "fake-model"


def test_when_a_provider_is_down_the_built_in_model_may_answer_and_says_so(
    ask: Ask, clients: Clients, model_server: ModelServer, ledger_rows: Rows
) -> None:
    model_server.script(*[behaviours.failure(503)] * 3)
    passages = [
        Passage(1, "Employees get 25 days of paid leave every year. The office is in Bern.")
    ]
    question = "How many days of paid leave do employees get?"
    result = gateway.chat(
        ask(question=question, passages=passages, fall_back=True), clients=clients
    )
    assert result.model == "footnote/extractive"
    assert result.degraded == "fake-model: provider_unavailable"
    assert result.text == "Employees get 25 days of paid leave every year. [1]"
    assert [(row.model, row.outcome, row.degraded) for row in ledger_rows()] == [
        ("fake-model", "error", ""),
        ("footnote/extractive", "ok", "fake-model: provider_unavailable"),
    ]


def test_nobody_takes_over_in_mid_answer(
    ask: Ask, clients: Clients, model_server: ModelServer
) -> None:
    model_server.script(behaviours.early_close(after=3))
    events = gateway.stream(ask(fall_back=True), clients=clients)
    seen = []
    with pytest.raises(Exception, match="without a finish reason"):
        seen.extend(events)
    assert not any(isinstance(event, Finished) for event in seen)
