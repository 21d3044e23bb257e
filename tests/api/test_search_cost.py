"""What one search over the API costs in round trips, counted on the connection that it uses."""

import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.library import Key, Library

TRANSACTION = ("BEGIN", "COMMIT")


def statements(key: Key, **asked: object) -> list[str]:
    """What a search sends to the database, without the brackets of a transaction that is not sent at once."""
    client = Client(headers=key.headers)
    with CaptureQueriesContext(connection) as seen:
        response = client.post("/api/v1/search", json.dumps(asked), content_type="application/json")
    assert response.status_code == 200, response.content
    return [each["sql"] for each in seen.captured_queries if each["sql"] not in TRANSACTION]


@pytest.fixture
def warm(acme_key: Key, acme_library: Library) -> Key:
    """A key whose tenant was searched before: which model serves it is known."""
    statements(acme_key, query="anything at all")
    return acme_key


def test_a_search_costs_key_rate_scope_place_and_ranking(warm: Key) -> None:
    sent = statements(warm, query="How many days of paid leave?")
    marks = (
        "footnote_key",
        "footnote_throttle",
        "set_config",
        "footnote_place",
        "footnote_search",
    )
    assert [mark in sql for mark, sql in zip(marks, sent, strict=True)] == [True] * len(marks)


def test_the_next_page_costs_no_more(warm: Key) -> None:
    client = Client(headers=warm.headers)
    asked = {"query": "leave", "limit": 1}
    first = client.post("/api/v1/search", json.dumps(asked), content_type="application/json")
    assert len(statements(warm, **asked, cursor=first.json()["next"])) == 5


def test_facets_cost_a_scope_and_a_query_more(warm: Key) -> None:
    assert len(statements(warm, query="leave", facets=True)) == 7
