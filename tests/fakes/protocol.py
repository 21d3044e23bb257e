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


def completion(
    model: str, behaviour: Behaviour, asked: dict[str, Any] | None = None
) -> dict[str, Any]:
    wanted = asked or {}
    message: dict[str, Any] = {"role": "assistant", "content": behaviour.text, "refusal": None}
    if behaviour.calls is not None:
        message |= {"content": None, "tool_calls": [tool_call(*behaviour.calls)]}
    choice = {
        "message": message,
        "finish_reason": behaviour.finish_reason,
        "logprobs": logprobs(behaviour.text) if wanted.get("logprobs") else None,
    }
    choices = [{"index": number} | choice for number in range(wanted.get("n") or 1)]
    body = {"id": "chatcmpl-fake", "object": "chat.completion", "created": CREATED, "model": model}
    return {**body, "choices": choices, "usage": usage(behaviour)}


def tool_call(name: str, arguments: str) -> dict[str, Any]:
    return {
        "id": "call_fake",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def tool_call_deltas(name: str, arguments: str) -> list[dict[str, Any]]:
    """The head, then the arguments in two pieces."""
    half = len(arguments) // 2
    pieces = [{"function": {"arguments": one}} for one in (arguments[:half], arguments[half:])]
    return [{"tool_calls": [{"index": 0} | one]} for one in (tool_call(name, ""), *pieces)]


def logprobs(text: str) -> dict[str, Any]:
    return {
        "content": [{"token": text, "logprob": -0.5, "bytes": None, "top_logprobs": []}],
        "refusal": None,
    }


def chunk(
    model: str, delta: dict[str, Any], finish_reason: str | None = None, *, index: int = 0
) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
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
    if kind == "huge":
        return [10**400] * dimensions
    if kind == "zero":
        return [0.0] * dimensions
    size = dimensions - 1 if kind == "short" and text.endswith("1") else dimensions
    words = hashlib.shake_256(text.encode()).digest(4 * size)
    return [value / 2**31 for value in struct.unpack(f"<{size}i", words)]


def reranked(body: dict[str, Any], kind: str) -> Any:
    """Scores as the shape of the request wants them: the share of the query's words that a document has."""
    texts = body.get("texts") or body["documents"]
    words = set(body["query"].lower().split())
    scores = [len(words & set(text.lower().split())) / len(words) for text in texts]
    if kind == "wrong_count":
        scores.pop()
    if kind == "nan":
        scores[0] = float("nan")
    if kind == "huge":
        scores[0] = 10**400
    name = "score" if "texts" in body else "relevance_score"
    # Best first, as all of them do it.
    order = sorted(range(len(scores)), key=lambda at: -scores[at])
    results = [{"index": at, name: scores[at]} for at in order]
    if "texts" in body:
        return results
    found = {"model": body["model"], "results": results}
    if kind == "odd_usage":
        return found | {"usage": [40]}
    return found | ({"usage": {"total_tokens": 40}} if "return_documents" in body else {})
