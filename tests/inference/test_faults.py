"""Every way a provider can fail: the right error, the right number of requests, a row in the ledger, no half answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from time import monotonic, time

import pytest

from inference import gateway
from inference.clients import Clients
from inference.encryption import encrypt
from inference.errors import (
    BadCredentials,
    BadRequest,
    ContextTooLong,
    InferenceError,
    ModelNotFound,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
    StreamBroken,
    UnreadableResponse,
)
from inference.models import ModelCall, Provider
from inference.retries import RetryPolicy
from inference.types import ChatRequest, Finished, TextDelta
from tests.cast import Member
from tests.fakes import behaviours as does
from tests.fakes.behaviours import Behaviour
from tests.fakes.model_server import ModelServer
from tests.inference.conftest import IMPATIENT, KEY, PATIENT

Ask = Callable[..., ChatRequest]
Rows = Callable[[], list[ModelCall]]

pytestmark = pytest.mark.usefixtures("fake_model")


@dataclass(frozen=True)
class Fault:
    """What the server does (again and again), what comes of it, and how many requests it may cost."""

    name: str
    behaviour: Behaviour
    error: type[ProviderError]
    requests: int
    detail: dict[str, str] = field(default_factory=dict)


FAULTS = [
    Fault("429 without Retry-After", does.rate_limited(), RateLimited, 3),
    Fault("429 with Retry-After", does.rate_limited("0.01"), RateLimited, 3),
    Fault("429 with a far Retry-After", does.rate_limited("3600"), RateLimited, 1),
    Fault("429 that means pay", does.rate_limited(code="insufficient_quota"), QuotaExhausted, 1),
    Fault("500", does.failure(500), ProviderUnavailable, 3),
    Fault("503", does.failure(503), ProviderUnavailable, 3),
    Fault("401", does.failure(401), BadCredentials, 1),
    Fault("403", does.failure(403), BadCredentials, 1),
    Fault("404", does.failure(404), ModelNotFound, 1),
    Fault("400", does.failure(400), BadRequest, 1),
    Fault("302", does.failure(302), BadRequest, 1),
    Fault(
        "too long, by code", does.failure(400, code="context_length_exceeded"), ContextTooLong, 1
    ),
    Fault(
        "too long, by message",
        does.failure(400, message="This model's maximum context length is 10 tokens"),
        ContextTooLong,
        1,
    ),
    Fault("no first token", does.hang(), ProviderTimeout, 3, {"stage": "first_token"}),
    Fault("comments, no token", does.keep_alive(), ProviderTimeout, 3, {"stage": "first_token"}),
    Fault("a page with status 200", does.html(), UnreadableResponse, 1),
    Fault("ends before the first token", does.early_close(0), ProviderUnavailable, 3),
    Fault("reset before the first token", does.reset(0), ProviderUnavailable, 3),
    Fault("malformed from the start", does.malformed(0), UnreadableResponse, 1),
    Fault("error object first", does.error_event(0), ProviderUnavailable, 3),
    Fault("rate limit as error object", does.error_event(0, code="429"), RateLimited, 3),
    Fault("ends in mid-answer", does.early_close(3), StreamBroken, 1, {"reason": "ended_early"}),
    Fault("reset in mid-answer", does.reset(3), StreamBroken, 1, {"reason": "connection_lost"}),
    Fault("malformed in mid-answer", does.malformed(3), StreamBroken, 1, {"reason": "malformed"}),
    Fault(
        "error object in mid-answer",
        does.error_event(3),
        StreamBroken,
        1,
        {"reason": "error_event"},
    ),
    Fault("stalls in mid-answer", does.stall(3), StreamBroken, 1, {"reason": "stalled"}),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_ends_in_the_right_error(
    fault: Fault, ask: Ask, clients: Clients, model_server: ModelServer, ledger_rows: Rows
) -> None:
    model_server.default = fault.behaviour
    hangs = fault.behaviour.kind in ("hang", "keep_alive", "stall")
    events, error = drained(ask(timeouts=IMPATIENT if hangs else PATIENT), clients)
    assert type(error) is fault.error
    for name, value in fault.detail.items():
        assert getattr(error, name) == value
    assert len(model_server.requests) == fault.requests
    assert not any(isinstance(event, Finished) for event in events)
    (row,) = ledger_rows()
    assert (row.outcome, row.error_code, row.attempts) == (
        "error",
        fault.error.code,
        fault.requests,
    )
    assert (row.output_tokens > 0) is (fault.error is StreamBroken)
    assert_fit_to_be_seen(error)


def test_a_refused_connection_is_tried_again_and_then_given_up(
    ask: Ask, clients: Clients, model_server: ModelServer, ledger_rows: Rows
) -> None:
    with model_server.refusing():
        _, error = drained(ask(), clients)
    assert type(error) is ProviderUnavailable
    (row,) = ledger_rows()
    assert (row.error_code, row.attempts) == ("provider_unavailable", 3)


@pytest.mark.parametrize(
    "behaviour",
    [
        does.rate_limited(),
        does.rate_limited("0.01"),
        does.failure(500),
        does.early_close(0),
        does.reset(0),
    ],
    ids=lambda one: f"{one.kind} {one.status}",
)
def test_a_passing_fault_is_never_seen(
    behaviour: Behaviour, ask: Ask, clients: Clients, model_server: ModelServer, ledger_rows: Rows
) -> None:
    model_server.script(behaviour, behaviour)
    result = gateway.chat(ask(), clients=clients)
    assert result.text == does.DEFAULT_TEXT
    assert (result.attempts, len(model_server.requests)) == (3, 3)
    assert [(row.outcome, row.attempts) for row in ledger_rows()] == [("ok", 3)]


@pytest.mark.parametrize("hard", [False, True])
def test_a_kept_connection_that_was_closed_meanwhile_is_no_fault(
    hard: bool, ask: Ask, clients: Clients, model_server: ModelServer, ledger_rows: Rows
) -> None:
    gateway.chat(ask(), clients=clients)
    model_server.script(does.closed(hard=hard))
    assert gateway.chat(ask(), clients=clients).text == does.DEFAULT_TEXT
    assert (len(model_server.requests), model_server.connections_opened) == (3, 2)
    assert [(row.outcome, row.attempts) for row in ledger_rows()] == [("ok", 1), ("ok", 1)]


@pytest.mark.parametrize("hard", [False, True])
def test_a_new_connection_that_is_closed_at_once_is_one(
    hard: bool, ask: Ask, clients: Clients, model_server: ModelServer, ledger_rows: Rows
) -> None:
    model_server.script(does.closed(hard=hard), does.closed(hard=hard))
    gateway.chat(ask(), clients=clients)
    assert (len(model_server.requests), model_server.connections_opened) == (3, 3)
    assert [(row.outcome, row.attempts) for row in ledger_rows()] == [("ok", 3)]


def test_what_closes_each_kept_connection_is_asked_once_more_and_then_fails(
    ask: Ask, clients: Clients, model_server: ModelServer, ledger_rows: Rows
) -> None:
    clients.policy = RetryPolicy(attempts=1)
    gateway.chat(ask(), clients=clients)
    model_server.default = does.closed()
    with pytest.raises(ProviderUnavailable):
        gateway.chat(ask(), clients=clients)
    assert len(model_server.requests) == 3


def test_a_slow_drip_is_no_fault(ask: Ask, clients: Clients, model_server: ModelServer) -> None:
    """Longer in all than any of its waits may be, but never silent for long."""
    model_server.script(does.slow_drip(delay=0.15))
    result = gateway.chat(ask(timeouts=IMPATIENT), clients=clients)
    assert result.text == does.DEFAULT_TEXT
    assert result.latency_ms > IMPATIENT.between_tokens * 1000


def test_a_drip_without_end_is_cut_by_the_total(
    ask: Ask, clients: Clients, model_server: ModelServer
) -> None:
    model_server.script(does.slow_drip("word " * 1000, delay=0.05))
    _, error = drained(ask(timeouts=replace(PATIENT, total=2.0)), clients)
    assert isinstance(error, StreamBroken)
    assert error.reason == "total_timeout"


def test_retries_stop_at_the_total_time(
    ask: Ask, clients: Clients, model_server: ModelServer
) -> None:
    """Twenty attempts are allowed, but the time is over after a few."""
    clients.policy = RetryPolicy(attempts=20, longest_wait=1.0)
    model_server.default = does.rate_limited("0.4")
    began = monotonic()
    _, error = drained(ask(timeouts=replace(PATIENT, total=1.0)), clients)
    assert isinstance(error, RateLimited)
    assert 1 <= len(model_server.requests) <= 3
    assert monotonic() - began < 2


def test_retry_after_as_a_date_is_understood(
    ask: Ask, clients: Clients, model_server: ModelServer
) -> None:
    model_server.script(does.rate_limited(formatdate(time() + 3600, usegmt=True)))
    _, error = drained(ask(), clients)
    assert isinstance(error, RateLimited)
    assert error.retry_after is not None
    assert 3500 < error.retry_after <= 3600


def test_a_key_that_the_provider_echoes_goes_no_further(
    ask: Ask, clients: Clients, model_server: ModelServer
) -> None:
    model_server.script(does.failure(401, message=f"Incorrect API key provided: {KEY}."))
    _, error = drained(ask(), clients)
    assert "Incorrect API key provided: ***." in str(error)
    assert_fit_to_be_seen(error)


@pytest.mark.parametrize("key", ["sk-1\r\nX-Other: 1", "schlüssel"])
def test_a_key_that_no_header_takes_is_sent_to_nobody(
    key: str, alice: Member, ask: Ask, clients: Clients, model_server: ModelServer
) -> None:
    with alice.scope():
        Provider.objects.update(encrypted_key=encrypt(key))
    _, error = drained(ask(), clients)
    assert type(error) is BadCredentials
    assert key not in str(error)
    assert model_server.requests == []


def assert_fit_to_be_seen(error: InferenceError) -> None:
    """Admins see no key; members see neither address nor vendor's prose."""
    assert KEY not in str(error)
    assert error.member_message
    assert "127.0.0.1" not in error.member_message
    assert "scripted" not in error.member_message


def drained(request: ChatRequest, clients: Clients) -> tuple[list[object], InferenceError]:
    """The events that came out before the error, and the error."""
    events: list[object] = []
    try:
        for event in gateway.stream(request, clients=clients):
            events.append(event)  # noqa: PERF402 - what came before the error must be kept
    except InferenceError as error:
        return events, error
    raise AssertionError(f"no error, but {[type(one) for one in events]}; text: {_text(events)}")


def _text(events: list[object]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))
