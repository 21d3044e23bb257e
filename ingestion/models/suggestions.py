"""What search boxes complete (``ingestion.suggestions``)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from ingestion.models.readers import reader_groups_field
from tenants.tables import TenantTable


class SuggestionDue(TenantTable):
    """A document whose words and title the suggestions have yet to follow; a trigger writes it, a task reads it."""

    document_id = models.UUIDField()

    def __str__(self) -> str:
        return str(self.document_id)


class Suggestion(TenantTable):
    """What a search box may complete: a word of passages, or a title from one of its words on (``suggestions``).

    ``key`` is what is typed, folded; ``shown`` what is offered. A word has one row per collection and set of reader
    groups; its ``witnesses`` are up to four passages that hold it. A title's witness is its document. Nothing is
    suggested without a witness that is current and may be read. ``id`` is made of all that tells a row from others.
    """

    class Kind(models.TextChoices):
        """Which of the two."""

        TITLE = "title", _("Title")
        WORD = "word", _("Word")

    kind = models.CharField(max_length=5, choices=Kind)
    collection_id = models.UUIDField()
    key = models.CharField(max_length=100, db_collation="C")
    shown = models.CharField(max_length=200)
    weight = models.IntegerField()
    witnesses = ArrayField(models.UUIDField())
    reader_groups = reader_groups_field()

    class Meta(TenantTable.Meta):
        indexes = [
            models.Index(
                fields=["tenant", "kind", "key"],
                include=["weight", "collection_id"],
                name="suggestion_prefix",
            )
        ]

    def __str__(self) -> str:
        return self.shown
