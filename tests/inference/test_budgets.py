"""Money: never more than the budget, given back after a crash, and equal to the ledger to the last digit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal

import pytest
from django.db import DataError, connection, connections
from pytest_django import Settings

from inference import admission, bounds, gateway, leases, ledger, warnings
from inference.accounts import discrepancies
from inference.clients import Clients
from inference.errors import BudgetBusy, BudgetExhausted, Cancelled, InferenceError
from inference.models import Budget, BudgetCounter, Model, ModelCall, Reservation
from inference.prices import Prices
from inference.providers.provider import ResolvedModel
from inference.stops import RunnersStop
from inference.types import ChatRequest, Message, Passage, Usage
from inference.warnings import BudgetWarning, budget_warning
from tenants.models import Tenant
from tests.cast import Member
from tests.fakes import behaviours
from tests.fakes.model_server import ModelServer

Ask = Callable[..., ChatRequest]
Rows = Callable[[], list[ModelCall]]
MakeBudget = Callable[..., Budget]

# 1000 USD per million tokens, so that an answer of some words is worth noticing.
DEAR = Prices(Decimal(100), Decimal(10), Decimal(1000))
DEAR_MODEL = ResolvedModel("openai_compatible", "fake", "fake-model", prices=DEAR)


@pytest.fixture
def budget(alice: Member) -> MakeBudget:
    """Makes a budget of Acme's: `budget("1.00", scope="user")`."""

    def make(limit: str, **fields: object) -> Budget:
        name = f"budget {time.monotonic_ns()}"
        with alice.scope():
            return Budget.objects.create(name=name, limit_usd=Decimal(limit), **fields)

    return make


@pytest.fixture
def dear_model(fake_model: Model, alice: Member) -> Model:
    with alice.scope():
        fake_model.input_price, fake_model.cached_price = DEAR.prompt, DEAR.cached
        fake_model.output_price = DEAR.completion
        fake_model.save()
    return fake_model


def counter_of(budget: Budget, member: Member) -> BudgetCounter:
    with member.scope():
        return BudgetCounter.objects.get(budget=budget)


@contextmanager
def sampled(tenant: Tenant) -> Iterator[list[Decimal]]:
    """What is spent and reserved together, as another connection sees it, as often as it can look."""
    seen: list[Decimal] = []
    done = threading.Event()

    def look() -> None:
        try:
            while not done.wait(0.002):
                with connections["operator"].cursor() as cursor:
                    cursor.execute(
                        "SELECT set_config('app.tenant_id', %s, false)", [str(tenant.pk)]
                    )
                    cursor.execute(
                        "SELECT spent_usd + reserved_usd FROM inference_budgetcounter WHERE tenant_id = %s",
                        [tenant.pk],
                    )
                    seen.extend(row[0] for row in cursor.fetchall())
        finally:
            connections["operator"].close()

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()


def outcome(call: Callable[[], object]) -> str:
    try:
        call()
    except InferenceError as error:
        return error.code
    finally:
        connection.close()
    return "ok"


def test_two_hundred_calls_of_unknown_length_never_pass_one_dollar(
    ask: Ask,
    acme: Tenant,
    alice: Member,
    clients: Clients,
    model_server: ModelServer,
    dear_model: Model,
    budget: MakeBudget,
    ledger_rows: Rows,
    settings: Settings,
) -> None:
    # Nobody gives up: a machine however slow has the money back in time.
    settings.BUDGET_WAIT_SECONDS = 300
    model_server.default = behaviours.answer("word " * 12, prompt_tokens=20, delay=0.001)
    one = budget("1.00")
    with sampled(acme) as seen, ThreadPoolExecutor(24) as pool:
        request = ask()
        calls = [
            pool.submit(outcome, lambda: gateway.chat(request, clients=clients)) for _ in range(200)
        ]
        ended = [call.result() for call in calls]
    assert max(seen) <= Decimal(1)
    counter = counter_of(one, alice)
    assert counter.reserved_usd == 0
    # Whoever found the money held by others waited for it: refused is only what the rest does not pay for.
    assert set(ended) == {"ok", "budget_exhausted"}
    least = bounds.of_chat(DEAR_MODEL, request.messages, None).least
    assert Decimal(1) - least < counter.spent_usd <= Decimal(1)
    rows = ledger_rows()
    assert len(rows) == 200
    assert counter.spent_usd == sum(row.cost_usd for row in rows)
    cost = max(row.cost_usd for row in rows)
    assert ended.count("ok") == counter.spent_usd / cost > 45
    assert all(row.excess_usd == 0 for row in rows)
    assert len(model_server.requests) == ended.count("ok")
    with alice.scope():
        assert not Reservation.objects.exists()
        assert discrepancies(acme.pk) == []


def test_the_answer_is_limited_to_what_the_budget_grants(
    ask: Ask, clients: Clients, model_server: ModelServer, dear_model: Model, budget: MakeBudget
) -> None:
    budget("1.00")
    gateway.chat(ask(), clients=clients)
    sent = model_server.requests[0].body["max_tokens"]
    # An open-ended call takes the least that makes sense, or an eighth of what is left.
    assert 250 <= sent <= bounds.FEWEST_OUTPUT
    gateway.chat(ask(max_tokens=40), clients=clients)
    assert model_server.requests[1].body["max_tokens"] == 40


def test_without_a_budget_nothing_is_reserved_and_nothing_limited(
    ask: Ask, clients: Clients, model_server: ModelServer, dear_model: Model, ledger_rows: Rows
) -> None:
    gateway.chat(ask(), clients=clients)
    assert "max_tokens" not in model_server.requests[0].body
    (row,) = ledger_rows()
    assert (row.reservation_id, row.charged) == (None, [])


def test_a_provider_that_bills_more_than_it_may_is_paid_what_is_left(
    ask: Ask,
    alice: Member,
    clients: Clients,
    model_server: ModelServer,
    dear_model: Model,
    budget: MakeBudget,
    ledger_rows: Rows,
) -> None:
    one = budget("0.50")
    model_server.script(behaviours.answer("Yes.", prompt_tokens=50_000))
    gateway.chat(ask(max_tokens=100), clients=clients)
    (row,) = ledger_rows()
    assert row.cost_usd == Decimal("0.50")
    assert row.cost_usd + row.excess_usd == Decimal("5.001")
    assert counter_of(one, alice).spent_usd == Decimal("0.50")


@pytest.mark.parametrize(
    ("scope", "subject"), [("user", "own"), ("user", ""), ("feature", "chat"), ("feature", "")]
)
def test_a_budget_counts_whom_it_names(
    ask: Ask,
    alice: Member,
    bob: Member,
    clients: Clients,
    dear_model: Model,
    budget: MakeBudget,
    scope: str,
    subject: str,
) -> None:
    budget("0.30", scope=scope, subject=str(alice.user.pk) if subject == "own" else subject)
    gateway.chat(ask(max_tokens=200), clients=clients)
    request = ask(max_tokens=200)
    ended = [outcome(lambda: gateway.chat(request, clients=clients)) for _ in range(30)]
    assert ended[-1] == "budget_exhausted"
    other = {"principal": bob.principal} if scope == "user" else {"feature": "judge"}
    assert gateway.chat(ask(max_tokens=200, **other), clients=clients).text


def test_another_tenants_budget_is_untouched(
    ask: Ask, charlie: Member, clients: Clients, dear_model: Model, budget: MakeBudget
) -> None:
    with charlie.scope():
        theirs = Budget.objects.create(name="all", limit_usd=Decimal(1))
    budget("1.00")
    gateway.chat(ask(max_tokens=10), clients=clients)
    with charlie.scope():
        assert not BudgetCounter.objects.filter(budget=theirs).exists()


PASSAGES = [Passage(1, "Employees get 25 days of paid leave every year.")]


def test_at_the_limit_the_passages_are_quoted_if_the_owner_chose_so(
    ask: Ask, clients: Clients, dear_model: Model, budget: MakeBudget, model_server: ModelServer
) -> None:
    budget("0.0001", at_limit="extractive")
    question = "How many days of paid leave do employees get?"
    result = gateway.chat(ask(question=question, passages=PASSAGES), clients=clients)
    assert result.model == "footnote/extractive"
    assert "is used up" in (result.degraded or "")
    assert model_server.requests == []


def test_at_the_limit_a_smaller_model_answers_if_the_owner_chose_so(
    ask: Ask, alice: Member, clients: Clients, dear_model: Model, budget: MakeBudget
) -> None:
    with alice.scope():
        Model.objects.create(
            provider=dear_model.provider,
            name="small-model",
            tier="small",
            input_price=Decimal("0.001"),
            output_price=Decimal("0.001"),
        )
    budget("0.01", at_limit="smaller")
    result = gateway.chat(ask(), clients=clients)
    assert result.model == "small-model"
    assert "is used up" in (result.degraded or "")


def test_where_not_even_a_smaller_model_can_be_paid_the_passages_are_quoted(
    ask: Ask, alice: Member, clients: Clients, dear_model: Model, budget: MakeBudget
) -> None:
    prices = {"input_price": Decimal(500), "output_price": Decimal(500)}
    with alice.scope():
        Model.objects.create(
            provider=dear_model.provider, name="small-model", tier="small", **prices
        )
    budget("0.0001", at_limit="smaller")
    question = "How many days of paid leave do employees get?"
    result = gateway.chat(ask(question=question, passages=PASSAGES), clients=clients)
    assert result.model == "footnote/extractive"
    with pytest.raises(BudgetExhausted):
        gateway.chat(ask(), clients=clients)


def test_at_the_limit_a_call_is_refused_with_the_figures(
    ask: Ask, clients: Clients, dear_model: Model, budget: MakeBudget
) -> None:
    budget("0.01")
    with pytest.raises(BudgetExhausted, match=r"0\.0000 of 0\.0100 USD are spent"):
        gateway.chat(ask(), clients=clients)


def test_money_that_others_hold_is_a_reason_to_come_back(
    alice: Member, dear_model: Model, budget: MakeBudget, settings: Settings
) -> None:
    settings.BUDGET_WAIT_SECONDS = 0
    budget("0.30")
    bound = bounds.of_chat(DEAR_MODEL, [Message("user", "Hello")], 200)
    held = admission.admit(admission.Ask(alice.principal, "chat", "chat", bound))
    with pytest.raises(BudgetBusy) as refused:
        admission.admit(admission.Ask(alice.principal, "chat", "chat", bound))
    assert refused.value.retry_after
    settle(alice, held, Decimal(0))
    admission.admit(admission.Ask(alice.principal, "chat", "chat", bound))


def test_a_judge_does_not_wait_for_the_answer_that_it_judges(
    alice: Member, dear_model: Model, budget: MakeBudget, settings: Settings
) -> None:
    settings.BUDGET_WAIT_SECONDS = 60
    budget("0.30")
    bound = bounds.of_chat(DEAR_MODEL, [Message("user", "Hello")], 200)
    held = admission.admit(admission.Ask(alice.principal, "chat", "chat", bound))
    began = time.monotonic()
    with pytest.raises(BudgetBusy):
        admission.admit(admission.Ask(alice.principal, "chat", "judge", bound))
    assert time.monotonic() - began < 60
    settle(alice, held, Decimal(0))


def test_who_waits_for_money_has_it_when_it_is_given_back(
    alice: Member, dear_model: Model, budget: MakeBudget, settings: Settings
) -> None:
    settings.BUDGET_WAIT_SECONDS = 300
    budget("0.30")
    bound = bounds.of_chat(DEAR_MODEL, [Message("user", "Hello")], 200)
    held = admission.admit(admission.Ask(alice.principal, "chat", "chat", bound))

    def wait() -> admission.Admission:
        try:
            return admission.admit(admission.Ask(alice.principal, "chat", "chat", bound))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.3)
        settle(alice, held, Decimal(0))
        assert waiting.result().granted == held.granted


@pytest.mark.parametrize(
    ("button", "code"),
    [(threading.Event, "cancelled"), (lambda: RunnersStop(None), "hedge_lost")],
    ids=["the asker", "the slower model"],
)
def test_who_leaves_while_waiting_for_money_waits_no_longer_and_owes_nothing(
    ask: Ask,
    alice: Member,
    clients: Clients,
    dear_model: Model,
    budget: MakeBudget,
    ledger_rows: Rows,
    button: Callable[[], threading.Event],
    code: str,
) -> None:
    """The slower of two models, too: its prompt went nowhere, and a cost that no budget knows of would be lost."""
    budget("0.30")
    bound = bounds.of_chat(DEAR_MODEL, [Message("user", "Hello")], 200)
    admission.admit(admission.Ask(alice.principal, "chat", "chat", bound))
    stop = button()
    stop.set()
    with pytest.raises(Cancelled):
        gateway.chat(ask(max_tokens=200, stop=stop), clients=clients)
    (row,) = ledger_rows()
    assert (row.outcome, row.error_code) == ("cancelled", code)
    assert (row.cost_usd, row.reservation_id) == (0, None)


def settle(member: Member, held: admission.Admission, cost: Decimal, *, tokens: int = 1) -> None:
    entry = ledger.Entry(
        principal=member.principal,
        operation="chat",
        feature="chat",
        provider="fake",
        model="fake-model",
        trace_id="",
        span_id="",
        usage=Usage(tokens, 1),
        cost=cost,
        latency_ms=1.0,
        admission=held,
    )
    ledger.record(entry)


def test_a_budget_tells_at_half_at_four_fifths_and_at_its_end(
    alice: Member, dear_model: Model, budget: MakeBudget
) -> None:
    one = budget("1.00")
    told: list[BudgetWarning] = []

    def listen(warning: BudgetWarning, **_: object) -> None:
        told.append(warning)

    budget_warning.connect(listen)
    bound = bounds.of_chat(DEAR_MODEL, [Message("user", "Hello")], 100)
    try:
        for cost in ("0.10", "0.39", "0.02", "0.10", "0.20", "0.18"):
            held = admission.admit(admission.Ask(alice.principal, "chat", "chat", bound))
            settle(alice, held, Decimal(cost))
        with pytest.raises(BudgetExhausted):
            admission.admit(admission.Ask(alice.principal, "chat", "chat", bound))
    finally:
        budget_warning.disconnect(listen)
    mine = [warning for warning in told if warning.budget_id == one.pk]
    assert [(warning.percent, warning.spent_usd) for warning in mine] == [
        (50, Decimal("0.51")),
        (80, Decimal("0.81")),
        (100, Decimal("0.99")),
    ]


def test_a_listener_that_fails_does_not_fail_the_call(alice: Member, budget: MakeBudget) -> None:
    one = budget("1.00")

    def broken(**_: object) -> None:
        raise RuntimeError("mail is down")

    budget_warning.connect(broken)
    try:
        warnings.send(
            [
                {
                    "tenant": str(one.tenant_id),
                    "budget": str(one.pk),
                    "subject": "",
                    "percent": 50,
                    "spent": "0.5",
                    "limit": "1",
                    "period_start": "2026-01-01",
                }
            ]
        )
    finally:
        budget_warning.disconnect(broken)


DIES = """
import sys, uuid
from decimal import Decimal
import django; django.setup()
from inference import gateway
from inference.types import ChatRequest, Message
from tenants.scope import Principal
principal = Principal(tenant_id=uuid.UUID(sys.argv[1]), role="member")
events = gateway.stream(ChatRequest([Message("user", "Hello")], "chat", principal, max_tokens=100))
next(events)
print("streaming", flush=True)
for event in events: pass
"""


def test_a_killed_process_gives_back_what_it_held(
    acme: Tenant,
    alice: Member,
    dear_model: Model,
    budget: MakeBudget,
    model_server: ModelServer,
    ledger_rows: Rows,
) -> None:
    one = budget("1.00")
    model_server.script(behaviours.stall(after=2))
    with subprocess.Popen(
        [sys.executable, "-c", DIES, str(acme.pk)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": ":".join(sys.path)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "streaming\n"
        assert counter_of(one, alice).reserved_usd > 0
        with alice.scope():
            lease = Reservation.objects.get()
        process.send_signal(signal.SIGKILL)
    # By the database's clock it is due within half a minute, and the reconciler runs every 15 seconds.
    assert (lease.lease_until - lease.created_at).total_seconds() == 30
    expire(lease)
    release()
    counter = counter_of(one, alice)
    assert (counter.reserved_usd, counter.spent_usd) == (0, 0)
    (row,) = ledger_rows()
    assert (row.outcome, row.error_code, row.reservation_id) == ("error", "abandoned", lease.pk)
    with alice.scope():
        assert discrepancies(acme.pk) == []


def expire(lease: Reservation) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT set_config('app.tenant_id', %s, false)", [str(lease.tenant_id)])
        cursor.execute(
            "UPDATE inference_reservation SET lease_until = now() - interval '1 second' WHERE id = %s",
            [lease.pk],
        )
        assert cursor.rowcount == 1
        cursor.execute("SELECT set_config('app.tenant_id', '', false)")


def release() -> None:
    from inference.accounts import release_expired

    release_expired()


def test_a_call_that_outlived_its_lease_is_charged_all_the_same(
    acme: Tenant, alice: Member, dear_model: Model, budget: MakeBudget
) -> None:
    one = budget("1.00")
    bound = bounds.of_chat(DEAR_MODEL, [Message("user", "Hello")], 100)
    held = admission.admit(admission.Ask(alice.principal, "chat", "chat", bound))
    with alice.scope():
        expire(Reservation.objects.get())
    release()
    settle(alice, held, Decimal("0.05"))
    assert counter_of(one, alice).spent_usd == Decimal("0.05")
    with alice.scope():
        assert discrepancies(acme.pk) == []


def test_what_cannot_be_settled_is_left_to_its_lease(
    alice: Member, dear_model: Model, budget: MakeBudget
) -> None:
    """Or its process, which goes on living, would renew it for ever."""
    budget("1.00")
    bound = bounds.of_chat(DEAR_MODEL, [Message("user", "Hello")], 100)
    held = admission.admit(admission.Ask(alice.principal, "chat", "chat", bound))
    assert held.reservation_id in leases.keeper()._held
    with pytest.raises(DataError):
        settle(alice, held, Decimal("0.05"), tokens=2**40)
    assert held.reservation_id not in leases.keeper()._held


def test_a_row_that_no_budget_knows_of_is_found(
    acme: Tenant, alice: Member, dear_model: Model, budget: MakeBudget
) -> None:
    one = budget("1.00")
    bound = bounds.of_chat(DEAR_MODEL, [Message("user", "Hello")], 100)
    settle(
        alice,
        admission.admit(admission.Ask(alice.principal, "chat", "chat", bound)),
        Decimal("0.05"),
    )
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT set_config('app.tenant_id', %s, false)", [str(acme.pk)])
        cursor.execute(
            "UPDATE inference_budgetcounter SET spent_usd = 0.04 WHERE budget_id = %s", [one.pk]
        )
        cursor.execute("SELECT set_config('app.tenant_id', '', false)")
    with alice.scope():
        (found,) = discrepancies(acme.pk)
    assert (found.spent, found.ledger) == (Decimal("0.04"), Decimal("0.05"))


@pytest.mark.parametrize("calls", [400, pytest.param(10_000, marks=pytest.mark.soak)])
def test_the_ledger_sums_to_what_was_spent_to_the_last_digit(
    acme: Tenant, alice: Member, dear_model: Model, budget: MakeBudget, calls: int
) -> None:
    one = budget("1000000")
    odd = Prices(Decimal("0.333333"), None, Decimal("7.77777"))
    model = ResolvedModel("openai_compatible", "fake", "fake-model", prices=odd)
    bound = bounds.of_chat(model, [Message("user", "Hello")], 100)

    def one_call(number: int) -> Decimal:
        held = admission.admit(admission.Ask(alice.principal, "chat", "chat", bound))
        cost = Decimal(number % 97) / Decimal(10**8) + Decimal("0.00000003")
        settle(alice, held, cost)
        return cost

    def share(first: int) -> Decimal:
        try:
            return sum((one_call(number) for number in range(first, calls, 4)), Decimal(0))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        total = sum(pool.map(share, range(4)), Decimal(0))
    assert counter_of(one, alice).spent_usd == total
    with alice.scope():
        assert sum(ModelCall.objects.values_list("cost_usd", flat=True)) == total
        assert discrepancies(acme.pk) == []
