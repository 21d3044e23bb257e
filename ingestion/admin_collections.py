"""Collections in the tenant's admin: a collection's documents page takes the uploads and shows their progress."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from ingestion import collections, documents, overview, pace, pausing, reweighting, versions
from ingestion.admin_forms import CollectionForm
from ingestion.collections import Coverage
from ingestion.documents import Upload
from ingestion.intake import readable_types
from ingestion.models import Collection, Document, State
from tenants.admin_pages import TenantModelAdmin
from tenants.identifiers import uuid_or_none


@admin.register(Collection)
class CollectionAdmin(TenantModelAdmin):
    """Collections, and the documents page of each."""

    form = CollectionForm
    list_display = ("name", "documents_link", "language", "restricted", "created_at")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    ordering = ("name",)
    actions = None
    fieldsets = (
        (None, {"fields": ("name", "slug", "description", "language", "groups")}),
        (
            _("Passages"),
            {
                "fields": (
                    "chunk_profile",
                    "chunk_tokens",
                    "chunk_overlap",
                    "split_tables",
                    "split_code",
                )
            },
        ),
        (
            _("Keyword search"),
            {"fields": ("bm25_k1", "bm25_b", "title_weight", "heading_weight", "reweighting")},
        ),
    )
    readonly_fields = ("reweighting",)
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

    @admin.display(description=_("Weights in use"))
    def reweighting(self, collection: Collection) -> str:
        """What searches use now, and how far other ones have come."""
        used = gettext("k1 %(k1)g, b %(b)g, titles %(title)d, headings %(heading)d") % {
            "k1": collection.weighed_k1,
            "b": collection.weighed_b,
            "title": collection.weighed_title,
            "heading": collection.weighed_heading,
        }
        if not reweighting.is_due(collection):
            return used
        done, of = reweighting.progress(collection)
        return gettext("%(used)s, until the new ones are ready: %(done)d of %(of)d passages") % {
            "used": used,
            "done": done,
            "of": of,
        }

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
            (f"{page}pause/", require_POST(self.pause_view), "pause"),
            (f"{page}divide/", require_POST(self.divide_view), "divide"),
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

    def pause_view(self, request: HttpRequest, collection_id: UUID) -> HttpResponse:
        """Pause, or go on with a paused collection."""
        collection = get_object_or_404(Collection.objects.all(), pk=collection_id)
        if collection.paused_at:
            pausing.resume(collection)
            messages.success(request, gettext("Work on %(name)s goes on.") % {"name": collection})
        else:
            pausing.pause(collection)
            text = gettext("%(name)s is paused: uploads are taken and wait.")
            messages.success(request, text % {"name": collection})
        return redirect("admin:ingestion_collection_documents", collection.pk)

    def divide_view(self, request: HttpRequest, collection_id: UUID) -> HttpResponse:
        """Divide all documents anew by the collection's present settings."""
        collection = get_object_or_404(Collection.objects.all(), pk=collection_id)
        count = versions.divide_again(collection=collection)
        text = ngettext("%d document is divided anew.", "%d documents are divided anew.", count)
        messages.success(request, text % count)
        return redirect("admin:ingestion_collection_documents", collection.pk)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """After another size of passages: there is something left to do, and here is the button."""
        response: HttpResponse = super().response_change(request, obj)
        if getattr(obj, "is_divided_otherwise", False):
            text = gettext("Documents keep their old passages until they are divided anew.")
            messages.warning(request, text)
            return redirect("admin:ingestion_collection_documents", obj.pk)
        return response

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.is_divided_otherwise = change and bool(set(form.changed_data) & {*collections.PROFILE})
        super().save_model(request, obj, form, change)


def upload(request: HttpRequest, collection: Collection) -> list[Any]:
    """Take each file of the form on its own merits: ``Uploaded`` or ``UploadRefused``, in order."""
    files: list[Any] = request.FILES.getlist("files")
    password = request.POST.get("password") or None
    offered = [Upload(filename=str(file.name), content=file, password=password) for file in files]
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
        before=uuid_or_none(request.GET.get("before", "")),
    )
    coverage = collections.coverage([collection.pk]).get(collection.pk, Coverage())
    address = request.GET.copy()
    if len(rows) > overview.PAGE_SIZE:
        address["before"] = str(rows[overview.PAGE_SIZE - 1].document.pk)
    return {
        "collection": collection,
        "sources": collections.sources_of(collection),
        "rows": rows[: overview.PAGE_SIZE],
        "older": address.urlencode() if len(rows) > overview.PAGE_SIZE else "",
        "coverage": coverage,
        "pace": pace.of([collection.pk]) if coverage.waiting else None,
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
