"""The official ``openai`` client gets cited answers, whole and streamed, and errors that it understands."""

from typing import Any

import httpx
import openai
import pytest

from inference.encryption import encrypt
from inference.models import Model, ModelCall, Provider, RateLimit
from tenants.models import Tenant
from tenants.scope import platform_principal, tenant_scope
from tests.fakes import behaviours
from tests.fakes.model_server import ModelServer
from tests.library import Library
from traces.models import Trace

QUESTION = "How many days of paid leave do employees get?"
MESSAGES: list[Any] = [{"role": "user", "content": QUESTION}]


@pytest.fixture
def scripted(acme: Tenant, acme_library: Library, model_server: ModelServer) -> ModelServer:
    """Acme's default model is the fake server."""
    with tenant_scope(platform_principal(acme.pk)):
        provider = Provider.objects.create(
            name="fake", base_url=model_server.base_url, encrypted_key=encrypt("sk-1")
        )
        Model.objects.create(provider=provider, name="fake-model", is_default=True)
    return model_server


def test_models_are_listed_and_looked_up(acme_openai: openai.OpenAI, acme_library: Library) -> None:
    names = [model.id for model in acme_openai.models.list()]
    assert names == ["footnote", "footnote/extractive", "footnote:handbook", "all-MiniLM-L6-v2"]
    for name in names:
        assert acme_openai.models.retrieve(name).id == name


def test_a_completion_is_a_cited_answer(acme_openai: openai.OpenAI, acme_library: Library) -> None:
    completion = acme_openai.chat.completions.create(model="footnote", messages=MESSAGES)
    (choice,) = completion.choices
    assert choice.finish_reason == "stop"
    assert choice.message.role == "assistant"
    assert choice.message.content == "Employees get 25 days of paid leave a year. [1]"
    assert choice.message.annotations is not None
    (annotation,) = choice.message.annotations
    where = annotation.url_citation
    assert choice.message.content[where.start_index : where.end_index] == "[1]"
    assert where.title == "Leave"
    extra: Any = choice.message
    assert extra.citations[0]["quote"] == "Employees get 25 days of paid leave a year."
    assert extra.citations[0]["url"] == where.url
    verdict: Any = completion
    assert verdict.footnote["answered"] is True
    assert verdict.footnote["model"] == "footnote/extractive"
    assert completion.id == f"chatcmpl-{verdict.footnote['trace_id']}"


def test_the_address_of_a_citation_is_a_page_of_ours(
    acme_openai: openai.OpenAI, acme_library: Library, site: str
) -> None:
    completion: Any = acme_openai.chat.completions.create(model="footnote", messages=MESSAGES)
    address = completion.choices[0].message.citations[0]["url"]
    assert address.startswith(f"{site}/documents/")
    # A person who is not signed in is asked to, and then sees the document.
    assert httpx.get(address).headers["Location"].startswith("/sign-in/")


def test_a_stream_says_the_same_piece_by_piece(
    acme_openai: openai.OpenAI, scripted: ModelServer, acme: Tenant
) -> None:
    scripted.script(behaviours.answer("Employees get 25 days of paid leave [2][1]."))
    stream = acme_openai.chat.completions.create(
        model="footnote", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    chunks: list[Any] = list(stream)
    assert chunks[0].choices[0].delta.role == "assistant"
    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert len([text for text in texts if text]) > 3
    assert "".join(filter(None, texts)) == "Employees get 25 days of paid leave [1][2]."
    last, usage = chunks[-2:]
    assert last.choices[0].finish_reason == "stop"
    assert [each["n"] for each in last.choices[0].delta.citations] == [1, 2]
    assert last.footnote["model"] == "fake-model"
    assert usage.choices == []
    assert (usage.usage.prompt_tokens, usage.usage.total_tokens) == (100, 108)
    assert len({chunk.id for chunk in chunks}) == 1
    with tenant_scope(platform_principal(acme.pk)):
        trace = Trace.objects.get(trace_id=last.footnote["trace_id"])
        row = ModelCall.objects.get(operation="chat")
    assert (trace.outcome, trace.feature, trace.input_tokens) == ("ok", "api.chat", 100)
    assert (row.outcome, row.trace_id) == ("ok", trace.trace_id)
    assert row.api_key_id == trace.api_key_id is not None


def test_without_being_asked_a_stream_says_nothing_of_usage(
    acme_openai: openai.OpenAI, acme_library: Library
) -> None:
    stream = acme_openai.chat.completions.create(model="footnote", messages=MESSAGES, stream=True)
    assert all(chunk.choices and chunk.usage is None for chunk in stream)


def test_a_collection_is_a_model(acme_openai: openai.OpenAI, acme_library: Library) -> None:
    acme_library.add("lab", mice=b"# Mice\n\nMice get 3 days of paid leave.\n")
    told = acme_openai.chat.completions.create(model="footnote:lab", messages=MESSAGES)
    assert "25" not in (told.choices[0].message.content or "")
    extra: Any = told.choices[0].message
    assert {each["title"] for each in extra.citations} <= {"Mice"}


def test_history_and_wishes_reach_the_model(
    acme_openai: openai.OpenAI, scripted: ModelServer
) -> None:
    acme_openai.chat.completions.create(
        model="footnote",
        messages=[
            {"role": "system", "content": "Answer in rhyme."},
            {"role": "user", "content": QUESTION},
            {"role": "assistant", "content": "25 days [1]."},
            {"role": "user", "content": [{"type": "text", "text": "And for contractors?"}]},
        ],
        temperature=0.5,
        max_completion_tokens=50,
    )
    rewriting, answering = scripted.requests
    assert "last question: And for contractors?" in rewriting.body["messages"][-1]["content"]
    body = answering.body
    assert [message["role"] for message in body["messages"]] == [
        "system",
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert "Answer in rhyme." in body["messages"][1]["content"]
    assert body["messages"][3]["content"] == "25 days."
    assert (body["temperature"], body["max_tokens"]) == (0.5, 50)


def test_an_answer_cut_by_the_caller_s_limit_says_so(
    acme_openai: openai.OpenAI, scripted: ModelServer
) -> None:
    scripted.script(behaviours.answer("Employees get 25 [1]", finish_reason="length"))
    told = acme_openai.chat.completions.create(model="footnote", messages=MESSAGES, max_tokens=5)
    assert told.choices[0].finish_reason == "length"


@pytest.mark.parametrize(
    "behaviour",
    [
        behaviours.early_close(),
        behaviours.reset(),
        behaviours.malformed(),
        behaviours.error_event(),
    ],
    ids=lambda behaviour: behaviour.kind,
)
def test_a_stream_that_breaks_is_an_error_and_never_done(
    behaviour: behaviours.Behaviour,
    acme_openai: openai.OpenAI,
    acme_client: httpx.Client,
    scripted: ModelServer,
) -> None:
    scripted.script(behaviour, behaviour)
    stream = acme_openai.chat.completions.create(model="footnote", messages=MESSAGES, stream=True)
    with pytest.raises(openai.APIError, match="broke off"):
        list(stream)
    asked = {"model": "footnote", "messages": MESSAGES, "stream": True}
    raw = acme_client.post("/v1/chat/completions", json=asked).text
    assert "[DONE]" not in raw
    assert 'finish_reason": "stop' not in raw
    assert "127.0.0.1" not in raw


def test_half_an_answer_is_no_completion(acme_openai: openai.OpenAI, scripted: ModelServer) -> None:
    scripted.script(behaviours.early_close())
    with pytest.raises(openai.InternalServerError) as caught:
        acme_openai.chat.completions.create(model="footnote", messages=MESSAGES)
    assert caught.value.status_code == 503
    assert caught.value.code == "stream_broken"


@pytest.mark.parametrize(
    "model", ["gpt-0", "footnote:nothing", "footnote:", "", "footnote:hand book"]
)
def test_an_unknown_model_is_not_found(
    model: str, acme_openai: openai.OpenAI, acme_library: Library
) -> None:
    expected = openai.NotFoundError if model else openai.BadRequestError
    with pytest.raises(expected) as caught:
        acme_openai.chat.completions.create(model=model, messages=MESSAGES)
    assert caught.value.param == "model"


def test_a_rate_limit_of_the_tenant_says_when_to_come_back(
    acme_client: httpx.Client, acme: Tenant, scripted: ModelServer
) -> None:
    with tenant_scope(platform_principal(acme.pk)):
        RateLimit.objects.create(name="one", scope="key", amount=1, seconds=600)
    ask = {"model": "footnote", "messages": MESSAGES}
    fresh = {"Cache-Control": "no-cache"}
    first, second = (
        acme_client.post("/v1/chat/completions", json=ask, headers=fresh) for _ in range(2)
    )
    assert first.status_code == 200
    assert (second.status_code, second.json()["error"]["type"]) == (429, "rate_limit_error")
    assert 0 < int(second.headers["retry-after"]) <= 600
    assert "x-ratelimit-remaining-requests" in second.headers


def test_a_foreign_collection_is_answered_like_an_absent_one(
    globex_client: httpx.Client, acme_library: Library
) -> None:
    foreign, absent = (
        globex_client.post("/v1/chat/completions", json={"model": name, "messages": MESSAGES})
        for name in ("footnote:handbook", "footnote:nothing")
    )
    assert (foreign.status_code, foreign.content) == (404, absent.content)
    one, none = (
        globex_client.get(f"/v1/models/footnote:{slug}") for slug in ("handbook", "nothing")
    )
    assert (one.status_code, one.content) == (404, none.content)


def test_a_wrong_key_is_an_authentication_error(site: str) -> None:
    client = openai.OpenAI(base_url=f"{site}/v1", api_key="fn_wrong", max_retries=0)
    with client, pytest.raises(openai.AuthenticationError):
        client.models.list()


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"logprobs": True}, "logprobs"),
        ({"stop": ["x"]}, "stop"),
        ({"unheard_of": 1}, "unheard_of"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": "warm"}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stream": "maybe"}, "stream"),
        ({"stream_options": {"include_usage": "maybe"}}, "stream_options.include_usage"),
        ({"stream_options": "all"}, "stream_options"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [1]}, "messages.0"),
        ({"messages": [{"role": "user"}]}, "messages"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages.0.content",
        ),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": "x" * 9000}]}, "messages"),
        ({"messages": [*MESSAGES, {"role": "assistant", "content": "Yes."}]}, "messages"),
        ({"messages": [{"role": "system", "content": "x" * 17000}, *MESSAGES]}, "messages"),
        ({"messages": [{"role": "user", "content": "a\x00b"}]}, "messages.0.content"),
        ({"model": 5.5, "messages": None}, "messages"),
        ({"model": None}, "model"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(
    changes: dict[str, Any], param: str, acme_client: httpx.Client
) -> None:
    asked = {"model": "footnote", "messages": MESSAGES, **changes}
    response = acme_client.post("/v1/chat/completions", json=asked)
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert error["message"]
    assert error["code"]


def test_what_has_no_effect_is_accepted(acme_client: httpx.Client, acme_library: Library) -> None:
    asked = {
        "model": "footnote",
        "messages": MESSAGES,
        "n": 1,
        "tools": [],
        "stop": None,
        "top_p": 0.9,
        "seed": 7,
        "user": "me",
        "response_format": {"type": "text"},
        "reasoning_effort": "low",
    }
    assert acme_client.post("/v1/chat/completions", json=asked).status_code == 200
