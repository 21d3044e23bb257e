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
from inference.embedding.loading import load_embedder, local_model
from inference.embedding.specification import ENDPOINT_PREFIX, Shortened, parse
from inference.errors import EmbeddingModelUnavailable
from inference.providers.endpoint_embedder import EndpointEmbedder
from inference.providers.extractive import Extractive
from inference.providers.openai_compatible import OpenAICompatible
from inference.providers.provider import ChatProvider, ResolvedModel
from inference.query_cache import QueryCache
from inference.retries import RetryPolicy
from inference.routing.breakers import Breakers
from tenants import outbound


@dataclass
class Clients:
    """Connections, the embedding model and the query cache.

    Lazy: a process pays for what it uses. Thread-safe.
    """

    policy: RetryPolicy = field(default_factory=RetryPolicy)
    queries: QueryCache = field(default_factory=QueryCache)
    breakers: Breakers = field(default_factory=Breakers)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _embedders: dict[str, Embedder] = field(default_factory=dict)
    _http: list[httpx2.Client] = field(default_factory=list)
    _endpoints: dict[bool, OpenAICompatible] = field(default_factory=dict)

    def endpoints(self, *, of_tenant: bool) -> OpenAICompatible:
        """The client of all endpoints, with its connections; the first call makes it (30 ms for certificates).

        What a tenant has configured obeys the address policy; the operator's own endpoint may be anywhere.
        """
        with self._lock:
            if of_tenant not in self._endpoints:
                self._http.append(http_client(outbound.configured() if of_tenant else None))
                self._endpoints[of_tenant] = OpenAICompatible(self._http[-1])
            return self._endpoints[of_tenant]

    def endpoint_of(self, model: ResolvedModel) -> OpenAICompatible:
        """The client that may talk to this model's endpoint."""
        return self.endpoints(of_tenant=not catalogue.is_of_environment(model))

    def extractive(self) -> Extractive:
        """The built-in model."""
        return Extractive(self.embedder)

    def embedder(self, specification: str = "") -> Embedder:
        """An embedding model, by default the configured one; the first call loads it.

        Raises EmbeddingModelUnavailable, also for a model that is not on the operator's list.
        """
        asked = parse(specification)
        with self._lock:
            if asked.model not in self._embedders:
                self._embedders[asked.model] = _loaded(self, asked.model)
            whole = self._embedders[asked.model]
            if asked.dimensions is None or asked.dimensions == whole.dimensions:
                return whole
            if str(asked) not in self._embedders:
                self._embedders[str(asked)] = Shortened(whole, asked.dimensions)
            return self._embedders[str(asked)]

    def provider(self, model: ResolvedModel) -> ChatProvider:
        """Who answers for this kind of model."""
        return PROVIDERS[model.kind](self, model)

    def close(self) -> None:
        """Close connections and threads; the object must not be used afterwards."""
        with self._lock:
            for embedder in self._embedders.values():
                embedder.close()
            for client in self._http:
                client.close()


# The registry: a new kind of provider is one module and one line.
PROVIDERS: dict[str, Callable[[Clients, ResolvedModel], ChatProvider]] = {
    catalogue.ENDPOINT: lambda clients, model: clients.endpoint_of(model),
    catalogue.BUILT_IN: lambda clients, model: clients.extractive(),
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


def _loaded(clients: Clients, name: str) -> Embedder:
    if name.startswith(ENDPOINT_PREFIX):
        return EndpointEmbedder(
            clients.endpoints(of_tenant=False), _embedding_endpoint(name), clients.policy
        )
    model = local_model(
        name,
        Path(settings.HOME) / "models",
        threads=settings.EMBEDDING_THREADS,
        engine=settings.EMBEDDING_ENGINE,
        allow_torch=settings.EMBEDDING_MAY_LOAD_TORCH,
    )
    return load_embedder(model)


def _embedding_endpoint(setting: str) -> ResolvedModel:
    if name := setting.removeprefix(ENDPOINT_PREFIX):
        return catalogue.of_environment(name)
    raise EmbeddingModelUnavailable("the embedding model 'openai:' names no model")
