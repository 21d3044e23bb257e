"""``/healthz``: this process answers. ``/readyz``: everything that an answer needs does, one line per dependency.

Both are open, name no tenant and cost a few queries in memory; a load balancer may ask every second.
"""

import logging
import time
from collections.abc import Callable
from functools import cache
from threading import Thread
from uuid import UUID

import psycopg
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from psycopg_pool import ConnectionPool

from config import liveness
from inference import catalogue, gateway
from inference.errors import InferenceError
from retrieval.passages import SearchRequest, Side
from retrieval.search import search
from tenants.scope import Principal, tenant_scope

# Belongs to nobody: a search in it runs every part and finds nothing.
NOBODY = UUID(int=0)
AWAY = "the database does not answer"
PATIENCE_SECONDS = 2.0
LOADING_SECONDS = 120.0

_log = logging.getLogger(__name__)


class NotReady(Exception):
    """A dependency does not do its work; the message says which part, in a few words."""


@never_cache
@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """200 as long as the process serves requests."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """200 and ``name: ok`` lines, or 503 with the reason behind each name that is not."""
    answers = {"database": _answer(_database)}
    well = answers["database"].startswith("ok")
    # Each of the others would wait for the database as long again.
    answers |= {name: _answer(check) if well else AWAY for name, check in CHECKS.items()}
    body = "".join(f"{name}: {answer}\n" for name, answer in answers.items())
    ready = all(answer.startswith("ok") for answer in answers.values())
    response = HttpResponse(body, status=200 if ready else 503, content_type="text/plain")
    # Asked every second, the answer would fill the log with errors while something starts.
    response._has_been_logged = True  # type: ignore[attr-defined]  # (Django's own mark)
    return response


def _answer(check: Callable[[], None]) -> str:
    start = time.perf_counter()
    try:
        check()
    except NotReady as error:
        return str(error)
    except (DatabaseError, psycopg.Error):
        # The server's own words may name hosts and roles, and this page is open.
        return AWAY
    return f"ok ({(time.perf_counter() - start) * 1000:.1f} ms)"


def _database() -> None:
    """Asks past Django, whose wait for a pooled connection is longer than a load balancer's patience."""
    pool: ConnectionPool = connection.pool  # type: ignore[attr-defined]  # (only Postgres has one)
    pool.open()  # as Django does before each use; the first use may be this one
    with pool.connection(timeout=PATIENCE_SECONDS) as own:
        found = own.execute(
            "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    if found != (False,):
        raise NotReady("the role of DATABASE_URL is above row-level security")


def _worker() -> None:
    if not liveness.alive(liveness.WORKER):
        raise NotReady("no worker is running")


def _scheduler() -> None:
    if not liveness.alive(liveness.SCHEDULER):
        raise NotReady("no scheduler is running")


@cache
def _loading_since() -> tuple[Thread, float]:
    """Loads the embedding model for the first question; at a machine's first start it is also built and measured."""
    thread = Thread(target=_load_embedding_model, name="embedding-model", daemon=True)
    thread.start()
    return thread, time.monotonic()


def _load_embedding_model() -> None:
    try:
        gateway.embedding_model()
    except InferenceError as error:
        # Searches then go on with their lexical side, and say so.
        _log.warning("The embedding model could not be loaded: %s", error)


def _search() -> None:
    loading, since = _loading_since()
    if loading.is_alive() and time.monotonic() - since < LOADING_SECONDS:
        raise NotReady("the embedding model is being loaded")
    # What an endpoint embeds is on somebody's bill, and nobody's ledger takes it: then words alone are searched.
    side: Side = "lexical" if catalogue.environment_embedder() else "hybrid"
    with tenant_scope(Principal(tenant_id=NOBODY)):
        search(SearchRequest(query="readiness", side=side))


CHECKS: dict[str, Callable[[], None]] = {
    "worker": _worker,
    "scheduler": _scheduler,
    "search": _search,
}
