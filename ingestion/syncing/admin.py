"""Sources in the tenant's admin: the list with its coverage, a form for each kind, the looks and what they brought.

Writing goes through ``sources``; these pages translate. ``ingestion.admin`` imports this module, as Django looks there.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST

from ingestion import source_overview, sources
from ingestion.models import Source
from ingestion.source_forms import SourceForm
from ingestion.syncing import kinds
from ingestion.syncing.kind import Kind
from tenants.admin_pages import ReadOnlyAdmin


@admin.register(Source)
class SourceAdmin(ReadOnlyAdmin):
    """Places that are looked at again and again."""

    def get_urls(self) -> list[URLPattern]:
        views: list[tuple[str, Callable[..., HttpResponse], str]] = [
            ("new/<str:kind>/", self.new_view, "new"),
            ("<uuid:source_id>/page/", self.source_view, "page"),
            ("<uuid:source_id>/state/", self.state_view, "state"),
            ("<uuid:source_id>/do/", require_POST(self.do_view), "do"),
        ]
        ours = [
            path(route, self.admin_site.admin_view(view), name=f"ingestion_source_{name}")
            for route, view, name in views
        ]
        return [*ours, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """All sources, with what can be found of each."""
        found = source_overview.rows(list(source_overview.syncable().order_by("name", "id")))
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Sources"),
            "rows": found,
            "kinds": kinds.available(),
        }
        return TemplateResponse(request, "admin/ingestion/sources.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Where Django's own links lead."""
        source = self.get_object(request, object_id)
        if source is None:
            missing: HttpResponse = self._get_obj_does_not_exist_redirect(
                request, self.opts, object_id
            )
            return missing
        return redirect("admin:ingestion_source_page", source.pk)

    def new_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """The form of a kind; a POST tests the settings or saves the source."""
        chosen = _kind(kind)
        form = SourceForm(chosen, data=request.POST or None)
        preview = None
        if request.method == "POST" and form.is_valid():
            try:
                if "test" in request.POST:
                    preview = _preview(form)
                else:
                    return self._added(request, form)
            except ValidationError as error:
                form.refuse(error)
        return self._form_page(request, form, preview, title=chosen.label)

    def _added(self, request: HttpRequest, form: SourceForm) -> HttpResponse:
        source = sources.add(
            collection=form.cleaned_data["collection"],
            kind=form.kind.name,
            name=form.cleaned_data["name"],
            config=form.config,
            secrets=form.secrets or {},
            **form.options,
        )
        messages.success(
            request, gettext("%(name)s is added; it is looked at now.") % {"name": source}
        )
        return redirect("admin:ingestion_source_page", source.pk)

    def source_view(self, request: HttpRequest, source_id: UUID) -> HttpResponse:
        """How a source stands, its looks, and its settings to change."""
        source = _source(source_id)
        form = SourceForm(_kind(source.kind), source, data=request.POST or None)
        preview = None
        if request.method == "POST" and form.is_valid():
            try:
                if "test" in request.POST:
                    preview = _preview(form)
                else:
                    sources.change(
                        source=source,
                        name=form.cleaned_data["name"],
                        config=form.config,
                        secrets=form.secrets,
                        **form.options,
                    )
                    messages.success(request, gettext("The settings hold from the next look."))
                    return redirect("admin:ingestion_source_page", source.pk)
            except ValidationError as error:
                form.refuse(error)
        return self._form_page(request, form, preview, title=source.name, **_standing(source))

    def state_view(self, request: HttpRequest, source_id: UUID) -> HttpResponse:
        """The part of the page that changes while a look is under way."""
        return TemplateResponse(
            request, "admin/ingestion/_source_state.html", _standing(_source(source_id))
        )

    def do_view(self, request: HttpRequest, source_id: UUID) -> HttpResponse:
        """One of the buttons of the page."""
        source = _source(source_id)
        deed = _DEEDS.get(request.POST.get("deed", ""))
        if deed is None:
            raise Http404
        try:
            messages.success(request, deed(source))
        except sources.NotSyncable as refusal:
            messages.warning(request, str(refusal))
        if source_overview.syncable().filter(pk=source.pk).exists():
            return redirect("admin:ingestion_source_page", source.pk)
        return redirect("admin:ingestion_source_changelist")

    def _form_page(
        self, request: HttpRequest, form: SourceForm, preview: Any, **context: Any
    ) -> HttpResponse:
        return TemplateResponse(
            request,
            "admin/ingestion/source.html",
            {**self.admin_site.each_context(request), "form": form, "preview": preview, **context},
        )


def _standing(source: Source) -> dict[str, Any]:
    return {
        "row": source_overview.rows([source])[0],
        "runs": [
            (
                run,
                [
                    (name, getattr(run, name))
                    for name in source_overview.COUNTERS
                    if getattr(run, name)
                ],
            )
            for run in source_overview.runs_of(source)[:20]
        ],
    }


def _preview(form: SourceForm) -> sources.Preview:
    return sources.preview(
        kind=form.kind.name,
        name=form.cleaned_data["name"],
        config=form.config,
        secrets=form.secrets or {},
    )


def _source(source_id: UUID) -> Source:
    return get_object_or_404(source_overview.syncable(), pk=source_id)


def _kind(name: str) -> Kind:
    found = next((kind for kind in kinds.available() if kind.name == name), None)
    if found is None and name in kinds.NAMES:
        found = kinds.kind_of(name)
    if found is None:
        raise Http404
    return found


def _sync(source: Source) -> str:
    sources.sync(source=source)
    return gettext("%(name)s is looked at now.") % {"name": source}


def _confirm(source: Source) -> str:
    sources.confirm_deletions(source=source)
    return gettext("What is still missing is deleted.")


def _keep(source: Source) -> str:
    sources.keep_missing(source=source)
    return gettext("Its documents are kept, now and later.")


def _pause(source: Source) -> str:
    sources.pause(source=source)
    return gettext("%(name)s is paused.") % {"name": source}


def _resume(source: Source) -> str:
    sources.resume(source=source)
    return gettext("%(name)s goes on.") % {"name": source}


def _stop(source: Source) -> str:
    sources.stop(source=source)
    return gettext("The look is stopped. What it has brought stays.")


def _remove(source: Source) -> str:
    sources.remove(source=source, with_documents=False)
    return gettext("%(name)s is removed. Its documents stay.") % {"name": source}


def _remove_all(source: Source) -> str:
    gone = sources.remove(source=source, with_documents=True)
    text = ngettext(
        "%(name)s is removed, with %(n)d document.",
        "%(name)s is removed, with %(n)d documents.",
        gone,
    )
    return text % {"name": source, "n": gone}


_DEEDS: dict[str, Callable[[Source], str]] = {
    "sync": _sync,
    "confirm": _confirm,
    "keep": _keep,
    "pause": _pause,
    "resume": _resume,
    "stop": _stop,
    "remove": _remove,
    "remove-with-documents": _remove_all,
}
