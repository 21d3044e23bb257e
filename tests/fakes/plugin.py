"""Fixtures for the fakes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.model_server import ModelServer
from tests.fakes.web_site import WebSite


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    """A fake OpenAI-compatible server of this test's own: script it, then look at its `requests`."""
    with ModelServer() as server:
        yield server


@pytest.fixture
def web_site() -> Iterator[WebSite]:
    """A web site of this test's own, on 127.0.0.1: give it `pages`, then look at its `hits`."""
    with WebSite() as site:
        yield site
