"""The ledger in Django admin: read-only, with totals also as CSV; a trace's page shows its rows."""

import csv
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inference import charts, costs, names, spending
from inference.models import ModelCall
from inference.sheets import harmless
from tenants.admin_pages import ReadOnlyAdmin, asked_days
from traces import panels, queries
from traces.models import Trace
from traces.pagination import BoundedChangeList, BoundedPaginator
from traces.templatetags import trace_display

PERIODS = (7, 30, 90, 366)
GROUPINGS = {
    "feature": _("by feature"),
    "model": _("by model"),
    "user": _("by user"),
    "key": _("by API key"),
    "collection": _("by collection"),
    "prompt_version": _("by prompt version"),
}
# What calls belong to that have none.
NOBODY = {
    "user": _("nobody signed in"),
    "key": _("without a key"),
    "collection": _("no collection"),
    "prompt_version": _("no prompt of Footnote's"),
}


class CallList(BoundedChangeList):
    """Calls lead to the trace that they are part of."""

    def url_for_result(self, result: ModelCall) -> str:
        if not result.trace_id:
            return str(super().url_for_result(result))
        return reverse("admin:traces_trace_change", args=[result.trace_id])


@admin.register(ModelCall)
class ModelCallAdmin(ReadOnlyAdmin):
    """The ledger: every call to a model, newest first, and what it all cost."""

    list_display = (
        "when",
        "operation",
        "feature",
        "model",
        "provider",
        "state",
        "tokens",
        "cost",
        "took",
        "first_token",
    )
    list_filter = ("outcome", "operation")
    list_per_page = 50
    paginator = BoundedPaginator
    ordering = ("-created_at",)
    sortable_by = ()
    actions = None
    change_list_template = "admin/inference/ledger.html"

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("traces/traces.css",)}

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return CallList

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("totals/", view(self.totals_view), name="inference_modelcall_totals"),
            path("totals.csv", view(self.csv_view), name="inference_modelcall_csv"),
        ]
        return [*own, *super().get_urls()]

    def totals_view(self, request: HttpRequest) -> HttpResponse:
        """What was spent, by whatever one asks, and per day, feature and model. Four queries over the period's rows."""
        days, group = asked_days(request, PERIODS), asked_group(request)
        last = timezone.now().date()
        first = last - timedelta(days=days - 1)
        groups = costs.by(group, first, last)
        named = names.of(group, (one.group for one in groups))
        nobody = NOBODY.get(group, "")
        slices = [
            replace(one, group=named.get(one.group) or one.group or str(nobody))
            for one in costs.daily(group, first, last)
        ]
        rows = spending.spent(days)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Costs"),
            "is_fullwidth": "1",
            "days": days,
            "periods": PERIODS,
            "group": group,
            "groupings": GROUPINGS.items(),
            "grouping": GROUPINGS[group],
            "chart": charts.stacked(slices, days=days, last=last),
            "groups": [(named.get(one.group) or one.group or nobody, one) for one in groups],
            "rows": rows,
            "total": spending.total(rows),
        }
        return TemplateResponse(request, "admin/inference/totals.html", context)

    def csv_view(self, request: HttpRequest) -> HttpResponse:
        """The same rows for a spreadsheet: by one group if asked, else per day, feature and model."""
        days = asked_days(request, PERIODS)
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="costs-{days}-days.csv"'
        sheet = csv.writer(response)
        if request.GET.get("by", "") in GROUPINGS:
            last = timezone.now().date()
            group = asked_group(request)
            found = costs.by(group, last - timedelta(days=days - 1), last)
            named = names.of(group, (one.group for one in found))
            sheet.writerow(("name", *costs.COLUMNS))
            for one in found:
                told = [getattr(one, column) for column in costs.COLUMNS]
                sheet.writerow([harmless(value) for value in (named.get(one.group, ""), *told)])
            return response
        sheet.writerow(spending.COLUMNS)
        for row in spending.spent(days):
            sheet.writerow([harmless(getattr(row, column)) for column in spending.COLUMNS])
        return response

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelCall]:
        rows: QuerySet[ModelCall] = super().get_queryset(request)
        return rows.select_related("user")

    @admin.display(description=_("when"))
    def when(self, call: ModelCall) -> SafeString:
        return format_html('<span class="figure">{}</span>', trace_display.ago(call.created_at))

    @admin.display(description=_("outcome"))
    def state(self, call: ModelCall) -> SafeString:
        return trace_display.outcome(call)

    @admin.display(description=_("tokens"))
    def tokens(self, call: ModelCall) -> SafeString:
        return format_html(
            '<span class="figure">{} / {}</span>', call.input_tokens, call.output_tokens
        )

    @admin.display(description=_("cost"))
    def cost(self, call: ModelCall) -> SafeString:
        return format_html('<span class="figure">{}</span>', trace_display.usd(call.cost_usd))

    @admin.display(description=_("duration"))
    def took(self, call: ModelCall) -> SafeString:
        return format_html(
            '<span class="figure">{}</span>', trace_display.duration(call.latency_ms)
        )

    @admin.display(description=_("first token"))
    def first_token(self, call: ModelCall) -> SafeString:
        return format_html(
            '<span class="figure">{}</span>', trace_display.duration(call.first_token_ms)
        )


def asked_group(request: HttpRequest) -> str:
    """What to group by; anything but one of ``GROUPINGS`` is the feature."""
    wanted = request.GET.get("by", "")
    return wanted if wanted in GROUPINGS else "feature"


@panels.add
def ledger_panel(trace: Trace) -> panels.Panel | None:
    """What the calls of this trace cost."""
    calls = spending.calls_of(trace.trace_id, *queries.period_of(trace))
    if not calls:
        return None
    return panels.Panel(
        "ledger", gettext("Ledger"), "admin/inference/_ledger_panel.html", {"calls": calls}
    )
