"""Collections and documents in the tenant's admin: upload, watch, find out why, try again.

A collection's documents page takes the uploads and shows their progress; a document's page shows what became of it.
Writing goes through ``documents``; these pages translate.
"""

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

from ingestion import collections, documents, overview
from ingestion.admin_forms import CollectionForm
from ingestion.collections import Coverage
from ingestion.documents import Upload
from ingestion.errors import NotRetryable
from ingestion.intake import readable_types
from ingestion.models import Collection, Document, State
from tenants.admin_pages import ReadOnlyAdmin, TenantModelAdmin


@admin.register(Collection)
class CollectionAdmin(TenantModelAdmin):
    """Collections, and the documents page of each."""

    form = CollectionForm
    list_display = ("name", "documents_link", "language", "restricted", "created_at")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    ordering = ("name",)
    actions = None
    fieldsets = ((None, {"fields": ("name", "slug", "description", "language", "groups")}),)
    change_form_outer_before_template = "admin/ingestion/_collection_links.html"

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list with each collection's coverage, in one query for the page."""
        # Not by annotations: Django groups by `id` alone, which is not the key that Postgres knows.
        changes: Any = super().get_changelist_instance(request)
        changes.result_list = list(changes.result_list)
        found = collections.coverage([collection.pk for collection in changes.result_list])
        for collection in changes.result_list:
            collection.coverage = found.get(collection.pk, Coverage())
        return changes

    @admin.display(description=_("Documents"))
    def documents_link(self, collection: Any) -> SafeString:
        url = reverse("admin:ingestion_collection_documents", args=[collection.pk])
        coverage: Coverage = collection.coverage
        text = str(coverage) if coverage.documents else gettext("none yet: upload some")
        return format_html('<a class="underline" href="{}">{}</a>', url, text)

    @admin.display(description=_("Readers"))
    def restricted(self, collection: Collection) -> str:
        count = len(collection.reader_groups)
        return ngettext("%d group", "%d groups", count) % count if count else gettext("everybody")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only an empty collection; documents are deleted one by one, so that nobody loses a thousand by a click."""
        return obj is not None and not Document.objects.filter(collection=obj).exists()

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: Any = None
    ) -> HttpResponse:
        messages.success(request, gettext("%(name)s is there. Now its documents.") % {"name": obj})
        return redirect("admin:ingestion_collection_documents", obj.pk)

    def get_urls(self) -> list[URLPattern]:
        page = "<uuid:collection_id>/documents/"
        views = [
            (page, self.documents_view, "documents"),
            (f"{page}rows/", self.rows_view, "rows"),
            (f"{page}retry/", require_POST(self.retry_view), "retry"),
        ]
        ours = [
            path(route, self.admin_site.admin_view(view), name=f"ingestion_collection_{name}")
            for route, view, name in views
        ]
        return [*ours, *super().get_urls()]

    def documents_view(self, request: HttpRequest, collection_id: UUID) -> HttpResponse:
        """The upload form and the documents; a POST takes files and says what became of each."""
        collection = get_object_or_404(Collection.objects.all(), pk=collection_id)
        outcomes = upload(request, collection) if request.method == "POST" else None
        if outcomes is not None and request.headers.get("HX-Request"):
            return TemplateResponse(
                request, "admin/ingestion/_outcomes.html", {"outcomes": outcomes}
            )
        context = {
            **self.admin_site.each_context(request),
            **_listing(request, collection),
            "title": collection.name,
            "outcomes": outcomes,
            "readable_types": readable_types(),
        }
        return TemplateResponse(request, "admin/ingestion/documents.html", context)

    def rows_view(self, request: HttpRequest, collection_id: UUID) -> HttpResponse:
        """The part of the page that changes while work is under way."""
        collection = get_object_or_404(Collection.objects.all(), pk=collection_id)
        return TemplateResponse(
            request, "admin/ingestion/_rows.html", _listing(request, collection)
        )

    def retry_view(self, request: HttpRequest, collection_id: UUID) -> HttpResponse:
        """Queue everything that failed once more."""
        collection = get_object_or_404(Collection.objects.all(), pk=collection_id)
        count = documents.retry_failed(collection=collection)
        text = ngettext("%d document is tried again.", "%d documents are tried again.", count)
        messages.success(request, text % count)
        return redirect("admin:ingestion_collection_documents", collection.pk)


def upload(request: HttpRequest, collection: Collection) -> list[Any]:
    """Take each file of the form on its own merits: ``Uploaded`` or ``UploadRefused``, in order."""
    files: list[Any] = request.FILES.getlist("files")
    offered = [Upload(filename=str(file.name), content=file) for file in files]
    found = documents.upload_many(collection=collection, uploads=offered)
    return [
        {"name": file.name, "taken": getattr(one, "document", None), "outcome": one}
        for file, one in zip(files, found, strict=True)
    ]


def _listing(request: HttpRequest, collection: Collection) -> dict[str, Any]:
    """One page of documents by the filters in the address."""
    state, query = request.GET.get("state", ""), request.GET.get("q", "").replace("\x00", "")
    states = [*State.values, "waiting"]
    rows = overview.documents_of(
        collection.pk,
        state=state if state in states else "",
        query=query,
        before=_uuid(request.GET.get("before", "")),
    )
    coverage = collections.coverage([collection.pk]).get(collection.pk, Coverage())
    address = request.GET.copy()
    if len(rows) > overview.PAGE_SIZE:
        address["before"] = str(rows[overview.PAGE_SIZE - 1].document.pk)
    return {
        "collection": collection,
        "rows": rows[: overview.PAGE_SIZE],
        "older": address.urlencode() if len(rows) > overview.PAGE_SIZE else "",
        "coverage": coverage,
        "pace": overview.pace(collection.pk, coverage.waiting) if coverage.waiting else None,
        "state": state,
        "query": query,
        "here": request.GET.urlencode(),
        "filters": [
            ("", _("all")),
            ("ready", _("ready")),
            ("waiting", _("waiting")),
            ("failed", _("failed")),
        ],
    }


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@admin.register(Document)
class DocumentAdmin(ReadOnlyAdmin):
    """All documents of the tenant; each with its text, chunks, versions and runs."""

    list_display = (
        "link",
        "collection",
        "shown_state",
        "why",
        "pages",
        "chunks",
        "uploaded_by",
        "updated_at",
    )
    list_display_links = None
    list_filter = ("state", "collection")
    search_fields = ("title", "external_id")
    ordering = ("-updated_at",)
    list_select_related = ("collection", "uploaded_by")
    list_per_page = 50
    actions = ("try_again", "take_out")

    class Media:
        css = {"all": ["ingestion/documents.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        found: QuerySet[Document] = super().get_queryset(request)
        return found.filter(deleted_at=None)

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
        failed = list(chosen.filter(state=State.FAILED))
        for document in failed:
            documents.retry(document=document)
        text = ngettext("%d document is tried again.", "%d documents are tried again.", len(failed))
        messages.success(request, text % len(failed))

    @admin.action(description=_("Delete from search"))
    def take_out(self, request: HttpRequest, chosen: QuerySet[Document]) -> None:
        found = list(chosen)
        for document in found:
            documents.delete(document=document)
        text = ngettext("%d document was deleted.", "%d documents were deleted.", len(found))
        messages.success(request, text % len(found))

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
        return [*ours, *super().get_urls()]

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
            "versions": versions,
            "runs": [(run, overview.stage_times(run)) for run in overview.runs_of(document)],
            "shown": shown,
            "page": overview.chunks_of(shown.pk, after=int(after) if after.isdecimal() else -1)
            if shown
            else None,
        }
        return TemplateResponse(request, "admin/ingestion/document.html", context)

    def retry_view(self, request: HttpRequest, document_id: UUID) -> HttpResponse:
        """Queue a failed document once more."""
        document = get_object_or_404(Document.objects.filter(deleted_at=None), pk=document_id)
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
        document = get_object_or_404(Document.objects.filter(deleted_at=None), pk=document_id)
        documents.delete(document=document)
        messages.success(request, gettext("%(title)s was deleted.") % {"title": document})
        return redirect("admin:ingestion_collection_documents", document.collection_id)


def _back(request: HttpRequest, otherwise: str) -> str:
    """Where the button was, when it was on a collection's page."""
    asked = request.POST.get("collection", "")
    found = _uuid(asked)
    return reverse("admin:ingestion_collection_documents", args=[found]) if found else otherwise
