"""Sets of documents, and how what is in them is cut."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from ingestion.chunking.profiles import NAMED
from ingestion.models.readers import reader_groups_field
from tenants.models import SLUG
from tenants.tables import TenantManager, TenantTable


class SharedCollections(TenantManager["Collection"]):
    """Those of the tenant; a member's private ones have to be asked for (``Collection.every``)."""

    def get_queryset(self) -> models.QuerySet["Collection"]:
        return super().get_queryset().filter(private_to=None)


class Collection(TenantTable):
    """A set of documents that is searched together.

    ``private_to`` is the user whose attachments it holds: restricted to that member's personal group, in no list of
    administrators, and searched only where it is named.
    """

    slug = models.CharField(max_length=63, validators=[SLUG])
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    language = models.CharField(
        max_length=20,
        default="english",
        help_text=_("Stemming of the lexical index, or 'simple' for none"),
    )
    bm25_k1 = models.FloatField(
        _("k1 of BM25"),
        default=1.2,
        validators=[MinValueValidator(0.1), MaxValueValidator(10)],
        help_text=_("How much further occurrences of a word count, 0.1 to 10; usual are 0.9 to 2."),
    )
    bm25_b = models.FloatField(
        _("b of BM25"),
        default=0.75,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text=_("How much long passages are held back: 0 not at all, 1 by their whole length."),
    )
    title_weight = models.PositiveSmallIntegerField(
        _("weight of titles"),
        default=1,
        db_default=1,
        validators=[MinValueValidator(1), MaxValueValidator(10)],
        help_text=_("How many times a word counts that stands in the document's title, 1 to 10."),
    )
    heading_weight = models.PositiveSmallIntegerField(
        _("weight of headings"),
        default=1,
        db_default=1,
        validators=[MinValueValidator(1), MaxValueValidator(10)],
        help_text=_("The same for the headings above a passage."),
    )
    # What the lexical entries are weighted with, until a job has weighted all of them for the four above
    # (``reweighting``), and what it is weighting them for.
    weighed_k1 = models.FloatField(default=1.2, db_default=1.2, editable=False)
    weighed_b = models.FloatField(default=0.75, db_default=0.75, editable=False)
    weighed_title = models.PositiveSmallIntegerField(default=1, db_default=1, editable=False)
    weighed_heading = models.PositiveSmallIntegerField(default=1, db_default=1, editable=False)
    next_k1 = models.FloatField(null=True, editable=False)
    next_b = models.FloatField(null=True, editable=False)
    next_title = models.PositiveSmallIntegerField(null=True, editable=False)
    next_heading = models.PositiveSmallIntegerField(null=True, editable=False)
    # The average length that the lexical entries are weighted with; a job follows the real one.
    average_length = models.FloatField(null=True, editable=False)
    reader_groups = reader_groups_field()
    chunk_profile = models.CharField(
        _("size of passages"),
        max_length=20,
        choices=[
            ("balanced", _("Balanced: about 160 tokens")),
            ("precise", _("Precise: about 96 tokens, for short facts")),
            ("broad", _("Broad: about 200 tokens, for long explanations")),
        ],
        default="balanced",
        db_default="balanced",
    )
    chunk_tokens = models.PositiveIntegerField(
        _("tokens of a passage"),
        null=True,
        blank=True,
        validators=[MinValueValidator(32), MaxValueValidator(2000)],
        help_text=_("Instead of the size above; never more than the embedding model can read."),
    )
    chunk_overlap = models.PositiveIntegerField(
        _("tokens repeated"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(1000)],
        help_text=_("Where a paragraph had to be cut inside; at most half of a passage."),
    )
    split_tables = models.BooleanField(
        _("cut tables between rows"),
        default=False,
        db_default=False,
        help_text=_("Otherwise a table that fits stays whole. The header is repeated either way."),
    )
    split_code = models.BooleanField(
        _("cut code between lines"),
        default=False,
        db_default=False,
        help_text=_("Otherwise code that fits stays whole."),
    )
    private_to = models.UUIDField(null=True, editable=False)
    # While it is set nothing of it is claimed; uploads are taken and wait.
    paused_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[SharedCollections] = SharedCollections()
    every: ClassVar[Any] = TenantManager()

    class Meta(TenantTable.Meta):
        base_manager_name = "every"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "slug"], name="collection_slug_once")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["tenant"],
                condition=models.Q(paused_at__isnull=False),
                name="collection_paused",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Raises ValidationError for an overlap of more than half a passage."""
        target = self.chunk_tokens or NAMED[self.chunk_profile][0]
        if self.chunk_overlap is not None and self.chunk_overlap > target // 2:
            problem = _("At most half of a passage can be repeated: %(most)d tokens.")
            raise ValidationError({"chunk_overlap": problem % {"most": target // 2}})
