"""What the platform tells Prometheus, which anybody may read: counts, and nobody's data."""

import re

import httpx
import pytest
from django.test import Client

from config.metrics import Requests, sample
from ingestion.models import Collection
from tests.cast import Member
from tests.library import Key, Library

LINE = re.compile(
    r'(?:# (?:HELP|TYPE) \w+ .+|\w+(?:\{\w+="(?:[^"\\]|\\.)*"(?:,\w+="(?:[^"\\]|\\.)*")*\})? [-\d.e]+)\Z'
)


def test_every_line_is_one_that_prometheus_reads(database: None) -> None:
    response = Client().get("/metrics")
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain; version=0.0.4")
    for line in response.content.decode().splitlines():
        assert LINE.match(line), line


def test_requests_are_counted_by_route(database: None) -> None:
    Client().get("/healthz")
    text = Client().get("/metrics").content.decode()
    assert re.search(
        r'footnote_requests_total\{route="/healthz",method="GET",status="200"\} [1-9]', text
    )
    assert 'footnote_request_seconds_bucket{route="/healthz",le="+Inf"}' in text
    assert "footnote_database_up 1" in text


def test_buckets_add_up() -> None:
    found = Requests()
    for seconds in (0.001, 0.02, 0.3, 99):
        found.seen("/x", "GET", 200, seconds)
    lines = list(found.lines())
    assert 'footnote_request_seconds_bucket{route="/x",le="0.005"} 1' in lines
    assert 'footnote_request_seconds_bucket{route="/x",le="0.5"} 3' in lines
    assert 'footnote_request_seconds_bucket{route="/x",le="+Inf"} 4' in lines
    assert 'footnote_request_seconds_count{route="/x"} 4' in lines


def test_a_label_cannot_break_out_of_its_quotes() -> None:
    assert sample("m", 1, [("a", 'x"} 2\n')]) == r'm{a="x\"} 2\n"} 1'


@pytest.mark.usefixtures("acme_library")
def test_nothing_in_it_is_a_tenant_s(
    site: str, acme_key: Key, alice: Member, acme_library: Library
) -> None:
    document = acme_library.add("handbook", secret=b"# Secret\n\nText.")[0]
    httpx.get(f"{site}/api/v1/documents/{document.pk}?q={alice.email}", headers=acme_key.headers)
    httpx.request("BREW", f"{site}/{document.pk}")
    text = httpx.get(f"{site}/metrics").text
    with alice.scope():
        slug = Collection.objects.get().slug
    for private in (
        str(document.pk),
        str(alice.tenant.pk),
        alice.tenant.slug,
        alice.email,
        slug,
        "BREW",
    ):
        assert private not in text
    assert '/api/v1/documents/<str:document_id>"' in text
