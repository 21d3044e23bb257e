"""What the fake model server can be told to do with its next request.

Behaviours are made by the functions below, or from JSON of the same fields when the server runs as a process
of its own. `after` counts the tokens sent before a stream goes wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

DEFAULT_TEXT = "The handbook says that leave is 25 days a year [1]."

# Chat kinds; `answer` serves embeddings too. The last ones are for embeddings and reranking.
KINDS = frozenset(
    {
        "answer",
        "status",
        "hang",
        "closed",
        "closed_hard",
        "keep_alive",
        "stall",
        "early_close",
        "reset",
        "malformed",
        "html",
        "error_event",
        "only_first",
    }
    | {"nan", "zero", "short", "wrong_count", "huge", "odd_usage", "digits", "nested"}
)


class UnknownBehaviour(ValueError):
    """A script that the server cannot play."""


@dataclass(frozen=True)
class Behaviour:
    """How one request is answered. Times are in seconds."""

    kind: str = "answer"
    text: str = DEFAULT_TEXT
    delay: float = 0.0
    first_delay: float = 0.0
    after: int = 0
    status: int = 500
    retry_after: str | None = None
    code: str | None = None
    message: str = "scripted"
    finish_reason: str = "stop"
    usage: bool = True
    done: bool = True
    prompt_tokens: int = 100
    cached_tokens: int = 0
    calls: tuple[str, str] | None = None
    """A tool's name and its arguments' JSON, called instead of an answer."""

    @property
    def tokens(self) -> list[str]:
        """The text in pieces that join to it again."""
        words = self.text.split(" ")
        return [word if index == 0 else f" {word}" for index, word in enumerate(words)]


def from_json(data: Any) -> Behaviour:
    """Raises UnknownBehaviour, naming what it does not know."""
    if not isinstance(data, dict):
        raise UnknownBehaviour(f"a behaviour is an object, not {type(data).__name__}")
    known = {field.name for field in fields(Behaviour)}
    if unknown := sorted(data.keys() - known):
        raise UnknownBehaviour(f"unknown fields: {', '.join(unknown)}")
    if (kind := data.get("kind", "answer")) not in KINDS:
        raise UnknownBehaviour(f"unknown kind {kind!r}; known: {', '.join(sorted(KINDS))}")
    return Behaviour(**data)


def answer(text: str = DEFAULT_TEXT, **options: Any) -> Behaviour:
    """A whole answer. `usage=False` and `done=False` leave out what some servers leave out."""
    return Behaviour("answer", text=text, **options)


def tool_call(name: str, arguments: str) -> Behaviour:
    """A tool is called; streamed, its arguments come in pieces."""
    return Behaviour("answer", text="", calls=(name, arguments), finish_reason="tool_calls")


def only_first() -> Behaviour:
    """Of several answers the first one alone, then nothing: neither more nor an end."""
    return Behaviour("only_first")


def slow_drip(text: str = DEFAULT_TEXT, *, delay: float = 0.05) -> Behaviour:
    """A whole answer with `delay` before each token."""
    return Behaviour("answer", text=text, delay=delay)


def rate_limited(retry_after: str | None = None, *, code: str = "rate_limit_exceeded") -> Behaviour:
    """429, with or without Retry-After (seconds or an HTTP date)."""
    return Behaviour("status", status=429, retry_after=retry_after, code=code)


def failure(status: int = 500, *, code: str | None = None, message: str = "scripted") -> Behaviour:
    """An error status with an error object."""
    return Behaviour("status", status=status, code=code, message=message)


def hang() -> Behaviour:
    """Takes the request and never answers."""
    return Behaviour("hang")


def closed(*, hard: bool = False) -> Behaviour:
    """Ends the connection without a byte; ``hard``: by a reset."""
    return Behaviour("closed_hard" if hard else "closed")


def keep_alive() -> Behaviour:
    """Begins a stream and sends nothing but comments: bytes, but no token."""
    return Behaviour("keep_alive")


def stall(after: int = 3) -> Behaviour:
    """Stops in mid-stream, with the connection open."""
    return Behaviour("stall", after=after)


def early_close(after: int = 3) -> Behaviour:
    """Ends the stream cleanly, without finish reason and [DONE]."""
    return Behaviour("early_close", after=after)


def reset(after: int = 3) -> Behaviour:
    """Resets the connection in mid-stream."""
    return Behaviour("reset", after=after)


def malformed(after: int = 3) -> Behaviour:
    """Sends an event that is no JSON."""
    return Behaviour("malformed", after=after)


def html() -> Behaviour:
    """Status 200 and a page, as a proxy's log-in does it."""
    return Behaviour("html")


def error_event(after: int = 3, *, code: str | None = None, message: str = "scripted") -> Behaviour:
    """Sends an error object in a stream that began well."""
    return Behaviour("error_event", after=after, code=code, message=message)
