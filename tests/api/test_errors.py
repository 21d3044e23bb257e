"""Every error under /api/ and /v1/ is JSON in its one shape, whatever went wrong and wherever."""

from typing import Any

import httpx
import pytest
from django.db import OperationalError

PATHS = ["/api/v1/search", "/v1/chat/completions"]


def error_of(response: httpx.Response) -> dict[str, Any]:
    """The error, after a look at its shape."""
    assert response.headers["Content-Type"] == "application/json"
    body = response.json()
    assert list(body) == ["error"]
    error: dict[str, Any] = body["error"]
    if response.url.path.startswith("/v1/"):
        assert error.keys() == {"message", "type", "param", "code"}
    else:
        assert {"code", "message"} <= error.keys() <= {"code", "message", "field", "details"}
    assert error["message"]
    return error


def raw(client: httpx.Client, path: str, content: bytes, **headers: str) -> httpx.Response:
    return client.post(
        path, content=content, headers={"Content-Type": "application/json", **headers}
    )


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'{"query": NaN}',
        b'{"query": 1' + b"0" * 5000 + b"}",
        b"[" * 100_000,
        b'{"query": "\\ud800", "model": "\\ud800"}',
        b'{"a": 1, "a": 2}',
    ],
    ids=lambda content: content[:12].decode("latin-1"),
)
def test_json_that_cannot_be_read_is_a_400(
    path: str, content: bytes, acme_client: httpx.Client
) -> None:
    response = raw(acme_client, path, content)
    assert response.status_code == 400
    error_of(response)


@pytest.mark.parametrize("path", PATHS)
def test_a_body_that_is_too_large_is_a_413(path: str, acme_client: httpx.Client) -> None:
    response = raw(acme_client, path, b'"' + b"x" * 6_000_000 + b'"')
    assert response.status_code == 413
    assert error_of(response)["code"] == "too_large"


@pytest.mark.parametrize("path", PATHS)
def test_another_content_type_is_a_415(path: str, acme_client: httpx.Client) -> None:
    response = acme_client.post(path, content=b"<a/>", headers={"Content-Type": "text/xml"})
    assert response.status_code == 415
    assert error_of(response)["code"] == "unsupported_media_type"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_another_method_is_a_405_that_says_which(
    method: str, path: str, acme_client: httpx.Client
) -> None:
    response = acme_client.request(method, path)
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"
    assert error_of(response)["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "path", ["/api/nothing", "/api/v1/search/", "/api/v2/search", "/v1/nothing", "/v1/"]
)
def test_an_unknown_address_is_a_404(path: str, acme_client: httpx.Client) -> None:
    response = acme_client.get(path)
    assert response.status_code == 404
    assert error_of(response)["code"] == "not_found"


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """What a look-up of a key raises."""
    errors: list[BaseException] = [ZeroDivisionError("secret detail")]

    def fail(_key: str) -> None:
        raise errors[0]

    monkeypatch.setattr("tenants.access.principal_of_key", fail)
    return errors


@pytest.mark.parametrize("path", PATHS)
def test_a_fault_of_ours_is_a_500_without_its_inside(
    path: str, acme_client: httpx.Client, failing: list[BaseException]
) -> None:
    response = acme_client.post(path, json={})
    assert response.status_code == 500
    assert "secret detail" not in response.text
    error_of(response)


@pytest.mark.parametrize("path", PATHS)
def test_a_database_that_is_away_is_a_503_that_says_when_to_come_back(
    path: str, acme_client: httpx.Client, failing: list[BaseException]
) -> None:
    failing[0] = OperationalError("connection refused at 10.0.0.1")
    response = acme_client.post(path, json={})
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert "10.0.0.1" not in response.text
    assert error_of(response)["code"] == "unavailable"


def test_clients_get_json_whatever_they_accept(acme_client: httpx.Client) -> None:
    for accept in ("text/html", "text/event-stream", "image/png"):
        response = acme_client.get("/api/v1/collections", headers={"Accept": accept})
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "application/json"
