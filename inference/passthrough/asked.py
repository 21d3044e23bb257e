"""A client's request for a chat completion: what it may cost, what it needs of a model, and how it goes out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from inference import bounds
from inference.bounds import Bound
from inference.errors import InvalidAnswer
from inference.guards import json_schema
from inference.guards.json_schema import NotThatJson
from inference.providers.provider import ResolvedModel
from inference.types import ChatRequest, Message, storable
from tenants.scope import Principal

LENGTHS = ("max_completion_tokens", "max_tokens")
JSON_FORMATS = ("json_object", "json_schema")


@dataclass(frozen=True)
class Asked:
    """The body as JSON and as it came. Whoever makes one has checked the fields that are read here."""

    body: dict[str, Any]
    raw: bytes

    @property
    def name(self) -> str:
        """What was asked for: a model's name or a route's."""
        return str(self.body["model"])

    @property
    def messages(self) -> list[Any]:
        return list(self.body["messages"])

    @property
    def is_streamed(self) -> bool:
        return bool(self.body.get("stream"))

    @property
    def wants_usage(self) -> bool:
        return bool((self.body.get("stream_options") or {}).get("include_usage"))

    @property
    def answers(self) -> int:
        """How many answers are wanted of one call: ``n``."""
        return int(self.body.get("n") or 1)

    @cached_property
    def schema(self) -> Mapping[str, Any] | None:
        """What the answer's JSON must be valid by, if anything."""
        wanted = self.body.get("response_format")
        if not isinstance(wanted, dict) or wanted.get("type") != "json_schema":
            return None
        given = wanted.get("json_schema")
        found = given.get("schema") if isinstance(given, dict) else None
        return found if isinstance(found, dict) else None

    def bound(self, model: ResolvedModel) -> Bound:
        """No token is shorter than a byte, and what is no text may be a whole window."""
        size = model.context_window if self._has_media else len(self.raw)
        given = [self.body[name] for name in LENGTHS if self.body.get(name)]
        return bounds.of_prompt(model, size, min(given, default=None), answers=self.answers)

    def passed(self, model: ResolvedModel, cap: int | None) -> bytes:
        """The body as it goes out: the client's own bytes where nothing has to change."""
        changed: dict[str, Any] = {}
        if self.name != model.name:
            changed["model"] = model.name
        if self.is_streamed and model.dialect.reports_usage:
            changed["stream_options"] = {
                **(self.body.get("stream_options") or {}),
                "include_usage": True,
            }
        if cap is not None:
            given = [name for name in LENGTHS if self.body.get(name)]
            for name in given or [_length_parameter(model)]:
                changed[name] = min(self.body.get(name) or cap, cap)
        return json.dumps(self.body | changed).encode() if changed else self.raw

    def for_route(self, principal: Principal, feature: str) -> ChatRequest:
        """What routing looks at: texts, lengths and abilities."""
        texts = [
            Message("user" if one.get("role") == "user" else "assistant", _text_of(one))
            for one in self.messages
            if isinstance(one, dict)
        ]
        return ChatRequest(texts, feature, principal, needs=self._needs)

    @cached_property
    def schema_problem(self) -> str:
        """Why no answer could be checked by the schema; empty when it is fit. Not for an event loop."""
        wanted = self.body.get("response_format")
        if not isinstance(wanted, dict) or wanted.get("type") != "json_schema":
            return ""
        if self.schema is None:
            return "response_format.json_schema.schema must be an object."
        try:
            json_schema.check(self.schema)
        except (ValueError, RecursionError) as error:
            return storable(f"response_format: {error}")
        return ""

    def check_answer(self, text: str) -> None:
        """Raises InvalidAnswer for an answer that is not the JSON that was asked for."""
        if self.schema is None:
            return
        try:
            # What goes through is not changed, so nothing is mended.
            found = json_schema.read(text, self.schema, mend=False)
        except NotThatJson as error:
            raise InvalidAnswer(storable(str(error))) from error
        if found.text != text.strip():
            raise InvalidAnswer("the JSON stands in a code fence")

    @property
    def _needs(self) -> frozenset[str]:
        wanted = self.body.get("response_format")
        found = {
            "tools": bool(self.body.get("tools") or self.body.get("functions")),
            "json": isinstance(wanted, dict) and wanted.get("type") in JSON_FORMATS,
            "vision": self._has_media,
        }
        return frozenset(name for name, is_needed in found.items() if is_needed)

    @property
    def _has_media(self) -> bool:
        return any(
            isinstance(one, dict) and isinstance(one.get("content"), list) and not _is_text(one)
            for one in self.messages
        )


def _is_text(message: dict[str, Any]) -> bool:
    return all(isinstance(part, dict) and part.get("type") == "text" for part in message["content"])


def _text_of(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _length_parameter(model: ResolvedModel) -> str:
    if model.dialect.length_parameter:
        return model.dialect.length_parameter
    return "max_completion_tokens" if ".openai.com" in model.endpoint.base_url else "max_tokens"
