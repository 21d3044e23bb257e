"""A provider's server-sent events, checked on their way through.

Entry point: `Reading`. Bytes go out as they came, except for a closing ``[DONE]`` (the caller says it, once the call is
paid for) and a usage chunk that the client did not ask for.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from inference.errors import ProviderError, ProviderUnavailable, StreamBroken, UnreadableResponse
from inference.providers.faults import concealed, of_error_event
from inference.types import Usage, storable, token_count

LONGEST_ANSWER = 1_000_000
DONE = b"data: [DONE]\n\n"
# What models write beside their text, by the names that providers give it.
BESIDE = ("refusal", "reasoning_content", "reasoning")
WRITTEN = ("name", "arguments")


@dataclass
class Reading:
    """What a stream has brought so far. ``told`` is what may go out now."""

    wants_usage: bool
    answers: int = 1
    key: str = field(default="", repr=False)
    """What no error repeats."""
    delivered: bool = False
    finish_reason: str = ""
    usage: Usage | None = None
    is_done: bool = False
    is_special: bool = False
    """Whether it calls tools or refuses: then its text has no form to be held to."""
    tokens_seen: int = 0
    _parts: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    _beside: list[str] = field(default_factory=list)
    _finished: set[int] = field(default_factory=set)
    _seen: set[int] = field(default_factory=set)
    _rest: bytes = b""
    _characters: int = 0

    @property
    def texts(self) -> list[str]:
        """Each answer's text, in the order of their numbers."""
        return ["".join(self._parts[number]) for number in sorted(self._parts)]

    @property
    def written(self) -> str:
        """All that the model wrote: what is paid for."""
        return "\n\n".join([*self.texts, *(["".join(self._beside)] if self._beside else [])])

    @property
    def is_whole(self) -> bool:
        """Whether every answer has said how it ended."""
        enough = self.is_done or len(self._finished) >= self.answers
        return enough and bool(self._finished) and self._seen <= self._finished

    def took(self, data: bytes) -> bytes:
        """What of the data goes out. Raises ProviderError for what is no answer."""
        blocks = (self._rest + data).replace(b"\r\n", b"\n").split(b"\n\n")
        self._rest = blocks.pop()
        if len(self._rest) > LONGEST_ANSWER:
            raise self.broken("an event without end", "too_long")
        return b"".join(block + b"\n\n" for block in blocks if self._passes(block))

    def ended(self) -> None:
        """The response is over. Raises ProviderError unless the answer is whole."""
        if not self.is_whole:
            raise self.broken("the stream ended without a finish reason", "ended_early")

    def broken(self, detail: str, reason: str) -> ProviderError:
        """The error for a break now: before anything was delivered it may be tried again."""
        if self.delivered:
            return StreamBroken(detail, reason=reason)
        if reason == "malformed":
            return UnreadableResponse(detail)
        return ProviderUnavailable(detail)

    def _passes(self, block: bytes) -> bool:
        """Whether the event goes out; comments and empty ones do not."""
        data = b"\n".join(
            line[5:].strip() for line in block.split(b"\n") if line.startswith(b"data:")
        )
        if not data:
            return False
        if data == b"[DONE]":
            self.is_done = True
            return False
        try:
            event = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise self.broken(f"an event is no JSON: {error}", "malformed") from error
        if not isinstance(event, dict):
            raise self.broken("an event is no object", "malformed")
        return self._read(event)

    def _read(self, event: dict[str, Any]) -> bool:
        if error := event.get("error"):
            raise self._refused(error)
        if isinstance(reported := event.get("usage"), dict):
            self.usage = usage_of(reported)
        choices = event.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            self._choice(choice if isinstance(choice, dict) else {})
        return bool(choices) or self.wants_usage

    def _choice(self, choice: dict[str, Any]) -> None:
        self.tokens_seen += 1
        number = choice.get("index")
        number = number if isinstance(number, int) else 0
        self._seen.add(number)
        delta = choice.get("delta")
        if isinstance(delta, dict):
            self._took(number, delta)
        if isinstance(reason := choice.get("finish_reason"), str) and reason:
            self._finish(number, reason)

    def _took(self, number: int, said: dict[str, Any]) -> None:
        """A message or a piece of one: text, and what else was written and is paid for."""
        if isinstance(text := said.get("content"), str) and text:
            self._parts[number].append(text)
            self._said(text)
        for name in BESIDE:
            if isinstance(text := said.get(name), str) and text:
                self.is_special = self.is_special or name == "refusal"
                self._beside.append(text)
                self._said(text)
        if called := said.get("tool_calls") or said.get("function_call"):
            self.is_special = True
            self._beside.append(_arguments(called))
            self._said(self._beside[-1])

    def _finish(self, number: int, reason: str) -> None:
        self._finished.add(number)
        self.finish_reason = storable(reason)

    def _said(self, text: str) -> None:
        self.delivered = True
        self._characters += len(text)
        if self._characters > LONGEST_ANSWER:
            raise StreamBroken(f"more than {LONGEST_ANSWER} characters", reason="too_long")

    def _refused(self, error: Any) -> ProviderError:
        found = error if isinstance(error, dict) else {"message": error}
        detail = concealed(str(found.get("message") or "an error event"), self.key)
        if self.delivered:
            return StreamBroken(detail, reason="error_event")
        code, kind = found.get("code"), found.get("type")
        return of_error_event(None if code is None else str(code), str(kind or ""), detail)


def usage_of(reported: dict[str, Any]) -> Usage:
    """The tokens that a provider reports."""
    details = reported.get("prompt_tokens_details")
    prompt = token_count(reported.get("prompt_tokens"))
    cached = token_count(details.get("cached_tokens")) if isinstance(details, dict) else 0
    return Usage(prompt, token_count(reported.get("completion_tokens")), min(prompt, cached))


def whole_answer(data: bytes) -> Reading:
    """A response that is not streamed, read. Raises UnreadableResponse for what is no chat completion."""
    reading = Reading(wants_usage=True)
    try:
        body = json.loads(data)
        for number, choice in enumerate(body["choices"]):
            reading._seen.add(number)
            reading._took(number, choice["message"])
            if reason := choice.get("finish_reason"):
                reading._finish(number, str(reason))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UnreadableResponse("the response is no chat completion") from error
    if not reading.is_whole:
        raise UnreadableResponse("the response has no finish reason")
    if isinstance(reported := body.get("usage"), dict):
        reading.usage = usage_of(reported)
    return reading


def _arguments(called: Any) -> str:
    """What a model wrote to call tools: names and arguments, as they come."""
    calls = called if isinstance(called, list) else [{"function": called}]
    functions = [one.get("function") for one in calls if isinstance(one, dict)]
    found = [one.get(name) for one in functions if isinstance(one, dict) for name in WRITTEN]
    return "".join(one for one in found if isinstance(one, str))
