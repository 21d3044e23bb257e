"""Breakers of several processes: what one has found out spares the others, and a button that asks again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from inference import gateway, snapshots
from inference.clients import Clients
from inference.encryption import encrypt
from inference.errors import ProviderUnavailable
from inference.models import Model, OpenCircuit
from inference.providers.provider import ResolvedModel
from inference.retries import RetryPolicy
from inference.routing.breakers import BreakerPolicy, Breakers, Notice, Trip, Verdict, key_of
from inference.types import ChatRequest, ChatResult, Message
from tenants.models import AuditEvent
from tests.cast import PASSWORD, Member
from tests.fakes import behaviours as does
from tests.fakes.model_server import ModelServer
from tests.inference.routing.conftest import MakeModel, MakeRoute, runners_are_in

Ask = Callable[..., ChatRequest]
Process = Callable[..., Clients]
MODEL = ResolvedModel("openai_compatible", "fake", "fake-model")
TENANT = uuid4()


@pytest.fixture
def two(make_model: MakeModel, make_route: MakeRoute, other_server: ModelServer) -> None:
    """Acme asks "first", and "second" on another server after it."""
    make_model("first")
    make_model("second", server=other_server)
    make_route({"first": 1}, fallbacks=("second",))


@pytest.fixture
def process() -> Iterator[Process]:
    """Makes what another process has: breakers of its own. It hears of the others with its next snapshot."""
    with ExitStack() as stack:

        def make(**policy: object) -> Clients:
            made = BreakerPolicy(**({"failures_running": 2, "open_for": 600.0} | policy))  # type: ignore[arg-type]
            clients = Clients(policy=RetryPolicy(attempts=1), breakers=Breakers(made))
            # Also when the test fails: connections that nobody closes fail whatever test the collector comes by in.
            stack.callback(clients.close)
            return clients

        yield make


def asked(request: ChatRequest, clients: Clients) -> str:
    """Who answered, by a process that has just read the tenant's snapshot."""
    return answered(request, clients).model


def answered(request: ChatRequest, clients: Clients) -> ChatResult:
    snapshots.forget(request.principal.tenant_id)
    return gateway.chat(request, clients=clients)


def test_one_process_trips_and_the_others_are_spared(
    two: None, ask: Ask, alice: Member, model_server: ModelServer, process: Process
) -> None:
    model_server.default = does.failure(500)
    one, other = process(), process()
    for _ in range(2):
        assert asked(ask(), one) == "second"
    assert len(model_server.requests) == 2
    assert asked(ask(), other) == "second"
    assert len(model_server.requests) == 2, (
        "the other process has asked a model that is known to fail"
    )
    with alice.scope():
        row = OpenCircuit.objects.get()
    assert (row.model, row.error_code, row.is_open) == ("first", "provider_unavailable", True)


def test_one_process_probes_and_the_others_wait_for_what_it_finds(
    two: None, ask: Ask, alice: Member, model_server: ModelServer, process: Process
) -> None:
    model_server.default = does.failure(500)
    one, other = process(open_for=0.001), process(open_for=0.001)
    for _ in range(2):
        asked(ask(), one)
    # Due for a probe at once; somebody else's is under way.
    with alice.scope():
        rows = OpenCircuit.objects.all()
        model = ResolvedModel("openai_compatible", rows[0].provider, "first")
        rows.update(probing_until=rows[0].opened_at.replace(year=rows[0].opened_at.year + 1))
    assert model.name == "first"
    assert asked(ask(), other) == "second"
    assert len(model_server.requests) == 2
    # It answers there: the row goes, and with it the breakers of all.
    model_server.default = does.answer()
    with alice.scope():
        OpenCircuit.objects.all().delete()
    assert asked(ask(), other) == asked(ask(), one) == "first"


def test_a_model_that_answers_its_probe_is_back_everywhere(
    two: None, ask: Ask, alice: Member, model_server: ModelServer, process: Process
) -> None:
    model_server.default = does.failure(500)
    one, other = process(open_for=0.001), process()
    for _ in range(2):
        asked(ask(), one)
    model_server.default = does.answer()
    assert asked(ask(), other) == "first"
    with alice.scope():
        assert not OpenCircuit.objects.exists()
    assert asked(ask(), one) == "first"


def test_a_hanging_model_that_keeps_losing_races_is_found_out(
    make_model: MakeModel,
    make_route: MakeRoute,
    other_server: ModelServer,
    ask: Ask,
    alice: Member,
    model_server: ModelServer,
    process: Process,
) -> None:
    make_model("hanging")
    make_model("quick", server=other_server)
    make_route({"hanging": 1}, fallbacks=("quick",), hedge_after_ms=20)
    model_server.default = does.hang()
    clients = process(races_lost=2, doubt=0.2)
    ends = time.monotonic() + 60
    while not (found := circuits_of(alice)):
        assert time.monotonic() < ends, "no race has told that the model hangs"
        assert asked(ask(), clients) == "quick"
    assert found[0].error_code == "provider_timeout"
    runners_are_in()
    # By its words: requests of the races may be read by the server long after they were given up.
    result = answered(ask(messages=[Message("user", "Who hears this?")]), clients)
    assert (result.model, result.degraded) == ("quick", "hanging: circuit_open")
    assert not any("Who hears this?" in str(one.body) for one in model_server.requests)


def circuits_of(member: Member) -> list[OpenCircuit]:
    with member.scope():
        return list(OpenCircuit.objects.all())


def test_a_model_is_doubted_after_some_races_that_it_lost_and_not_after_it_has_answered() -> None:
    breakers = Breakers(BreakerPolicy(races_lost=3, races_doubted=2))
    assert [breakers.is_doubtful(MODEL) for _ in range(6)] == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]
    breakers.succeeded(MODEL)
    assert [breakers.is_doubtful(MODEL) for _ in range(3)] == [False, False, True]


def test_a_key_that_was_replaced_starts_afresh(
    two: None, ask: Ask, alice: Member, model_server: ModelServer, process: Process
) -> None:
    model_server.default = does.failure(401)
    one = process()
    for _ in range(2):
        asked(ask(), one)
    with alice.scope():
        provider = Model.objects.get(name="first").provider
        provider.encrypted_key = encrypt("sk-replaced")
        provider.save()
        assert OpenCircuit.objects.count() == 1
    model_server.default = does.answer()
    assert asked(ask(), one) == "first"


def test_the_button_asks_again_at_once(
    two: None, ask: Ask, alice: Member, model_server: ModelServer, process: Process
) -> None:
    model_server.default = does.failure(500)
    one = process()
    for _ in range(2):
        asked(ask(), one)
    browser = Client()
    assert browser.login(username=alice.email, password=PASSWORD)
    page = browser.get(reverse("admin:inference_model_changelist")).content.decode()
    with alice.scope():
        row = OpenCircuit.objects.get()
    close = reverse("admin:inference_model_close_circuit", args=[row.pk])
    assert close in page
    assert "provider_unavailable" in page
    assert browser.get(close).status_code == 405
    assert browser.post(close).status_code == 302
    assert browser.post(close).status_code == 404
    with alice.scope():
        assert AuditEvent.objects.filter(action="opencircuit.closed").exists()
    model_server.default = does.answer()
    assert asked(ask(), one) == "first"


def test_what_was_closed_here_is_not_opened_by_old_news() -> None:
    breakers = Breakers(BreakerPolicy(failures_running=1))
    trip = breakers.failed(MODEL, ProviderUnavailable("down"))
    assert isinstance(trip, Trip)
    breakers.told(MODEL, trip, TENANT)
    assert breakers.asked(MODEL) is Verdict.NO
    assert breakers.succeeded(MODEL)
    old = Notice(key_of(MODEL), trip.id, trip.open_for, time.monotonic() + 100)
    breakers.heed(TENANT, [old], time.monotonic())
    assert breakers.asked(MODEL) is Verdict.YES


def test_what_is_not_known_to_the_others_yet_is_not_closed_by_their_silence() -> None:
    breakers = Breakers(BreakerPolicy(failures_running=1))
    before = time.monotonic()
    trip = breakers.failed(MODEL, ProviderUnavailable("down"))
    assert trip is not None
    breakers.heed(TENANT, [], time.monotonic())
    assert breakers.asked(MODEL) is Verdict.NO, "nobody had been told"
    breakers.told(MODEL, trip, TENANT)
    breakers.heed(TENANT, [], before)
    assert breakers.asked(MODEL) is Verdict.NO, "the news were older than the telling"
    breakers.heed(uuid4(), [], time.monotonic() + 1)
    assert breakers.asked(MODEL) is Verdict.NO, "another tenant knows nothing of it"
    breakers.heed(TENANT, [], time.monotonic() + 1)
    assert breakers.asked(MODEL) is Verdict.YES


def test_calls_under_way_when_a_breaker_opens_are_no_failed_probes() -> None:
    now = [0.0]
    breakers = Breakers(BreakerPolicy(failures_running=2, open_for=10.0), now=lambda: now[0])
    down = ProviderUnavailable("down")
    trips = [breakers.failed(MODEL, down) for _ in range(6)]
    assert [trip and trip.open_for for trip in trips] == [None, 10.0, None, None, None, None]
    now[0] = 10.0
    assert breakers.asked(MODEL) is Verdict.PROBE
    probed = breakers.failed(MODEL, down)
    assert probed is not None
    assert probed.open_for == 20.0
    assert breakers.failed(MODEL, down) is None
    now[0] = 29.0
    assert breakers.asked(MODEL) is Verdict.NO
    now[0] = 30.0
    assert breakers.asked(MODEL) is Verdict.PROBE


def test_a_trip_that_is_written_after_a_later_one_closes_nothing() -> None:
    """Each is told in the thread of its own call: what the row says last may be the older one."""
    now = [0.0]
    breakers = Breakers(BreakerPolicy(failures_running=1, open_for=10.0), now=lambda: now[0])
    older = breakers.failed(MODEL, ProviderUnavailable("down"))
    now[0] = 10.0
    later = breakers.failed(MODEL, ProviderUnavailable("still down"))
    assert older is not None
    assert later is not None
    breakers.told(MODEL, later, TENANT)
    breakers.told(MODEL, older, TENANT)
    read_at = time.monotonic() + 1
    row = Notice(key_of(MODEL), older.id, older.open_for, read_at)
    breakers.heed(TENANT, [row], read_at)
    assert breakers.asked(MODEL) is Verdict.NO
    now[0] = 29.0
    assert breakers.asked(MODEL) is Verdict.NO, "the older trip's time has replaced the later one's"
    breakers.heed(TENANT, [], read_at)
    assert breakers.asked(MODEL) is Verdict.YES
