"""A route by its feature's name as ``model``: its models are asked in turn, as everywhere else, on the lean way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import openai
import pytest

from inference import catalogue
from inference.clients import shared
from inference.models import Budget, Candidate, Model, Route
from inference.providers.provider import ResolvedModel
from tenants.models import ApiKey, Tenant
from tenants.scope import platform_principal, tenant_scope
from tests.api.conftest import Rows, model_on
from tests.fakes import behaviours as does
from tests.fakes.model_server import ModelServer

MESSAGES: list[Any] = [{"role": "user", "content": "How long is leave?"}]
ASK = {"model": "judge", "messages": MESSAGES}


@pytest.fixture
def second() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def judge(acme: Tenant, raw_model: Model, second: ModelServer) -> Route:
    """The route ``judge``: the model of ``fake``, then that of ``spare``."""
    model_on(acme, second, "spare")
    with tenant_scope(platform_principal(acme.pk)):
        route = Route.objects.create(feature="judge", strategy=Route.Strategy.ORDERED)
        for place, provider in enumerate(("fake", "spare")):
            Candidate.objects.create(route=route, model=f"{provider}/fake-model", position=place)
        return route


def resolved(acme: Tenant, name: str) -> ResolvedModel:
    return catalogue.resolve(platform_principal(acme.pk), name)


@pytest.mark.usefixtures("judge", "impatient")
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    "fault",
    [does.failure(500), does.rate_limited(), does.html(), does.failure(401), does.early_close(0)],
    ids=["500", "429", "page", "401", "cut short"],
)
def test_the_next_model_takes_over_before_the_first_token(
    acme_client: httpx.Client,
    model_server: ModelServer,
    second: ModelServer,
    rows: Rows,
    fault: does.Behaviour,
    streamed: bool,
) -> None:
    model_server.default = fault
    answer = acme_client.post("/v1/chat/completions", json=ASK | {"stream": streamed})
    assert answer.status_code == 200
    assert "25" in answer.text
    assert len(model_server.requests) == len(second.requests) == 1
    failed, whole = rows()
    assert (failed.provider, failed.outcome, failed.route) == ("fake", "error", "judge")
    assert (whole.provider, whole.outcome, whole.route) == ("spare", "ok", "judge")
    assert whole.degraded == f"fake-model: {failed.error_code}"
    assert answer.headers["x-footnote-trace-id"] == whole.trace_id


@pytest.mark.usefixtures("judge", "impatient")
def test_nobody_takes_over_after_the_first_token(
    acme_client: httpx.Client, model_server: ModelServer, second: ModelServer, rows: Rows
) -> None:
    model_server.default = does.stall(3)
    answer = acme_client.post("/v1/chat/completions", json=ASK | {"stream": True})
    assert "stream_broken" in answer.text
    assert "[DONE]" not in answer.text
    assert second.requests == []
    assert [row.error_code for row in rows()] == ["stream_broken"]


@pytest.mark.usefixtures("judge", "impatient")
def test_the_last_model_is_tried_again_and_its_error_is_told(
    acme_client: httpx.Client, model_server: ModelServer, second: ModelServer, rows: Rows
) -> None:
    model_server.default = second.default = does.failure(500)
    answer = acme_client.post("/v1/chat/completions", json=ASK)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "provider_unavailable")
    assert (len(model_server.requests), len(second.requests)) == (1, 3)
    assert [row.attempts for row in rows()] == [1, 3]


@pytest.mark.usefixtures("judge", "impatient")
def test_a_circuit_breaker_is_the_process_s_own(
    acme_client: httpx.Client,
    acme: Tenant,
    model_server: ModelServer,
    second: ModelServer,
    rows: Rows,
) -> None:
    model_server.default = does.failure(500)
    for _ in range(6):
        assert acme_client.post("/v1/chat/completions", json=ASK).status_code == 200
    assert (len(model_server.requests), len(second.requests)) == (5, 6)
    assert rows()[-1].degraded == "fake-model: circuit_open"
    assert shared().breakers.state(resolved(acme, "fake/fake-model")) == "open"
    # By its own name it is asked all the same: there is nobody else.
    model_server.default = does.answer()
    own = acme_client.post("/v1/chat/completions", json=ASK | {"model": "fake/fake-model"})
    assert own.status_code == 200
    assert shared().breakers.state(resolved(acme, "fake/fake-model")) == "closed"


@pytest.mark.usefixtures("judge")
def test_what_a_model_cannot_do_is_said(
    acme_client: httpx.Client, model_server: ModelServer
) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, picture]}]
    answer = acme_client.post("/v1/chat/completions", json=ASK | {"messages": messages})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "no_candidate")
    assert "lacks vision" in answer.json()["error"]["message"]
    assert model_server.requests == []


@pytest.mark.usefixtures("judge")
def test_a_revoked_key_is_told_nothing_of_its_routes(
    acme_client: httpx.Client, acme: Tenant
) -> None:
    assert acme_client.post("/v1/chat/completions", json=ASK).status_code == 200
    with tenant_scope(platform_principal(acme.pk)):
        ApiKey.objects.update(revoked_at=datetime.now(UTC))
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    told = ASK | {"messages": [{"role": "user", "content": [picture]}]}
    assert acme_client.post("/v1/chat/completions", json=told).status_code == 401


def test_a_model_goes_before_a_route_of_its_name_and_routes_are_listed(
    acme_openai: openai.OpenAI, acme: Tenant, judge: Route, second: ModelServer, rows: Rows
) -> None:
    assert "judge" in [one.id for one in acme_openai.models.list()]
    acme_openai.chat.completions.create(model="judge", messages=MESSAGES)
    with tenant_scope(platform_principal(acme.pk)):
        Model.objects.filter(provider__name="spare").update(name="judge")
    acme_openai.chat.completions.create(model="spare/judge", messages=MESSAGES)
    with tenant_scope(platform_principal(acme.pk)):
        judge.delete()
    acme_openai.chat.completions.create(model="judge", messages=MESSAGES)
    assert [(row.provider, row.route) for row in rows()] == [
        ("fake", "judge"),
        ("spare", ""),
        ("spare", ""),
    ]


def test_another_tenant_s_route_is_as_good_as_absent(
    globex_client: httpx.Client, judge: Route
) -> None:
    foreign = globex_client.post("/v1/chat/completions", json=ASK)
    absent = globex_client.post("/v1/chat/completions", json=ASK | {"model": "nobody-s"})
    assert (foreign.status_code, foreign.content) == (404, absent.content)


def test_a_budget_that_is_used_up_buys_a_smaller_model_where_its_owner_wants_that(
    acme_client: httpx.Client, acme: Tenant, raw_model: Model, second: ModelServer, rows: Rows
) -> None:
    small = model_on(acme, second, "spare")
    with tenant_scope(platform_principal(acme.pk)):
        Model.objects.filter(pk=small.pk).update(tier=Model.Tier.SMALL, name="small-model")
        Budget.objects.create(
            name="large ones", scope="model", subject="fake-model", limit_usd="0.00000001",
            at_limit=Budget.AtLimit.SMALLER,
        )  # fmt: skip
    answer = acme_client.post("/v1/chat/completions", json=ASK | {"model": "fake-model"})
    assert answer.status_code == 200
    (row,) = rows()
    assert (row.model, row.degraded) == (
        "small-model",
        "fake-model: budget 'large ones' is used up",
    )
