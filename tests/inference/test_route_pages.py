"""Routes and models in the admin: edited with checks, tried out, compared."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone
from scipy import stats

from inference.models import Candidate, Model, ModelCall, Provider, Route
from inference.routing import comparison
from inference.routing.intervals import mean, share, t_quantile
from tenants.identifiers import uuid7
from tests.cast import Member
from tests.fakes import behaviours as does
from tests.fakes.model_server import ModelServer
from tests.inference.test_admin import signed_in
from traces.models import Feedback

__all__ = ["signed_in"]
SignIn = Callable[[Member], Client]
ROUTES = "/admin/inference/route/"


def form(*candidates: tuple[str, int, bool], **fields: str) -> dict[str, str]:
    data = {
        "feature": "chat",
        "strategy": "weighted",
        "tiers": "any",
        "sticky": "on",
        "enabled": "on",
        "complexity": "{}",
        "candidates-TOTAL_FORMS": str(len(candidates)),
        "candidates-INITIAL_FORMS": "0",
    } | fields
    for at, (model, weight, is_fallback) in enumerate(candidates):
        data |= {f"candidates-{at}-model": model, f"candidates-{at}-weight": str(weight)}
        data[f"candidates-{at}-position"] = str(at)
        if is_fallback:
            data[f"candidates-{at}-is_fallback"] = "on"
    return data


def test_a_route_is_made_and_says_who_would_answer(
    alice: Member, fake_model: Model, signed_in: SignIn
) -> None:
    client = signed_in(alice)
    data = form(("fake/fake-model", 3, False), ("footnote/extractive", 1, True))
    answer = client.post(f"{ROUTES}add/", data | {"tiers": "by_complexity"})
    assert answer.status_code == 302, answer.content.decode()
    with alice.scope():
        route = Route.objects.get()
        assert Candidate.objects.count() == 2
    assert (
        "fake/fake-model (3), footnote/extractive (fallback)" in client.get(ROUTES).content.decode()
    )
    page = client.get(f"{ROUTES}{route.pk}/check/", {"question": "Compare 2023 and 2024"})
    body = page.content.decode()
    assert "fallback 1" in body
    assert "the only one that fits" in body
    assert "2 numbers" in body
    with alice.scope():
        assert not ModelCall.objects.exists()


def test_the_complexity_rule_is_read_out_with_the_names_of_its_numbers(
    alice: Member, signed_in: SignIn
) -> None:
    body = signed_in(alice).get(f"{ROUTES}add/").content.decode()
    assert "From 1 point on it is standard, from 3 large" in body
    assert "large_from 3" in body
    assert "api.ask" in body


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (form(("fake/fake-model", 0, False)), "needs a weight above 0"),
        (form(("fake/fake-model", 1, True)), "no fallback"),
        (form(("fake/fake-model", 1, False), hedge_after_ms="100"), "needs a second model"),
        (form(("fake/fake-model", 1, False), feature="Chat Room"), "Expected a feature such as"),
        (form(("fake/fake-model", 1, False), complexity='{"x": 1}'), "x: unknown"),
        (form(("nobody", 1, False)), "not one of the available choices"),
        (
            form(("fake/fake-model", 1, False), feature="embed"),
            "There is no enabled model",
        ),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_route_that_makes_no_sense_is_a_message(
    data: dict[str, str], message: str, alice: Member, fake_model: Model, signed_in: SignIn
) -> None:
    answer = signed_in(alice).post(f"{ROUTES}add/", data)
    assert answer.status_code == 200
    assert message in answer.content.decode()
    with alice.scope():
        assert not Route.objects.exists()


def test_a_model_is_tested_by_a_real_call(
    alice: Member, fake_model: Model, model_server: ModelServer, signed_in: SignIn
) -> None:
    client = signed_in(alice)
    url = f"/admin/inference/model/{fake_model.pk}/test/"
    assert client.get(url).status_code == 200
    assert model_server.requests == []
    model_server.script(does.answer("ready"))
    body = client.post(url, {"question": "Say ready"}).content.decode()
    assert "It answers" in body
    assert model_server.requests[0].body["messages"][0]["content"] == "Say ready"
    with alice.scope():
        assert [(row.feature, row.outcome) for row in ModelCall.objects.all()] == [("test", "ok")]


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        (does.failure(401), "Enter it again"),
        (does.failure(404), "It offers: fake-model."),
        (does.html(), "does not speak the protocol"),
    ],
    ids=lambda one: getattr(one, "kind", ""),
)
def test_a_test_that_fails_says_what_to_do(
    fault: does.Behaviour,
    advice: str,
    alice: Member,
    fake_model: Model,
    model_server: ModelServer,
    signed_in: SignIn,
) -> None:
    model_server.script(fault)
    url = f"/admin/inference/model/{fake_model.pk}/test/"
    body = signed_in(alice).post(url, {"question": "Say ready"}).content.decode()
    assert advice in body


def test_embedders_and_rerankers_are_tested_too(
    alice: Member, model_server: ModelServer, signed_in: SignIn
) -> None:
    with alice.scope():
        openai = Provider.objects.create(name="e", base_url=model_server.base_url)
        tei = Provider.objects.create(name="t", base_url=model_server.base_url, protocol="tei")
        rows = [
            Model.objects.create(provider=openai, name="embedder", kind="embedding"),
            Model.objects.create(provider=tei, name="ranker", kind="rerank"),
        ]
    client = signed_in(alice)
    told = [client.post(f"/admin/inference/model/{row.pk}/test/").content.decode() for row in rows]
    assert "a vector of 8 numbers" in told[0]
    assert "scores 0.000" in told[1]


def test_the_list_of_models_shows_how_they_do(
    alice: Member, fake_model: Model, signed_in: SignIn
) -> None:
    call(alice, outcome="ok")
    call(alice, outcome="error", error_code="provider_unavailable")
    for code in ("budget_exhausted", "budget_reserved", "rate_limit_exceeded"):
        call(alice, outcome="error", error_code=code)  # nobody asked the model
    body = signed_in(alice).get("/admin/inference/model/").content.decode()
    assert "2 calls, 50% failed" in body
    assert "200 ms" in body


def test_candidates_are_compared_with_their_intervals(alice: Member, charlie: Member) -> None:
    for cost in ("0.01", "0.02", "0.03"):
        call(alice, cost=cost)
    call(alice, outcome="error")
    call(alice, outcome="error", error_code="budget_exhausted")
    call(alice, outcome="cancelled")
    call(alice, route="judge")
    call(charlie)
    for score in (1, 1, -1):
        thumb(alice, call(alice, cost="0.02").trace_id, score)
    with alice.scope():
        (row,) = comparison.compare("chat", 30)
    assert (row.answered, row.failed, row.stopped) == (6, 1, 1)
    assert row.failures == share(1, 7)
    assert row.thumbs_up == share(2, 3)
    assert row.cost is not None
    assert row.cost.value == pytest.approx(0.02)
    expected = stats.t.interval(0.95, 5, 0.02, stats.sem([0.01, 0.02, 0.03, 0.02, 0.02, 0.02]))
    assert (row.cost.low, row.cost.high) == pytest.approx(expected, rel=1e-3)


def test_the_page_of_a_comparison_tells_of_nothing_and_of_something(
    alice: Member, signed_in: SignIn
) -> None:
    with alice.scope():
        route = Route.objects.create(feature="chat")
    client = signed_in(alice)
    url = f"{ROUTES}{route.pk}/compare/"
    assert "This route was not used" in client.get(url).content.decode()
    call(alice)
    call(alice)
    call(alice, outcome="error")
    page = client.get(url, {"days": "7"}).content.decode()
    assert "confidence interval" in page
    assert "33.3 %" in page


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (1, 1), (3, 10), (95, 100), (0, 1000)])
def test_shares_have_wilsons_interval(hits: int, n: int) -> None:
    found = share(hits, n)
    wilson = stats.binomtest(hits, n).proportion_ci(method="wilson")
    assert found is not None
    assert (found.low, found.high) == pytest.approx((wilson.low, wilson.high), abs=1e-6)


@pytest.mark.parametrize("n", range(1, 60))
def test_none_and_all_are_bounds_of_their_own(n: int) -> None:
    none, whole = share(0, n), share(n, n)
    assert none is not None
    assert whole is not None
    assert (none.low, whole.high) == (0.0, 1.0)


def test_quantiles_of_t_are_those_of_the_tables() -> None:
    for freedom in (1, 2, 3, 4, 5, 6, 9, 20, 100, 10_000):
        assert t_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=2e-3)
    assert mean(1.0, None, 1) is None
    assert share(0, 0) is None


def call(
    member: Member,
    *,
    outcome: str = "ok",
    cost: str = "0.02",
    route: str = "chat",
    error_code: str = "",
) -> ModelCall:
    with member.scope():
        return ModelCall.objects.create(
            created_at=timezone.now(),
            operation="chat",
            feature="chat",
            provider="fake",
            model="fake-model",
            route=route,
            trace_id=uuid7().hex,
            outcome=outcome,
            error_code=error_code,
            cost_usd=Decimal(cost),
            latency_ms=500,
            first_token_ms=200,
        )


def thumb(member: Member, trace_id: str, score: int) -> None:
    with member.scope():
        Feedback.objects.create(
            trace_id=trace_id, message_id=uuid7(), user=member.user, score=score
        )
