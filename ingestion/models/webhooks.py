"""Addresses that are told what becomes of documents, and the messages to them."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from tenants.tables import TenantForeignKey, TenantTable


class WebhookEndpoint(TenantTable):
    """An address of the tenant's that is told what becomes of documents and budgets."""

    class Event(models.TextChoices):
        READY = "document.ready", _("Document ready")
        FAILED = "document.failed", _("Document failed")
        DELETED = "document.deleted", _("Document deleted")
        ERASED = "document.erased", _("Document erased")
        # Written by a trigger, in the transaction in which a budget passes a line (migration 0020).
        BUDGET_WARNING = "budget.warning", _("Budget at 50, 80 or 100 per cent")

    url = models.CharField(_("address"), max_length=2000)
    description = models.CharField(_("description"), max_length=200, blank=True)
    # None chosen: all of them.
    events = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    # Encrypted by `inference.encryption`.
    sealed_secret = models.BinaryField(editable=False)
    is_active = models.BooleanField(_("active"), default=True)
    # Attempts in a row that did not succeed; too many end it.
    failures = models.IntegerField(default=0, editable=False)
    disabled_reason = models.TextField(blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantTable.Meta):
        verbose_name = _("webhook")

    def __str__(self) -> str:
        return self.description or self.url


class WebhookDelivery(TenantTable):
    """A message to an endpoint, written in the transaction of what it tells; sent until it arrives or is given up."""

    class DeliveryState(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")

    endpoint = TenantForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries"
    )
    event = models.CharField(max_length=40)
    payload = models.JSONField()
    state = models.CharField(
        max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING
    )
    attempts = models.SmallIntegerField(default=0)
    not_before = models.DateTimeField(db_default=Now())
    lease_until = models.DateTimeField(null=True)
    status = models.IntegerField(null=True)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)

    class Meta(TenantTable.Meta):
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        indexes = [
            models.Index(fields=["tenant", "endpoint", "-created_at"], name="delivery_newest"),
            models.Index(
                fields=["tenant", "not_before"],
                condition=models.Q(state="waiting"),
                name="delivery_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.id}"
