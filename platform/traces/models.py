"""What happened, when, and what readers thought of it: traces, their spans, and feedback.

Ids follow OpenTelemetry (128-bit trace, 64-bit span, lower-case hex), attribute names its GenAI conventions.
``recorder`` is the only writer of traces and spans.
"""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models import User
from tenants.tables import TenantTable


class Outcome(models.TextChoices):
    """How a trace or a span ended."""

    OK = "ok", _("OK")
    ERROR = "error", _("Error")
    CANCELLED = "cancelled", _("Stopped")


class Trace(TenantTable):
    """One question (or job), from its arrival to its last byte."""

    trace_id = models.CharField(max_length=32)
    name = models.CharField(max_length=100)
    feature = models.CharField(max_length=40)
    user = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    api_key_id = models.UUIDField(null=True)
    conversation_id = models.UUIDField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    question = models.TextField(blank=True)
    answer = models.TextField(blank=True)
    model = models.CharField(max_length=200, blank=True)
    input_tokens = models.IntegerField(default=0)
    output_tokens = models.IntegerField(default=0)
    cost_usd = models.DecimalField(max_digits=14, decimal_places=8, default=0)
    started_at = models.DateTimeField()
    duration_ms = models.FloatField()

    class Meta(TenantTable.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "trace_id"], name="trace_id_once")]
        indexes = [models.Index(fields=["tenant", "-started_at"], name="trace_newest")]

    def __str__(self) -> str:
        return self.question[:80] or self.name


class Span(TenantTable):
    """One step of a trace. Partitioned by day, so that retention drops partitions instead of deleting rows."""

    trace_id = models.CharField(max_length=32)
    span_id = models.CharField(max_length=16)
    parent_span_id = models.CharField(max_length=16, blank=True)
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    started_at = models.DateTimeField()
    duration_ms = models.FloatField()
    attributes = models.JSONField(default=dict)

    class Meta(TenantTable.Meta):
        indexes: ClassVar[list[models.Index]] = []

    def __str__(self) -> str:
        return self.name


class Feedback(TenantTable):
    """A reader's thumb on one answer, with the reason if they gave one."""

    trace_id = models.CharField(max_length=32)
    message_id = models.UUIDField()
    user = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    score = models.SmallIntegerField(choices=[(1, _("Helpful")), (-1, _("Not helpful"))])
    comment = models.TextField(blank=True, max_length=2000)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "message_id", "user"], name="feedback_once"),
            models.CheckConstraint(condition=models.Q(score__in=[1, -1]), name="feedback_score"),
        ]
        indexes = [models.Index(fields=["tenant", "trace_id"], name="feedback_trace")]

    def __str__(self) -> str:
        return self.get_score_display()
