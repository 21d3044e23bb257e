"""Budgets and rate limits are declared in the admin, which shows what is spent."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client

from inference import admin_limits
from inference.models import Budget, BudgetCounter, RateLimit
from tests.cast import Member
from tests.inference.test_budget_warnings import spend


@pytest.fixture
def admin(alice: Member, client: Client) -> Client:
    client.force_login(alice.user)
    return client


def test_a_budget_is_made_and_its_spending_shown(admin: Client, alice: Member) -> None:
    fields = {"name": "All", "scope": "tenant", "subject": "", "period": "month"}
    inline = {"counters-TOTAL_FORMS": 0, "counters-INITIAL_FORMS": 0}
    values = fields | inline | {"limit_usd": "5", "at_limit": "refuse", "enabled": "on"}
    answer = admin.post("/admin/inference/budget/add/", values)
    assert answer.status_code == 302, answer.content.decode()
    with alice.scope():
        budget = Budget.objects.get()
    assert budget.limit_usd == Decimal(5)
    assert admin.get(f"/admin/inference/budget/{budget.pk}/change/").status_code == 200
    with alice.scope():
        assert not BudgetCounter.objects.exists()


def test_a_subject_that_is_nobody_is_refused_with_what_was_expected(
    admin: Client, alice: Member
) -> None:
    values = {"name": "A", "scope": "user", "subject": "nobody@x.test", "measure": "requests"}
    answer = admin.post(
        "/admin/inference/ratelimit/add/", values | {"amount": 5, "seconds": 60, "enabled": "on"}
    )
    assert "There is no member with this e-mail address" in answer.content.decode()
    with alice.scope():
        assert not RateLimit.objects.exists()


def test_a_person_is_named_by_address_and_shown_by_it(
    admin: Client, alice: Member, bob: Member, charlie: Member
) -> None:
    values = {"name": "A", "scope": "user", "measure": "requests", "amount": 5, "seconds": 60}
    page = "/admin/inference/ratelimit/add/"
    foreign = admin.post(page, values | {"subject": charlie.user.email})
    assert "There is no member" in foreign.content.decode()
    assert admin.post(page, values | {"subject": bob.user.email.upper()}).status_code == 302
    with alice.scope():
        limit = RateLimit.objects.get()
    assert limit.subject == str(bob.user.pk)
    body = admin.get(f"/admin/inference/ratelimit/{limit.pk}/change/").content.decode()
    assert f'value="{bob.user.email}"' in body


def test_the_list_says_how_much_of_the_present_period_is_spent(
    admin: Client, alice: Member, bob: Member
) -> None:
    with alice.scope():
        Budget.objects.create(name="All", limit_usd=Decimal(8), period="total")
        Budget.objects.create(name="Each", limit_usd=Decimal(2), scope="user", period="day")
        Budget.objects.create(name="Unused", limit_usd=Decimal(3), scope="feature", subject="judge")
    spend(alice, "0.50")
    spend(bob, "1.50")
    body = admin.get("/admin/inference/budget/").content.decode()
    assert "$2.00 (25.0 %)" in body
    assert "$1.50 (75.0 %)" in body
    assert f"{bob.user.email}, the most of 2" in body
    assert "$0 (0.0 %)" in body


def test_a_budget_s_page_names_who_spent_and_shows_the_newest_alone(
    admin: Client, alice: Member, bob: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    with alice.scope():
        budget = Budget.objects.create(name="Each", limit_usd=Decimal(2), scope="user")
    spend(alice, "0.50")
    spend(bob, "1.50")
    page = f"/admin/inference/budget/{budget.pk}/change/"
    body = admin.get(page).content.decode()
    assert "$1.50 (75 %)" in body
    assert bob.user.email in body
    monkeypatch.setattr(admin_limits, "SHOWN_COUNTERS", 1)
    body = admin.get(page).content.decode()
    assert "$1.50 (75 %)" in body
    assert "$0.50" not in body


def test_calls_at_once_have_no_time_in_the_list(admin: Client, alice: Member) -> None:
    with alice.scope():
        RateLimit.objects.create(name="A", measure="concurrent", amount=8)
        RateLimit.objects.create(name="B", measure="tokens", amount=100_000)
    body = admin.get("/admin/inference/ratelimit/").content.decode()
    assert "100,000 per 60 s" in body
    assert "8 per" not in body
