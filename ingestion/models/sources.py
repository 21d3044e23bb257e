"""Places that documents come from."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from ingestion.models.collections import Collection
from tenants.models import User
from tenants.tables import TenantForeignKey, TenantTable


class Source(TenantTable):
    """Where documents come from: an upload, the shell, the API, or a place that is looked at again and again.

    ``config`` is of the kind's own shape (``syncing.kinds``); ``encrypted_credentials`` go in and never come out. A
    source that was removed stays as a row, since documents came from it.
    """

    class Kind(models.TextChoices):
        UPLOAD = "upload", _("Upload")
        SHELL = "shell", _("Command line")
        API = "api", _("API")
        URL = "url", _("Web pages")
        SITEMAP = "sitemap", _("Sitemap")
        CRAWL = "crawl", _("Web site")
        FEED = "rss", _("Feed (RSS, Atom)")
        S3 = "s3", _("S3 bucket")
        GIT = "git", _("Git repository")
        FOLDER = "folder", _("Folder")

    class Missing(models.TextChoices):
        DELETE = "delete", _("Delete them from search")
        KEEP = "keep", _("Keep them")

    collection = TenantForeignKey(Collection, on_delete=models.CASCADE, related_name="sources")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    name = models.CharField(max_length=200)
    # As of a collection: nothing is claimed meanwhile.
    paused_at = models.DateTimeField(null=True, editable=False)
    config = models.JSONField(default=dict, blank=True)
    encrypted_credentials = models.BinaryField(default=b"", editable=False)
    # What the last look left for the next one (a commit, a feed's ETag).
    memory = models.JSONField(default=dict, editable=False)
    # How often it is looked at; None: only when somebody asks.
    every_minutes = models.PositiveIntegerField(null=True, blank=True)
    # What was fetched more recently than this is not asked for again.
    fresh_minutes = models.PositiveIntegerField(default=0)
    missing = models.CharField(max_length=10, choices=Missing.choices, default=Missing.DELETE)
    # More than this share of the documents is never deleted at once without somebody's word.
    most_deleted_percent = models.PositiveSmallIntegerField(default=20)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    removed_at = models.DateTimeField(null=True, blank=True)
    next_run_at = models.DateTimeField(null=True, blank=True)
    last_run_at = models.DateTimeField(null=True, blank=True)
    last_success_at = models.DateTimeField(null=True, blank=True)
    reason_code = models.CharField(max_length=60, blank=True)
    reason = models.TextField(blank=True)
    remedy = models.TextField(blank=True)
    # Documents that the last complete listing did not have, and that wait for somebody's word.
    held_deletions = models.IntegerField(default=0)

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "collection", "kind", "name"],
                condition=models.Q(removed_at=None),
                name="source_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["tenant", "next_run_at"],
                condition=models.Q(paused_at=None, removed_at=None, next_run_at__isnull=False),
                name="source_due",
            ),
            models.Index(
                fields=["tenant"],
                condition=models.Q(paused_at__isnull=False),
                name="source_paused",
            ),
        ]

    def __str__(self) -> str:
        return self.name
