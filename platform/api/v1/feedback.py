"""``POST /api/v1/feedback``: what a reader thought of an answer."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import Absent
from api.fields import Strict
from api.views import ScopedView, principal_of
from traces.models import Feedback, Trace


class FeedbackInput(Strict):
    """A thumb up (1) or down (-1) on the answer with this trace."""

    trace_id = serializers.RegexField(
        r"^[0-9a-f]{32}\Z", error_messages={"invalid": "Not a trace id."}
    )
    score = serializers.ChoiceField([1, -1])
    comment = serializers.CharField(max_length=2000, default="", allow_blank=True)


class FeedbackOutput(serializers.Serializer[Any]):
    """The feedback as it is kept; a second one on the same answer replaces the first."""

    trace_id = serializers.CharField()
    score = serializers.IntegerField()
    comment = serializers.CharField()


class FeedbackView(ScopedView):
    """Readers' opinions of answers."""

    scopes = {"POST": "ask"}

    @extend_schema(operation_id="feedback", request=FeedbackInput, responses=FeedbackOutput)
    def post(self, request: Request) -> Response:
        """Keep one opinion per answer; only the key that asked may give it."""
        given = self.checked(FeedbackInput)
        mine = Trace.objects.filter(
            trace_id=given["trace_id"], api_key_id=principal_of(request).api_key_id
        )
        # Locked, so that two opinions at once do not both become rows.
        if mine.select_for_update().first() is None:
            raise Absent("answer", field="trace_id")
        Feedback.objects.update_or_create(
            tenant_id=principal_of(request).tenant_id,
            trace_id=given["trace_id"],
            # An answer of the API is no chat message: its trace's 128 bits stand in.
            message_id=UUID(hex=given["trace_id"]),
            user=None,
            defaults={"score": given["score"], "comment": given["comment"]},
        )
        return Response(given)
