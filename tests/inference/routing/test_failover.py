"""Failover before the first token and never after, breakers, and what the ledger says about both."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from inference import gateway
from inference.clients import Clients
from inference.errors import (
    Cancelled,
    InferenceError,
    ProviderTimeout,
    ProviderUnavailable,
    StreamBroken,
)
from inference.models import ModelCall
from inference.routing.breakers import BreakerPolicy, Breakers
from inference.types import ChatRequest, Passage
from tests.fakes import behaviours as does
from tests.fakes.behaviours import Behaviour
from tests.fakes.model_server import ModelServer
from tests.inference.conftest import PATIENT
from tests.inference.routing.conftest import MakeModel, MakeRoute, runners_are_in

Ask = Callable[..., ChatRequest]
Rows = Callable[[], list[ModelCall]]
# So much that "sooner" can be told from it on a busy machine, too.
VERY_PATIENT = replace(PATIENT, first_token=60.0, total=120.0)


@pytest.fixture
def two(make_model: MakeModel, make_route: MakeRoute, other_server: ModelServer) -> None:
    """Acme asks "first", and "second" on another server after it."""
    make_model("first")
    make_model("second", server=other_server)
    make_route({"first": 1}, fallbacks=("second",))


@pytest.mark.parametrize(
    "fault",
    [
        does.rate_limited(),
        does.rate_limited("3600"),
        does.failure(500),
        does.failure(401),
        does.failure(404),
        does.hang(),
        does.keep_alive(),
        does.html(),
        does.early_close(0),
        does.reset(0),
        does.malformed(0),
        does.error_event(0),
    ],
    ids=lambda one: f"{one.kind} {one.status} {one.retry_after or ''}".strip(),
)
def test_another_model_takes_over_before_the_first_token(
    fault: Behaviour,
    make_model: MakeModel,
    make_route: MakeRoute,
    ask: Ask,
    clients: Clients,
    model_server: ModelServer,
    other_server: ModelServer,
    ledger_rows: Rows,
) -> None:
    hangs = fault.kind in ("hang", "keep_alive")
    make_model("first")
    make_model("second", server=other_server)
    # The route's patience is with those who have a successor alone.
    make_route({"first": 1}, fallbacks=("second",), first_token_s=1.0 if hangs else None)
    model_server.default = fault
    result = gateway.chat(ask(), clients=clients)
    assert (result.text, result.model) == (does.DEFAULT_TEXT, "second")
    # Whoever has a successor is asked once: waiting would cost more than the next model does.
    assert (len(model_server.requests), len(other_server.requests)) == (1, 1)
    failed, answered = ledger_rows()
    assert (failed.model, failed.outcome, failed.attempts) == ("first", "error", 1)
    assert (answered.model, answered.outcome) == ("second", "ok")
    assert result.degraded == answered.degraded == f"first: {failed.error_code}"
    assert {row.route for row in (failed, answered)} == {"chat"}
    assert (failed.candidate_reason, answered.candidate_reason) == (
        "the only one that fits",
        "fallback 1",
    )


def test_a_refused_connection_is_passed_over(
    two: None, ask: Ask, clients: Clients, model_server: ModelServer
) -> None:
    with model_server.refusing():
        assert gateway.chat(ask(), clients=clients).model == "second"


@pytest.mark.parametrize(
    "fault",
    [does.early_close(3), does.reset(3), does.malformed(3), does.error_event(3), does.stall(3)],
    ids=lambda one: one.kind,
)
def test_nobody_takes_over_after_the_first_token(
    fault: Behaviour,
    two: None,
    ask: Ask,
    clients: Clients,
    model_server: ModelServer,
    other_server: ModelServer,
) -> None:
    model_server.default = fault
    request = ask(timeouts=replace(PATIENT, between_tokens=1.0), fall_back=True)
    with pytest.raises(StreamBroken):
        gateway.chat(request, clients=clients)
    assert (len(model_server.requests), len(other_server.requests)) == (1, 0)


def test_the_last_model_has_the_whole_retry_loop_and_its_error_is_the_one_told(
    two: None,
    ask: Ask,
    clients: Clients,
    model_server: ModelServer,
    other_server: ModelServer,
) -> None:
    model_server.default = does.failure(401)
    other_server.default = does.failure(503)
    with pytest.raises(ProviderUnavailable):
        gateway.chat(ask(), clients=clients)
    assert (len(model_server.requests), len(other_server.requests)) == (1, 3)


def test_after_all_of_them_the_built_in_model_quotes_and_says_so(
    two: None,
    ask: Ask,
    clients: Clients,
    model_server: ModelServer,
    other_server: ModelServer,
    ledger_rows: Rows,
) -> None:
    model_server.default = other_server.default = does.failure(503)
    passages = [Passage(1, "Employees get 25 days of paid leave every year.")]
    result = gateway.chat(
        ask(question="How many days of paid leave?", passages=passages, fall_back=True),
        clients=clients,
    )
    assert result.model == "footnote/extractive"
    assert result.degraded == "first: provider_unavailable; second: provider_unavailable"
    assert ledger_rows()[-1].candidate_reason == "the last resort"


def test_all_models_together_have_the_requests_time(
    two: None,
    ask: Ask,
    clients: Clients,
    model_server: ModelServer,
    other_server: ModelServer,
    ledger_rows: Rows,
) -> None:
    model_server.default = other_server.default = does.hang()
    timeouts = replace(PATIENT, first_token=1.0, total=1.5)
    with pytest.raises(ProviderTimeout) as raised:
        gateway.chat(ask(timeouts=timeouts), clients=clients)
    assert raised.value.stage == "total"
    # The last one would be tried again after its second, if it had all of the time to itself.
    assert [(row.model, row.attempts) for row in ledger_rows()] == [("first", 1), ("second", 1)]


def test_a_route_moves_on_sooner_than_the_request_would(
    make_model: MakeModel,
    make_route: MakeRoute,
    other_server: ModelServer,
    ask: Ask,
    clients: Clients,
    model_server: ModelServer,
) -> None:
    make_model("first")
    make_model("second", server=other_server)
    make_route({"first": 1}, fallbacks=("second",), first_token_s=0.3)
    model_server.default = does.hang()
    began = time.monotonic()
    assert gateway.chat(ask(timeouts=VERY_PATIENT), clients=clients).model == "second"
    assert time.monotonic() - began < VERY_PATIENT.first_token / 2


def test_stopping_stops_the_whole_plan(
    two: None, ask: Ask, clients: Clients, model_server: ModelServer, other_server: ModelServer
) -> None:
    model_server.default = does.hang()
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(Cancelled):
        gateway.chat(ask(stop=stop), clients=clients)
    assert other_server.requests == []


def test_an_open_breaker_passes_a_model_over_and_a_probe_brings_it_back(
    two: None,
    ask: Ask,
    clients: Clients,
    model_server: ModelServer,
    other_server: ModelServer,
) -> None:
    now = [0.0]
    clients.breakers = Breakers(BreakerPolicy(failures_running=3), now=lambda: now[0])
    model_server.default = does.failure(500)
    for _ in range(3):
        gateway.chat(ask(), clients=clients)
    assert len(model_server.requests) == 3
    result = gateway.chat(ask(), clients=clients)
    assert (result.model, result.degraded) == ("second", "first: circuit_open")
    assert len(model_server.requests) == 3
    now[0] = 11.0
    assert gateway.chat(ask(), clients=clients).degraded == "first: provider_unavailable"
    assert gateway.chat(ask(), clients=clients).degraded == "first: circuit_open"
    now[0] = 32.0
    model_server.default = does.answer()
    assert gateway.chat(ask(), clients=clients).model == "first"
    assert gateway.chat(ask(), clients=clients).model == "first"


def test_a_breaker_refuses_nobody_who_has_nowhere_else_to_go(
    make_model: MakeModel, ask: Ask, clients: Clients, model_server: ModelServer
) -> None:
    make_model("only", is_default=True)
    clients.breakers = Breakers(BreakerPolicy(failures_running=1))
    model_server.default = does.failure(401)
    for _ in range(2):
        with pytest.raises(InferenceError):
            gateway.chat(ask(), clients=clients)
    model_server.default = does.answer()
    assert gateway.chat(ask(), clients=clients).model == "only"


def test_a_hedge_starts_the_second_when_the_first_is_slow(
    make_model: MakeModel,
    make_route: MakeRoute,
    other_server: ModelServer,
    ask: Ask,
    clients: Clients,
    model_server: ModelServer,
    ledger_rows: Rows,
) -> None:
    make_model("slow")
    make_model("quick", server=other_server)
    make_route({"slow": 1}, fallbacks=("quick",), hedge_after_ms=100)
    model_server.default = does.hang()
    began = time.monotonic()
    result = gateway.chat(ask(timeouts=VERY_PATIENT), clients=clients)
    assert time.monotonic() - began < VERY_PATIENT.first_token / 2
    assert (result.model, result.text) == ("quick", does.DEFAULT_TEXT)
    model_server.wait_for("disconnected_at")
    runners_are_in()
    lost = next(row for row in ledger_rows() if row.model == "slow")
    assert (lost.outcome, lost.error_code) == ("cancelled", "hedge_lost")
    assert lost.input_tokens > 0
    assert lost.cost_usd > 0


def test_a_hedge_leaves_a_quick_first_alone(
    make_model: MakeModel,
    make_route: MakeRoute,
    other_server: ModelServer,
    ask: Ask,
    clients: Clients,
    ledger_rows: Rows,
) -> None:
    make_model("first")
    make_model("second", server=other_server)
    make_route({"first": 1}, fallbacks=("second",), hedge_after_ms=5_000)
    assert gateway.chat(ask(), clients=clients).model == "first"
    assert other_server.requests == []
    assert [row.model for row in ledger_rows()] == ["first"]


def test_both_runners_of_a_hedge_may_fail_and_the_next_one_answers(
    make_model: MakeModel,
    make_route: MakeRoute,
    other_server: ModelServer,
    ask: Ask,
    clients: Clients,
    model_server: ModelServer,
) -> None:
    make_model("first")
    make_model("second")
    make_model("third", server=other_server)
    make_route({"first": 1}, fallbacks=("second", "third"), hedge_after_ms=10)
    model_server.default = does.failure(500)
    result = gateway.chat(ask(), clients=clients)
    assert result.model == "third"
    assert result.degraded is not None
    assert "first: provider_unavailable" in result.degraded
