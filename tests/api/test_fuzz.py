"""Whatever is sent, the answer is one that the reference describes; never a fault of ours."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FIELDS = {
    "/api/v1/search": [
        "query",
        "collections",
        "limit",
        "filter",
        "as_of",
        "explain",
        "cursor",
        "facets",
        "highlight",
    ],
    "/api/v1/ask": ["question", "collections", "conversation", "model", "stream"],
    "/api/v1/feedback": ["trace_id", "score", "comment"],
    "/api/v1/collections": ["slug", "name", "description"],
    "/v1/chat/completions": [
        "model",
        "messages",
        "stream",
        "stream_options",
        "temperature",
        "max_tokens",
        "stop",
        "n",
    ],
}
TEXT = st.text(max_size=40) | st.sampled_from(
    ["handbook", "footnote", "user", "\x00", "\ud800", "x" * 9000, "'; --", "%s{0}"]
)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
JSON = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "system", "assistant", "tool"]) | SCALAR, "content": JSON}
    ),
    max_size=4,
)
EXPECTED = {200, 201, 400, 404, 409, 413}


@pytest.fixture(autouse=True)
def unthrottled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.throttles.KeyThrottle.rate", "1000000/minute", raising=False)


@pytest.mark.parametrize("path", FIELDS)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_body_is_a_fault_of_ours(
    path: str, data: st.DataObject, globex_client: httpx.Client
) -> None:
    names = st.lists(st.sampled_from([*FIELDS[path], "other"]), unique=True)
    values: dict[str, Any] = dict.fromkeys(FIELDS[path], JSON) | {"messages": MESSAGES | JSON}
    body = {name: data.draw(values.get(name, JSON), name) for name in data.draw(names, "fields")}
    # Python's own JSON writes NaN and lone surrogates, as other careless clients do.
    response = globex_client.post(
        path, content=_json(body), headers={"Content-Type": "application/json"}
    )
    assert response.status_code in EXPECTED, response.text
    if response.status_code >= 400:
        assert response.json()["error"]["message"]


def _json(body: Any) -> bytes:
    return json.dumps(body).encode()


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    query=st.dictionaries(
        st.sampled_from(["collection", "state", "limit", "cursor", "x"]), TEXT, max_size=4
    ),
    tail=TEXT,
)
def test_no_address_is_a_fault_of_ours(
    query: dict[str, str], tail: str, globex_client: httpx.Client
) -> None:
    plain = {name: value.encode("utf-8", "replace").decode() for name, value in query.items()}
    assert globex_client.get("/api/v1/documents", params=plain).status_code in {200, 400, 404}
    named = tail.encode("utf-8", "replace").hex("%") if tail else "x"
    for path in (f"/api/v1/documents/%{named}", f"/v1/models/%{named}"):
        found = globex_client.get(path).status_code
        assert found in ({200} if path.startswith("/v1/") and tail == "footnote" else {400, 404})


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=TEXT, content=st.binary(max_size=60), metadata=TEXT, field=TEXT)
def test_no_upload_is_a_fault_of_ours(
    name: str, content: bytes, metadata: str, field: str, globex_client: httpx.Client
) -> None:
    globex_client.post("/api/v1/collections", json={"slug": "handbook"})
    safe = [each.encode("utf-8", "replace").decode() for each in (name, metadata, field)]
    response = globex_client.post(
        "/api/v1/documents",
        files={"file": (safe[0], content)},
        data={"collection": "handbook", "metadata": safe[1], "title": safe[2]},
    )
    assert response.status_code in {202, 400, 413, 415}, response.text
