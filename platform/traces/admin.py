"""Traces in Django admin: a list with filters in the URL, and each trace as a waterfall with its spans beside it.

A trace's page is ``reverse("admin:traces_trace_change", args=[trace_id])``, with the id that chat and the APIs give.
Read-only: traces are written by ``recorder`` alone.
"""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from tenants.admin_pages import ReadOnlyAdmin
from traces import filters, pages, queries
from traces.models import Trace
from traces.pagination import BoundedChangeList, BoundedPaginator
from traces.templatetags import trace_display
from traces.waterfall import waterfall


class TraceList(BoundedChangeList):
    """Links to traces by their trace id, the same that chat and the APIs give."""

    def url_for_result(self, result: Trace) -> str:
        return reverse("admin:traces_trace_change", args=[result.trace_id])


@admin.register(Trace)
class TraceAdmin(ReadOnlyAdmin):
    """The list, the page, one span of it, and the whole as JSON."""

    list_display = (
        "asked",
        "who",
        "feature",
        "model_name",
        "state",
        "took",
        "tokens",
        "cost",
        "thumb",
        "when",
    )
    list_filter = (
        filters.ByPeriod,
        filters.ByOutcome,
        filters.ByFeedback,
        filters.BySlowness,
        filters.ByFeature,
        filters.ByModel,
    )
    list_per_page = 50
    paginator = BoundedPaginator
    ordering = ("-started_at",)
    sortable_by = ()
    search_fields = ("question",)
    search_help_text = _("Words of the question, or a trace id")
    actions = None

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("traces/traces.css",)}

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return TraceList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Trace]:
        return queries.with_columns(super().get_queryset(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Trace], search_term: str
    ) -> tuple[QuerySet[Trace], bool]:
        """A trace id finds its trace by the index; anything else is looked for in the questions."""
        term = search_term.strip().lower()
        if len(term) == 32 and queryset.filter(trace_id=term).exists():
            return queryset.filter(trace_id=term), False
        found: tuple[QuerySet[Trace], bool] = super().get_search_results(
            request, queryset, search_term
        )
        return found

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path(
                "<str:trace_id>/spans/<str:span_id>/",
                view(self.span_view),
                name="traces_trace_span",
            ),
            path("<str:trace_id>/trace.json", view(self.json_view), name="traces_trace_json"),
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The waterfall; ``?span=`` opens one of its spans."""
        trace = self._trace(object_id)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Trace"),
            "subtitle": Truncator(str(trace)).chars(80),
            "is_fullwidth": "1",
            "page": pages.trace_page(trace, request.GET.get("span", "")),
        }
        return TemplateResponse(request, "admin/traces/trace_page.html", context)

    def span_view(self, request: HttpRequest, trace_id: str, span_id: str) -> HttpResponse:
        """One span as a piece of the page. A span that the trace does not have is a 404."""
        trace = self._trace(trace_id)
        fall = waterfall(queries.spans_of(trace))
        opened = pages.opened_span(trace, fall, span_id)
        if opened is None or opened.span.span_id != span_id:
            raise Http404(_("This trace has no such span."))
        return TemplateResponse(
            request, "admin/traces/_span.html", {"trace": trace, "opened": opened}
        )

    def json_view(self, request: HttpRequest, trace_id: str) -> HttpResponse:
        """The trace as a file, for tools and for reports of a bug."""
        trace = self._trace(trace_id)
        disposition = f'attachment; filename="trace-{trace.trace_id}.json"'
        return JsonResponse(pages.as_json(trace), headers={"Content-Disposition": disposition})

    def _trace(self, name: str) -> Trace:
        trace = queries.trace_named(name)
        if trace is None:
            raise Http404(_("There is no such trace."))
        return trace

    @admin.display(description=_("question"))
    def asked(self, trace: Trace) -> SafeString:
        words = Truncator(str(trace)).chars(110)
        return format_html(
            '<span class="asked" dir="auto" title="{}">{}</span>', trace.question[:500], words
        )

    @admin.display(description=_("who"))
    def who(self, trace: Trace) -> SafeString:
        return format_html('<span class="one-line" title="{0}">{0}</span>', queries.asker(trace))

    @admin.display(description=_("model"))
    def model_name(self, trace: Trace) -> SafeString:
        return format_html(
            '<span class="one-line" title="{0}">{0}</span>', trace.model or "\N{EN DASH}"
        )

    @admin.display(description=_("outcome"))
    def state(self, trace: Trace) -> SafeString:
        return trace_display.outcome(trace)

    @admin.display(description=_("duration"))
    def took(self, trace: Trace) -> SafeString:
        return format_html(
            '<span class="figure">{}</span>', trace_display.duration(trace.duration_ms)
        )

    @admin.display(description=_("tokens"))
    def tokens(self, trace: Trace) -> SafeString:
        return format_html(
            '<span class="figure" title="{}">{} / {}</span>',
            _("in / out"),
            trace.input_tokens,
            trace.output_tokens,
        )

    @admin.display(description=_("cost"))
    def cost(self, trace: Trace) -> SafeString:
        return format_html('<span class="figure">{}</span>', trace_display.usd(trace.cost_usd))

    @admin.display(description=_("feedback"))
    def thumb(self, trace: Any) -> str:
        return trace_display.thumb(trace.thumb)

    @admin.display(description=_("when"))
    def when(self, trace: Trace) -> SafeString:
        return format_html('<span class="figure">{}</span>', trace_display.ago(trace.started_at))
