"""Everything that a process keeps open towards models, built in one place and closed in one place.

`shared()` is the process's own; tests build `Clients` of their own and pass them to the gateway.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import httpx2
from django.conf import settings

from inference import catalogue
from inference.connections import http_client
from inference.embedding.embedder import Embedder
from inference.embedding.loading import ENDPOINT_PREFIX, load_embedder, local_model
from inference.errors import EmbeddingModelUnavailable
from inference.providers.endpoint_embedder import EndpointEmbedder
from inference.providers.extractive import Extractive
from inference.providers.openai_compatible import OpenAICompatible
from inference.providers.provider import ChatProvider, ResolvedModel
from inference.query_cache import QueryCache
from inference.retries import RetryPolicy


@dataclass
class Clients:
    """Connections, the embedding model and the query cache.

    Lazy: a process pays for what it uses. Thread-safe.
    """

    policy: RetryPolicy = field(default_factory=RetryPolicy)
    queries: QueryCache = field(default_factory=QueryCache)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _embedder: Embedder | None = None
    _http: httpx2.Client | None = None
    _endpoints: OpenAICompatible | None = None

    def endpoints(self) -> OpenAICompatible:
        """The client of all endpoints, with its connections; the first call makes it (30 ms for certificates)."""
        with self._lock:
            if self._endpoints is None:
                self._http = http_client()
                self._endpoints = OpenAICompatible(self._http)
            return self._endpoints

    def extractive(self) -> Extractive:
        """The built-in model."""
        return Extractive(self.embedder)

    def embedder(self) -> Embedder:
        """The configured embedding model; the first call loads it. Raises EmbeddingModelUnavailable."""
        with self._lock:
            if self._embedder is None:
                self._embedder = _configured_embedder(self)
            return self._embedder

    def provider(self, model: ResolvedModel) -> ChatProvider:
        """Who answers for this kind of model."""
        return PROVIDERS[model.kind](self)

    def close(self) -> None:
        """Close connections and threads; the object must not be used afterwards."""
        with self._lock:
            if self._embedder is not None:
                self._embedder.close()
            if self._http is not None:
                self._http.close()


# The registry: a new kind of provider is one module and one line.
PROVIDERS: dict[str, Callable[[Clients], ChatProvider]] = {
    catalogue.ENDPOINT: lambda clients: clients.endpoints(),
    catalogue.BUILT_IN: lambda clients: clients.extractive(),
}


def shared() -> Clients:
    """This process's clients.

    A forked worker gets its own: connections and threads do not survive a fork.
    """
    return _of_process(os.getpid())


@lru_cache(maxsize=1)
def _of_process(_pid: int) -> Clients:
    return Clients()


def close_shared() -> None:
    """Close what `shared` opened; the next call opens anew."""
    shared().close()
    _of_process.cache_clear()


def _configured_embedder(clients: Clients) -> Embedder:
    name = settings.EMBEDDING_MODEL
    if name.startswith(ENDPOINT_PREFIX):
        return EndpointEmbedder(clients.endpoints(), _embedding_endpoint(name), clients.policy)
    model = local_model(
        name,
        Path(settings.HOME) / "models",
        threads=settings.EMBEDDING_THREADS,
        engine=settings.EMBEDDING_ENGINE,
        allow_torch=settings.EMBEDDING_MAY_LOAD_TORCH,
    )
    return load_embedder(model)


def _embedding_endpoint(setting: str) -> ResolvedModel:
    name = setting.removeprefix(ENDPOINT_PREFIX)
    if not name:
        raise EmbeddingModelUnavailable("FOOTNOTE_EMBEDDING_MODEL=openai: names no model")
    return ResolvedModel(
        kind=catalogue.ENDPOINT,
        provider=catalogue.ENVIRONMENT_PROVIDER,
        name=name,
        endpoint=catalogue.environment_endpoint(),
    )
