"""Search in the admin: how good the fast way is, night by night, and what was slow."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet, Window
from django.db.models.functions import Lag
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from ingestion import upkeep
from ingestion.models import Collection
from retrieval import audits
from retrieval.models import RecallAudit, SlowQuery
from tenants.admin_pages import ReadOnlyAdmin
from tenants.scope import current_tenant_id

MOST_COLLECTIONS = 100


@admin.register(RecallAudit)
class RecallAuditAdmin(ReadOnlyAdmin):
    """Recall by night and side, newest first, with what changed since the night before."""

    list_display = (
        "created_at",
        "by",
        "judged",
        "recall_bar",
        "change",
        "worst_share",
        "speed",
        "queries",
    )
    nothing_yet = _(
        "Nothing was measured yet. Every night searches and questions of the last seven days are compared with"
        " the exact way."
    )
    list_filter = ("side",)
    ordering = ("-created_at",)
    sortable_by = ()
    list_before_template = "retrieval/drift.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[RecallAudit]:
        """With ``before``, the recall of the same side the night before."""
        rows: QuerySet[RecallAudit] = super().get_queryset(request)
        before = Window(Lag("recall"), partition_by="side", order_by="created_at")
        return rows.annotate(before=before)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list, below the collections' statistics, those that are off first."""
        found = sorted(audits.statistics(), key=lambda one: not one.problems)[:MOST_COLLECTIONS]
        context = {"statistics": found, **(extra_context or {})}
        response: HttpResponse = super().changelist_view(request, context)
        return response

    def get_urls(self) -> list[URLPattern]:
        mend = self.admin_site.admin_view(require_POST(self.mend_view))
        return [
            path("mend/<uuid:collection_id>/", mend, name="retrieval_mend"),
            *super().get_urls(),
        ]

    def mend_view(self, request: HttpRequest, collection_id: UUID) -> HttpResponse:
        """Count a collection's terms anew."""
        row = get_object_or_404(Collection, pk=collection_id)
        count = upkeep.mend(current_tenant_id(), row.pk)
        said = ngettext(
            "%(name)s was counted anew: %(count)s count was off and is right now.",
            "%(name)s was counted anew: %(count)s counts were off and are right now.",
            count,
        )
        none = gettext("%(name)s was counted anew: every count was right.")
        messages.success(request, (said if count else none) % {"name": row.name, "count": count})
        return redirect("admin:retrieval_recallaudit_changelist")

    @admin.display(description=_("Search"))
    def by(self, row: RecallAudit) -> SafeString:
        """The side, in the words of the search page."""
        return _in_one_line(gettext("by meaning") if row.side == "dense" else gettext("by words"))

    @admin.display(description=_("Verdict"))
    def judged(self, row: RecallAudit) -> SafeString:
        """Good, or too low to leave alone: a dot and a word."""
        is_low = row.recall < audits.WARN_BELOW
        return _in_one_line(gettext("● Too low") if is_low else gettext("○ Good"))

    @admin.display(description=_("Recall of the first ten"))
    def recall_bar(self, row: RecallAudit) -> SafeString:
        """The share as a bar and a number."""
        return format_html(
            '<progress max="1" value="{}"></progress> {} %', row.recall, f"{100 * row.recall:.1f}"
        )

    @admin.display(description=_("Change in points"))
    def change(self, row: RecallAudit) -> str:
        """In points."""
        last: float | None = row.before  # type: ignore[attr-defined]  # (annotated above)
        return "" if last is None else f"{100 * (row.recall - last):+.1f}"

    @admin.display(description=_("Worst question"))
    def worst_share(self, row: RecallAudit) -> str:
        return f"{100 * row.worst:.0f} %"

    @admin.display(description=_("Time, exact time"))
    def speed(self, row: RecallAudit) -> str:
        return f"{row.ms:.1f} ms, {row.exact_ms:.1f} ms"


def _in_one_line(words: str) -> SafeString:
    """The theme breaks cells anywhere, in the middle of a word as well."""
    return format_html('<span class="whitespace-nowrap">{}</span>', words)


@admin.register(SlowQuery)
class SlowQueryAdmin(ReadOnlyAdmin):
    """What took longer than the setting allows, with its plan."""

    nothing_yet = _("No search took longer than the setting FOOTNOTE_SLOW_SEARCH_MS allows.")
    list_display = ("created_at", "took", "query")
    list_per_page = 50
    ordering = ("-created_at",)
    sortable_by = ()
    readonly_fields = ("created_at", "took", "query", "details", "plan_text")
    fields = readonly_fields

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("traces/traces.css",)}

    @admin.display(description=_("Took"))
    def took(self, row: SlowQuery) -> str:
        return f"{row.duration_ms:.0f} ms"

    @admin.display(description=_("Plan"))
    def plan_text(self, row: SlowQuery) -> SafeString:
        """As the database wrote it."""
        return format_html('<pre class="plan">{}</pre>', row.plan)
