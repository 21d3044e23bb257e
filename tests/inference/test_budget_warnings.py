"""Warnings of budgets reach people: by mail, webhook and banner, each threshold once however many calls there are."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from uuid import uuid4

import pytest
from django.core.mail import EmailMessage
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from inference import admission, bounds, budget_mail, budget_notices, ledger
from inference.errors import BudgetExhausted
from inference.models import Budget
from inference.prices import Prices
from inference.providers.provider import ResolvedModel
from inference.types import Message, Usage
from ingestion.models import WebhookDelivery
from ingestion.webhooks import endpoints
from tests.cast import Member

MODEL = ResolvedModel(
    "openai_compatible", "fake", "fake-model", prices=Prices(Decimal(1), Decimal(1), Decimal(1))
)


@pytest.fixture
def budget(alice: Member) -> Callable[..., Budget]:
    def make(limit: str = "1.00", **fields: object) -> Budget:
        with alice.scope():
            return Budget.objects.create(
                name=f"Team {uuid4().hex[:6]}", limit_usd=Decimal(limit), **fields
            )

    return make


def spend(member: Member, cost: str) -> None:
    """One call that costs this much."""
    bound = bounds.of_chat(MODEL, [Message("user", "Hello")], 10)
    held = admission.admit(admission.Ask(member.principal, "chat", "chat", bound))
    ledger.record(
        ledger.Entry(
            principal=member.principal,
            operation="chat",
            feature="chat",
            provider="fake",
            model="fake-model",
            trace_id="",
            span_id="",
            usage=Usage(1, 1),
            cost=Decimal(cost),
            latency_ms=1.0,
            admission=held,
        )
    )


def told(member: Member) -> list[tuple[int, str]]:
    """Percent and spent of the webhooks' messages."""
    with member.scope():
        rows = WebhookDelivery.objects.filter(event="budget.warning").order_by("id")
        return [(row.payload["data"]["percent"], row.payload["data"]["spent_usd"]) for row in rows]


def mailed(outbox: list[EmailMessage], budget: Budget) -> list[EmailMessage]:
    """The mails about this budget, once all that are owed have left."""
    budget_mail.send_due()
    return [mail for mail in outbox if budget.name in mail.subject]


def page(member: Member, url: str) -> str:
    browser = Client()
    browser.force_login(member.user)
    return browser.get(url).content.decode()


def test_owners_and_admins_get_one_mail_for_each_threshold(
    alice: Member,
    bob: Member,
    charlie: Member,
    budget: Callable[..., Budget],
    mailoutbox: list[EmailMessage],
) -> None:
    one = budget()
    spend(alice, "0.49")
    assert mailed(mailoutbox, one) == []
    spend(bob, "0.02")
    (half,) = mailed(mailoutbox, one)
    assert half.to == [alice.email]
    assert half.subject == f"Acme: budget “{one.name}” is at 50 %"
    assert "0.5100 of 1.0000 USD" in half.body
    assert "At the limit calls are refused." in half.body
    spend(alice, "0.01")
    assert len(mailed(mailoutbox, one)) == 1
    spend(alice, "0.48")
    (_, end) = mailed(mailoutbox, one)
    assert end.subject == f"Acme: budget “{one.name}” is used up"
    assert not [mail for mail in mailoutbox if {bob.email, charlie.email} & set(mail.to)]


def test_parallel_calls_tell_each_threshold_once(
    alice: Member, budget: Callable[..., Budget], mailoutbox: list[EmailMessage]
) -> None:
    one = budget()
    with alice.scope():
        endpoints.create(url="https://example.com/hook")

    def call(_: int) -> None:
        try:
            spend(alice, "0.02")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(call, range(50)))
        list(threads.map(lambda _: budget_mail.send_due(), range(4)))
        list(threads.map(lambda _: connections.close_all(), range(8)))
    assert told(alice) == [(50, "0.50000000"), (80, "0.80000000"), (100, "1.00000000")]
    assert len(mailed(mailoutbox, one)) == 1


def test_a_mail_that_cannot_be_sent_is_owed(
    alice: Member,
    budget: Callable[..., Budget],
    mailoutbox: list[EmailMessage],
    settings: pytest.FixtureRequest,
) -> None:
    one = budget()
    spend(alice, "0.60")
    backend = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    assert mailed(mailoutbox, one) == []
    settings.EMAIL_BACKEND = backend
    assert len(mailed(mailoutbox, one)) == 1


def test_webhooks_are_told_with_the_call_and_only_the_tenant_s_own(
    alice: Member, charlie: Member, budget: Callable[..., Budget]
) -> None:
    one = budget(scope="feature", subject="chat")
    with alice.scope():
        endpoints.create(url="https://example.com/all")
        endpoints.create(url="https://example.com/no", events=["document.ready"])
    with charlie.scope():
        endpoints.create(url="https://example.com/theirs")
    spend(alice, "0.81")
    assert told(alice) == [(80, "0.81000000")]
    assert told(charlie) == []
    with alice.scope():
        (row,) = WebhookDelivery.objects.filter(event="budget.warning")
    data = row.payload["data"]
    assert (data["id"], data["name"], data["subject"]) == (str(one.pk), one.name, "chat")
    assert (data["limit_usd"], data["at_limit"]) == ("1.00000000", "refuse")


def test_a_raised_budget_warns_anew(
    alice: Member, budget: Callable[..., Budget], mailoutbox: list[EmailMessage]
) -> None:
    one = budget()
    spend(alice, "1.00")
    with pytest.raises(BudgetExhausted):
        spend(alice, "0.01")
    assert len(mailed(mailoutbox, one)) == 1
    with alice.scope():
        one.limit_usd = Decimal(10)
        one.save()
    assert one.name not in page(alice, reverse("home"))
    spend(alice, "4.50")
    (_, half) = mailed(mailoutbox, one)
    assert "is at 50 %" in half.subject


def test_stewards_see_every_warning_in_chat_and_admin_and_members_none_before_the_end(
    alice: Member, bob: Member, charlie: Member, budget: Callable[..., Budget]
) -> None:
    one = budget()
    spend(alice, "0.60")
    for url in (reverse("home"), reverse("admin:inference_budget_changelist")):
        shown = page(alice, url)
        assert f"Budget “{one.name}” has passed 50 %" in shown
        assert reverse("admin:inference_budget_change", args=[one.pk]) in shown
    assert "budget-note" not in page(bob, reverse("home"))
    spend(alice, "0.40")
    assert f"Budget “{one.name}” is used up" in page(alice, reverse("home"))
    shown = page(bob, reverse("home"))
    assert "The budget for questions is used up" in shown
    assert one.name not in shown
    assert "budget-note" not in page(charlie, reverse("home"))


def test_a_warning_of_a_budget_for_each_person_says_whom_it_means(
    alice: Member, bob: Member, budget: Callable[..., Budget], mailoutbox: list[EmailMessage]
) -> None:
    one = budget(scope="user", period="day", at_limit="smaller")
    spend(bob, "0.60")
    (half,) = mailed(mailoutbox, one)
    assert f"Counted: {bob.email}" in half.body
    assert f"Budget “{one.name} ({bob.email})” has passed 50 %" in page(alice, reverse("home"))
    assert bob.email not in page(bob, reverse("home")).partition("budget-note")[2]


def test_only_the_notices_that_are_shown_are_given_names(
    alice: Member, budget: Callable[..., Budget], new_member: Callable[..., Member]
) -> None:
    budget(scope="user")
    counted = []
    for people in (range(budget_notices.SHOWN), range(10, 15)):
        for number in people:
            spend(new_member(alice.tenant, f"Person{number}", "member"), "0.60")
        with alice.scope(), CaptureQueriesContext(connection) as queries:
            assert len(budget_notices.notices(alice.principal)) == budget_notices.SHOWN
        counted.append(len(queries))
    # The scope's own, that of the counters, and one for each name.
    assert counted == [2 + budget_notices.SHOWN] * 2


def test_members_see_no_banner_of_a_budget_that_refuses_them_nothing(
    alice: Member, bob: Member, budget: Callable[..., Budget]
) -> None:
    budget(at_limit="extractive")
    budget("1.50", scope="user")
    spend(alice, "1.00")
    assert "budget-note" not in page(bob, reverse("home"))
