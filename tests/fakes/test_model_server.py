"""The fake model server, seen by the official client: a fake that the real client cannot tell apart."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import httpx2
import openai
import pytest

from tests.fakes import behaviours
from tests.fakes.model_server import ModelServer


@pytest.fixture
def client(model_server: ModelServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        api_key="k", base_url=model_server.base_url, max_retries=0, timeout=2
    ) as made:
        yield made


def streamed(client: openai.OpenAI) -> openai.Stream[openai.types.chat.ChatCompletionChunk]:
    return client.chat.completions.create(
        model="fake-model",
        messages=[{"role": "user", "content": "How long is leave?"}],
        stream=True,
        stream_options={"include_usage": True},
    )


def test_it_lists_its_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["fake-model"]


def test_it_answers_whole(client: openai.OpenAI, model_server: ModelServer) -> None:
    model_server.script(behaviours.answer("Five [1].", finish_reason="length"))
    completion = client.chat.completions.create(model="m", messages=[])
    assert completion.choices[0].message.content == "Five [1]."
    assert completion.choices[0].finish_reason == "length"
    assert completion.usage is not None
    assert completion.usage.completion_tokens == 2


def test_it_streams_token_by_token_with_usage_last(client: openai.OpenAI) -> None:
    chunks = list(streamed(client))
    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert "".join(text or "" for text in texts) == behaviours.DEFAULT_TEXT
    assert len(texts) > 5
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None


def test_it_embeds_the_same_text_the_same_way(client: openai.OpenAI) -> None:
    first = client.embeddings.create(model="m", input=["a", "b"], encoding_format="float")
    again = client.embeddings.create(model="m", input="b", encoding_format="float")
    by_index = {one.index: one.embedding for one in first.data}
    assert by_index[1] == again.data[0].embedding != by_index[0]


def test_it_records_what_it_was_asked(client: openai.OpenAI, model_server: ModelServer) -> None:
    list(streamed(client))
    request = model_server.requests[0]
    assert request.path == "/v1/chat/completions"
    assert request.body["messages"][0]["content"] == "How long is leave?"
    assert request.headers["authorization"] == "Bearer k"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, openai.AuthenticationError),
        (404, openai.NotFoundError),
        (500, openai.InternalServerError),
    ],
)
def test_it_fails_with_a_status(
    client: openai.OpenAI, model_server: ModelServer, status: int, error: type[Exception]
) -> None:
    model_server.script(behaviours.failure(status))
    with pytest.raises(error, match="scripted"):
        streamed(client)


def test_it_limits_rates_with_a_retry_after(
    client: openai.OpenAI, model_server: ModelServer
) -> None:
    model_server.script(behaviours.rate_limited("7"))
    with pytest.raises(openai.RateLimitError) as caught:
        streamed(client)
    assert caught.value.response.headers["retry-after"] == "7"


def test_the_client_takes_an_early_end_for_success(
    client: openai.OpenAI, model_server: ModelServer
) -> None:
    """Why the gateway looks at the finish reason itself: were this ever to raise, its check could go."""
    model_server.script(behaviours.early_close(after=2))
    reasons = [chunk.choices[0].finish_reason for chunk in streamed(client)]
    assert reasons == [None, None, None]


def test_the_client_takes_a_page_for_an_empty_stream(
    client: openai.OpenAI, model_server: ModelServer
) -> None:
    """Why the gateway looks at the content type itself."""
    model_server.script(behaviours.html())
    assert list(streamed(client)) == []


def test_it_breaks_a_stream_off(client: openai.OpenAI, model_server: ModelServer) -> None:
    model_server.script(behaviours.reset(), behaviours.malformed(), behaviours.error_event())
    with pytest.raises(openai.APIConnectionError):
        list(streamed(client))
    with pytest.raises(json.JSONDecodeError):
        list(streamed(client))
    with pytest.raises(openai.APIError, match="scripted"):
        list(streamed(client))


@pytest.mark.parametrize(
    "behaviour", [behaviours.hang(), behaviours.stall()], ids=lambda one: one.kind
)
def test_it_keeps_a_client_waiting(
    client: openai.OpenAI, model_server: ModelServer, behaviour: behaviours.Behaviour
) -> None:
    model_server.script(behaviour)
    impatient = client.with_options(timeout=0.2)
    with pytest.raises(openai.APITimeoutError):
        list(streamed(impatient))


def test_it_notices_a_client_that_goes_away(
    client: openai.OpenAI, model_server: ModelServer
) -> None:
    model_server.script(behaviours.slow_drip("one two three four five six seven", delay=0.05))
    stream = streamed(client)
    next(stream), next(stream)
    stream.close()
    assert model_server.wait_for("disconnected_at").tokens_sent < 7


def test_it_refuses_connections_and_comes_back(
    client: openai.OpenAI, model_server: ModelServer
) -> None:
    with model_server.refusing(), pytest.raises(openai.APIConnectionError):
        client.models.list()
    assert client.models.list().data


def test_it_runs_as_a_process_and_is_scripted_over_http() -> None:
    command = [sys.executable, "-m", "tests.fakes.model_server", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            base_url = process.stdout.readline().removeprefix("ready: ").strip()
            root = base_url.removesuffix("/v1")
            assert httpx2.post(f"{root}/_script", json=[{"kind": "no such"}]).status_code == 400
            assert httpx2.post(f"{root}/_script", json=[{"text": "Yes [1]."}]).json() == {
                "queued": 1
            }
            with openai.OpenAI(api_key="k", base_url=base_url) as client:
                said = client.chat.completions.create(model="m", messages=[])
            assert said.choices[0].message.content == "Yes [1]."
            assert [one["path"] for one in httpx2.get(f"{root}/_requests").json()] == [
                "/v1/chat/completions"
            ]
        finally:
            process.terminate()
