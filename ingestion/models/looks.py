"""What a source lists, and each look at it."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from ingestion.models.documents import Document
from ingestion.models.sources import Source
from tenants.tables import TenantForeignKey, TenantTable


class SourceItem(TenantTable):
    """One thing that a source lists: what is needed to ask whether it changed, and to notice that it is gone.

    ``marker`` is what the listing itself says of its version (a lastmod, an ETag, size and time); ``memory`` is the
    kind's own (a crawled page's links). The key is unique by its hash, since addresses outgrow an index.
    """

    source = TenantForeignKey(Source, on_delete=models.CASCADE, related_name="items")
    document = TenantForeignKey(
        Document, null=True, on_delete=models.SET_NULL, related_name="source_items"
    )
    key = models.TextField()
    key_hash = models.BinaryField(max_length=32)
    marker = models.CharField(max_length=300, blank=True)
    etag = models.CharField(max_length=300, blank=True)
    last_modified = models.CharField(max_length=100, blank=True)
    sha256 = models.BinaryField(max_length=32, default=b"")
    memory = models.JSONField(default=dict)
    seen_at = models.DateTimeField(db_default=Now())
    fetched_at = models.DateTimeField(null=True)
    reason_code = models.CharField(max_length=60, blank=True)
    reason = models.TextField(blank=True)
    remedy = models.TextField(blank=True)

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "source", "key_hash"], name="source_item_once"
            )
        ]

    def __str__(self) -> str:
        return self.key[:200]


class SourceRun(TenantTable):
    """One look at a source, from the listing to the last item; leased and fenced like an ingestion run."""

    class RunState(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        HELD = "held", _("Needs your word")
        FAILED = "failed", _("Failed")
        STOPPED = "stopped", _("Stopped")

    source = TenantForeignKey(Source, on_delete=models.CASCADE, related_name="runs")
    state = models.CharField(max_length=10, choices=RunState.choices, default=RunState.WAITING)
    # Somebody pressed the button: freshness does not count.
    asked_for = models.BooleanField(default=False)
    may_delete_all = models.BooleanField(default=False)
    attempts = models.SmallIntegerField(default=0)
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(db_default=Now())
    listed = models.IntegerField(default=0)
    fetched = models.IntegerField(default=0)
    unchanged = models.IntegerField(default=0)
    new = models.IntegerField(default=0)
    changed = models.IntegerField(default=0)
    deleted = models.IntegerField(default=0)
    skipped = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    # The first two hundred items that failed or were left out, each with reason and remedy.
    problems = models.JSONField(default=list)
    reason_code = models.CharField(max_length=60, blank=True)
    reason = models.TextField(blank=True)
    remedy = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "source"],
                condition=models.Q(finished_at=None),
                name="source_run_one_open",
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "source", "-created_at"], name="source_run_newest"),
            models.Index(
                fields=["tenant", "not_before"],
                condition=models.Q(finished_at=None),
                name="source_run_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()} run of {self.source_id}"
