"""``POST /v1/chat/completions`` for a configured model's own name: the request goes to the provider as it is.

The name may also be a route's (a feature such as ``judge``): its models are asked in turn.

``lean(application)`` answers these itself, without Django's middleware and threads, and hands everything else on
untouched: Footnote's own models (which answer from documents), other paths, and requests that cannot be read. The
checks are the same: key, scope, limits, budget and model in one round trip before the call; ledger, budget and trace
in one after it, before the last byte goes out.
"""

import asyncio
import json
import logging
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.conf import settings

from api import limits
from api.departure import Application, Message, Receive, Send
from api.errors import OPENAI_PATH, Problem, retry_after
from api.openai import models
from api.throttles import KeyThrottle
from inference.errors import (
    BadRequest,
    ContextTooLong,
    InferenceError,
    LimitReached,
    RetryableProviderError,
    StreamBroken,
    UnknownModel,
)
from inference.passthrough.accounts import Forbidden, Guarded, Unauthenticated, Wanted
from inference.passthrough.asked import Asked
from inference.passthrough.calls import BadSchema, PassedOn
from inference.passthrough.events import DONE
from inference.passthrough.lanes import Lane
from inference.passthrough.relay import NoCandidate, Relay
from inference.types import EXTRACTIVE_MODEL, Timeouts, storable
from tenants.access import KEY_PREFIX

PATH = "/v1/chat/completions"
FEATURE = "api.passthrough"
SCOPE = "ask"
LONGEST_KEY = 200
REQUEST_ID = re.compile(rb"[A-Za-z0-9-]{8,64}")
MOST_ANSWERS = 16
TIMEOUTS = Timeouts()
REALM = 'Bearer realm="footnote"'
EVENTS = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache"))
JSON = (("content-type", "application/json"),)
_log = logging.getLogger(__name__)
Watch = Callable[[str, str, int, float], None]
_lanes: WeakKeyDictionary[asyncio.AbstractEventLoop, Lane] = WeakKeyDictionary()


def _lane() -> Lane:
    loop = asyncio.get_running_loop()
    if loop not in _lanes:
        _lanes[loop] = Lane()
    return _lanes[loop]


def lean(application: Application, *, seen: Watch) -> Application:
    """The application with the lean way in front of it. ``seen`` counts requests: route, method, status, seconds."""

    async def answered(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if not _may_be_lean(scope):
            await application(scope, receive, send)
            return
        began = time.perf_counter()
        raw, rest = await _body(receive)
        asked = _read(raw) if raw is not None else None
        if asked is None:
            await application(scope, _replayed(rest, receive), send)
            return
        exchange = _Exchange(scope, receive, send, Asked(asked, raw or b""))
        await exchange.answer()
        seen(PATH, "POST", exchange.status, time.perf_counter() - began)

    return answered


def _may_be_lean(scope: dict[str, Any]) -> bool:
    if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
        return False
    found = dict(scope["headers"])
    length = found.get(b"content-length", b"0")
    is_secure = scope.get("scheme") == "https" or found.get(b"x-forwarded-proto") == b"https"
    return (
        found.get(b"content-type", b"").split(b";")[0].strip().lower() == b"application/json"
        and found.get(b"authorization", b"")[:7].lower() == b"bearer "
        and length.isdigit()
        and int(length) <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        and (is_secure or not getattr(settings, "SECURE_SSL_REDIRECT", False))
    )


async def _body(receive: Receive) -> tuple[bytes | None, list[Message]]:
    """The whole body (None when it is too large, or its sender left), and the messages that it came in."""
    messages, parts, size = [], [], 0
    while True:
        message = await receive()
        messages.append(message)
        if message["type"] != "http.request":
            return None, messages
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return None, messages
        if not message.get("more_body"):
            return b"".join(parts), messages


def _replayed(messages: list[Message], receive: Receive) -> Receive:
    waiting = iter(messages)

    async def again() -> Message:
        return next(waiting, None) or await receive()

    return again


def _read(raw: bytes) -> dict[str, Any] | None:
    """The request if it names a model that is not ours; None leaves it to the views, also to refuse it."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    name = found.get("model") if isinstance(found, dict) else None
    if not isinstance(name, str) or not 0 < len(name) <= 200 or storable(name) != name:
        return None
    if name in (models.EVERYTHING, EXTRACTIVE_MODEL) or name.startswith(models.PREFIX):
        return None
    return dict(found)


class _Refusal(Exception):
    """A request that must change."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.problem = Problem(400, "invalid", message, field)


@dataclass
class _Exchange:
    """One request and its response."""

    scope: dict[str, Any]
    receive: Receive
    send: Send
    asked: Asked
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()

    async def answer(self) -> None:
        """Whatever happens ends in a response, unless the client is gone."""
        try:
            await self._answer()
        except _Refusal as refusal:
            await self._refuse(refusal.problem)
        except InferenceError as error:
            await self._refuse(problem_of(error))
        except psycopg.Error as error:
            _log.warning("The database did not answer: %s", error)
            message = (
                "The service cannot reach its database right now. Please try again in a moment."
            )
            await self._refuse(
                Problem(503, "unavailable", message, headers=(("Retry-After", "2"),))
            )

    async def _answer(self) -> None:
        """Deliver; settle before the last byte. A client that leaves cancels the provider's work at once."""
        wanted = Wanted(self._key(), SCOPE, self.asked.name, FEATURE, _api_rate())
        _check(self.asked.body)
        relay = Relay(_lane(), self.asked, wanted, TIMEOUTS)
        watch = asyncio.create_task(self._leave_when_gone(relay))
        failed: BaseException | None = None
        last = b""
        try:
            call = await relay.begun()
            self.headers = _headers(call)
            async with aclosing(call.pieces()) as pieces:  # type: ignore[type-var]
                last = await self._delivered(pieces)
        except BaseException as error:  # noqa: BLE001 - whatever ended it, the ledger gets its row
            failed = error
        watch.cancel()
        if relay.call is not None:
            # A limit that refused says itself where it stands.
            self.headers = () if isinstance(failed, LimitReached) else _headers(relay.call)
            await asyncio.shield(relay.call.settle(failed))
        if not isinstance(failed, asyncio.CancelledError):
            await self._ended(failed, last)

    async def _delivered(self, pieces: AsyncIterator[bytes]) -> bytes:
        """Sends all but the end, which waits for the settlement. Returns the end."""
        if not self.asked.is_streamed:
            return b"".join([piece async for piece in pieces])
        async for piece in pieces:
            if not self.status:
                await self._start(200, EVENTS)
            await self.send({"type": "http.response.body", "body": piece, "more_body": True})
        return DONE

    async def _ended(self, failed: BaseException | None, last: bytes) -> None:
        if failed is None:
            if not self.status:
                await self._start(200, EVENTS if self.asked.is_streamed else JSON, length=len(last))
            await self.send({"type": "http.response.body", "body": last})
        elif self.status and isinstance(failed, InferenceError):
            told = _json(problem_of(failed).body(OPENAI_PATH))
            await self.send({"type": "http.response.body", "body": b"data: " + told + b"\n\n"})
        else:
            raise failed

    async def _leave_when_gone(self, relay: Relay) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            continue
        relay.leave()

    def _key(self) -> str:
        """Raises Unauthenticated for what is surely no key."""
        key: str = dict(self.scope["headers"])[b"authorization"][7:].decode("latin-1").strip()
        if not key.startswith(KEY_PREFIX) or len(key) > LONGEST_KEY:
            raise Unauthenticated("no such key")
        return key

    def _request_id(self) -> str:
        """The caller's, as on every other path, so that a proxy's log and ours can be joined; else a new one."""
        given: bytes = dict(self.scope["headers"]).get(b"x-request-id", b"")
        return given.decode() if REQUEST_ID.fullmatch(given) else secrets.token_hex(16)

    async def _refuse(self, problem: Problem) -> None:
        if self.status:
            raise RuntimeError(f"refused after the response began: {problem.code}")
        body = _json(problem.body(OPENAI_PATH))
        self.headers += tuple(problem.headers)
        if problem.status == 401:
            self.headers += (("WWW-Authenticate", REALM),)
        await self._start(problem.status, JSON, length=len(body))
        await self.send({"type": "http.response.body", "body": body})

    async def _start(
        self, status: int, kind: tuple[tuple[str, str], ...], *, length: int | None = None
    ) -> None:
        self.status = status
        own = (("x-content-type-options", "nosniff"), ("x-request-id", self._request_id()))
        found = [*kind, *self.headers, *own]
        if length is not None and kind is JSON:
            found.append(("content-length", str(length)))
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in found]
        await self.send({"type": "http.response.start", "status": status, "headers": encoded})


def _headers(call: PassedOn) -> tuple[tuple[str, str], ...]:
    """Where the limits stand, and the trace: the body is the provider's and has no place for it."""
    told = limits.headers(call.request.held.admission.rates)
    return (*told, ("x-footnote-trace-id", call.trace_id))


def _json(body: dict[str, Any]) -> bytes:
    """Byte for byte as the views write it; half a pair of surrogates, which a client can smuggle in, is a "?"."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _check(asked: dict[str, Any]) -> None:
    """Only what this side relies on; the rest is the provider's to judge. Raises _Refusal."""
    if not isinstance(asked.get("messages"), list) or not asked["messages"]:
        raise _Refusal("messages must be a list with at least one message.", "messages")
    for name, most in (
        ("max_tokens", 10**7),
        ("max_completion_tokens", 10**7),
        ("n", MOST_ANSWERS),
    ):
        value = asked.get(name)
        if value is not None and (type(value) is not int or not 1 <= value <= most):
            raise _Refusal(f"{name} must be a whole number from 1 to {most}.", name)
    if asked.get("stream") not in (None, True, False):
        raise _Refusal("stream must be true or false.", "stream")
    for name in ("stream_options", "response_format"):
        if not isinstance(asked.get(name), dict | None):
            raise _Refusal(f"{name} must be an object.", name)


def _api_rate() -> tuple[float, float] | None:
    """The rate of every key, as ``FOOTNOTE_API_RATE`` says it."""
    amount, seconds = KeyThrottle().rate_of_keys()
    return (float(amount), float(seconds)) if amount and seconds else None


def problem_of(error: InferenceError) -> Problem:
    """What an error of the gateway means to a client of the lean way."""
    match error:
        case Unauthenticated():
            message = "Send a valid API key, as in: Authorization: Bearer fn_..."
            return Problem(401, "unauthenticated", message)
        case Forbidden():
            message = f"This key may not do that. It needs the scope {SCOPE!r}."
            return Problem(403, "insufficient_scope", message)
        case Guarded():
            return Problem(403, error.code, error.member_message)
        case BadSchema():
            return Problem(400, error.code, str(error), "response_format")
        case NoCandidate():
            return Problem(400, error.code, error.member_message, "model")
        case UnknownModel():
            return Problem(404, "model_not_found", "There is no such model.", "model")
        case LimitReached():
            return limits.problem(error)
        case BadRequest():
            # The request is the client's own: so are the provider's words about it.
            return Problem(400, error.code, str(error) or error.member_message)
        case ContextTooLong():
            return Problem(400, error.code, error.member_message, "messages")
        case RetryableProviderError() | StreamBroken():
            wait = (retry_after(getattr(error, "retry_after", None)),)
            return Problem(503, error.code, error.member_message, headers=wait)
    return Problem(502, error.code, error.member_message)
