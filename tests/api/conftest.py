"""What tests of the API share: clients with Acme's and Globex's keys on a live server."""

from collections.abc import Iterator

import httpx
import openai
import pytest

from tests.library import Key


def client_of(site: str, key: Key | None) -> httpx.Client:
    """An HTTP client; without a key it is a stranger."""
    return httpx.Client(base_url=site, headers=key.headers if key else {}, timeout=30)


@pytest.fixture
def acme_client(site: str, acme_key: Key) -> Iterator[httpx.Client]:
    with client_of(site, acme_key) as client:
        yield client


@pytest.fixture
def globex_client(site: str, globex_key: Key) -> Iterator[httpx.Client]:
    with client_of(site, globex_key) as client:
        yield client


@pytest.fixture
def stranger(site: str) -> Iterator[httpx.Client]:
    with client_of(site, None) as client:
        yield client


@pytest.fixture
def acme_openai(site: str, acme_key: Key) -> Iterator[openai.OpenAI]:
    """The official client, with Acme's key."""
    with openai.OpenAI(base_url=f"{site}/v1", api_key=acme_key.secret, max_retries=0) as client:
        yield client
