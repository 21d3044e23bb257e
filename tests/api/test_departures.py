"""Readers who leave in mid-answer leave nothing behind."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from django.db import connection

from tests.api.test_ask import QUESTION, scripted
from tests.fakes import behaviours
from tests.fakes.model_server import ModelServer
from tests.library import Key

__all__ = ["scripted"]


def test_fifty_who_leave_leave_nothing_behind(
    site: str, acme_key: Key, scripted: ModelServer
) -> None:
    """Each is noticed within two seconds; connections to the model, to Postgres and threads are as before."""
    scripted.default = behaviours.slow_drip("Leave is 25 days [1]. " * 400, delay=0.05)
    leave_in_mid_answer(site, acme_key, 0)
    before = at_rest(scripted)
    with ThreadPoolExecutor(max_workers=10) as readers:
        left = list(readers.map(lambda n: leave_in_mid_answer(site, acme_key, n), range(1, 51)))
    after = at_rest(scripted)
    gone = {number_of(one.body): one.disconnected_at for one in scripted.requests}
    assert len(gone) == 51
    noticed = [at for at in gone.values() if at is not None]
    assert len(noticed) == 51
    assert max((gone[n] or 0) - at for n, at in enumerate(left, 1)) < 2
    assert after.model <= before.model
    # A pool keeps what it has opened; ten at once may have opened ten.
    assert after.postgres <= before.postgres + 10
    assert after.threads <= before.threads + 10


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/ask", {"question": QUESTION}),
        (
            "/v1/chat/completions",
            {"model": "footnote", "messages": [{"role": "user", "content": QUESTION}]},
        ),
    ],
    ids=["ask", "completions"],
)
def test_who_leaves_by_any_door_ends_the_providers_work(
    site: str, acme_key: Key, scripted: ModelServer, path: str, body: dict[str, Any], streamed: bool
) -> None:
    """Also in mid-silence, when there is nothing that could be written to a closed connection."""
    scripted.default = behaviours.stall(3) if streamed else behaviours.hang()
    with begun(site, acme_key, path, {**body, "stream": streamed}):
        ends = time.monotonic() + 30
        while not scripted.requests:
            assert time.monotonic() < ends, "the model was not asked"
            time.sleep(0.02)
    left = time.monotonic()
    gone = scripted.wait_for("disconnected_at", seconds=10).disconnected_at
    assert gone is not None
    assert gone - left < 2


def begun(site: str, key: Key, path: str, body: dict[str, Any]) -> socket.socket:
    """A request that nobody reads the answer of."""
    host, port = site.removeprefix("http://").split(":")
    sent = json.dumps(body).encode()
    head = [f"POST {path} HTTP/1.1", f"Host: {host}:{port}", "Content-Type: application/json"]
    head += [f"{name}: {value}" for name, value in key.headers.items()]
    head += [f"Content-Length: {len(sent)}", "", ""]
    connection = socket.create_connection((host, int(port)))
    connection.sendall("\r\n".join(head).encode() + sent)
    return connection


@dataclass(frozen=True)
class AtRest:
    """Connections to the model and to Postgres, and threads of this process."""

    model: int
    postgres: int
    threads: int


def at_rest(server: ModelServer) -> AtRest:
    """Counts once every request has been noticed as gone."""
    ends = time.monotonic() + 10
    while any(one.disconnected_at is None for one in server.requests) and time.monotonic() < ends:
        time.sleep(0.05)
    time.sleep(0.5)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        connections = cursor.fetchone()[0]
    return AtRest(server.connections_open, connections, threading.active_count())


def leave_in_mid_answer(site: str, key: Key, n: int) -> float:
    """Ask, read until the first words are there, and go; returns when."""
    asked = {"question": f"{QUESTION} Reference {n}.", "stream": True}
    with (
        httpx.Client(base_url=site, headers=key.headers, timeout=60) as client,
        client.stream("POST", "/api/v1/ask", json=asked) as response,
    ):
        for line in response.iter_lines():
            if line.startswith("event: text"):
                break
    return time.monotonic()


def number_of(body: Any) -> int:
    found = re.search(r"Reference (\d+)\.", json.dumps(body["messages"]))
    assert found is not None
    return int(found[1])
