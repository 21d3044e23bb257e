"""The button "Test this model": what it costs and takes, or what is wrong and what to do about it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from inference import trials
from inference.clients import Clients
from inference.models import Model, ModelCall, Provider
from tests.cast import Member
from tests.fakes import behaviours as does
from tests.fakes.behaviours import Behaviour
from tests.fakes.model_server import ModelServer

Rows = Callable[[], list[ModelCall]]


def row_of(model: Model, member: Member) -> Model:
    with member.scope():
        return Model.objects.select_related("provider").get(pk=model.pk)


@pytest.mark.parametrize(
    ("fault", "code", "advice"),
    [
        (does.failure(401), "bad_credentials", "The key was refused"),
        (does.failure(404), "model_not_found", "It offers: fake-model"),
        (does.html(), "unreadable_response", "does not speak the protocol"),
        (does.rate_limited(code="insufficient_quota"), "quota_exhausted", "no quota left"),
    ],
    ids=["wrong key", "missing model", "a page", "no quota"],
)
def test_what_is_wrong_is_said_with_what_to_do(
    fault: Behaviour,
    code: str,
    advice: str,
    fake_model: Model,
    alice: Member,
    clients: Clients,
    model_server: ModelServer,
) -> None:
    model_server.default = fault
    trial = trials.tried(row_of(fake_model, alice), alice.principal, clients=clients)
    assert trial.code == code
    assert advice in trial.advice


def test_a_plain_server_behind_https_is_told_apart_from_one_that_is_down(
    fake_model: Model, alice: Member, clients: Clients, model_server: ModelServer
) -> None:
    row = row_of(fake_model, alice)
    row.provider.base_url = model_server.base_url.replace("http://", "https://")
    trial = trials.tried(row, alice.principal, clients=clients)
    assert (trial.code, trial.advice) == ("provider_unavailable", trials.TLS)
    row.provider.base_url = model_server.base_url
    with model_server.refusing():
        trial = trials.tried(row, alice.principal, clients=clients)
    assert "Nobody answered" in trial.advice


def test_an_embedding_model_has_its_time_tokens_and_price_too(
    fake_model: Model, alice: Member, clients: Clients, ledger_rows: Rows
) -> None:
    with alice.scope():
        fake_model.kind = Model.Kind.EMBEDDING
        fake_model.save()
    trial = trials.tried(row_of(fake_model, alice), alice.principal, clients=clients)
    assert trial.error == ""
    assert trial.latency_ms is not None
    assert trial.prompt_tokens > 0
    assert trial.cost > 0
    assert [(row.feature, row.cost_usd) for row in ledger_rows()] == [("test", trial.cost)]


def test_a_saved_model_is_offered_to_be_tested_and_not_made_to(
    fake_model: Model, alice: Member, model_server: ModelServer
) -> None:
    browser = Client()
    browser.force_login(alice.user)
    with alice.scope():
        provider = Provider.objects.get()
    page = browser.post(
        reverse("admin:inference_model_add"),
        {
            "provider": str(provider.pk),
            "name": "another",
            "tier": "small",
            "context_window": "8000",
            "enabled": "on",
        },
        follow=True,
    ).content.decode()
    with alice.scope():
        made = Model.objects.get(name="another")
    assert reverse("admin:inference_model_test", args=[made.pk]) in page
    assert "Does another answer?" in page
    assert model_server.requests == []
    assert "counted as free; set its prices" in page
