"""What search remembers beside the corpus: saved and sampled searches, audits of the approximate route, slow ones."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models import User
from tenants.tables import TenantTable


class SavedSearch(TenantTable):
    """A person's search under a name: the words as typed, and what was chosen beside them.

    ``terms`` are filters, ``as_of`` is a day (none: what is current), ``rerank`` asks for the reranker's order.

    ``seen_at`` is when it was last looked at, ``seen_state`` that of the documents then (``ingestion.generations``).
    A deleted one can be brought back for a while.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, db_index=False, related_name="+")
    name = models.CharField(max_length=100)
    query = models.TextField(blank=True)
    terms = ArrayField(models.TextField(), default=list, blank=True)
    as_of = models.DateField(null=True, blank=True)
    rerank = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(null=True, editable=False)
    seen_state = models.CharField(max_length=32, default="", db_default="", editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    class Meta(TenantTable.Meta):
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "user", "name"], name="saved_search_once")
        ]

    def __str__(self) -> str:
        return self.name


class RecallAudit(TenantTable):
    """One night's comparison of what search gives with what an exact scan gives, over sampled real questions."""

    created_at = models.DateTimeField(auto_now_add=True)
    side = models.CharField(max_length=10)
    queries = models.IntegerField()
    recall = models.FloatField(help_text=_("Mean share of the exact ten that were found"))
    worst = models.FloatField()
    ms = models.FloatField(help_text=_("Median time of the search, milliseconds"))
    exact_ms = models.FloatField()

    class Meta(TenantTable.Meta):
        verbose_name = _("night of recall")
        verbose_name_plural = _("nights of recall")
        indexes = [models.Index(fields=["tenant", "-created_at"], name="recall_audit_newest")]

    def __str__(self) -> str:
        return f"{self.side}: {self.recall:.3f}"


class SampledSearch(TenantTable):
    """The words of a search, kept by chance and for a week (``sampling``)."""

    created_at = models.DateTimeField(auto_now_add=True)
    query = models.TextField()

    class Meta(TenantTable.Meta):
        indexes = [models.Index(fields=["tenant", "-created_at"], name="sampled_search_newest")]

    def __str__(self) -> str:
        return self.query[:80]


class SlowQuery(TenantTable):
    """A search that took longer than the setting allows, with the plan that the database had for it."""

    created_at = models.DateTimeField(auto_now_add=True)
    query = models.TextField()
    duration_ms = models.FloatField()
    details = models.JSONField(default=dict)
    plan = models.TextField(blank=True)

    class Meta(TenantTable.Meta):
        verbose_name = _("slow search")
        verbose_name_plural = _("slow searches")
        indexes = [models.Index(fields=["tenant", "-created_at"], name="slow_query_newest")]

    def __str__(self) -> str:
        return self.query[:80]
