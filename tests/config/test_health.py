"""What the operator's addresses say, and to whom."""

import time

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from config import health, liveness
from tests.config.homes import wait_until
from tests.fakes.model_server import ModelServer


@pytest.fixture(autouse=True, scope="module")
def loaded() -> None:
    """The first request starts loading the embedding model; here it is waited for."""
    health._loading_since()[0].join()


def close_pool() -> None:
    """Also the connection that this thread has taken from it."""
    connection.close()
    connection.close_pool()


def lines(client: Client) -> tuple[int, dict[str, str]]:
    answer = client.get("/readyz")
    pairs = (line.split(": ", 1) for line in answer.content.decode().splitlines())
    return answer.status_code, dict(pairs)


def test_health_is_open_and_needs_no_database(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert "no-store" in answer["Cache-Control"]


def test_the_first_request_of_a_process_may_be_this_one(database: None, client: Client) -> None:
    close_pool()
    assert lines(client)[1]["database"].startswith("ok")


def test_readiness_names_each_dependency_and_what_is_missing(
    database: None, client: Client
) -> None:
    status, said = lines(client)
    assert status == 503
    assert set(said) == {"database", "worker", "scheduler", "search"}
    assert said["database"].startswith("ok")
    assert said["search"].startswith("ok")
    assert said["worker"] == "no worker is running"
    assert said["scheduler"] == "no scheduler is running"


def test_readiness_is_not_on_the_bill_of_an_endpoint_that_embeds(
    database: None, client: Client, settings: Settings, model_server: ModelServer
) -> None:
    settings.EMBEDDING_MODEL, settings.OPENAI_API_KEY = "openai:fake-embedder", "sk-1"
    settings.OPENAI_BASE_URL = model_server.base_url
    assert lines(client)[1]["search"].startswith("ok")
    assert model_server.requests == []


def test_readiness_follows_what_lives(database: None, client: Client) -> None:
    held = [liveness.connect(kind) for kind in (liveness.WORKER, liveness.SCHEDULER)]
    assert lines(client)[0] == 200
    held[0].close()
    wait_until(lambda: lines(client)[0] == 503)
    held[1].close()


def test_a_database_that_is_away_is_said_without_its_address(
    database: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    close_pool()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "HOST", "/nowhere")
        began = time.monotonic()
        status, said = lines(client)
        close_pool()
    assert status == 503
    assert time.monotonic() - began < 5, "a load balancer does not wait longer"
    assert set(said.values()) == {"the database does not answer"}
