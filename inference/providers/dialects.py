"""How OpenAI-compatible endpoints differ in what they take, and how a process learns it.

Some models want `max_completion_tokens` where others know `max_tokens` only; some servers refuse `stream_options`; some
models take no `temperature`, or no `response_format`. A provider's row may say so. Otherwise the first request finds
out: an endpoint that refuses a parameter by name is asked again without it, and the process remembers that for endpoint
and model. The limit of tokens is never left out, only renamed: budgets rely on it.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any, TypeAlias

import openai

from inference.providers.provider import Endpoint, ResolvedModel
from inference.types import ChatRequest

OLD, NEW = "max_tokens", "max_completion_tokens"
REFUSALS = (openai.BadRequestError, openai.UnprocessableEntityError)
# Renamed limit, no stream_options, no temperature, no response_format: each is learned once.
MOST_LESSONS = 4
Key: TypeAlias = tuple[Endpoint, str]


class Dialects:
    """What this process has learned. Thread-safe."""

    def __init__(self) -> None:
        self._learned: defaultdict[Key, frozenset[str]] = defaultdict(frozenset)
        self._lock = threading.Lock()

    def parameters(self, request: ChatRequest, model: ResolvedModel) -> dict[str, Any]:
        """The body of a streamed chat request, as the endpoint takes it as far as is known."""
        refused = self._refused(model)
        found: dict[str, Any] = {
            "model": model.name,
            "messages": [{"role": one.role, "content": one.content} for one in request.messages],
            "stream": True,
        }
        if model.dialect.reports_usage and "stream_options" not in refused:
            found["stream_options"] = {"include_usage": True}
        if request.temperature is not None and "temperature" not in refused:
            found["temperature"] = request.temperature
        if request.max_tokens is not None:
            found[_limit(model, refused)] = request.max_tokens
        if request.json_schema is not None and "response_format" not in refused:
            shape = {"name": "answer", "schema": dict(request.json_schema)}
            found["response_format"] = {"type": "json_schema", "json_schema": shape}
        return found

    def learn(self, model: ResolvedModel, sent: dict[str, Any], error: Exception) -> bool:
        """Whether the error is a refusal of a parameter that was sent, and another try makes sense."""
        if not isinstance(error, REFUSALS):
            return False
        said, refused = str(error), self._refused(model)
        named = {
            name
            for name in (OLD, NEW, "stream_options", "temperature", "response_format")
            if name in sent and name in said and name not in refused
        }
        # Both limits refused: there is nothing left to try.
        if named & {OLD, NEW} and refused & {OLD, NEW}:
            return False
        if not named:
            return False
        with self._lock:
            self._learned[model.endpoint, model.name] |= named
        return True

    def _refused(self, model: ResolvedModel) -> frozenset[str]:
        with self._lock:
            return self._learned.get((model.endpoint, model.name), frozenset())


def _limit(model: ResolvedModel, refused: frozenset[str]) -> str:
    if model.dialect.length_parameter:
        return model.dialect.length_parameter
    return NEW if OLD in refused else OLD
