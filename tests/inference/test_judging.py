"""A judge model for support: off by default, by its own route and prompt, booked, asked once, and never needed."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from inference import gateway
from inference.clients import Clients
from inference.guards import policies
from inference.models import CachePolicy, GuardFinding, Model, ModelCall
from inference.prompts import files
from inference.types import ChatRequest, ChatResult, Passage
from tests.cast import Member
from tests.fakes import behaviours
from tests.fakes.model_server import ModelServer

Ask = Callable[..., ChatRequest]
Rows = Callable[[], list[ModelCall]]
PASSAGES = (Passage(1, "Employees get 25 days of paid leave a year."),)
ANSWER = "Employees get 25 days of paid leave a year [1]."
OPPOSITE = json.dumps({"verdict": "contradicted"})

pytestmark = pytest.mark.usefixtures("fake_model")


def judged(member: Member, action: str = "warn", **options: object) -> None:
    with member.scope():
        policies.set_action("support", action, {"judge": True, **options})


def answered(ask: Ask, clients: Clients) -> ChatResult:
    return gateway.chat(ask(passages=PASSAGES, question="How long is leave?"), clients=clients)


def kinds(member: Member) -> list[str]:
    with member.scope():
        return list(GuardFinding.objects.order_by("created_at").values_list("kind", flat=True))


def test_the_judge_s_word_counts_and_its_call_is_booked_with_its_prompt(
    alice: Member, ask: Ask, clients: Clients, model_server: ModelServer, ledger_rows: Rows
) -> None:
    judged(alice)
    model_server.script(behaviours.answer(ANSWER), behaviours.answer(OPPOSITE))
    answered(ask, clients)
    assert kinds(alice) == ["contradicted"]
    rows = {row.feature: row for row in ledger_rows()}
    assert rows["judge"].prompt_version_id == files.built_in_id("judge")
    assert rows["judge"].cost_usd > 0
    asked = model_server.requests[1].body["messages"][-1]["content"]
    assert "Employees get 25 days" in asked
    assert "[1]" not in asked.split("<sentence>")[1]


def test_the_same_sentence_and_passages_are_judged_once(
    alice: Member, ask: Ask, clients: Clients, model_server: ModelServer, ledger_rows: Rows
) -> None:
    judged(alice)
    script = [behaviours.answer(ANSWER), behaviours.answer(OPPOSITE), behaviours.answer(ANSWER)]
    model_server.script(*script)
    answered(ask, clients)
    answered(ask, clients)
    assert kinds(alice) == ["contradicted", "contradicted"]
    assert len(model_server.requests) == 3
    assert sorted(row.cache for row in ledger_rows() if row.feature == "judge") == ["", "exact"]


def test_a_policy_without_a_cache_asks_each_time(
    alice: Member, ask: Ask, clients: Clients, model_server: ModelServer
) -> None:
    judged(alice)
    with alice.scope():
        CachePolicy.objects.create(feature="judge", exact=False)
    model_server.script(*[behaviours.answer(ANSWER), behaviours.answer(OPPOSITE)] * 2)
    answered(ask, clients)
    answered(ask, clients)
    assert len(model_server.requests) == 4


def test_when_the_judge_fails_the_words_decide(
    alice: Member, ask: Ask, clients: Clients, model_server: ModelServer
) -> None:
    judged(alice)
    two = f"{ANSWER} Dragons live on distant islands [1]."
    model_server.script(behaviours.answer(two), behaviours.failure(400))
    assert answered(ask, clients).text == two
    assert kinds(alice) == ["unsupported"]
    # After its failure it was not asked about the second sentence.
    assert len(model_server.requests) == 2


def test_what_the_judge_refuses_is_taken_out_before_it_is_shown(
    alice: Member, ask: Ask, clients: Clients, model_server: ModelServer
) -> None:
    judged(alice, "redact")
    model_server.script(behaviours.answer(ANSWER), behaviours.answer(OPPOSITE))
    assert answered(ask, clients).text == "[contradicted]"


def test_nobody_is_asked_unless_the_tenant_wants_it(
    alice: Member, ask: Ask, clients: Clients, model_server: ModelServer
) -> None:
    with alice.scope():
        policies.set_action("support", "warn")
    model_server.script(behaviours.answer(ANSWER))
    answered(ask, clients)
    assert len(model_server.requests) == 1
    assert kinds(alice) == []


def test_the_built_in_model_is_no_judge(
    alice: Member, ask: Ask, clients: Clients, model_server: ModelServer
) -> None:
    judged(alice)
    with alice.scope():
        Model.objects.all().update(enabled=False)
    answered(ask, clients)
    assert model_server.requests == []
