"""Fixtures for the fakes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.model_server import ModelServer


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    """A fake OpenAI-compatible server of this test's own: script it, then look at its `requests`."""
    with ModelServer() as server:
        yield server
