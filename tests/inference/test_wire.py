"""Kept connections, of the lean way and of the SDK: what nobody asked for is never taken for an answer."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer

import httpx2
import pytest

from inference.connections import http_client
from inference.passthrough.wire import Connections, Origin


class Server(ThreadingTCPServer):
    """Answers each request with its number among all, and says something more, when told to."""

    daemon_threads = True
    asked = 0
    more: bytes = b""
    after: threading.Event | None = None
    said = threading.Event()


class Handler(StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        with suppress(ConnectionError):  # ended by the client
            while self.rfile.readline().startswith(b"GET"):
                while self.rfile.readline() != b"\r\n":
                    pass
                self.server.asked += 1
                self._answer(whole(f"answer {self.server.asked}"))

    def _answer(self, first: bytes) -> None:
        more, self.server.more = self.server.more, b""
        if self.server.after is None:
            self.wfile.write(first + more)
            return
        self.wfile.write(first)
        if more:
            self.server.after.wait(5)
            self.wfile.write(more)
            self.server.said.set()


def whole(text: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as running:
        running.said = threading.Event()
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


UNASKED = [
    pytest.param(whole("unasked"), id="whole"),
    pytest.param(whole("unasked")[:20], id="begun"),
    pytest.param(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n", id="408"),
]


@pytest.mark.parametrize("more", UNASKED)
def test_what_comes_with_an_answer_is_no_part_of_it_nor_of_the_next(
    server: Server, more: bytes
) -> None:
    server.more = more
    assert asyncio.run(two_answers(server, nothing)) == ["answer 1", "answer 2"]


@pytest.mark.parametrize("more", UNASKED)
@pytest.mark.parametrize("is_told", [True, False], ids=["read", "still waiting to be read"])
def test_what_comes_on_an_idle_connection_ends_it(
    server: Server, more: bytes, is_told: bool
) -> None:
    server.more, server.after = more, threading.Event()

    async def between() -> None:
        assert server.after is not None
        server.after.set()
        server.said.wait(5)  # blocks the loop: it has read nothing yet
        time.sleep(0.02)
        if is_told:
            await asyncio.sleep(0.05)

    assert asyncio.run(two_answers(server, between)) == ["answer 1", "answer 2"]


@pytest.mark.parametrize("more", UNASKED)
def test_the_pool_of_the_sdk_takes_nothing_that_came_with_an_answer(
    server: Server, more: bytes
) -> None:
    server.more = more
    with http_client() as client:
        assert client.get(address(server)).text == "answer 1"
        with pytest.raises(httpx2.RemoteProtocolError):
            client.get(address(server))
        assert client.get(address(server)).text.startswith("answer ")


@pytest.mark.parametrize("more", UNASKED)
def test_nor_what_came_while_it_was_idle(server: Server, more: bytes) -> None:
    server.more, server.after = more, threading.Event()
    with http_client() as client:
        assert client.get(address(server)).text == "answer 1"
        server.after.set()
        server.said.wait(5)
        time.sleep(0.02)
        assert client.get(address(server)).text == "answer 2"


def test_a_quiet_connection_is_kept(server: Server) -> None:
    async def same() -> bool:
        connections, origin = Connections(), origin_of(server)
        await answer(connections, origin)
        return await ended(connections, origin)

    assert asyncio.run(same())


async def nothing() -> None:
    """Between two requests at once."""


async def two_answers(server: Server, between: Callable[[], Awaitable[None]]) -> list[str]:
    connections, origin = Connections(), origin_of(server)
    first = await answer(connections, origin)
    await between()
    found = [first, await answer(connections, origin)]
    await ended(connections, origin)
    return found


async def answer(connections: Connections, origin: Origin) -> str:
    connection = await connections.take(origin, soon())
    connection.send(b"GET / HTTP/1.1\r\n\r\n")
    await connection.head(soon())
    said = b""
    while data := await connection.chunk(soon()):
        said += data
    connections.give_back(origin, connection)
    return said.decode()


async def ended(connections: Connections, origin: Origin) -> bool:
    """Closes the connection that would carry the next request. Whether it has carried one already."""
    kept = await connections.take(origin, soon())
    is_kept = kept.is_reusable
    kept.close()
    await asyncio.sleep(0)
    return is_kept


def origin_of(server: Server) -> Origin:
    return Origin("http", "127.0.0.1", server.server_address[1], is_policed=False)


def address(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/"


def soon() -> float:
    return time.monotonic() + 5
