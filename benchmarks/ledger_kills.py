"""``kill -9`` of a web process, a worker and Postgres in mid-call: what was held then is given back."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]

from benchmarks.budget_books import (  # noqa: E402  (after the path)
    HANDBOOK,
    RELEASE_SECONDS,
    Books,
    completion,
    configure,
    every_level,
    judged,
    wait_released,
)
from benchmarks.fake_provider import Provider  # noqa: E402
from benchmarks.running import Site, upload, wait_terminal  # noqa: E402


def killed(site: Site, model: Provider, who: str) -> list[str]:
    """``kill -9`` in mid-call, and a watch: until all that was held then is given back."""
    slug = f"killed-{who}"
    client = site.tenant(slug)
    configure(site, slug, model.address, every_level())
    books, (calls, begin, kill) = Books(site, slug), KILLED[who]
    begin(site, model, client)
    ends = time.monotonic() + 60
    while len(held := books.held()) < calls and time.monotonic() < ends:
        time.sleep(0.05)
    if len(held) < calls:
        return [f"{who}: only {len(held)} of {calls} calls were under way"]
    began = time.monotonic()
    kill(site)
    while held & (left := _held(books, held)) and time.monotonic() - began < 2 * RELEASE_SECONDS:
        time.sleep(0.1)
    took = time.monotonic() - began
    print(f"kill -9 of {who} with {calls} calls under way: all given back {took:.1f} s later")
    late = bool(held & left) or took > RELEASE_SECONDS
    found = [f"{who}: still held after {took:.0f} s"] if late else []
    return found + judged(books, None, wait_released(books))


def _held(books: Books, before: set[str]) -> set[str]:
    """What is held now; as before while the database is away."""
    try:
        return books.held()
    except psycopg.Error:
        return before


def _streams(behaviour: dict[str, Any]) -> Callable[[Site, Provider, httpx.Client], None]:
    """Begins four streams at the web process."""

    def begin(site: Site, model: Provider, client: httpx.Client) -> None:
        model.script(*[behaviour] * 4)
        for _ in range(4):
            threading.Thread(target=_stream, args=(site, dict(client.headers)), daemon=True).start()

    return begin


def _stream(site: Site, headers: dict[str, str]) -> None:
    with suppress(httpx.HTTPError), httpx.Client(base_url=site.url, headers=headers) as client:
        body = {**completion(5), "stream": True}
        with client.stream("POST", "/v1/chat/completions", json=body, timeout=120) as response:
            response.read()


def _ingestion(_: Site, model: Provider, client: httpx.Client) -> None:
    """A document that the worker has embedded by a provider that hangs; the first tells it the number of dimensions."""
    upload(client, "first.md", b"# Pumps\n\nThe pump is serviced in spring.").raise_for_status()
    wait_terminal(client, 60)
    model.script({"kind": "hang"})
    upload(client, "leave.md", HANDBOOK).raise_for_status()


def _children(word: str) -> Callable[[Site], None]:
    def kill(site: Site) -> None:
        for process in site.children(word):
            process.kill()

    return kill


def _postmaster(site: Site) -> None:
    pid = site.postmaster()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


# Whom: calls under way, how they begin, how it is killed.
KILLED: dict[
    str, tuple[int, Callable[[Site, Provider, httpx.Client], None], Callable[[Site], None]]
]
KILLED = {
    "web": (4, _streams({"kind": "stall", "after": 2}), _children("uvicorn")),
    "worker": (1, _ingestion, _children("worker")),
    "postgres": (4, _streams({"kind": "answer", "text": "word " * 60, "delay": 0.1}), _postmaster),
}
