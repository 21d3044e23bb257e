"""Providers, models and the ledger in Django admin.

A provider's key goes in and never comes out: the form has a field to replace it, and says only whether there is one.
The ledger is read-only, with totals per day, feature and model, also as CSV; a trace's page shows its ledger rows.
"""

import csv
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from inference import encryption, spending
from inference.models import Model, ModelCall, Provider
from tenants.admin_pages import ReadOnlyAdmin, TenantForm, TenantModelAdmin
from traces import panels, queries
from traces.models import Trace
from traces.pagination import BoundedChangeList, BoundedPaginator
from traces.templatetags import trace_display

PERIODS = (7, 30, 90, 366)


class ProviderForm(TenantForm):
    """The key is write-only. The address may be of this network, such as ``http://ollama:11434/v1``."""

    base_url = forms.CharField(
        label=_("Address"),
        max_length=500,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "https://api.openai.com/v1"}),
        help_text=_("Of the OpenAI-compatible API, up to and including /v1."),
    )
    new_key = forms.CharField(
        label=_("API key"),
        required=False,
        strip=True,
        max_length=1000,
        widget=UnfoldAdminPasswordWidget(
            attrs={"autocomplete": "new-password"}, render_value=False
        ),
    )
    remove_key = forms.BooleanField(
        label=_("Remove the stored key"),
        required=False,
        help_text=_("For an endpoint that asks for none, such as a model on your own machine."),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        stored = bool(bytes(self.instance.encrypted_key))
        self.fields["new_key"].help_text = (
            _("A key is stored. Leave this empty to keep it; it cannot be shown.")
            if stored
            else _("No key is stored. It is encrypted when saved and never shown again.")
        )
        if not stored:
            del self.fields["remove_key"]

    def _get_validation_exclusions(self) -> set[str]:
        return super()._get_validation_exclusions() | {
            "base_url"
        }  # which refuses hosts without a dot

    def clean_base_url(self) -> str:
        """An http(s) address with a host and nothing that belongs elsewhere."""
        found = str(self.cleaned_data["base_url"]).rstrip("/")
        if not is_api_address(found):
            raise forms.ValidationError(
                _(
                    "Enter an address such as https://api.openai.com/v1, without user, query or fragment."
                )
            )
        return found

    def save(self, commit: bool = True) -> Provider:
        if self.cleaned_data.get("remove_key"):
            self.instance.encrypted_key = b""
        if self.cleaned_data.get("new_key"):
            self.instance.encrypted_key = encryption.encrypt(self.cleaned_data["new_key"])
        saved: Provider = super().save(commit)
        return saved


class ModelForm(TenantForm):
    """Choosing a model as the default takes that from the other one, so the constraint is not the form's business."""

    def _get_validation_exclusions(self) -> set[str]:
        return super()._get_validation_exclusions() | {"is_default"}


class ModelInline(TabularInline):
    """The models of a provider, on its page. Whoever may edit the one may edit the other."""

    model = Model
    form = TenantForm
    fields = (
        "name",
        "tier",
        "context_window",
        "input_price",
        "cached_price",
        "output_price",
        "enabled",
    )
    extra = 0
    show_change_link = True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True


@admin.register(Provider)
class ProviderAdmin(TenantModelAdmin):
    """OpenAI-compatible endpoints."""

    form = ProviderForm
    list_display = ("name", "base_url", "has_key", "enabled")
    fields = ("name", "base_url", "new_key", "remove_key", "enabled")
    inlines = (ModelInline,)

    def get_fields(self, request: HttpRequest, obj: Provider | None = None) -> Any:
        stored = obj is not None and bool(bytes(obj.encrypted_key))
        return [name for name in self.fields if stored or name != "remove_key"]

    @admin.display(description=_("key"), boolean=True)
    def has_key(self, provider: Provider) -> bool:
        return bool(bytes(provider.encrypted_key))


@admin.register(Model)
class ModelAdmin(TenantModelAdmin):
    """The models that may be asked; one of them answers by default."""

    form = ModelForm
    list_display = ("name", "provider", "tier", "context_window", "enabled", "is_default")
    list_select_related = ("provider",)
    search_fields = ("name",)

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        if obj.is_default:
            Model.objects.filter(is_default=True).exclude(pk=obj.pk).update(is_default=False)
        super().save_model(request, obj, form, change)


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
        """What was spent, per day, feature and model."""
        days = asked_days(request)
        rows = spending.spent(days)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Costs"),
            "is_fullwidth": "1",
            "days": days,
            "periods": PERIODS,
            "rows": rows,
            "total": spending.total(rows),
        }
        return TemplateResponse(request, "admin/inference/totals.html", context)

    def csv_view(self, request: HttpRequest) -> HttpResponse:
        """The same rows for a spreadsheet."""
        days = asked_days(request)
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="costs-{days}-days.csv"'
        sheet = csv.writer(response)
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


def is_api_address(address: str) -> bool:
    """Is it an http(s) address with a host, without user, query or fragment?"""
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - raises for a port that is none
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or "@" in parts.netloc or " " in address)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and plain


def asked_days(request: HttpRequest) -> int:
    """The period asked for; anything but one of ``PERIODS`` is 30 days."""
    wanted = request.GET.get("days", "")
    return int(wanted) if wanted.isdecimal() and int(wanted) in PERIODS else 30


def harmless(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula is quoted: model names come from outside."""
    return (
        f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t"} else value
    )


@panels.add
def ledger_panel(trace: Trace) -> panels.Panel | None:
    """What the calls of this trace cost."""
    calls = spending.calls_of(trace.trace_id, *queries.period_of(trace))
    if not calls:
        return None
    return panels.Panel(
        "ledger", gettext("Ledger"), "admin/inference/_ledger_panel.html", {"calls": calls}
    )
