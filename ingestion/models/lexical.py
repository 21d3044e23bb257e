"""Terms: the narrow table of their weights, how common they are, and the postings made of both."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from pgvector.django import SparseVectorField

from ingestion.models.collections import Collection
from ingestion.models.readers import reader_groups_field
from tenants.models import Tenant
from tenants.tables import TenantTable


class LexicalEntry(TenantTable):
    """The narrow lexical search table: a chunk's BM25 weights by hashed term. ``id`` is the chunk's.

    ``length`` is the number of its terms, ``average_length`` the collection's average that the weights were made with.
    ``next_weights`` are made for another k1 or b and take over with those of the whole collection.
    ``slot`` is its place in the postings; None: not merged into them yet, so that searches scan it.
    """

    collection_id = models.UUIDField()
    version_id = models.UUIDField()
    weights = SparseVectorField()
    next_weights = SparseVectorField(null=True)
    length = models.IntegerField()
    average_length = models.FloatField()
    slot = models.IntegerField(null=True)
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

    # Without constraints: some thirty rows come with each chunk, whose own references are checked in the same commit,
    # and checking these as well took as long as writing them.
    tenant = models.ForeignKey(
        Tenant,
        on_delete=models.CASCADE,
        db_index=False,
        db_constraint=False,
        related_name="+",
        editable=False,
    )
    collection = models.ForeignKey(
        Collection,
        on_delete=models.CASCADE,
        db_index=False,
        db_constraint=False,
        related_name="+",
    )
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


class Posting(TenantTable):
    """One term's weights in the chunks of one window: dimension ``n`` of ``impacts`` is the window's ``n``-th slot.

    ``id`` is made of the window's number and the term's dimension (``postings.key``): searches look it up by that.
    Hash-partitioned.
    """

    impacts = SparseVectorField()

    def __str__(self) -> str:
        return str(self.id)


class PostingsWindow(TenantTable):
    """Up to 8,000 neighbouring slots whose postings were written together, and are never changed.

    ``entries`` is how many chunks it had when it was built; ``stale`` asks for it to be built anew.
    """

    number = models.IntegerField()
    first_slot = models.IntegerField()
    slots = models.IntegerField()
    entries = models.IntegerField()
    collection_ids = ArrayField(models.UUIDField())
    stale = models.BooleanField(default=False)
    built_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="postings_window_once")
        ]

    def __str__(self) -> str:
        return f"window {self.number}"
