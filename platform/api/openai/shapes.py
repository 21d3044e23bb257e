"""Answers in OpenAI's shape, with what OpenAI has no word for beside it.

``content`` keeps the ``[n]`` marks. ``annotations`` says, as ``url_citation``, where each mark stands and which page of
our own it opens; ``citations`` has the documents, pages and quotes; ``footnote`` whether it is an answer at all, how
well it is supported, who wrote it, and its trace.
"""

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from orchestration.events import Answer, Cited

_MARK = re.compile(r"\[(\d+)\]")
Locate = Callable[[Cited], str]


def completion_id(trace_id: str) -> str:
    """One id for all parts of a completion."""
    return f"chatcmpl-{trace_id}"


def completion(answer: Answer, model: str, locate: Locate) -> dict[str, Any]:
    """A whole chat completion."""
    message = {
        "role": "assistant",
        "content": answer.text,
        "refusal": None,
        **sources(answer, locate),
    }
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": answer.finish_reason,
    }
    return {
        "id": completion_id(answer.trace_id),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [choice],
        "usage": usage(answer),
        "footnote": verdict(answer),
    }


def sources(answer: Answer, locate: Locate) -> dict[str, Any]:
    """Where the answer is from."""
    return {
        "annotations": annotations(answer, locate),
        "citations": [cited.as_json() | {"url": locate(cited)} for cited in answer.citations],
    }


def annotations(answer: Answer, locate: Locate) -> list[dict[str, Any]]:
    """Every mark in the text with the page that it opens."""
    cited = {citation.n: citation for citation in answer.citations}
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": mark.start(),
                "end_index": mark.end(),
                "title": cited[int(mark[1])].title,
                "url": locate(cited[int(mark[1])]),
            },
        }
        for mark in _MARK.finditer(answer.text)
        if int(mark[1]) in cited
    ]


def usage(answer: Answer) -> dict[str, Any]:
    """Tokens; zero when no model was asked. ``cached``: the whole answer was kept from before."""
    return {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": answer.input_tokens + answer.output_tokens,
        "cached": answer.cached,
    }


def verdict(answer: Answer) -> dict[str, Any]:
    """What OpenAI's shape has no place for."""
    return {
        "answered": answer.answered,
        "support": round(answer.support, 4),
        "model": answer.model,
        "trace_id": answer.trace_id,
        "cached": answer.cached,
        "degraded": answer.degraded,
    }


def chunk(
    head: dict[str, Any], delta: dict[str, Any], finish_reason: str | None = None
) -> dict[str, Any]:
    """One chunk of a stream."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return head | {"choices": [choice]}


def document_address(cited: Cited, base: str) -> str:
    """The page of ours that shows the quote in its document."""
    where = {"version": cited.version_id, "start": cited.span_start, "end": cited.span_end}
    query = urlencode({**where, "page": cited.page} if cited.page is not None else where)
    return f"{base}documents/{cited.document_id}/?{query}"
