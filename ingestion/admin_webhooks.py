"""Webhooks, their deliveries, and retention in the tenant's admin.

An endpoint's secret is shown on one page, once. Sending goes through ``webhooks``; these pages translate.
"""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from ingestion.admin_forms import RetentionForm, WebhookForm
from ingestion.models import Retention, WebhookDelivery, WebhookEndpoint
from ingestion.webhooks import endpoints
from tenants.admin_pages import TenantModelAdmin

SHOWN = 50


@admin.register(WebhookEndpoint)
class WebhookAdmin(TenantModelAdmin):
    """Where to tell what becomes of documents, and what came of it."""

    form = WebhookForm
    nothing_yet = _(
        "A webhook tells a program of yours when a document is ready, failed or deleted."
    )
    list_display = ("url", "description", "chosen", "standing", "deliveries_link")
    ordering = ("url",)
    actions = None
    change_form_outer_before_template = "admin/ingestion/_webhook_links.html"

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = ("url", "description", "events") + (("is_active",) if obj else ())
        return ((None, {"fields": fields}),)

    @admin.display(description=_("Events"))
    def chosen(self, endpoint: WebhookEndpoint) -> str:
        return ", ".join(endpoint.events) or gettext("all")

    @admin.display(description=_("State"))
    def standing(self, endpoint: WebhookEndpoint) -> SafeString:
        state, text = "ready", gettext("active")
        if not endpoint.is_active:
            state, text = "failed", endpoint.disabled_reason or gettext("switched off")
        elif endpoint.failures:
            text = gettext("%d attempts in a row have failed") % endpoint.failures
            state = "queued"
        return format_html('<span class="doc-state doc-{}">{}</span>', state, text)

    @admin.display(description=_("Deliveries"))
    def deliveries_link(self, endpoint: WebhookEndpoint) -> SafeString:
        url = reverse("admin:ingestion_webhookendpoint_deliveries", args=[endpoint.pk])
        return format_html('<a class="underline" href="{}">{}</a>', url, gettext("Show"))

    class Media:
        css = {"all": ["ingestion/documents.css"]}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        given = {name: form.cleaned_data[name] for name in form.changed_data}
        if change:
            endpoints.change(obj, **given)
            return
        try:
            made, secret = endpoints.create(**given)
        except endpoints.BadEndpoint as problem:
            messages.error(request, str(problem))
            return
        obj.pk, obj.fresh_secret = made.pk, secret

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The command has written the event."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The command has written the event."""

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: Any = None
    ) -> HttpResponse:
        secret = getattr(obj, "fresh_secret", "")
        if not secret:
            return redirect("admin:ingestion_webhookendpoint_changelist")
        # On a page of its own: a message would put it into a cookie.
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("The webhook is there"),
            "secret": secret,
            "hint": gettext("The receiver checks signatures with it. It is not shown again."),
            "back": reverse("admin:ingestion_webhookendpoint_deliveries", args=[obj.pk]),
        }
        return TemplateResponse(request, "admin/tenants/shown_once.html", context)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        endpoints.remove(obj)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> list[Any]:
        """The command has written the event."""
        return []

    def get_urls(self) -> list[URLPattern]:
        views = [
            ("<uuid:webhook_id>/deliveries/", self.deliveries_view, "deliveries"),
            ("<uuid:webhook_id>/test/", require_POST(self.test_view), "test"),
            (
                "<uuid:webhook_id>/deliveries/<uuid:delivery_id>/again/",
                require_POST(self.again_view),
                "again",
            ),
        ]
        ours = [
            path(route, self.admin_site.admin_view(view), name=f"ingestion_webhookendpoint_{name}")
            for route, view, name in views
        ]
        return [*ours, *super().get_urls()]

    def deliveries_view(self, request: HttpRequest, webhook_id: UUID) -> HttpResponse:
        """The last deliveries: what was sent, what was answered, and when the next attempt is."""
        endpoint = get_object_or_404(WebhookEndpoint.objects.all(), pk=webhook_id)
        # Uses index: delivery_newest
        rows = WebhookDelivery.objects.filter(endpoint=endpoint).order_by("-created_at", "-id")
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Deliveries of a webhook"),
            "endpoint": endpoint,
            "rows": list(rows[:SHOWN]),
        }
        return TemplateResponse(request, "admin/ingestion/deliveries.html", context)

    def test_view(self, request: HttpRequest, webhook_id: UUID) -> HttpResponse:
        """Send a message that says it is a test."""
        endpoint = get_object_or_404(WebhookEndpoint.objects.all(), pk=webhook_id)
        endpoints.test(endpoint)
        messages.success(request, gettext("A test is on its way. Reload to see what came of it."))
        return redirect("admin:ingestion_webhookendpoint_deliveries", endpoint.pk)

    def again_view(self, request: HttpRequest, webhook_id: UUID, delivery_id: UUID) -> HttpResponse:
        """Send a delivery that has ended once more."""
        rows = WebhookDelivery.objects.filter(endpoint_id=webhook_id)
        delivery = get_object_or_404(rows, pk=delivery_id)
        if endpoints.send_again(delivery.pk):
            messages.success(request, gettext("It is sent again."))
        else:
            messages.warning(request, gettext("It waits to be sent already."))
        return redirect("admin:ingestion_webhookendpoint_deliveries", webhook_id)


@admin.register(Retention)
class RetentionAdmin(TenantModelAdmin):
    """How long the tenant keeps deleted documents and superseded versions."""

    form = RetentionForm
    nothing_yet = _(
        "What was deleted is kept for as long as the operator has set. Add a row to change that here."
    )
    list_display = ("__str__", "deleted_days", "superseded_days")
    actions = None

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """There is one row a tenant."""
        return not Retention.objects.exists()
