"""Bodies of the OpenAI protocol, as the official client reads them."""

from __future__ import annotations

import hashlib
import json
import struct
from typing import Any

from tests.fakes.behaviours import Behaviour

CREATED = 1_700_000_000
PAGE = (
    "<!doctype html><html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>"
)


def models(names: list[str]) -> dict[str, Any]:
    data = [
        {"id": name, "object": "model", "created": CREATED, "owned_by": "fake"} for name in names
    ]
    return {"object": "list", "data": data}


def usage(behaviour: Behaviour) -> dict[str, Any]:
    completion = len(behaviour.tokens)
    return {
        "prompt_tokens": behaviour.prompt_tokens,
        "completion_tokens": completion,
        "total_tokens": behaviour.prompt_tokens + completion,
        "prompt_tokens_details": {"cached_tokens": behaviour.cached_tokens},
    }


def completion(model: str, behaviour: Behaviour) -> dict[str, Any]:
    message = {"role": "assistant", "content": behaviour.text, "refusal": None}
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": behaviour.finish_reason,
        "logprobs": None,
    }
    body = {"id": "chatcmpl-fake", "object": "chat.completion", "created": CREATED, "model": model}
    return {**body, "choices": [choice], "usage": usage(behaviour)}


def chunk(model: str, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
    body = {"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": CREATED}
    return {**body, "model": model, "choices": [choice]}


def usage_chunk(model: str, behaviour: Behaviour) -> dict[str, Any]:
    return {**chunk(model, {}), "choices": [], "usage": usage(behaviour)}


def error(behaviour: Behaviour) -> dict[str, Any]:
    return {
        "error": {
            "message": behaviour.message,
            "type": "fake",
            "param": None,
            "code": behaviour.code,
        }
    }


def event(data: Any) -> bytes:
    text = data if isinstance(data, str) else json.dumps(data)
    return f"data: {text}\n\n".encode()


def embeddings(model: str, texts: list[str], dimensions: int, kind: str) -> dict[str, Any]:
    vectors = [_vector(text, dimensions, kind) for text in texts]
    if kind == "wrong_count":
        vectors.pop()
    data = [
        {"object": "embedding", "index": at, "embedding": one} for at, one in enumerate(vectors)
    ]
    tokens = sum(len(text.split()) for text in texts)
    # Out of order on purpose: the protocol has an index.
    body = {"object": "list", "model": model, "data": data[::-1]}
    return {**body, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}


def _vector(text: str, dimensions: int, kind: str) -> list[float]:
    """A direction that depends on the text alone."""
    if kind == "nan":
        return [float("nan")] * dimensions
    if kind == "zero":
        return [0.0] * dimensions
    size = dimensions - 1 if kind == "short" and text.endswith("1") else dimensions
    words = hashlib.shake_256(text.encode()).digest(4 * size)
    return [value / 2**31 for value in struct.unpack(f"<{size}i", words)]
