"""``POST /api/v1/ask``: the contract's shape, whole and streamed, and who may say what of an answer."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.db import connection

from inference.encryption import encrypt
from inference.models import Model, ModelCall, Provider
from tenants.models import Tenant
from tenants.scope import platform_principal, tenant_scope
from tests.fakes import behaviours
from tests.fakes.model_server import ModelServer
from tests.library import Key, Library
from traces.models import Feedback, Trace

QUESTION = "How many days of paid leave do employees get?"
FIELDS = {"answer", "citations", "answered", "support", "model", "trace_id", "cached"}


@pytest.fixture
def scripted(acme: Tenant, acme_library: Library, model_server: ModelServer) -> ModelServer:
    """Acme's default model is the fake server."""
    with tenant_scope(platform_principal(acme.pk)):
        provider = Provider.objects.create(
            name="fake", base_url=model_server.base_url, encrypted_key=encrypt("sk-1")
        )
        Model.objects.create(provider=provider, name="fake-model", is_default=True)
    return model_server


def ask(client: httpx.Client, **asked: Any) -> httpx.Response:
    return client.post("/api/v1/ask", json={"question": QUESTION, **asked})


def frames(body: str) -> list[tuple[str, dict[str, Any]]]:
    """The events of a stream."""
    found = []
    for frame in body.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in frame.splitlines() if not line.startswith(":"))
        if lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


def test_an_answer_has_the_fields_of_the_contract(
    acme_client: httpx.Client, acme_library: Library
) -> None:
    body = ask(acme_client).json()
    assert body.keys() >= FIELDS
    assert (body["answered"], body["support"], body["model"]) == (True, 1.0, "footnote/extractive")
    assert body["citations"][0].keys() == {
        "n",
        "document_id",
        "external_id",
        "title",
        "page",
        "quote",
    }
    assert body["citations"][0]["quote"] == "Employees get 25 days of paid leave a year."


def test_a_stream_ends_with_the_same(acme_client: httpx.Client, acme_library: Library) -> None:
    response = ask(acme_client, stream=True)
    assert response.headers["Content-Type"].startswith("text/event-stream")
    events = frames(response.text)
    assert [kind for kind, _ in events][:3] == ["searching", "found", "writing"]
    told = "".join(body["text"] for kind, body in events if kind == "text")
    kind, body = events[-1]
    assert kind == "completed"
    assert body.keys() >= FIELDS
    assert body["answer"] == told


def test_the_text_comes_while_the_model_writes(
    acme_client: httpx.Client, scripted: ModelServer
) -> None:
    scripted.script(behaviours.slow_drip("Employees get 25 days of leave [1].", delay=0.15))
    asked = {"question": QUESTION, "stream": True}
    with acme_client.stream("POST", "/api/v1/ask", json=asked) as response:
        arrivals = [time.monotonic() for line in response.iter_lines() if line == "event: text"]
    assert len(arrivals) >= 5
    assert arrivals[-1] - arrivals[0] > 0.4


def test_a_refusal_says_what_was_searched(
    globex_client: httpx.Client, acme_library: Library
) -> None:
    body = ask(globex_client).json()
    assert (body["answered"], body["citations"], body["support"]) == (False, [], 0.0)
    assert "no collection" in body["answer"]


def test_a_stream_that_breaks_says_so(acme_client: httpx.Client, scripted: ModelServer) -> None:
    scripted.script(behaviours.early_close())
    events = frames(ask(acme_client, stream=True).text)
    kind, body = events[-1]
    assert kind == "failed"
    assert (body["code"], body["retryable"]) == ("stream_broken", True)
    assert "completed" not in [kind for kind, _ in events]


@pytest.mark.parametrize(
    ("behaviour", "status", "code"),
    [
        (behaviours.early_close(), 503, "stream_broken"),
        (behaviours.failure(401), 502, "bad_credentials"),
        (behaviours.failure(404), 502, "model_not_found"),
    ],
)
def test_half_an_answer_is_an_error(
    behaviour: behaviours.Behaviour,
    status: int,
    code: str,
    acme_client: httpx.Client,
    scripted: ModelServer,
) -> None:
    scripted.script(behaviour)
    response = ask(acme_client, model="fake-model")
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert len(response.json()["error"]["details"][0]["trace_id"]) == 32
    assert ("Retry-After" in response.headers) == (status == 503)


def test_a_provider_that_asks_for_an_hour_is_not_asked_again_in_two_seconds(
    acme_client: httpx.Client, scripted: ModelServer
) -> None:
    scripted.script(behaviours.rate_limited("3600"))
    response = ask(acme_client, model="fake-model")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "3600")


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_was_cut_off_says_so(
    stream: bool, acme_client: httpx.Client, scripted: ModelServer
) -> None:
    scripted.script(behaviours.answer("Employees get 25 [1]", finish_reason="length"))
    response = ask(acme_client, stream=stream)
    body = frames(response.text)[-1][1] if stream else response.json()
    assert body["degraded"] == "length: the answer was cut off at the limit of its length"


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_away_ends_the_provider_s_work(
    stream: bool, site: str, acme_key: Key, scripted: ModelServer, acme: Tenant
) -> None:
    scripted.script(behaviours.slow_drip("word " * 400, delay=0.05))
    client = httpx.Client(base_url=site, headers=acme_key.headers)
    asked = {"question": QUESTION, "stream": stream}

    def ask_and_leave() -> None:
        with pytest.raises(httpx.HTTPError):
            client.post("/api/v1/ask", json=asked, timeout=1.0).raise_for_status()

    thread = threading.Thread(target=ask_and_leave)
    thread.start()
    ends = time.monotonic() + 10
    while not scripted.requests and time.monotonic() < ends:
        time.sleep(0.05)
    if stream:
        # A read time-out does not come while text comes.
        client.close()
    thread.join(timeout=10)
    client.close()
    left_at = time.monotonic()
    gone = scripted.wait_for("disconnected_at", seconds=5)
    assert gone.disconnected_at is not None
    assert gone.disconnected_at - left_at < 2
    _eventually_cancelled(acme)


def _eventually_cancelled(acme: Tenant) -> None:
    ends = time.monotonic() + 5
    while time.monotonic() < ends:
        with tenant_scope(platform_principal(acme.pk)):
            if (trace := Trace.objects.first()) is not None:
                assert trace.outcome == "cancelled"
                assert ModelCall.objects.get(operation="chat").outcome == "cancelled"
                return
        time.sleep(0.05)
    raise AssertionError("no trace was stored")


def test_a_conversation_is_remembered_for_its_own_key(
    acme_client: httpx.Client, acme: Tenant, scripted: ModelServer, site: str, new_key: Any
) -> None:
    conversation = str(uuid4())
    ask(acme_client, conversation=conversation)
    ask(acme_client, conversation=conversation, question="And for contractors?")
    told = [message["content"] for message in scripted.requests[-1].body["messages"]]
    assert told[1] == QUESTION
    other = new_key(acme)
    with httpx.Client(base_url=site, headers=other.headers, timeout=30) as client:
        ask(client, conversation=conversation, fresh=True)
    # Three answers, and the follow-up written out before its search.
    assert len(scripted.requests) == 4
    assert len(scripted.requests[-1].body["messages"]) == 2


@pytest.mark.parametrize(
    ("asked", "status", "field"),
    [
        ({"question": ""}, 400, "question"),
        ({"question": "x" * 9000}, 400, "question"),
        ({"conversation": "mine"}, 400, "conversation"),
        ({"stream": "maybe"}, 400, "stream"),
        ({"collections": ["nothing"]}, 404, "collections"),
        ({"model": "gpt-0"}, 404, "model"),
        ({"mood": "good"}, 400, "mood"),
    ],
)
def test_a_bad_question_names_its_field(
    asked: dict[str, Any], status: int, field: str, acme_client: httpx.Client
) -> None:
    response = ask(acme_client, **asked)
    assert (response.status_code, response.json()["error"]["field"]) == (status, field)


def test_feedback_belongs_to_the_key_that_asked(
    acme_client: httpx.Client, globex_client: httpx.Client, acme_library: Library, acme: Tenant
) -> None:
    trace_id = ask(acme_client).json()["trace_id"]
    given = {"trace_id": trace_id, "score": 1, "comment": "Right."}
    assert acme_client.post("/api/v1/feedback", json=given).json() == given
    changed = given | {"score": -1, "comment": ""}
    assert acme_client.post("/api/v1/feedback", json=changed).json() == changed
    with tenant_scope(platform_principal(acme.pk)):
        assert [row.score for row in Feedback.objects.filter(trace_id=trace_id)] == [-1]
    foreign = globex_client.post("/api/v1/feedback", json=given)
    absent = globex_client.post("/api/v1/feedback", json=given | {"trace_id": "0" * 32})
    assert (foreign.status_code, foreign.content) == (404, absent.content)
    assert acme_client.post("/api/v1/feedback", json=given | {"score": 5}).status_code == 400


@pytest.mark.parametrize("stream", [True, False])
def test_who_waits_for_a_model_holds_no_connection(
    stream: bool, acme_client: httpx.Client, scripted: ModelServer
) -> None:
    ask(acme_client)
    scripted.script(*[replace(behaviours.answer(), first_delay=3.0)] * 5)
    with ThreadPoolExecutor(5) as pool:
        asking = [pool.submit(ask, acme_client, stream=stream, fresh=True) for _ in range(5)]
        ends = time.monotonic() + 10
        while len(scripted.requests) < 6 and time.monotonic() < ends:
            time.sleep(0.05)
        time.sleep(0.2)
        used = _connections_in_use()
        answered = [each.done() for each in asking]
    assert answered == [False] * 5
    # The test's own thread may have one.
    assert used <= 1
    assert {each.result().status_code for each in asking} == {200}


def _connections_in_use() -> int:
    found = connection.pool.get_stats()  # type: ignore[attr-defined]
    return int(found["pool_size"] - found["pool_available"])
