"""``/api/v1/webhooks``: where to tell what becomes of documents.

For keys of owners and admins alone, since messages name all documents.
"""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import Absent, Conflict, Refused
from api.fields import Strict
from api.permissions import require_steward
from api.views import ScopedView, uuid_or_absent
from ingestion.models import WebhookDelivery, WebhookEndpoint
from ingestion.webhooks import endpoints
from tenants.scope import current_principal

SHOWN = 100


class WebhookInput(Strict):
    """A new webhook; without ``events``, all of them."""

    url = serializers.CharField(max_length=2000)
    events = serializers.ListField(child=serializers.CharField(max_length=40), required=False)
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)


class WebhookChange(Strict):
    """What to change of a webhook; what is absent stays."""

    url = serializers.CharField(max_length=2000, required=False)
    events = serializers.ListField(child=serializers.CharField(max_length=40), required=False)
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    active = serializers.BooleanField(required=False)


class WebhookOutput(serializers.Serializer[Any]):
    """A webhook; ``disabled_reason`` says why it was switched off."""

    id = serializers.UUIDField()
    url = serializers.CharField()
    description = serializers.CharField()
    events = serializers.ListField(child=serializers.CharField())
    active = serializers.BooleanField()
    failures = serializers.IntegerField()
    disabled_reason = serializers.CharField()
    created_at = serializers.DateTimeField()


class FreshWebhookOutput(WebhookOutput):
    """With the secret, which is shown once."""

    secret = serializers.CharField()


class WebhooksOutput(serializers.Serializer[Any]):
    """All webhooks of the tenant."""

    results = WebhookOutput(many=True)


class DeliveryOutput(serializers.Serializer[Any]):
    """A message to a webhook and what came of it."""

    id = serializers.UUIDField()
    event = serializers.CharField()
    state = serializers.ChoiceField(WebhookDelivery.DeliveryState.choices)
    attempts = serializers.IntegerField()
    status = serializers.IntegerField(allow_null=True)
    error = serializers.CharField()
    payload = serializers.DictField()
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)


class DeliveriesOutput(serializers.Serializer[Any]):
    """The last deliveries, newest first."""

    results = DeliveryOutput(many=True)


class WebhooksView(ScopedView):
    """The tenant's webhooks."""

    scopes = {"GET": "documents:read", "POST": "documents:write"}

    @extend_schema(operation_id="webhooks_list", responses=WebhooksOutput)
    def get(self, request: Request) -> Response:
        """All of them."""
        _check_role()
        return Response({"results": [_json(row) for row in WebhookEndpoint.objects.order_by("id")]})

    @extend_schema(
        operation_id="webhooks_create", request=WebhookInput, responses={201: FreshWebhookOutput}
    )
    def post(self, request: Request) -> Response:
        """Make one; the answer has its secret, which is not shown again."""
        _check_role()
        try:
            row, secret = endpoints.create(**self.checked(WebhookInput))
        except endpoints.BadEndpoint as problem:
            raise Refused(str(problem), field=problem.field) from problem
        return Response(_json(row) | {"secret": secret}, status=201)


class WebhookView(ScopedView):
    """One webhook."""

    scopes = {"GET": "documents:read", "PATCH": "documents:write", "DELETE": "documents:write"}

    @extend_schema(operation_id="webhooks_get", responses=WebhookOutput)
    def get(self, request: Request, webhook_id: str) -> Response:
        """How it stands."""
        return Response(_json(_webhook(webhook_id)))

    @extend_schema(operation_id="webhooks_change", request=WebhookChange, responses=WebhookOutput)
    def patch(self, request: Request, webhook_id: str) -> Response:
        """Change it; ``active`` true switches it on again, and what waited is sent."""
        row, asked = _webhook(webhook_id), self.checked(WebhookChange)
        if "active" in asked:
            asked["is_active"] = asked.pop("active")
        try:
            return Response(_json(endpoints.change(row, **asked)))
        except endpoints.BadEndpoint as problem:
            raise Refused(str(problem), field=problem.field) from problem

    @extend_schema(operation_id="webhooks_delete", responses={204: None})
    def delete(self, request: Request, webhook_id: str) -> Response:
        """Remove it with its deliveries."""
        endpoints.remove(_webhook(webhook_id))
        return Response(status=204)


class WebhookTestView(ScopedView):
    """A test message."""

    scopes = {"POST": "documents:write"}

    @extend_schema(operation_id="webhooks_test", request=None, responses={202: DeliveryOutput})
    def post(self, request: Request, webhook_id: str) -> Response:
        """Send it a message of the type ``webhook.test``."""
        delivery = endpoints.test(_webhook(webhook_id))
        delivery.refresh_from_db()
        return Response(_delivery(delivery), status=202)


class DeliveriesView(ScopedView):
    """What was sent to a webhook."""

    scopes = {"GET": "documents:read"}

    @extend_schema(operation_id="webhooks_deliveries", responses=DeliveriesOutput)
    def get(self, request: Request, webhook_id: str) -> Response:
        """The last hundred deliveries, newest first."""
        rows = WebhookDelivery.objects.filter(endpoint=_webhook(webhook_id))
        found = rows.order_by("-created_at", "-id")[:SHOWN]
        return Response({"results": [_delivery(row) for row in found]})


class SendAgainView(ScopedView):
    """A delivery once more."""

    scopes = {"POST": "documents:write"}

    @extend_schema(
        operation_id="webhooks_send_again", request=None, responses={202: DeliveryOutput}
    )
    def post(self, request: Request, webhook_id: str, delivery_id: str) -> Response:
        """Send a delivery that has ended again, with the same id; 409 while it waits."""
        rows = WebhookDelivery.objects.filter(endpoint=_webhook(webhook_id))
        row = rows.filter(pk=uuid_or_absent(delivery_id, "delivery")).first()
        if row is None:
            raise Absent("delivery")
        if not endpoints.send_again(row.pk):
            raise Conflict("The delivery waits to be sent already.", code="not_ended")
        row.refresh_from_db()
        return Response(_delivery(row), status=202)


def _check_role() -> None:
    require_steward(current_principal(), "Webhooks are for keys with the role owner or admin.")


def _webhook(webhook_id: str) -> WebhookEndpoint:
    _check_role()
    row = WebhookEndpoint.objects.filter(pk=uuid_or_absent(webhook_id, "webhook")).first()
    if row is None:
        raise Absent("webhook")
    return row


def _json(row: WebhookEndpoint) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "url": row.url,
        "description": row.description,
        "events": row.events,
        "active": row.is_active,
        "failures": row.failures,
        "disabled_reason": row.disabled_reason,
        "created_at": row.created_at,
    }


def _delivery(row: WebhookDelivery) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "event": row.event,
        "state": row.state,
        "attempts": row.attempts,
        "status": row.status,
        "error": row.error,
        "payload": row.payload,
        "created_at": row.created_at,
        "sent_at": row.sent_at,
    }
