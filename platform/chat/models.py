"""Conversations as trees of messages, the events that an answer was streamed as, and its citations.

A message's events are stored as they happen, so that a reload (or another process) resumes the stream where it was.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from ingestion.models import Chunk
from tenants.models import User
from tenants.tables import TenantForeignKey, TenantTable


class Conversation(TenantTable):
    """A member's conversation; nobody else sees it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, db_index=False, related_name="+")
    title = models.CharField(max_length=200, blank=True)
    collection_ids = ArrayField(models.UUIDField(), default=list, blank=True)
    # The private collection of the files that were attached here.
    attachments_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantTable.Meta):
        indexes = [
            models.Index(fields=["tenant", "user", "-updated_at"], name="conversation_newest")
        ]

    def __str__(self) -> str:
        return self.title or str(_("New conversation"))


class Message(TenantTable):
    """A question or an answer. Regenerating makes a sibling: the parent keeps both."""

    class Author(models.TextChoices):
        USER = "user", _("You")
        ASSISTANT = "assistant", _("Footnote")

    class State(models.TextChoices):
        STREAMING = "streaming", _("Answering")
        COMPLETE = "complete", _("Complete")
        STOPPED = "stopped", _("Stopped")
        INCOMPLETE = "incomplete", _("Incomplete")
        FAILED = "failed", _("Failed")

    conversation = TenantForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    parent = TenantForeignKey("self", null=True, on_delete=models.CASCADE, related_name="replies")
    author = models.CharField(max_length=10, choices=Author.choices)
    state = models.CharField(max_length=12, choices=State.choices, default=State.COMPLETE)
    text = models.TextField(blank=True)
    answered = models.BooleanField(null=True)
    support = models.FloatField(null=True)
    reason = models.TextField(blank=True)
    details = models.JSONField(default=dict)
    model = models.CharField(max_length=200, blank=True)
    trace_id = models.CharField(max_length=32, blank=True)
    cost_usd = models.DecimalField(max_digits=14, decimal_places=8, default=0)
    duration_ms = models.FloatField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    heartbeat_at = models.DateTimeField(null=True)

    class Meta(TenantTable.Meta):
        indexes = [
            models.Index(fields=["tenant", "conversation", "created_at"], name="message_order")
        ]

    def __str__(self) -> str:
        return self.text[:80]


class MessageEvent(TenantTable):
    """One event of an answer's stream, numbered from 1."""

    message = TenantForeignKey(Message, on_delete=models.CASCADE, related_name="events")
    number = models.IntegerField()
    kind = models.CharField(max_length=20)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "message", "number"], name="message_event_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.kind}"


class Citation(TenantTable):
    """A numbered reference of an answer to an immutable chunk; the quote is a span of its version's text."""

    message = TenantForeignKey(Message, on_delete=models.CASCADE, related_name="citations")
    chunk = TenantForeignKey(Chunk, null=True, on_delete=models.DO_NOTHING, related_name="+")
    number = models.IntegerField()
    title = models.CharField(max_length=500)
    page = models.IntegerField(null=True)
    quote = models.TextField()
    span_start = models.IntegerField()
    span_end = models.IntegerField()

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "message", "number"], name="citation_number_once"
            )
        ]

    def __str__(self) -> str:
        return f"[{self.number}] {self.title}"

    @property
    def is_erased(self) -> bool:
        """Its document was erased: there is nothing left of title and quote."""
        return self.chunk_id is None
