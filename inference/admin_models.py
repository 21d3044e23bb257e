"""Models in Django admin: what they can do, how they have done lately, and a call to try them."""

from typing import Any, ClassVar
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

from inference import admin_providers, catalogue, trials
from inference.catalogue import ABILITIES
from inference.models import Model, OpenCircuit
from inference.prices import listed
from inference.routing import health
from tenants import audit
from tenants.admin_pages import TenantForm, TenantModelAdmin
from tenants.scope import current_principal
from traces.templatetags import trace_display


class ModelForm(TenantForm):
    """Choosing a model as the default takes that from the other one, so the constraint is not the form's business."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["kind"].required = False

    def _get_validation_exclusions(self) -> set[str]:
        return super()._get_validation_exclusions() | {"is_default"}


@admin.register(Model)
class ModelAdmin(TenantModelAdmin):
    """The models that may be asked; one of them answers by default."""

    form = ModelForm
    list_display = (
        "named",
        "used_as",
        "window",
        "health",
        "speed",
        "price",
        "enabled",
        "test_link",
    )
    ordering = ("provider__name", "name")
    list_select_related = ("provider",)
    search_fields = ("name",)
    list_before_template = "admin/inference/_circuits.html"
    change_form_outer_before_template = "admin/inference/_model_links.html"
    fieldsets = (
        (None, {"fields": ("provider", "name", "kind", "enabled", "is_default")}),
        (_("What it can do"), {"fields": ("tier", "context_window", *ABILITIES.values())}),
        (
            _("Prices"),
            {
                "fields": ("input_price", "cached_price", "output_price"),
                "description": _(
                    "Left empty, the published price of a model of this name counts, if there is one."
                ),
            },
        ),
    )

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("traces/traces.css",)}

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        if obj.is_default:
            Model.objects.filter(is_default=True).exclude(pk=obj.pk).update(is_default=False)
        super().save_model(request, obj, form, change)
        admin_providers.offer_test(request, obj)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<uuid:model_id>/test/", view(self.test_view), name="inference_model_test"),
            path(
                "circuits/<uuid:circuit_id>/close/",
                view(require_POST(self.close_circuit_view)),
                name="inference_model_close_circuit",
            ),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """All models, and which of them are left alone for now, those of the operator too. One query more."""
        circuits = OpenCircuit.objects.order_by("provider", "model")
        extra = {**(extra_context or {}), "circuits": circuits}
        page: HttpResponse = super().changelist_view(request, extra)
        return page

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any
    ) -> HttpResponse:
        if row := context.get("original"):
            named = OpenCircuit.objects.filter(provider=row.provider.name, model=row.name)
            context["circuits"] = named
        page: HttpResponse = super().render_change_form(request, context, *args, **options)
        return page

    def close_circuit_view(self, request: HttpRequest, circuit_id: UUID) -> HttpResponse:
        """Ask the model again at once, in every process within two seconds."""
        row = get_object_or_404(OpenCircuit, pk=circuit_id)
        audit.record("opencircuit.closed", row)
        row.delete()
        messages.success(request, gettext("%(model)s is asked again.") % {"model": row.model})
        return redirect("admin:inference_model_changelist")

    def test_view(self, request: HttpRequest, model_id: UUID) -> HttpResponse:
        """One real, short call, and what came of it."""
        row = get_object_or_404(Model.objects.select_related("provider"), pk=model_id)
        question = request.POST.get("question", "").strip()[:2000] or trials.QUESTION
        asked = request.method == "POST"
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Test this model"),
            "row": row,
            "question": question,
            "trial": trials.tried(row, current_principal(), question) if asked else None,
        }
        return TemplateResponse(request, "admin/inference/model_test.html", context)

    @admin.display(description=_("name"), ordering="name")
    def named(self, model: Model) -> SafeString:
        """With its provider, and whether it is the one that answers by default."""
        said = [model.provider.name, *([gettext("answers by default")] if model.is_default else [])]
        return format_html('{}<br><span class="quiet">{}</span>', model.name, ", ".join(said))

    @admin.display(description=_("tier"), ordering="tier")
    def used_as(self, model: Model) -> str:
        """Tiers are for chat; what else there is has no choice of them."""
        is_chat = model.kind == Model.Kind.CHAT
        return model.get_tier_display() if is_chat else model.get_kind_display()

    @admin.display(description=_("window"), ordering="context_window")
    def window(self, model: Model) -> SafeString:
        tokens = trace_display.grouped(model.context_window)
        return format_html('<span class="figure">{}</span>', tokens)

    # Both columns read the same figures, kept for seconds: one query per page.
    @admin.display(description=_("last 15 minutes"))
    def health(self, model: Model) -> str:
        found = health.of(current_principal()).get((model.provider.name, model.name))
        if found is None:
            return gettext("not asked")
        calls = ngettext("%(n)s call", "%(n)s calls", found.calls) % {"n": found.calls}
        return f"{calls}, {found.error_share:.0%} {gettext('failed')}"

    @admin.display(description=_("first token / whole"))
    def speed(self, model: Model) -> SafeString:
        found = health.of(current_principal()).get((model.provider.name, model.name))
        first, whole = (found.first_token_ms, found.latency_ms) if found else (None, None)
        times = (trace_display.duration(first), trace_display.duration(whole))
        return format_html('<span class="figure">{} / {}</span>', *times)

    @admin.display(description=_("price in / out"))
    def price(self, model: Model) -> SafeString:
        """As set, as published, or neither: then calls cost nothing here, and budgets do not see them."""
        found = listed(model.name, model.provider.base_url, catalogue.prices_of(model))
        if found is None:
            said = gettext("Unknown")
            return format_html(
                '<div class="stack"><span class="outcome outcome-error">{}</span><br>{}</div>',
                said,
                gettext("counted as free; set its prices"),
            )
        said = gettext("per million, set") if found.is_set else gettext("per million, published")
        return format_html(
            '<div class="stack"><span class="figure">{} / {}</span><br><span class="quiet">{}</span></div>',
            trace_display.usd(found.prompt),
            trace_display.usd(found.completion),
            said,
        )

    @admin.display(description=_("test"))
    def test_link(self, model: Model) -> SafeString:
        url = reverse("admin:inference_model_test", args=[model.pk])
        return format_html('<a class="underline" href="{}">{}</a>', url, gettext("test"))
