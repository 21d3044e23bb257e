"""A configured model by its own name: the client's request as it is, with the same keys, limits, budgets and ledger."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import httpx
import openai
import pytest

from inference.accounts import discrepancies
from inference.encryption import encrypt
from inference.models import (
    Budget,
    BudgetCounter,
    GuardPolicy,
    Model,
    Provider,
    RateLimit,
    Reservation,
)
from tenants import people
from tenants.models import ApiKey, Tenant
from tenants.scope import platform_principal, tenant_scope
from tests.api.conftest import SECRET, Rows
from tests.fakes import behaviours as does
from tests.fakes.behaviours import Behaviour
from tests.fakes.model_server import ModelServer
from tests.library import Key
from traces.models import Span, Trace

MESSAGES: list[Any] = [{"role": "user", "content": "How long is leave?"}]
ASK = {"model": "fake-model", "messages": MESSAGES}


@pytest.mark.usefixtures("raw_model")
def test_the_official_client_gets_the_provider_s_answer(
    acme_openai: openai.OpenAI, model_server: ModelServer, acme: Tenant, rows: Rows
) -> None:
    model_server.script(does.answer("Five weeks.", prompt_tokens=1000, cached_tokens=400))
    completion = acme_openai.chat.completions.create(
        model="fake-model", messages=MESSAGES, temperature=0.3, extra_body={"top_k": 7}
    )
    assert completion.choices[0].message.content == "Five weeks."
    (sent,) = model_server.requests
    assert (sent.body["temperature"], sent.body["top_k"]) == (0.3, 7)
    assert sent.headers["authorization"] == f"Bearer {SECRET}"
    (row,) = rows()
    assert (row.outcome, row.model, row.feature) == ("ok", "fake-model", "api.passthrough")
    assert (row.input_tokens, row.cached_tokens, row.output_tokens) == (1000, 400, 2)
    assert row.cost_usd == Decimal("0.00064400")
    with tenant_scope(platform_principal(acme.pk)):
        trace = Trace.objects.get(trace_id=row.trace_id)
        assert (trace.question, trace.answer) == ("How long is leave?", "Five weeks.")
        assert Span.objects.filter(trace_id=row.trace_id).count() == 2


@pytest.mark.usefixtures("raw_model")
@pytest.mark.parametrize("wanted", [True, False])
def test_a_stream_comes_as_it_is_with_its_usage_only_if_wanted(
    acme_openai: openai.OpenAI, model_server: ModelServer, rows: Rows, wanted: bool
) -> None:
    options: dict[str, Any] = {"stream_options": {"include_usage": True}} if wanted else {}
    stream = acme_openai.chat.completions.create(
        model="fake/fake-model", messages=MESSAGES, stream=True, **options
    )
    chunks = list(stream)
    text = "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)
    assert text == does.DEFAULT_TEXT
    assert any(one.usage for one in chunks) is wanted
    assert model_server.requests[0].body["stream_options"] == {"include_usage": True}
    assert model_server.requests[0].body["model"] == "fake-model"
    (row,) = rows()
    assert (row.outcome, row.input_tokens, row.output_tokens) == ("ok", 100, 11)
    assert row.first_token_ms is not None


@pytest.mark.usefixtures("raw_model")
def test_done_is_said_only_when_the_ledger_has_its_row(
    acme_client: httpx.Client, rows: Rows
) -> None:
    with acme_client.stream("POST", "/v1/chat/completions", json=ASK | {"stream": True}) as answer:
        seen = b""
        for piece in answer.iter_raw():
            seen += piece
            if b"[DONE]" in seen:
                assert len(rows()) == 1
    assert seen.endswith(b"data: [DONE]\n\n")


@pytest.mark.usefixtures("raw_model")
def test_connections_to_the_provider_are_kept(
    acme_client: httpx.Client, model_server: ModelServer
) -> None:
    for stream in (False, True, False, True):
        answer = acme_client.post("/v1/chat/completions", json=ASK | {"stream": stream})
        assert answer.status_code == 200
    assert model_server.connections_opened == 1


FAULTS: list[tuple[str, Behaviour, int, str, int]] = [
    ("429", does.rate_limited(), 503, "rate_limited", 3),
    ("429 far", does.rate_limited("3600"), 503, "rate_limited", 1),
    ("pay", does.rate_limited(code="insufficient_quota"), 502, "quota_exhausted", 1),
    ("500", does.failure(500), 503, "provider_unavailable", 3),
    ("401", does.failure(401, message=f"bad key {SECRET}"), 502, "bad_credentials", 1),
    ("404", does.failure(404), 502, "model_not_found", 1),
    ("400", does.failure(400, message=f"no {SECRET}"), 400, "bad_request", 1),
    ("too long", does.failure(400, code="context_length_exceeded"), 400, "context_too_long", 1),
    ("hang", does.hang(), 503, "provider_timeout", 3),
    ("page", does.html(), 502, "unreadable_response", 1),
]
STREAMED: list[tuple[str, Behaviour, int, str, int]] = [
    ("comments", does.keep_alive(), 503, "provider_timeout", 3),
    ("early 0", does.early_close(0), 503, "provider_unavailable", 3),
    ("reset 0", does.reset(0), 503, "provider_unavailable", 3),
    ("malformed 0", does.malformed(0), 502, "unreadable_response", 1),
    ("error 0", does.error_event(0, message=f"bad key {SECRET}"), 503, "provider_unavailable", 3),
    ("early 3", does.early_close(3), 200, "stream_broken", 1),
    ("reset 3", does.reset(3), 200, "stream_broken", 1),
    ("malformed 3", does.malformed(3), 200, "stream_broken", 1),
    ("error 3", does.error_event(3, message=f"bad key {SECRET}"), 200, "stream_broken", 1),
    ("stall 3", does.stall(3), 200, "stream_broken", 1),
]


@pytest.mark.usefixtures("raw_model", "impatient")
@pytest.mark.parametrize(
    ("streamed", "fault"),
    [(False, one) for one in FAULTS if one[0] != "hang"]
    + [(True, one) for one in [*FAULTS, *STREAMED]],
    ids=lambda one: one[0] if isinstance(one, tuple) else ("streamed" if one else "whole"),
)
def test_a_fault_is_told_counted_and_never_taken_for_an_answer(
    acme: Tenant,
    acme_client: httpx.Client,
    model_server: ModelServer,
    rows: Rows,
    streamed: bool,
    fault: tuple[str, Behaviour, int, str, int],
) -> None:
    _, behaviour, status, code, requests = fault
    model_server.default = behaviour
    answer = acme_client.post("/v1/chat/completions", json=ASK | {"stream": streamed})
    # What breaks in the very bytes that begin it need not begin at all.
    assert answer.status_code in ({200, 503} if status == 200 else {status})
    assert code in answer.text
    assert "[DONE]" not in answer.text
    assert SECRET not in answer.text
    assert len(model_server.requests) == requests
    (row,) = rows()
    assert (row.outcome, row.error_code, row.attempts) == ("error", code, requests)
    assert (row.output_tokens > 0) is (code == "stream_broken")
    with tenant_scope(platform_principal(acme.pk)):
        told = str(list(Span.objects.values_list("attributes", flat=True)))
    assert "error.message" in told
    assert SECRET not in told


@pytest.mark.parametrize("key", ["sk-1\r\nX-Other: 1", "schlüssel"])
def test_a_key_that_no_header_takes_is_sent_to_nobody(
    key: str, acme: Tenant, raw_model: Model, acme_client: httpx.Client, model_server: ModelServer
) -> None:
    with tenant_scope(platform_principal(acme.pk)):
        Provider.objects.update(encrypted_key=encrypt(key))
    answer = acme_client.post("/v1/chat/completions", json=ASK)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "bad_credentials")
    assert model_server.requests == []


WHOLE: list[tuple[str, Behaviour, int, str, int]] = [
    ("cut short", does.early_close(), 503, "provider_unavailable", 3),
    ("reset", does.reset(), 503, "provider_unavailable", 3),
    ("half of the JSON", does.malformed(), 502, "unreadable_response", 1),
]


@pytest.mark.usefixtures("raw_model", "impatient")
@pytest.mark.parametrize("fault", WHOLE, ids=lambda one: one[0])
def test_half_of_a_whole_answer_is_none(
    acme_client: httpx.Client,
    model_server: ModelServer,
    rows: Rows,
    fault: tuple[str, Behaviour, int, str, int],
) -> None:
    _, model_server.default, status, code, requests = fault
    answer = acme_client.post("/v1/chat/completions", json=ASK)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert len(model_server.requests) == requests
    assert [(row.error_code, row.attempts) for row in rows()] == [(code, requests)]


@pytest.mark.usefixtures("raw_model", "impatient")
def test_a_refused_connection_is_tried_again_and_then_given_up(
    acme_client: httpx.Client, model_server: ModelServer, rows: Rows
) -> None:
    with model_server.refusing():
        answer = acme_client.post("/v1/chat/completions", json=ASK)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert [(row.error_code, row.attempts) for row in rows()] == [("provider_unavailable", 3)]


@pytest.mark.usefixtures("raw_model", "impatient")
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_client_is_told_to_wait_for_as_long_as_the_provider_asked(
    acme_client: httpx.Client, model_server: ModelServer, streamed: bool
) -> None:
    model_server.script(does.rate_limited("3600"))
    answer = acme_client.post("/v1/chat/completions", json=ASK | {"stream": streamed})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3600")


@pytest.mark.usefixtures("raw_model", "impatient")
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    "behaviour",
    [does.rate_limited(), does.rate_limited("0.01"), does.failure(500), does.reset(0)],
    ids=["429", "429 with Retry-After", "500", "reset"],
)
def test_a_passing_fault_is_never_seen(
    acme_client: httpx.Client,
    model_server: ModelServer,
    rows: Rows,
    behaviour: Behaviour,
    streamed: bool,
) -> None:
    model_server.script(behaviour, behaviour)
    answer = acme_client.post("/v1/chat/completions", json=ASK | {"stream": streamed})
    assert answer.status_code == 200
    assert len(model_server.requests) == 3
    assert [(row.outcome, row.attempts) for row in rows()] == [("ok", 3)]


@pytest.mark.usefixtures("raw_model", "impatient")
def test_a_slow_drip_is_no_fault_but_one_without_end_is(
    acme_client: httpx.Client, model_server: ModelServer, rows: Rows
) -> None:
    model_server.script(does.slow_drip(delay=0.15), does.slow_drip("word " * 1000, delay=0.05))
    slow, endless = (
        acme_client.post("/v1/chat/completions", json=ASK | {"stream": True}) for _ in range(2)
    )
    assert slow.text.endswith("data: [DONE]\n\n")
    assert "stream_broken" in endless.text
    assert [row.error_code for row in rows()] == ["", "stream_broken"]


@pytest.mark.usefixtures("raw_model")
@pytest.mark.parametrize("streamed", [True, False])
def test_a_client_that_goes_away_ends_the_provider_s_work(
    acme_client: httpx.Client, model_server: ModelServer, rows: Rows, streamed: bool
) -> None:
    model_server.script(does.stall(3) if streamed else does.hang())
    with pytest.raises(httpx.ReadTimeout):
        acme_client.post("/v1/chat/completions", json=ASK | {"stream": streamed}, timeout=0.5)
    gone_at = time.monotonic()
    request = model_server.wait_for("disconnected_at")
    assert request.disconnected_at is not None
    assert request.disconnected_at - gone_at < 2
    ends = time.monotonic() + 5
    while not rows() and time.monotonic() < ends:
        time.sleep(0.02)
    assert [row.outcome for row in rows()] == ["cancelled"]


def test_a_refusal_is_byte_for_byte_that_of_the_other_routes(
    acme_client: httpx.Client, stranger: httpx.Client, raw_model: Model
) -> None:
    bad = {"Authorization": "Bearer fn_" + "x" * 40}
    ours = stranger.post("/v1/chat/completions", json=ASK, headers=bad)
    theirs = stranger.get("/v1/models", headers=bad)
    assert (ours.status_code, ours.content) == (401, theirs.content)
    assert ours.headers["www-authenticate"] == theirs.headers["www-authenticate"]
    absent = acme_client.post("/v1/chat/completions", json=ASK | {"model": "nobody-s"})
    assert absent.status_code == 404
    assert absent.content == acme_client.get("/v1/models/nobody-s").content


def test_another_tenant_s_model_is_as_good_as_absent(
    globex_client: httpx.Client, raw_model: Model, model_server: ModelServer
) -> None:
    absent = globex_client.post("/v1/chat/completions", json=ASK | {"model": "nobody-s"})
    foreign = globex_client.post("/v1/chat/completions", json=ASK)
    assert (foreign.status_code, foreign.content) == (404, absent.content)
    assert model_server.requests == []


def test_a_revoked_key_and_a_disabled_model_end_with_the_next_request(
    acme_client: httpx.Client, acme: Tenant, acme_key: Key, raw_model: Model
) -> None:
    def status() -> int:
        return acme_client.post("/v1/chat/completions", json=ASK).status_code

    assert status() == 200
    with tenant_scope(platform_principal(acme.pk)):
        Model.objects.filter(pk=raw_model.pk).update(enabled=False)
    assert status() == 404
    with tenant_scope(platform_principal(acme.pk)):
        Model.objects.filter(pk=raw_model.pk).update(enabled=True)
    assert status() == 200
    with tenant_scope(platform_principal(acme.pk)):
        ApiKey.objects.update(revoked_at="2020-01-01T00:00:00Z")
    assert status() == 401


def test_a_key_without_the_scope_may_not(site: str, acme: Tenant, raw_model: Model) -> None:
    with tenant_scope(platform_principal(acme.pk)):
        secret = people.create_key(name="narrow", scopes=["search"]).secret
    headers = {"Authorization": f"Bearer {secret}"}
    answer = httpx.post(f"{site}/v1/chat/completions", json=ASK, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "insufficient_scope")


def test_where_guards_mask_or_block_nothing_passes_them_by(
    acme_client: httpx.Client, acme: Tenant, raw_model: Model, model_server: ModelServer
) -> None:
    with tenant_scope(platform_principal(acme.pk)):
        GuardPolicy.objects.create(guard="pii", action="redact")
    answer = acme_client.post("/v1/chat/completions", json=ASK)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "guarded")
    assert model_server.requests == []


@pytest.mark.usefixtures("raw_model")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"messages": []}, "messages"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": "many"}, "max_completion_tokens"),
        ({"n": 99}, "n"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": 3}, "stream_options"),
    ],
)
def test_a_bad_request_names_its_field(
    acme_client: httpx.Client, model_server: ModelServer, change: dict[str, Any], field: str
) -> None:
    answer = acme_client.post("/v1/chat/completions", json=ASK | change)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)
    assert model_server.requests == []


def test_a_rate_limit_says_where_it_stands_and_when_to_come_back(
    acme_client: httpx.Client, acme: Tenant, raw_model: Model
) -> None:
    with tenant_scope(platform_principal(acme.pk)):
        RateLimit.objects.create(name="two", scope="key", amount=2, seconds=600)
    answers = [acme_client.post("/v1/chat/completions", json=ASK) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert [one.headers["x-ratelimit-remaining-requests"] for one in answers] == ["1", "0", "0"]
    assert answers[0].headers["x-ratelimit-limit-requests"] == "2"
    assert answers[0].headers["ratelimit-policy"] == '"requests";q=2;w=600'
    assert 0 < int(answers[2].headers["retry-after"]) <= 300
    assert answers[2].json()["error"]["type"] == "rate_limit_error"


def test_tokens_are_counted_before_and_after(
    acme_client: httpx.Client, acme: Tenant, raw_model: Model, model_server: ModelServer
) -> None:
    with tenant_scope(platform_principal(acme.pk)):
        RateLimit.objects.create(name="few", measure="tokens", amount=1000, seconds=600)
    model_server.script(does.answer("Yes.", prompt_tokens=1500))
    assert acme_client.post("/v1/chat/completions", json=ASK).status_code == 200
    refused = acme_client.post("/v1/chat/completions", json=ASK)
    assert refused.status_code == 429
    # 501 tokens too many were used: they and this prompt have to come back first.
    assert 300 <= int(refused.headers["retry-after"]) <= 400


def test_calls_at_once_are_limited_and_the_place_is_free_again(
    acme_client: httpx.Client, acme: Tenant, raw_model: Model, model_server: ModelServer
) -> None:
    with tenant_scope(platform_principal(acme.pk)):
        RateLimit.objects.create(name="one", measure="concurrent", amount=1)
    model_server.script(does.answer(first_delay=1.5))
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(acme_client.post, "/v1/chat/completions", json=ASK)
        ends = time.monotonic() + 5
        while not model_server.requests and time.monotonic() < ends:
            time.sleep(0.01)
        assert acme_client.post("/v1/chat/completions", json=ASK).status_code == 429
        assert slow.result().status_code == 200
    assert acme_client.post("/v1/chat/completions", json=ASK).status_code == 200


def test_two_hundred_calls_never_pass_the_budget(
    acme_client: httpx.Client, acme: Tenant, raw_model: Model, model_server: ModelServer, rows: Rows
) -> None:
    with tenant_scope(platform_principal(acme.pk)):
        Model.objects.filter(pk=raw_model.pk).update(input_price=10, output_price=1000)
        budget = Budget.objects.create(name="one dollar", limit_usd=Decimal(1))
    model_server.default = does.answer("word " * 12, prompt_tokens=20)
    bodies = [json.dumps(ASK | {"stream": number % 2 == 0}) for number in range(200)]

    def post(body: str) -> int:
        kind = {"Content-Type": "application/json"}
        return acme_client.post("/v1/chat/completions", content=body, headers=kind).status_code

    with ThreadPoolExecutor(24) as pool:
        statuses = list(pool.map(post, bodies))
    assert set(statuses) <= {200, 402, 429}
    assert statuses.count(200) == len(model_server.requests) >= 10
    with tenant_scope(platform_principal(acme.pk)):
        counter = BudgetCounter.objects.get(budget=budget)
        assert (counter.reserved_usd, Reservation.objects.count()) == (0, 0)
        assert discrepancies(acme.pk) == []
    assert counter.spent_usd == sum(row.cost_usd for row in rows()) <= 1
    assert all(one.body["max_tokens"] <= 950 for one in model_server.requests)
    assert all(row.excess_usd == 0 for row in rows())
