"""``POST /api/v1/ask``: a cited answer, whole or as typed server-sent events."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import answers
from api.fields import LONGEST_QUESTION, ExpandField, FilterField, Slugs, Strict, collection_ids
from api.views import KeyView, principal_of
from orchestration.events import Event
from orchestration.questions import Author, Question
from tenants.scope import Principal, tenant_scope
from traces.models import Outcome, Trace

FEATURE = "api.ask"
# Earlier turns that a follow-up may refer to.
TURNS = 6


class AskInput(Strict):
    """A question. ``conversation`` is an id of the caller's choice: questions with the same id are one conversation."""

    question = serializers.CharField(max_length=LONGEST_QUESTION)
    collections = Slugs(
        help_text="Slugs, one at least; absent: every collection that the key may read."
    )
    conversation = serializers.UUIDField(default=None, allow_null=True)
    model = serializers.CharField(max_length=200, default=None, allow_null=True)
    stream = serializers.BooleanField(default=False)
    fresh = serializers.BooleanField(
        default=False, help_text="Answer anew, also when the answer is kept from before."
    )
    filter = FilterField(default=None, allow_null=True, help_text="As in search.")
    expand = ExpandField()


class CitationOutput(serializers.Serializer[Any]):
    """What ``[n]`` in the answer points at; the quote stands word for word in the document."""

    n = serializers.IntegerField()
    document_id = serializers.UUIDField()
    external_id = serializers.CharField()
    title = serializers.CharField()
    page = serializers.IntegerField(allow_null=True)
    quote = serializers.CharField()


class AskOutput(serializers.Serializer[Any]):
    """An answer. ``answered`` is false when the documents do not say; ``support``: the share of borne-out sentences."""

    answer = serializers.CharField()
    citations = CitationOutput(many=True)
    answered = serializers.BooleanField()
    support = serializers.FloatField()
    model = serializers.CharField()
    trace_id = serializers.CharField()
    cached = serializers.BooleanField()
    degraded = serializers.CharField()


class AskView(KeyView):
    """Ask the documents."""

    scopes = {"POST": "ask"}

    @extend_schema(
        operation_id="ask",
        request=AskInput,
        responses={
            (200, "application/json"): AskOutput,
            (200, "text/event-stream"): OpenApiResponse(
                str,
                "With `stream`: events searching, found, writing, text, then completed or failed.",
            ),
        },
    )
    def post(self, request: Request) -> HttpResponseBase:
        """A cited answer, or an honest refusal."""
        asked = self.checked(AskInput)
        principal = principal_of(request)
        asked["fresh"] = asked["fresh"] or answers.wants_fresh(request)
        question = _question(asked, principal)
        if asked["stream"]:
            return answers.event_stream(_frames(question, principal))
        answer = answers.whole(question, principal, request)
        return Response(answer.as_json())


def _question(asked: dict[str, Any], principal: Principal) -> Question:
    """Raises Absent for a collection or a model that is not there."""
    where = collection_ids(asked["collections"], principal)
    history = _history(asked["conversation"], principal)
    if asked["model"] is not None:
        answers.check_model(principal, asked["model"])
    return Question(
        text=asked["question"],
        collection_ids=where,
        history=history,
        model=asked["model"],
        feature=FEATURE,
        conversation_id=asked["conversation"],
        fresh=asked["fresh"],
        filter=asked["filter"],
        expand=asked["expand"],
    )


def _history(conversation_id: UUID | None, principal: Principal) -> tuple[tuple[Author, str], ...]:
    """What this key asked in the conversation before, from its traces. Uses index: trace_newest."""
    if conversation_id is None:
        return ()
    with tenant_scope(principal):
        before = Trace.objects.filter(
            conversation_id=conversation_id, api_key_id=principal.api_key_id, outcome=Outcome.OK
        )
        turns = list(before.order_by("-started_at").values_list("question", "answer")[:TURNS])
    history: list[tuple[Author, str]] = []
    for asked, told in reversed(turns):
        history += [("user", asked), ("assistant", told)]
    return tuple(history)


async def _frames(question: Question, principal: Principal) -> AsyncIterator[str]:
    async with aclosing(answers.stream(question, principal)) as events:  # type: ignore[type-var]
        async for event in events:
            yield answers.WAITING if event is None else frame(event)


def frame(event: Event) -> str:
    """One event as the stream carries it."""
    body = json.dumps(event.as_json(), ensure_ascii=False)
    return f"event: {event.kind}\ndata: {body}\n\n"
