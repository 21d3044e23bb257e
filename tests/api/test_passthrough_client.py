"""What clients of OpenAI use of a model, by the official client, through the lean way: it arrives, and comes back."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import httpx
import openai
import pytest

from inference.errors import BadRequest
from inference.leases import Keeper
from inference.models import Budget, Model
from inference.passthrough.asked import Asked
from tenants.models import Tenant
from tenants.scope import platform_principal, tenant_scope
from tests.api.conftest import Rows
from tests.fakes import behaviours as does
from tests.fakes.model_server import ModelServer
from traces.models import Trace

pytestmark = pytest.mark.usefixtures("raw_model")

MESSAGES: list[Any] = [{"role": "user", "content": "How long is leave?"}]
ASK: dict[str, Any] = {"model": "fake-model", "messages": MESSAGES}
TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "leave_of",
            "parameters": {"type": "object", "properties": {"person": {"type": "string"}}},
        },
    }
]
ARGUMENTS = '{"person": "Ada Lovelace"}'
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"days": {"type": "integer"}},
    "required": ["days"],
    "additionalProperties": False,
}
FORMAT: Any = {"type": "json_schema", "json_schema": {"name": "leave", "schema": SCHEMA}}


def test_a_tool_is_called_and_its_result_is_sent_back(
    acme_openai: openai.OpenAI, model_server: ModelServer, acme: Tenant, rows: Rows
) -> None:
    model_server.script(does.tool_call("leave_of", ARGUMENTS), does.answer("25 days."))
    wanted: Any = {"type": "function", "function": {"name": "leave_of"}}
    first = acme_openai.chat.completions.create(
        **ASK, tools=TOOLS, tool_choice=wanted, parallel_tool_calls=False
    )
    (call,) = first.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert (call.function.name, call.function.arguments) == ("leave_of", ARGUMENTS)
    assert first.choices[0].finish_reason == "tool_calls"
    asked = first.choices[0].message.model_dump(exclude_none=True)
    result = {"role": "tool", "tool_call_id": call.id, "content": '{"days": 25}'}
    second = acme_openai.chat.completions.create(
        model="fake-model", messages=[*MESSAGES, asked, result], tools=TOOLS
    )
    assert second.choices[0].message.content == "25 days."
    sent, again = (one.body for one in model_server.requests)
    assert (sent["tools"], sent["tool_choice"]) == (TOOLS, wanted)
    assert sent["parallel_tool_calls"] is False
    assert again["messages"][1:] == [asked, result]
    with tenant_scope(platform_principal(acme.pk)):
        trace = Trace.objects.get(trace_id=rows()[0].trace_id)
    assert ARGUMENTS in trace.answer


def test_a_tool_call_comes_in_pieces_and_is_paid_for(
    acme_openai: openai.OpenAI, model_server: ModelServer, rows: Rows
) -> None:
    behaviour = does.tool_call("leave_of", ARGUMENTS)
    model_server.script(does.Behaviour(**(vars(behaviour) | {"usage": False})))
    with acme_openai.chat.completions.stream(**ASK, tools=TOOLS) as stream:
        final = stream.get_final_completion()
    (call,) = final.choices[0].message.tool_calls or []
    assert (call.function.name, call.function.arguments) == ("leave_of", ARGUMENTS)
    (row,) = rows()
    assert (row.outcome, row.finish_reason) == ("ok", "tool_calls")
    assert row.first_token_ms is not None
    # Nobody said how many tokens: those of the name and the arguments are counted here.
    assert row.output_tokens >= 5


def test_parameters_arrive_as_they_were_sent(
    acme_openai: openai.OpenAI, model_server: ModelServer
) -> None:
    given: dict[str, Any] = {
        "seed": 7,
        "user": "ada",
        "logit_bias": {"1": -100},
        "stop": ["END"],
        "top_p": 0.5,
        "presence_penalty": 0.25,
        "frequency_penalty": -0.25,
        "logprobs": True,
        "top_logprobs": 2,
        "metadata": {"a": "b"},
        "reasoning_effort": "low",
        "service_tier": "auto",
        "store": False,
    }
    told = acme_openai.chat.completions.create(**ASK, **given)
    (sent,) = model_server.requests
    assert {name: sent.body[name] for name in given} == given
    logprobs = told.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert logprobs.content[0].logprob == -0.5


def test_functions_as_they_were_once_called_arrive_too(
    acme_openai: openai.OpenAI, model_server: ModelServer
) -> None:
    functions: Any = [TOOLS[0]["function"]]
    acme_openai.chat.completions.create(**ASK, functions=functions, function_call="auto")
    assert model_server.requests[0].body["functions"] == functions


def test_pictures_and_parts_arrive(acme_openai: openai.OpenAI, model_server: ModelServer) -> None:
    content = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
    ]
    messages: Any = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": content},
    ]
    acme_openai.chat.completions.create(model="fake-model", messages=messages)
    assert model_server.requests[0].body["messages"] == messages


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_several_answers_to_one_question(
    acme_openai: openai.OpenAI, model_server: ModelServer, rows: Rows, streamed: bool
) -> None:
    model_server.script(does.answer("Five weeks."))
    if streamed:
        found: dict[int, str] = {}
        for chunk in acme_openai.chat.completions.create(**ASK, n=3, stream=True):
            for choice in chunk.choices:
                found[choice.index] = found.get(choice.index, "") + (choice.delta.content or "")
    else:
        told = acme_openai.chat.completions.create(**ASK, n=3)
        found = {one.index: one.message.content or "" for one in told.choices}
    assert found == dict.fromkeys(range(3), "Five weeks.")
    assert [row.outcome for row in rows()] == ["ok"]


@pytest.mark.usefixtures("impatient")
def test_half_of_several_answers_is_no_answer(
    acme_client: httpx.Client, model_server: ModelServer, rows: Rows
) -> None:
    """The first answer is finished, the second never begins."""
    model_server.script(does.only_first())
    answer = acme_client.post("/v1/chat/completions", json=ASK | {"n": 2, "stream": True})
    assert "stream_broken" in answer.text
    assert "[DONE]" not in answer.text
    assert [row.error_code for row in rows()] == ["stream_broken"]


def test_an_answer_in_json_of_a_schema(
    acme_openai: openai.OpenAI, model_server: ModelServer
) -> None:
    model_server.script(does.answer('{"days": 25}'))
    told = acme_openai.chat.completions.create(**ASK, response_format=FORMAT)
    assert json.loads(told.choices[0].message.content or "") == {"days": 25}
    assert model_server.requests[0].body["response_format"] == FORMAT


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    "text",
    ["It is 25 days.", '{"days": "many"}', '```json\n{"days": 25}\n```'],
    ids=["prose", "other form", "fence"],
)
def test_what_is_not_that_json_is_no_answer_but_paid_for(
    acme_client: httpx.Client, model_server: ModelServer, rows: Rows, text: str, streamed: bool
) -> None:
    model_server.script(does.answer(text))
    asked = ASK | {"response_format": FORMAT, "stream": streamed}
    answer = acme_client.post("/v1/chat/completions", json=asked)
    assert answer.status_code == (200 if streamed else 502)
    assert "invalid_answer" in answer.text
    assert "[DONE]" not in answer.text
    (row,) = rows()
    assert (row.outcome, row.error_code) == ("error", "invalid_answer")
    assert row.output_tokens > 0


def test_a_cut_answer_is_the_client_s_to_judge(
    acme_openai: openai.OpenAI, model_server: ModelServer
) -> None:
    model_server.script(does.answer('{"days": ', finish_reason="length"))
    told = acme_openai.chat.completions.create(**ASK, response_format=FORMAT)
    assert told.choices[0].finish_reason == "length"


@pytest.mark.parametrize(
    "wanted",
    [
        {"type": "json_schema"},
        {"type": "json_schema", "json_schema": {"name": "x"}},
        {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "nothing"}}},
        {"type": "json_schema", "json_schema": {"name": "x", "schema": {"$ref": "http://a/b"}}},
        "json",
    ],
    ids=["no schema", "no schema inside", "no type", "a schema elsewhere", "a text"],
)
def test_a_schema_that_is_none_is_refused_before_anybody_is_asked(
    acme_client: httpx.Client, model_server: ModelServer, wanted: Any
) -> None:
    answer = acme_client.post("/v1/chat/completions", json=ASK | {"response_format": wanted})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "response_format")
    assert model_server.requests == []


def test_a_schema_is_looked_at_for_who_was_admitted_alone(
    acme_client: httpx.Client, stranger: httpx.Client, model_server: ModelServer, rows: Rows
) -> None:
    schema = {"properties": {"days": {"pattern": "(a+)+$"}}}
    asked = ASK | {"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}}
    unknown = {"Authorization": "Bearer fn_nobody_has_this_key"}
    assert stranger.post("/v1/chat/completions", json=asked, headers=unknown).status_code == 401
    refused = acme_client.post("/v1/chat/completions", json=asked)
    assert refused.status_code == 400
    assert "pattern at #/properties/days" in refused.json()["error"]["message"]
    assert model_server.requests == []
    assert [(row.error_code, row.cost_usd) for row in rows()] == [("invalid", 0)]


@pytest.mark.parametrize("name", ["\ud800", "fake\x00model"], ids=["surrogate", "nul"])
def test_a_name_that_no_database_takes_is_refused(acme_client: httpx.Client, name: str) -> None:
    content = json.dumps(ASK | {"model": name})
    headers = {"Content-Type": "application/json"}
    answer = acme_client.post("/v1/chat/completions", content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "model")


def test_what_breaks_after_admission_holds_no_money_for_ever(
    acme_client: httpx.Client, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[UUID] = []
    let_go: list[UUID] = []

    def noted(_: Keeper, tenant_id: UUID, reservation_id: UUID) -> None:
        held.append(reservation_id)

    def broken(*_: object) -> bytes:
        raise BadRequest("cannot be written")

    monkeypatch.setattr(Keeper, "hold", noted)
    monkeypatch.setattr(Keeper, "let_go", lambda _, reservation_id: let_go.append(reservation_id))
    monkeypatch.setattr(Asked, "passed", broken)
    with tenant_scope(platform_principal(acme.pk)):
        Budget.objects.create(name="all", limit_usd=1)
    assert acme_client.post("/v1/chat/completions", json=ASK).status_code == 400
    assert held == let_go != []


def test_every_answer_has_the_request_s_id_and_its_trace(
    acme_client: httpx.Client, rows: Rows
) -> None:
    given = {"X-Request-ID": "proxy-0815"}
    answer = acme_client.post("/v1/chat/completions", json=ASK, headers=given)
    assert answer.headers["x-request-id"] == "proxy-0815"
    assert answer.headers["x-footnote-trace-id"] == rows()[0].trace_id
    refused = acme_client.post("/v1/chat/completions", json=ASK | {"messages": 1})
    assert len(refused.headers["x-request-id"]) == 32


@pytest.mark.usefixtures("raw_model")
def test_a_model_of_the_tenant_is_in_the_list(acme_openai: openai.OpenAI, raw_model: Model) -> None:
    assert raw_model.name in [one.id for one in acme_openai.models.list()]
    assert acme_openai.models.retrieve(raw_model.name).id == raw_model.name
