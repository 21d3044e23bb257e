"""``/v1/embeddings`` by the official client: the tenant's endpoints and the model that runs here."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import numpy as np
import openai
import pytest

from inference.models import Model, RateLimit
from tenants.models import Tenant
from tenants.scope import platform_principal, tenant_scope
from tests.api.conftest import Rows
from tests.fakes import behaviours as does
from tests.fakes.model_server import ModelServer

HERE = "all-MiniLM-L6-v2"


@pytest.fixture
def embedder(acme: Tenant, raw_model: Model) -> Model:
    """Acme's embedding model on the fake server, 8 dimensions, at 1 USD per million tokens."""
    with tenant_scope(platform_principal(acme.pk)):
        return Model.objects.create(
            provider=raw_model.provider, name="fake-embed", kind="embedding", input_price=1
        )


@pytest.mark.usefixtures("embedder")
def test_texts_have_their_vectors_in_order(
    acme_openai: openai.OpenAI, model_server: ModelServer, rows: Rows
) -> None:
    told = acme_openai.embeddings.create(model="fake-embed", input=["one text", "another"])
    again = acme_openai.embeddings.create(
        model="fake/fake-embed", input="another", encoding_format="float", user="ada"
    )
    assert [one.index for one in told.data] == [0, 1]
    assert told.data[1].embedding == pytest.approx(again.data[0].embedding)
    assert np.linalg.norm(told.data[0].embedding) == pytest.approx(1)
    assert (told.usage.prompt_tokens, told.model) == (3, "fake-embed")
    first, _ = rows()
    assert (first.operation, first.feature, first.input_tokens) == (
        "embeddings",
        "api.embeddings",
        3,
    )
    assert first.trace_id


@pytest.mark.usefixtures("embedder")
def test_both_encodings_say_the_same_and_vectors_can_be_cut(acme_client: httpx.Client) -> None:
    ask = {"model": "fake-embed", "input": "one text"}
    floats, packed, cut = (
        acme_client.post("/v1/embeddings", json=ask | more).json()["data"][0]["embedding"]
        for more in ({}, {"encoding_format": "base64"}, {"dimensions": 4})
    )
    assert np.frombuffer(base64.b64decode(packed), "<f4") == pytest.approx(floats)
    assert cut == pytest.approx(np.array(floats[:4]) / np.linalg.norm(floats[:4]), abs=1e-6)


def test_the_model_that_runs_here_may_be_asked(acme_openai: openai.OpenAI, acme: Tenant) -> None:
    assert HERE in [one.id for one in acme_openai.models.list()]
    told = acme_openai.embeddings.create(model=HERE, input=["How long is leave?"])
    assert len(told.data[0].embedding) == 384
    assert told.usage.prompt_tokens > 0


@pytest.mark.usefixtures("embedder")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"input": []}, "input"),
        ({"input": ["a", ""]}, "input"),
        ({"input": [1, 2]}, "input"),
        ({"input": None}, "input"),
        ({"input": ["a"] * 2049}, "input"),
        ({"encoding_format": "hex"}, "encoding_format"),
        ({"dimensions": 0}, "dimensions"),
        ({"dimensions": 9}, "dimensions"),
        ({"truncate": True}, "truncate"),
        ({"model": HERE, "input": ["word " * 2000]}, "input"),
        ({"model": HERE, "input": ["a"] * 257}, "input"),
    ],
    ids=["none", "empty", "tokens", "null", "many", "form", "0", "9", "unknown", "long", "here"],
)
def test_a_bad_request_names_its_field(
    acme_client: httpx.Client, change: dict[str, Any], field: str
) -> None:
    ask = {"model": "fake-embed", "input": "a text"}
    answer = acme_client.post("/v1/embeddings", json=ask | change)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)


@pytest.mark.usefixtures("embedder")
def test_another_tenant_s_embedding_model_is_as_good_as_absent(globex_client: httpx.Client) -> None:
    foreign, absent = (
        globex_client.post("/v1/embeddings", json={"model": name, "input": "a"})
        for name in ("fake-embed", "nobody-s")
    )
    assert (foreign.status_code, foreign.content) == (404, absent.content)


@pytest.mark.usefixtures("embedder")
def test_a_provider_that_fails_is_told_in_openai_s_form(
    acme_client: httpx.Client, model_server: ModelServer, rows: Rows
) -> None:
    model_server.default = does.failure(401)
    answer = acme_client.post("/v1/embeddings", json={"model": "fake-embed", "input": "a"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "bad_credentials")
    assert [row.error_code for row in rows()] == ["bad_credentials"]


@pytest.mark.usefixtures("embedder")
def test_a_rate_limit_says_when_to_come_back(acme_client: httpx.Client, acme: Tenant) -> None:
    with tenant_scope(platform_principal(acme.pk)):
        RateLimit.objects.create(name="one", scope="key", amount=1, seconds=600)
    ask = {"model": "fake-embed", "input": "a"}
    first, second = (acme_client.post("/v1/embeddings", json=ask) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 429)
    assert second.headers["x-ratelimit-limit-requests"] == "1"
    assert 0 < int(second.headers["retry-after"]) <= 600
