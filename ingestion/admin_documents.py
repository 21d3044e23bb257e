"""Documents in the tenant's admin: what each is made of, what became of it, and why; try again, or take it out."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from ingestion import citing, documents, expiry, overview, page_text, queueing
from ingestion.admin_lifecycle import DeletedFilter, DocumentDeeds, keys
from ingestion.errors import NotRetryable
from ingestion.models import Document
from ingestion.templatetags import doc_display
from tenants.admin_pages import ReadOnlyAdmin
from tenants.identifiers import uuid_or_none
from tenants.scope import current_principal


@admin.register(Document)
class DocumentAdmin(DocumentDeeds, ReadOnlyAdmin):
    """All documents of the tenant; each with its text, chunks, versions and runs."""

    list_display = (
        "link",
        "collection",
        "shown_state",
        "why",
        "pages",
        "chunks",
        "uploader",
        "changed",
    )
    list_display_links = None
    list_filter = (DeletedFilter, "state", "collection")
    search_fields = ("title", "external_id")
    ordering = ("-updated_at",)
    list_select_related = ("collection", "uploaded_by", "source")
    list_per_page = 50
    actions = (
        "try_again",
        "cancel_chosen",
        "edit_chosen",
        "take_out",
        "bring_back",
        "erase_chosen",
    )

    class Media:
        css = {"all": ["ingestion/documents.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        found: QuerySet[Document] = super().get_queryset(request)
        return found.filter(collection__private_to=None)

    @admin.display(description=_("Uploaded by"))
    def uploader(self, document: Document) -> str:
        """The member; else the way it came, as a key of the API and the shell have no member."""
        return str(document.uploaded_by or document.source.name)

    @admin.display(description=_("Changed"), ordering="updated_at")
    def changed(self, document: Document) -> SafeString:
        return format_html(
            '<time class="doc-when" datetime="{}" title="{} UTC">{}</time>',
            document.updated_at.isoformat(timespec="seconds"),
            document.updated_at.strftime("%Y-%m-%d %H:%M:%S"),
            doc_display.ago(document.updated_at),
        )

    @admin.display(description=_("Title"), ordering="title")
    def link(self, document: Document) -> SafeString:
        url = reverse("admin:ingestion_document_change", args=[document.pk])
        return format_html('<a class="doc-title" href="{}">{}</a>', url, document.title)

    @admin.display(description=_("State"), ordering="state")
    def shown_state(self, document: Document) -> SafeString:
        return format_html(
            '<span class="doc-state doc-{}">{}</span>', document.state, document.get_state_display()
        )

    @admin.display(description=_("Reason"))
    def why(self, document: Document) -> str:
        return document.reason[:120]

    @admin.action(description=_("Try again what failed"))
    def try_again(self, request: HttpRequest, chosen: QuerySet[Document]) -> None:
        count = documents.retry_many(document_ids=keys(chosen))
        text = ngettext("%d document is tried again.", "%d documents are tried again.", count)
        messages.success(request, text % count)

    @admin.action(description=_("Delete from search"))
    def take_out(self, request: HttpRequest, chosen: QuerySet[Document]) -> None:
        count = documents.delete_many(document_ids=keys(chosen))
        text = ngettext("%d document was deleted.", "%d documents were deleted.", count)
        messages.success(request, text % count)

    def get_urls(self) -> list[URLPattern]:
        views = [
            ("<uuid:document_id>/retry/", self.retry_view, "retry"),
            ("<uuid:document_id>/remove/", self.remove_view, "remove"),
        ]
        ours = [
            path(
                route,
                self.admin_site.admin_view(require_POST(view)),
                name=f"ingestion_document_{name}",
            )
            for route, view, name in views
        ]
        live = path(
            "<uuid:document_id>/progress/",
            self.admin_site.admin_view(self.progress_view),
            name="ingestion_document_progress",
        )
        return [*ours, live, *self.deed_urls(), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """What a document is made of, and what became of it."""
        document = self.get_object(request, object_id)
        if document is None:
            missing: HttpResponse = self._get_obj_does_not_exist_redirect(
                request, self.opts, object_id
            )
            return missing
        versions = overview.versions_of(document)
        shown = next((one for one in versions if one.pk == document.current_version_id), None)
        after = request.GET.get("after", "")
        context = {
            **self.admin_site.each_context(request),
            "title": document.title,
            "row": overview.with_runs([document])[0],
            "waiting": queueing.why_queued(document),
            "versions": versions,
            "parts": overview.parts_of(document),
            "runs": [(run, overview.stage_times(run)) for run in overview.runs_of(document)],
            "shown": shown,
            "page": overview.chunks_of(shown.pk, after=int(after) if after.isdecimal() else -1)
            if shown
            else None,
            "text": page_text.page_of(shown, _number(request.GET.get("page", "")))
            if shown
            else None,
            "places": citing.places(document.pk, current_principal()),
            "keeps": expiry.kept_for()[0].days,
        }
        return TemplateResponse(request, "admin/ingestion/document.html", context)

    def progress_view(self, request: HttpRequest, document_id: UUID) -> HttpResponse:
        """How far the work on a document is; once there is none, the page is asked to show itself anew."""
        document = get_object_or_404(overview.stewarded().filter(deleted_at=None), pk=document_id)
        row = overview.with_runs([document])[0]
        context = {"row": row, "waiting": queueing.why_queued(document)}
        answer = TemplateResponse(request, "admin/ingestion/_progress.html", context)
        if not row.is_open:
            answer["HX-Refresh"] = "true"
        return answer

    def retry_view(self, request: HttpRequest, document_id: UUID) -> HttpResponse:
        """Queue a failed document once more."""
        document = get_object_or_404(overview.stewarded().filter(deleted_at=None), pk=document_id)
        try:
            documents.retry(document=document)
            messages.success(request, gettext("%(title)s is tried again.") % {"title": document})
        except NotRetryable as refusal:
            messages.warning(request, str(refusal))
        return redirect(
            _back(request, reverse("admin:ingestion_document_change", args=[document.pk]))
        )

    def remove_view(self, request: HttpRequest, document_id: UUID) -> HttpResponse:
        """Take a document out of search."""
        document = get_object_or_404(overview.stewarded().filter(deleted_at=None), pk=document_id)
        documents.delete(document=document)
        messages.success(request, gettext("%(title)s was deleted.") % {"title": document})
        return redirect("admin:ingestion_collection_documents", document.collection_id)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 9 else 1


def _back(request: HttpRequest, otherwise: str) -> str:
    """Where the button was, when it was on a collection's page."""
    asked = request.POST.get("collection", "")
    found = uuid_or_none(asked)
    return reverse("admin:ingestion_collection_documents", args=[found]) if found else otherwise
