"""The corpus and its index. Only this package writes these tables.

A document's row is the truth about its state; ``DocumentVersion`` holds one immutable reading of its bytes; ``Chunk``
and the two narrow search tables (``Embedding``, ``LexicalEntry``) are published and closed with it in one commit.
``valid_to IS NULL`` means current. Reader groups are copied down to every row that search reads, because the policies
and the search function filter by them before the cut.
"""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from pgvector.django import HalfVectorField, SparseVectorField

from tenants.models import SLUG, User
from tenants.tables import TenantForeignKey, TenantTable


def reader_groups_field() -> Any:
    """Ids of the groups that may read; empty: every member of the tenant."""
    return ArrayField(models.UUIDField(), default=list, blank=True)


class State(models.TextChoices):
    """Where a document is on its way into search."""

    QUEUED = "queued", _("Queued")
    PARSING = "parsing", _("Parsing")
    CHUNKING = "chunking", _("Chunking")
    EMBEDDING = "embedding", _("Embedding")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Failed")


TERMINAL = (State.READY, State.FAILED)


class Collection(TenantTable):
    """A set of documents that is searched together."""

    slug = models.CharField(max_length=63, validators=[SLUG])
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    language = models.CharField(
        max_length=20,
        default="english",
        help_text=_("Stemming of the lexical index, or 'simple' for none"),
    )
    bm25_k1 = models.FloatField(default=1.2)
    bm25_b = models.FloatField(default=0.75)
    # The average length that the lexical entries are weighted with; a job follows the real one.
    average_length = models.FloatField(null=True, editable=False)
    reader_groups = reader_groups_field()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantTable.Meta):
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "slug"], name="collection_slug_once")
        ]

    def __str__(self) -> str:
        return self.name


class StoredFile(TenantTable):
    """Bytes kept in Postgres, in blocks of 1 MB, so that one dump is everything."""

    sha256 = models.BinaryField(max_length=32)
    size = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantTable.Meta):
        indexes = [models.Index(fields=["tenant", "sha256"], name="stored_file_hash")]

    def __str__(self) -> str:
        return f"{self.size} bytes"


class FileBlock(TenantTable):
    """One block of a stored file."""

    file = TenantForeignKey(StoredFile, on_delete=models.CASCADE, related_name="blocks")
    ordinal = models.IntegerField()
    data = models.BinaryField()

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "file", "ordinal"], name="file_block_once")
        ]

    def __str__(self) -> str:
        return f"block {self.ordinal}"


class Source(TenantTable):
    """Where documents come from: an upload, the shell, later URLs, folders, buckets."""

    class Kind(models.TextChoices):
        UPLOAD = "upload", _("Upload")
        SHELL = "shell", _("Command line")
        API = "api", _("API")

    collection = TenantForeignKey(Collection, on_delete=models.CASCADE, related_name="sources")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "collection", "kind", "name"], name="source_once"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Document(TenantTable):
    """One document, whatever its version. ``external_id`` is its name in the place that it came from."""

    collection = TenantForeignKey(Collection, on_delete=models.CASCADE, related_name="documents")
    source = TenantForeignKey(Source, on_delete=models.CASCADE, related_name="documents")
    external_id = models.CharField(max_length=1000)
    title = models.CharField(max_length=500)
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
    sha256 = models.BinaryField(max_length=32)
    size = models.BigIntegerField()
    media_type = models.CharField(max_length=150, blank=True)
    parser = models.CharField(max_length=100, blank=True)
    text = models.TextField(blank=True)
    page_spans = models.JSONField(default=list)
    blocks = models.JSONField(default=list)
    warnings = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    valid_from = models.DateTimeField(null=True)
    valid_to = models.DateTimeField(null=True)

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "document", "number"], name="version_number_once"
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


class EmbeddingSpace(TenantTable):
    """One embedding model's vectors of a tenant. Exactly one space serves searches at a time."""

    class SpaceState(models.TextChoices):
        FILLING = "filling", _("Filling")
        SERVING = "serving", _("Serving")
        RETIRED = "retired", _("Retired")

    model = models.CharField(max_length=200)
    dimensions = models.IntegerField()
    state = models.CharField(max_length=10, choices=SpaceState.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"],
                condition=models.Q(state="serving"),
                name="space_one_serving",
            )
        ]

    def __str__(self) -> str:
        return self.model


class Embedding(TenantTable):
    """The narrow dense search table: a chunk's vector in one space. Hash-partitioned; ``id`` is the chunk's.

    The column has no fixed dimension, because spaces differ; an index casts it.
    """

    space = TenantForeignKey(EmbeddingSpace, on_delete=models.CASCADE, related_name="+")
    collection_id = models.UUIDField()
    version_id = models.UUIDField()
    vector = HalfVectorField()
    reader_groups = reader_groups_field()
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True)

    class Meta(TenantTable.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["tenant", "version_id"], name="embedding_version")
        ]

    def __str__(self) -> str:
        return str(self.id)


class LexicalEntry(TenantTable):
    """The narrow lexical search table: a chunk's BM25 weights by hashed term. ``id`` is the chunk's.

    ``length`` is the number of its terms, ``average_length`` the collection's average that the weights were made with.
    """

    collection_id = models.UUIDField()
    version_id = models.UUIDField()
    weights = SparseVectorField()
    length = models.IntegerField()
    average_length = models.FloatField()
    reader_groups = reader_groups_field()
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True)

    class Meta(TenantTable.Meta):
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["tenant", "version_id"], name="lexical_version")
        ]

    def __str__(self) -> str:
        return str(self.id)


class TermCount(TenantTable):
    """Document frequencies, as signed increments that are only ever inserted, so that writers never wait.

    Their sum per dimension is the document frequency; dimension 0 counts chunks (``documents``) and terms (``length``).
    A job folds increments together.
    """

    collection = TenantForeignKey(Collection, on_delete=models.CASCADE, related_name="+")
    dimension = models.IntegerField()
    documents = models.IntegerField()
    length = models.BigIntegerField(default=0)

    class Meta(TenantTable.Meta):
        indexes = [
            models.Index(
                fields=["tenant", "collection", "dimension"],
                include=["documents", "length"],
                name="term_count_lookup",
            )
        ]

    def __str__(self) -> str:
        return f"{self.dimension}: {self.documents}"


class IngestionRun(TenantTable):
    """One attempt-bearing journey of a version through the pipeline: lease, attempts, stages, reason."""

    document = TenantForeignKey(Document, on_delete=models.CASCADE, related_name="runs")
    version = TenantForeignKey(DocumentVersion, on_delete=models.CASCADE, related_name="runs")
    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    attempts = models.SmallIntegerField(default=0)
    # A small text: claimed in batches, so that many are embedded together.
    light = models.BooleanField(default=False)
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    # By the database's clock, like everything about a lease.
    not_before = models.DateTimeField(db_default=Now())
    reason_code = models.CharField(max_length=60, blank=True)
    reason = models.TextField(blank=True)
    remedy = models.TextField(blank=True)
    stages = models.JSONField(default=dict)
    pages = models.IntegerField(null=True)
    chunks = models.IntegerField(default=0)
    chunks_done = models.IntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta(TenantTable.Meta):
        indexes = [
            models.Index(fields=["tenant", "document", "-created_at"], name="run_of_document"),
            models.Index(
                fields=["tenant", "not_before"],
                condition=~models.Q(state__in=["ready", "failed"]),
                name="run_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()} run of {self.document_id}"
