"""A real HTTP server that speaks the OpenAI protocol and fails on command.

In a test: `with ModelServer() as server: server.script(behaviours.rate_limited(), behaviours.answer("Yes
[1]."))`, and afterwards `server.requests`. Requests beyond the script get a whole answer.

As a process of its own: `python -m tests.fakes.model_server --port 9001`; then POST a list of behaviours to
`/_script`, GET `/_requests`, DELETE `/_script` to forget both.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.fakes import protocol
from tests.fakes.behaviours import Behaviour, UnknownBehaviour, from_json

HOST = "127.0.0.1"
# How often a waiting handler looks whether its client is still there.
POLL = 0.02
KEEP_ALIVE_EVERY = 0.1


class ClientGone(Exception):
    """The client closed its connection."""


@dataclass
class RecordedRequest:
    """One request as it arrived, header names in lower case, and what became of it.

    `finished_at` and `disconnected_at` are monotonic.
    """

    path: str
    headers: dict[str, str]
    body: Any
    behaviour: Behaviour
    began_at: float = field(default_factory=time.monotonic)
    finished_at: float | None = None
    disconnected_at: float | None = None
    tokens_sent: int = 0


class ModelServer:
    """The server in a thread of this process."""

    def __init__(
        self, port: int = 0, *, models: tuple[str, ...] = ("fake-model",), dimensions: int = 8
    ) -> None:
        self.models = list(models)
        self.dimensions = dimensions
        self.requests: list[RecordedRequest] = []
        self.default = Behaviour()
        self.connections_opened = 0
        self._scripted: deque[Behaviour] = deque()
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._stopping = threading.Event()
        self.port = port
        self._listen()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def base_url(self) -> str:
        """What OPENAI_BASE_URL should be."""
        return f"http://{HOST}:{self.port}/v1"

    @property
    def connections_open(self) -> int:
        """How many clients are connected now."""
        with self._lock:
            return len(self._connections)

    def script(self, *behaviours: Behaviour) -> None:
        """Queue behaviours: the next request takes the first."""
        with self._lock:
            self._scripted.extend(behaviours)

    def forget(self) -> None:
        """Drop the script and the recorded requests."""
        with self._lock:
            self._scripted.clear()
            self.requests.clear()

    def wait_for(self, reached: str, *, seconds: float = 5.0) -> RecordedRequest:
        """The last request, once its `finished_at` or `disconnected_at` (named by `reached`) is set."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            if self.requests and getattr(self.requests[-1], reached) is not None:
                return self.requests[-1]
            time.sleep(POLL)
        raise AssertionError(f"no request with {reached} within {seconds} s")

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Nobody listens on the port while the block runs, and open connections are dropped."""
        self._stop_listening()
        try:
            yield
        finally:
            self._listen()

    def close(self) -> None:
        self._stopping.set()
        self._stop_listening()

    # --- for the handlers ---

    def take(self) -> Behaviour:
        with self._lock:
            return self._scripted.popleft() if self._scripted else self.default

    def record(self, request: RecordedRequest) -> None:
        with self._lock:
            self.requests.append(request)

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.add(connection)
            self.connections_opened += 1

    def closed(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.discard(connection)

    def _listen(self) -> None:
        handler = type("Handler", (_Handler,), {"model_server": self})
        self._http = _HTTPServer((HOST, self.port), handler)
        self.port = self._http.server_address[1]
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def _stop_listening(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        with self._lock:
            for connection in self._connections:
                _shut(connection)


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    model_server: ModelServer
    request_record: RecordedRequest

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.model_server.opened(self.connection)

    def finish(self) -> None:
        self.model_server.closed(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Silence: tests look at what was recorded."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (OSError, ValueError):
            # ValueError: a connection that was reset on command has its files closed already.
            self.close_connection = True

    def do_GET(self) -> None:
        if self.path == "/_requests":
            self._send_json([_readable(one) for one in self.model_server.requests])
        elif self.path == "/v1/models":
            self._send_json(protocol.models(self.model_server.models))
        else:
            self._send_json({"error": {"message": f"no route {self.path}"}}, status=404)

    def do_DELETE(self) -> None:
        self.model_server.forget()
        self._send_json({})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"null")
        if self.path == "/_script":
            self._take_script(body)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        record = RecordedRequest(self.path, headers, body, self.model_server.take())
        self.request_record = record
        self.model_server.record(record)
        try:
            self._play(record)
            record.finished_at = time.monotonic()
        except (ClientGone, BrokenPipeError, ConnectionResetError):
            record.disconnected_at = time.monotonic()
            self.close_connection = True

    def _take_script(self, body: Any) -> None:
        try:
            behaviours = [from_json(one) for one in body]
        except (UnknownBehaviour, TypeError) as error:
            self._send_json({"error": {"message": str(error)}}, status=400)
            return
        self.model_server.script(*behaviours)
        self._send_json({"queued": len(behaviours)})

    def _play(self, record: RecordedRequest) -> None:
        behaviour = record.behaviour
        if behaviour.kind == "hang":
            self.wait_for_ever()
        elif behaviour.kind == "closed":
            raise ClientGone
        elif behaviour.kind == "closed_hard":
            _reset(self)
        elif behaviour.kind == "status":
            self._send_error_status(behaviour)
        elif behaviour.kind in BROKEN_BODIES and not record.body.get("stream"):
            BROKEN_BODIES[behaviour.kind](self)
        elif behaviour.kind == "html":
            self._send(200, "text/html; charset=utf-8", protocol.PAGE.encode())
        elif self.path == "/v1/embeddings":
            self._embed(record)
        elif self.path == "/v1/rerank":
            self.wait(behaviour.first_delay)
            self._send_json(protocol.reranked(record.body, behaviour.kind))
        elif self.path == "/v1/chat/completions" and record.body.get("stream"):
            _Streaming(self, record).play()
        elif self.path == "/v1/chat/completions":
            self.wait(behaviour.first_delay)
            self._send_json(protocol.completion(record.body["model"], behaviour, record.body))
        else:
            self._send_json({"error": {"message": f"no route {self.path}"}}, status=404)

    def _embed(self, record: RecordedRequest) -> None:
        texts = record.body["input"]
        texts = [texts] if isinstance(texts, str) else texts
        self.wait(record.behaviour.first_delay)
        dimensions = record.body.get("dimensions") or self.model_server.dimensions
        kind = record.behaviour.kind
        self._send_json(protocol.embeddings(record.body["model"], texts, dimensions, kind))

    def _send_error_status(self, behaviour: Behaviour) -> None:
        extra = {"Retry-After": behaviour.retry_after} if behaviour.retry_after else {}
        self._send_json(protocol.error(behaviour), status=behaviour.status, extra=extra)

    def _send_json(
        self, body: Any, *, status: int = 200, extra: dict[str, str] | None = None
    ) -> None:
        self._send(status, "application/json", json.dumps(body).encode(), extra)

    def _send(
        self, status: int, kind: str, body: bytes, extra: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (extra or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def wait_for_ever(self) -> None:
        while True:
            self.wait(60)

    def wait(self, seconds: float) -> None:
        """Sleep, but notice a client that goes away, and the end of the test."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            readable, _, _ = select.select([self.connection], [], [], min(POLL, left))
            if self.model_server.stopping or (readable and self._is_closed()):
                raise ClientGone

    def _is_closed(self) -> bool:
        return self.connection.recv(1, socket.MSG_PEEK) == b""


class _Streaming:
    """One streamed answer, whole or broken."""

    def __init__(self, handler: _Handler, record: RecordedRequest) -> None:
        self.handler = handler
        self.record = record
        self.behaviour = record.behaviour
        self.model = str(record.body["model"])

    def play(self) -> None:
        self._begin()
        if self.behaviour.kind == "keep_alive":
            self._comment_for_ever()
        self._event(protocol.chunk(self.model, {"role": "assistant", "content": ""}))
        if self.behaviour.kind != "answer":
            self._tokens(self.behaviour.tokens[: self.behaviour.after])
            self._break()
            return
        # One answer after the other, as some servers do it.
        for index in range(self.record.body.get("n") or 1):
            self._answer(index)
        self._end()

    def _answer(self, index: int) -> None:
        if self.behaviour.calls is None:
            self._tokens(self.behaviour.tokens, index)
        else:
            for delta in protocol.tool_call_deltas(*self.behaviour.calls):
                self._event(protocol.chunk(self.model, delta, index=index))
        self._event(protocol.chunk(self.model, {}, self.behaviour.finish_reason, index=index))

    def _break(self) -> None:
        breaks = {
            "stall": self._stall,
            "early_close": self._early_close,
            "reset": self._reset,
            "malformed": self._malformed,
            "error_event": self._error_event,
            "only_first": self._only_first,
        }
        breaks[self.behaviour.kind]()

    def _begin(self) -> None:
        self.handler.wait(self.behaviour.first_delay)
        self.handler.send_response(200)
        self.handler.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.handler.send_header("Transfer-Encoding", "chunked")
        self.handler.end_headers()

    def _tokens(self, tokens: list[str], index: int = 0) -> None:
        for token in tokens:
            self.handler.wait(self.behaviour.delay)
            self._event(protocol.chunk(self.model, {"content": token}, index=index))
            self.record.tokens_sent += 1

    def _end(self) -> None:
        wants_usage = (self.record.body.get("stream_options") or {}).get("include_usage")
        if self.behaviour.usage and wants_usage:
            self._event(protocol.usage_chunk(self.model, self.behaviour))
        if self.behaviour.done:
            self._event("[DONE]")
        self._early_close()

    def _early_close(self) -> None:
        self.handler.wfile.write(b"0\r\n\r\n")

    def _stall(self) -> None:
        self.handler.wait_for_ever()

    def _comment_for_ever(self) -> None:
        while True:
            self._chunk(b": still there\n\n")
            self.handler.wait(KEEP_ALIVE_EVERY)

    def _reset(self) -> None:
        _reset(self.handler)

    def _only_first(self) -> None:
        self._answer(0)
        self._stall()

    def _malformed(self) -> None:
        self._event('{"choices": [{"delta": {"content": "bro')
        self._early_close()

    def _error_event(self) -> None:
        self._event(protocol.error(self.behaviour))
        self._early_close()

    def _event(self, data: Any) -> None:
        self._chunk(protocol.event(data))

    def _chunk(self, data: bytes) -> None:
        self.handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def _reset(handler: _Handler) -> None:
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    # The handler's files share the socket: it is closed, and the reset sent, with the last of them.
    handler.rfile.close()
    handler.wfile.close()
    handler.connection.close()
    raise ConnectionResetError


def _cut_short(handler: _Handler) -> None:
    """Half of the body that the header promised, then the end of the connection."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"object": "list", ')
    handler.close_connection = True


def _broken_json(handler: _Handler) -> None:
    handler._send(200, "application/json", b'{"object": "list", "data": [')


def _digits(handler: _Handler) -> None:
    """An integer of more digits than Python reads."""
    handler._send(200, "application/json", b'{"data": ' + b"9" * 5_000 + b"}")


def _nested(handler: _Handler) -> None:
    handler._send(200, "application/json", b"[" * 100_000 + b"]" * 100_000)


# What becomes of a response that is not streamed.
BROKEN_BODIES = {
    "reset": _reset,
    "early_close": _cut_short,
    "malformed": _broken_json,
    "digits": _digits,
    "nested": _nested,
}


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the client was quicker


def _readable(request: RecordedRequest) -> dict[str, Any]:
    return asdict(request)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=9001)
    parser.add_argument("--model", action="append", default=None, help="a name for /v1/models")
    parser.add_argument("--dimensions", type=int, default=8, help="of embeddings")
    options = parser.parse_args()
    names = tuple(options.model or ["fake-model"])
    with ModelServer(options.port, models=names, dimensions=options.dimensions) as server:
        print(f"ready: {server.base_url}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
