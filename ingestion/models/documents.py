"""Documents, their versions and passages.

A document's row is the truth about its state; a version is one immutable reading of its bytes.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from ingestion.models.collections import Collection
from ingestion.models.files import StoredFile
from ingestion.models.readers import reader_groups_field
from ingestion.models.sources import Source
from ingestion.models.states import State
from tenants.models import User
from tenants.tables import TenantForeignKey, TenantTable


class Document(TenantTable):
    """One document, whatever its version. ``external_id`` is its name in the place that it came from."""

    collection = TenantForeignKey(Collection, on_delete=models.CASCADE, related_name="documents")
    source = TenantForeignKey(Source, on_delete=models.CASCADE, related_name="documents")
    external_id = models.CharField(max_length=1000)
    # What it was found in: a mail, a PDF, an archive. It lives and dies with that document.
    parent = TenantForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="parts"
    )
    title = models.CharField(max_length=500)
    # A title that a person gave to the document; it outlives versions. Empty: each version brings its own.
    fixed_title = models.CharField(max_length=500, blank=True, db_default="")
    media_type = models.CharField(max_length=150, blank=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    reason_code = models.CharField(max_length=60, blank=True)
    reason = models.TextField(blank=True)
    remedy = models.TextField(blank=True)
    pages = models.IntegerField(null=True)
    chunks = models.IntegerField(default=0)
    metadata = models.JSONField(default=dict, blank=True)
    reader_groups = reader_groups_field()
    current_version_id = models.UUIDField(null=True)
    uploaded_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "collection", "external_id"],
                name="document_external_id_once",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="failed") | ~models.Q(reason=""),
                name="document_failed_says_why",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "collection", "-created_at"], name="document_newest"),
            models.Index(fields=["tenant", "state"], name="document_state"),
            models.Index(
                fields=["tenant", "deleted_at"],
                condition=models.Q(deleted_at__isnull=False),
                name="document_deleted",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class DocumentVersion(TenantTable):
    """One reading of a document's bytes: its cleaned text, where its pages begin, and when it was current."""

    document = TenantForeignKey(Document, on_delete=models.CASCADE, related_name="versions")
    number = models.IntegerField()
    file = TenantForeignKey(StoredFile, on_delete=models.CASCADE, related_name="versions")
    filename = models.CharField(max_length=500)
    # The title that came with the upload; empty: the parser's, or the file name.
    given_title = models.CharField(max_length=500, blank=True)
    # The title that it was published with, which its passages were embedded under.
    title = models.CharField(max_length=500, blank=True, db_default="")
    # The number of the version that this one brought back.
    restored_from = models.IntegerField(null=True)
    uploaded_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    sha256 = models.BinaryField(max_length=32)
    size = models.BigIntegerField()
    media_type = models.CharField(max_length=150, blank=True)
    parser = models.CharField(max_length=100, blank=True)
    text = models.TextField(blank=True)
    page_spans = models.JSONField(default=list)
    blocks = models.JSONField(default=list)
    warnings = models.JSONField(default=list)
    # Opens the file, encrypted by `inference.encryption`; kept as long as the file: its pages are drawn from it.
    sealed_password = models.BinaryField(default=b"", db_default=b"", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    valid_from = models.DateTimeField(null=True)
    valid_to = models.DateTimeField(null=True)

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "document", "number"], name="version_number_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["tenant", "valid_to"],
                condition=models.Q(valid_to__isnull=False),
                name="version_superseded",
            )
        ]

    def __str__(self) -> str:
        return f"version {self.number}"


class Chunk(TenantTable):
    """A passage: ``text`` is exactly ``version.text[span_start:span_end]``. Hash-partitioned by tenant."""

    collection = TenantForeignKey(Collection, on_delete=models.CASCADE, related_name="+")
    document = TenantForeignKey(Document, on_delete=models.CASCADE, related_name="+")
    version = TenantForeignKey(DocumentVersion, on_delete=models.CASCADE, related_name="chunks")
    ordinal = models.IntegerField()
    text = models.TextField()
    heading_path = ArrayField(models.TextField(), default=list)
    page = models.IntegerField(null=True)
    page_end = models.IntegerField(null=True)
    span_start = models.IntegerField()
    span_end = models.IntegerField()
    tokens = models.IntegerField()
    content_hash = models.BinaryField(max_length=32)
    reader_groups = reader_groups_field()
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True)

    class Meta(TenantTable.Meta):
        indexes = [
            models.Index(fields=["tenant", "version", "ordinal"], name="chunk_order"),
            models.Index(fields=["tenant", "content_hash"], name="chunk_hash"),
        ]

    def __str__(self) -> str:
        return self.text[:80]
