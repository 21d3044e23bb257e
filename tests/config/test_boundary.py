"""The outermost layer: request ids, NUL bytes, a database that is away, the policy on every page."""

import psycopg
import psycopg_pool
import pytest
from django.core.exceptions import SuspiciousOperation
from django.db import DataError, OperationalError
from django.http import Http404
from django.test import Client, RequestFactory

from chat import live
from config import error_pages, middleware
from tests.cast import PASSWORD, Member
from tests.chat.conftest import until


@pytest.fixture
def visitor() -> Client:
    return Client(raise_request_exception=False)


def raising(error: BaseException, path: str = "/") -> tuple[int, str, str]:
    """Status, body and Retry-After of the answer to a request in which a view raises ``error``."""

    request = RequestFactory().get(path)
    try:
        raise error
    except type(error):
        response = error_pages.server_error(request)
    return response.status_code, response.content.decode(), response.headers.get("Retry-After", "")


def test_each_request_has_an_id_and_a_plain_one_of_the_caller_s_is_kept(
    visitor: Client, database: None
) -> None:
    assert len(visitor.get("/sign-in/").headers["X-Request-ID"]) == 32
    kept = visitor.get("/sign-in/", headers={"X-Request-ID": "abcd-1234-EFGH"})
    assert kept.headers["X-Request-ID"] == "abcd-1234-EFGH"
    odd = visitor.get("/sign-in/", headers={"X-Request-ID": "<script>alert(1)</script>"})
    assert "<" not in odd.headers["X-Request-ID"]


@pytest.mark.parametrize("url", ["/?q=%00", "/c/?q=a%00b", "/api/v1/search?x=%00"])
def test_a_nul_in_the_query_is_refused_in_words(visitor: Client, url: str) -> None:
    response = visitor.get(url)
    assert response.status_code == 400
    assert "NUL" in response.content.decode() or url.startswith("/api/")


def test_a_nul_in_a_form_is_refused_in_words(visitor: Client) -> None:
    response = visitor.post(
        "/sign-in/",
        "username=a%00b&password=x",
        content_type="application/x-www-form-urlencoded",
    )
    assert response.status_code == 400
    assert "form of this request holds a NUL" in response.content.decode()


def test_a_nul_in_a_multipart_form_is_refused_or_cleaned(alice: Member) -> None:
    client = Client(raise_request_exception=False)
    assert client.login(username=alice.email, password=PASSWORD)
    assert client.post("/ask/", {"text": "a\x00"}).status_code in {302, 400}
    assert client.post("/sign-in/", {"username": "a\x00", "password": "x"}).status_code < 500
    until(lambda: not live.answers())


@pytest.mark.parametrize(
    "error",
    [OperationalError("away"), psycopg_pool.PoolTimeout("full"), psycopg.OperationalError()],
)
@pytest.mark.parametrize("path", ["/", "/api/v1/search"])
def test_a_database_that_is_away_is_503_and_says_when_to_come_back(
    error: Exception, path: str
) -> None:
    status, body, retry_after = raising(error, path)
    assert (status, retry_after) == (503, "5")
    assert "database" in body
    assert "away" not in body


def test_a_statement_that_took_too_long_is_no_reason_to_say_that_the_database_is_away() -> None:
    error = OperationalError("cancelled")
    error.__cause__ = psycopg.errors.QueryCanceled()
    assert raising(error)[0] == 500


def test_a_fault_shows_a_number_and_nothing_of_the_inside() -> None:
    status, body, _ = raising(ValueError("secret-detail"))
    assert status == 500
    assert "secret-detail" not in body
    assert "Traceback" not in body


def test_a_nul_that_only_the_database_noticed_is_the_caller_s_mistake() -> None:
    error = DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    assert raising(error)[0] == 400


@pytest.mark.parametrize(
    ("handler", "error", "status"),
    [
        (error_pages.bad_request, SuspiciousOperation("x"), 400),
        (error_pages.permission_denied, PermissionError("x"), 403),
        (error_pages.not_found, Http404("secret"), 404),
    ],
)
def test_error_pages_need_neither_database_nor_session(
    handler: object, error: Exception, status: int
) -> None:
    for path in ("/x", "/api/x", "/v1/x"):
        response = handler(RequestFactory().get(path), error)  # type: ignore[operator]
        assert response.status_code == status
        assert b"secret" not in response.content
        assert response.headers["Content-Type"].startswith(
            "text/html" if path == "/x" else "application/json"
        )


def test_every_page_has_the_strict_policy(visitor: Client, database: None) -> None:
    policy = visitor.get("/sign-in/").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy


def test_the_exceptions_to_the_policy_are_these() -> None:
    assert "'unsafe-eval'" in middleware.policy("/admin/")
    for path in ("/", "/c/", "/documents/x/", "/administration", "/v1/x", "/admin"):
        assert "unsafe" not in middleware.policy(path)
    for path in ("/admin/", "/api/docs/"):
        policy = middleware.policy(path)
        assert "script-src 'self' 'unsafe-inline'" not in policy
        assert "http" not in policy


def test_a_form_that_is_older_than_its_session_says_so(database: None) -> None:
    strict = Client(enforce_csrf_checks=True)
    response = strict.post("/sign-in/", {"username": "a", "password": "b"})
    assert response.status_code == 403
    assert "This page has grown old" in response.content.decode()
