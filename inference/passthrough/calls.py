"""One call that is passed on: attempts until the first token, then the bytes as they come, then its ledger row.

Entry point: `PassedOn`. `opened` returns when there is something to deliver, or raises an error of the tree;
`pieces` yields what goes out; `settle` must be awaited, however the call ended, before the last byte goes out.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from inference import catalogue
from inference.clock import FAREWELL, GRACE
from inference.errors import (
    AddressRefused,
    InferenceError,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RetryableProviderError,
    StreamBroken,
    UnreadableResponse,
    as_inference_error,
)
from inference.passthrough.accounts import Admitted
from inference.passthrough.asked import Asked
from inference.passthrough.events import Reading, whole_answer
from inference.passthrough.lanes import Lane
from inference.passthrough.rows import Ended
from inference.passthrough.wire import Broken, Connection, Origin, place_of
from inference.providers.faults import concealed, of_status, retry_after
from inference.providers.provider import ResolvedModel
from inference.retries import RetryPolicy
from inference.types import Timeouts
from tenants.outbound import NameUnresolved, OutboundRefused

LONGEST_RESPONSE = 16_000_000


class BadSchema(InferenceError):
    """The client's JSON schema cannot be used; says why."""

    code = "invalid"


@dataclass(frozen=True)
class Request:
    """What is passed on. ``body`` is the client's, with the model's name and the limit of tokens as they go out."""

    held: Admitted
    asked: Asked
    feature: str
    body: bytes
    route: str
    reason: str
    degraded: str
    timeouts: Timeouts
    policy: RetryPolicy

    @property
    def model(self) -> ResolvedModel:
        return self.held.model


@dataclass
class PassedOn:
    """A call in progress."""

    request: Request
    lane: Lane
    attempts: int = 0
    trace_id: str = field(default_factory=lambda: secrets.token_hex(16))
    first_token_ms: float | None = None
    _reading: Reading = field(init=False)
    _origin: Origin | None = None
    _connection: Connection | None = None
    _held: bytes = b""
    _is_settled: bool = False
    _began: float = field(default_factory=time.monotonic)
    _started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self._reading = self._fresh()

    async def opened(self) -> None:
        """Until there is something to deliver. Raises BadSchema, ProviderError."""
        await self._check_schema()
        ends = self._began + self.request.timeouts.total
        while True:
            self.attempts += 1
            try:
                await self._attempt(ends)
                return
            except RetryableProviderError as error:
                wait = self.request.policy.wait_after(self.attempts, error)
                if wait is None or time.monotonic() + wait >= ends:
                    raise
            await asyncio.sleep(wait)

    async def pieces(self) -> AsyncIterator[bytes]:
        """What goes out, from what `opened` held back on. Raises StreamBroken; ends when the answer is whole."""
        held, self._held = self._held, b""
        if held:
            yield held
        if not self.request.asked.is_streamed:
            return
        ends = self._began + self.request.timeouts.total
        while not self._reading.is_done:
            data = await self._next(ends)
            if data is None:
                break
            if data:
                yield data
        self._reading.ended()
        await self._read_out()
        self._let_go()
        await self._check_form()

    async def settle(self, error: BaseException | None) -> None:
        """Commit the ledger's row and the trace, once. Raises psycopg.Error when the database stays away."""
        if self._is_settled:
            return
        self._is_settled = True
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        told = None if error is None else as_inference_error(error)
        self._tell_breaker(told)
        await self.lane.accounts.settle(self._ended(told).as_json())

    def _fresh(self) -> Reading:
        asked, key = self.request.asked, self.request.model.endpoint.api_key
        return Reading(asked.wants_usage, answers=asked.answers, key=key)

    async def _check_schema(self) -> None:
        """Now, since only who was admitted may have us do this work; in a thread, since others want to be served."""
        if self.request.asked.body.get("response_format") is None:
            return
        if problem := await asyncio.to_thread(lambda: self.request.asked.schema_problem):
            raise BadSchema(problem)

    async def _check_form(self) -> None:
        """Raises InvalidAnswer where JSON of a schema was asked for, and a whole answer is not that."""
        reading = self._reading
        if self.request.asked.schema is None:
            return
        if reading.finish_reason == "stop" and not reading.is_special:
            for text in reading.texts:
                await asyncio.to_thread(self.request.asked.check_answer, text)

    def _tell_breaker(self, error: InferenceError | None) -> None:
        breakers, model = self.lane.clients.breakers, self.request.model
        if error is None:
            breakers.succeeded(model)
        else:
            breakers.failed(model, error)

    async def _attempt(self, ends: float) -> None:
        """One request up to its first token. Raises ProviderError."""
        timeouts = self.request.timeouts
        patience = timeouts.first_token if self.request.asked.is_streamed else timeouts.total
        due = min(ends, time.monotonic() + patience)
        self._reading = self._fresh()
        try:
            head = self._head()
            connection = await self._connected(timeouts)
            connection.send(head + self.request.body)
            await connection.head(due)
            if connection.status >= 300:
                raise await self._status_error(connection, due)
            await (self._first_events if self.request.asked.is_streamed else self._whole)(
                connection, due
            )
        except TimeoutError as error:
            self._drop()
            raise ProviderTimeout("no token in time", stage="first_token") from error
        except OutboundRefused as error:
            raise AddressRefused(str(error)) from error
        except (Broken, NameUnresolved, OSError) as error:
            self._drop()
            raise ProviderUnavailable(str(error) or type(error).__name__) from error
        except ProviderError:
            self._drop()
            raise

    async def _connected(self, timeouts: Timeouts) -> Connection:
        model = self.request.model
        is_policed = not catalogue.is_of_environment(model)
        self._origin, _, _ = place_of(model.endpoint.base_url, is_policed=is_policed)
        due = time.monotonic() + timeouts.connect
        try:
            self._connection = await self.lane.connections.take(self._origin, due)
        except TimeoutError as error:
            raise ProviderTimeout("no connection in time", stage="connect") from error
        return self._connection

    def _head(self) -> bytes:
        """Raises BadCredentials, OutboundRefused."""
        model, body = self.request.model, self.request.body
        is_policed = not catalogue.is_of_environment(model)
        _, path, host = place_of(model.endpoint.base_url, is_policed=is_policed)
        kind = "text/event-stream" if self.request.asked.is_streamed else "application/json"
        key = model.endpoint.sent_key
        authorization = f"Authorization: Bearer {key}\r\n" if key else ""
        return (
            f"POST {path}/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Accept: {kind}\r\n{authorization}Content-Length: {len(body)}\r\n\r\n"
        ).encode("latin-1", "replace")

    async def _first_events(self, connection: Connection, due: float) -> None:
        kind = connection.headers.get("content-type", "")
        if not kind.lower().startswith("text/event-stream"):
            raise UnreadableResponse(f"expected a stream of events, got {kind or 'no type'!r}")
        while not (self._reading.delivered or self._reading.finish_reason):
            data = await connection.chunk(due)
            if not data:
                raise self._reading.broken("the stream ended before its first token", "ended_early")
            self._held += self._reading.took(data)
        self.first_token_ms = self._elapsed_ms()

    async def _whole(self, connection: Connection, due: float) -> None:
        kind = connection.headers.get("content-type", "")
        parts, size = [], 0
        while data := await connection.chunk(due):
            parts.append(data)
            size += len(data)
            if size > LONGEST_RESPONSE:
                raise UnreadableResponse(f"a response of more than {LONGEST_RESPONSE} bytes")
        if "json" not in kind.lower():
            raise UnreadableResponse(f"expected JSON, got {kind or 'no type'!r}")
        self._held = b"".join(parts)
        self._reading = whole_answer(self._held)
        self._let_go()
        await self._check_form()

    async def _status_error(self, connection: Connection, due: float) -> ProviderError:
        said = b""
        while len(said) < 65_536 and (data := await connection.chunk(due)):
            said += data
        code, message = _error_object(said)
        detail = concealed(message, self.request.model.endpoint.api_key)
        return of_status(connection.status, code, detail, retry_after(connection.headers))

    async def _next(self, ends: float) -> bytes | None:
        """Some more of a stream that has begun; None at its end. Raises StreamBroken."""
        assert self._connection is not None
        timeouts, seen = self.request.timeouts, self._reading.tokens_seen
        between = GRACE if self._reading.is_whole else timeouts.between_tokens
        due = min(ends, time.monotonic() + between)
        try:
            while True:
                data = await self._connection.chunk(due)
                if not data:
                    return None
                out = self._reading.took(data)
                if out or self._reading.is_done or self._reading.tokens_seen != seen:
                    return out
        except (TimeoutError, Broken, OSError) as error:
            if self._reading.is_whole:
                return None  # The answer is whole; only its token counts are missing.
            reason = "connection_lost"
            if isinstance(error, TimeoutError):
                reason = "total_timeout" if time.monotonic() >= ends else "stalled"
            raise StreamBroken(str(error) or reason, reason=reason) from error

    async def _read_out(self) -> None:
        """The few bytes after the answer: a connection read to its end can be used again."""
        assert self._connection is not None
        due = time.monotonic() + FAREWELL
        with suppress(TimeoutError, OSError):
            while await self._connection.chunk(due):
                pass

    def _let_go(self) -> None:
        """The response is whole: another call may have the connection."""
        if self._connection is not None and self._origin is not None:
            self.lane.connections.give_back(self._origin, self._connection)
            self._connection = None

    def _drop(self) -> None:
        self._held = b""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ended(self, error: InferenceError | None) -> Ended:
        held, reading = self.request.held, self._reading
        return Ended(
            held=held,
            feature=self.request.feature,
            messages=self.request.asked.messages,
            reading=reading,
            error=error,
            attempts=self.attempts,
            trace_id=self.trace_id,
            started_at=self._started_at,
            latency_ms=self._elapsed_ms(),
            first_token_ms=self.first_token_ms,
            route=self.request.route,
            reason=self.request.reason,
            degraded=self.request.degraded,
        )

    def _elapsed_ms(self) -> float:
        return (time.monotonic() - self._began) * 1000


def _error_object(said: bytes) -> tuple[str | None, str]:
    try:
        found = json.loads(said)["error"]
        return (None if found.get("code") is None else str(found["code"])), str(found["message"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None, said.decode("utf-8", "replace") or "no explanation"
