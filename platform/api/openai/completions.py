"""``POST /v1/chat/completions``: the same answers for every client that speaks OpenAI's protocol."""

import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api import answers
from api.errors import OPENAI_PATH
from api.openai import models, requests, shapes
from api.views import KeyView, principal_of
from orchestration.events import Answer, Cited, Completed, Event, Failed, Stopped, TextDelta
from orchestration.questions import Question
from tenants.scope import Principal, tenant_scope

FEATURE = "api.chat"
DONE = "data: [DONE]\n\n"


@dataclass(frozen=True)
class Asked:
    """A completion that is wanted, and in which form."""

    question: Question
    principal: Principal
    model: str
    with_usage: bool
    base: str

    def locate(self, cited: Cited) -> str:
        """The address at which a citation can be seen."""
        return shapes.document_address(cited, self.base)


class CompletionsView(KeyView):
    """OpenAI-compatible answers."""

    scopes = {"POST": "ask"}

    @extend_schema(
        operation_id="openai_chat_completions",
        request=requests.CompletionInput,
        responses={200: dict},
    )
    def post(self, request: Request) -> HttpResponseBase:
        """A chat completion, whole or streamed."""
        given = self.checked(requests.CompletionInput)
        asked = _asked(given, request)
        if given["stream"]:
            return answers.event_stream(_frames(asked))
        answer = answers.whole(asked.question, asked.principal, request)
        return Response(shapes.completion(answer, asked.model, asked.locate))


def _asked(given: dict[str, Any], request: Request) -> Asked:
    principal = principal_of(request)
    with tenant_scope(principal.as_reader()):
        target = models.target(given["model"])
    told = requests.conversation(given["messages"])
    question = Question(
        text=told.question,
        collection_ids=target.collection_ids,
        history=told.history,
        model=target.writer,
        feature=FEATURE,
        instructions=told.instructions,
        temperature=given["temperature"],
        max_tokens=given["max_completion_tokens"] or given["max_tokens"],
        fresh=answers.wants_fresh(request),
    )
    with_usage = bool((given.get("stream_options") or {}).get("include_usage"))
    base = request.build_absolute_uri("/")
    return Asked(question, principal, given["model"], with_usage, base)


async def _frames(asked: Asked) -> AsyncIterator[str]:
    """Chunks: the role at once, the text as it comes, then how it ended. A failure ends without ``[DONE]``."""
    head = {
        "id": shapes.completion_id(secrets.token_hex(16)),
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": asked.model,
    } | ({"usage": None} if asked.with_usage else {})
    yield _data(shapes.chunk(head, {"role": "assistant", "content": ""}))
    async with aclosing(answers.stream(asked.question, asked.principal)) as events:  # type: ignore[type-var]
        async for event in events:
            for frame in _told(event, head, asked):
                yield frame


def _told(event: Event | None, head: dict[str, Any], asked: Asked) -> list[str]:
    match event:
        case None:
            return [answers.WAITING]
        case TextDelta():
            return [_data(shapes.chunk(head, {"content": event.text}))]
        case Completed():
            return _ending(event.answer, head, asked)
        case Failed():
            return [_data(answers.problem(event).body(OPENAI_PATH))]
        case Stopped():
            return []
    return []


def _ending(answer: Answer, head: dict[str, Any], asked: Asked) -> list[str]:
    last = shapes.chunk(head, shapes.sources(answer, asked.locate), answer.finish_reason)
    frames = [_data(last | {"footnote": shapes.verdict(answer)})]
    if asked.with_usage:
        frames.append(_data(head | {"choices": [], "usage": shapes.usage(answer)}))
    return [*frames, DONE]


def _data(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"
