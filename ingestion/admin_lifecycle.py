"""What stewards do to documents in the admin beside uploading: cancel, restore, erase, change; one, or many at once.

``DocumentDeeds`` is mixed into the document's admin: the views behind a document's buttons, and the list's actions.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from ingestion import documents, editing, metadata, overview, versions
from ingestion.admin_forms import BulkForm, DocumentForm
from ingestion.errors import NotCancellable, NotRestorable
from ingestion.models import Document, DocumentVersion

ACROSS = "select_across"


class DeletedFilter(admin.SimpleListFilter):
    """Living documents, unless deleted ones are asked for."""

    title = _("deleted")
    parameter_name = "deleted"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Deleted, can be restored"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Document]) -> QuerySet[Document]:
        return queryset.filter(deleted_at__isnull=self.value() != "yes")


class DocumentDeeds:
    """Views and actions; the admin class has the rest."""

    admin_site: Any

    def deed_urls(self) -> list[URLPattern]:
        """The routes of the views below."""
        page = "<uuid:document_id>"
        views = [
            (f"{page}/cancel/", require_POST(self.cancel_view), "cancel"),
            (f"{page}/restore/", require_POST(self.restore_view), "restore"),
            (f"{page}/erase/", self.erase_view, "erase"),
            (f"{page}/edit/", self.edit_view, "edit"),
            (
                f"{page}/<uuid:version_id>/restore/",
                require_POST(self.version_view),
                "restore_version",
            ),
        ]
        return [
            path(route, self.admin_site.admin_view(view), name=f"ingestion_document_{name}")
            for route, view, name in views
        ]

    def cancel_view(self, request: HttpRequest, document_id: UUID) -> HttpResponse:
        """End the work on a document."""
        document = get_object_or_404(overview.stewarded().filter(deleted_at=None), pk=document_id)
        try:
            documents.cancel(document=document)
            messages.success(request, gettext("%(title)s was cancelled.") % {"title": document})
        except NotCancellable as refusal:
            messages.warning(request, str(refusal))
        return _page(document)

    def restore_view(self, request: HttpRequest, document_id: UUID) -> HttpResponse:
        """Undo a deletion."""
        document = get_object_or_404(overview.stewarded(), pk=document_id)
        try:
            documents.restore(document=document)
            messages.success(request, gettext("%(title)s is back.") % {"title": document})
        except NotRestorable as refusal:
            messages.warning(request, str(refusal))
        return _page(document)

    def version_view(
        self, request: HttpRequest, document_id: UUID, version_id: UUID
    ) -> HttpResponse:
        """Bring an old version back."""
        rows = DocumentVersion.objects.filter(
            document_id=document_id, document__collection__private_to=None
        )
        version = get_object_or_404(rows.select_related("document"), pk=version_id)
        try:
            versions.restore(version=version)
            text = gettext("Version %(number)d comes back; what is there now is found until then.")
            messages.success(request, text % {"number": version.number})
        except NotRestorable as refusal:
            messages.warning(request, str(refusal))
        return _page(version.document)

    def erase_view(self, request: HttpRequest, document_id: UUID) -> HttpResponse:
        """Asks, then erases for good."""
        document = get_object_or_404(overview.stewarded(), pk=document_id)
        if request.method == "POST":
            documents.erase(document=document)
            messages.success(request, gettext("The document was erased for good."))
            return redirect("admin:ingestion_collection_documents", document.collection_id)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Erase a document"),
            "found": [document],
            "count": 1,
            "back": reverse("admin:ingestion_document_change", args=[document.pk]),
        }
        return TemplateResponse(request, "admin/ingestion/erase.html", context)

    def edit_view(self, request: HttpRequest, document_id: UUID) -> HttpResponse:
        """Title, metadata and readers."""
        document = get_object_or_404(overview.stewarded().filter(deleted_at=None), pk=document_id)
        form = DocumentForm(request.POST or None, document=document)
        if request.method == "POST" and form.is_valid():
            editing.change(document_ids=[document.pk], change=form.change())
            messages.success(request, gettext("%(title)s was changed.") % {"title": document})
            return _page(document)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Change %(title)s") % {"title": document},
            "form": form,
            "back": reverse("admin:ingestion_document_change", args=[document.pk]),
        }
        return TemplateResponse(request, "admin/ingestion/edit.html", context)

    @admin.action(description=_("Cancel what is being worked on"))
    def cancel_chosen(self, request: HttpRequest, chosen: QuerySet[Document]) -> None:
        count = documents.cancel_many(document_ids=keys(chosen))
        text = ngettext("%d document was cancelled.", "%d documents were cancelled.", count)
        messages.success(request, text % count)

    @admin.action(description=_("Restore what was deleted"))
    def bring_back(self, request: HttpRequest, chosen: QuerySet[Document]) -> None:
        count = documents.restore_many(document_ids=keys(chosen))
        text = ngettext("%d document is back.", "%d documents are back.", count)
        messages.success(request, text % count)

    @admin.action(description=_("Erase for good..."))
    def erase_chosen(self, request: HttpRequest, chosen: QuerySet[Document]) -> HttpResponse | None:
        if "sure" not in request.POST:
            return self._asked(request, chosen, "erase_chosen", "admin/ingestion/erase.html", {})
        count = documents.erase_many(document_ids=keys(chosen))
        text = ngettext("%d document was erased.", "%d documents were erased.", count)
        messages.success(request, text % count)
        return None

    @admin.action(description=_("Change metadata, tags, readers..."))
    def edit_chosen(self, request: HttpRequest, chosen: QuerySet[Document]) -> HttpResponse | None:
        form = BulkForm(request.POST if "sure" in request.POST else None)
        if form.is_bound and form.is_valid():
            try:
                count = editing.change(document_ids=keys(chosen), change=form.change())
            except metadata.BadMetadata as problem:
                form.add_error("value" if form.cleaned_data["key"] else "add_tags", str(problem))
            else:
                text = ngettext("%d document was changed.", "%d documents were changed.", count)
                messages.success(request, text % count)
                return None
        context = {"form": form}
        return self._asked(request, chosen, "edit_chosen", "admin/ingestion/edit.html", context)

    def _asked(
        self,
        request: HttpRequest,
        chosen: QuerySet[Document],
        action: str,
        template: str,
        more: dict[str, Any],
    ) -> HttpResponse:
        """A page between the action and its deed, which sends the same choice again."""
        count = chosen.count()
        title = _ASKED[action](count) % count
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "found": list(chosen[:20]),
            "count": count,
            "action": action,
            "across": request.POST.get(ACROSS, "0"),
            "selected": request.POST.getlist("_selected_action"),
            "back": request.get_full_path(),
            **more,
        }
        return TemplateResponse(request, template, context)


_ASKED: dict[str, Callable[[int], str]] = {
    "erase_chosen": lambda n: ngettext("Erase %d document", "Erase %d documents", n),
    "edit_chosen": lambda n: ngettext("Change %d document", "Change %d documents", n),
}


def keys(chosen: QuerySet[Document]) -> list[UUID]:
    """The ids of the rows that an action was chosen for; one query."""
    return list(chosen.order_by().values_list("pk", flat=True))


def _page(document: Document) -> HttpResponse:
    return redirect("admin:ingestion_document_change", document.pk)
