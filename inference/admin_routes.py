"""Routes in the tenant's admin: edited with their candidates, tried out without asking anybody, and compared."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from inference import snapshots
from inference.errors import InferenceError
from inference.models import Candidate, Route
from inference.routing import comparison
from inference.routing.complexity import Rule
from inference.routing.plans import Plan, dry_run
from inference.routing.validation import names, problems
from inference.types import ChatRequest, Message
from tenants.admin_pages import TenantForm, TenantInline, TenantModelAdmin, asked_days
from tenants.scope import current_principal

PERIODS = (1, 7, 30, 90)
LONGEST_QUESTION = 8_000


class CandidateForm(TenantForm):
    """The model is chosen from those that the tenant has; one that is gone stays to be seen."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        snapshot = snapshots.load(current_principal())
        known = dict.fromkeys(
            [*names("chat", snapshot), *names("rerank", snapshot), *names("embed", snapshot)]
        )
        if self.instance.model:
            known.setdefault(self.instance.model)
        choices = [("", "---------"), *((name, name) for name in known)]
        self.fields["model"] = forms.ChoiceField(
            label=_("model"),
            choices=choices,
            widget=UnfoldAdminSelectWidget(attrs={"aria-label": _("model")}),
        )


class CandidateFormSet(forms.BaseInlineFormSet):  # type: ignore[type-arg]  # not subscriptable at run time
    """Checks the route and all of its candidates together, as `bin/manage apply` does."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        kept = [
            form
            for form in self.forms
            if form.cleaned_data.get("model") and not form.cleaned_data.get("DELETE")
        ]
        found = problems(
            self.instance,
            [form.instance for form in kept],
            snapshots.load(current_principal()),
        )
        for problem in found:
            if problem.index is not None:
                kept[problem.index].add_error("model", problem.message)
        general = [one.message for one in found if one.index is None]
        if general:
            raise forms.ValidationError(general)


class CandidateInline(TenantInline):
    """The models of a route."""

    model = Candidate
    form = CandidateForm
    formset = CandidateFormSet
    fields = ("model", "weight", "is_fallback", "position")
    extra = 1


class RouteForm(TenantForm):
    """Says what each field does, and reads the complexity rule out."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, said in HELP.items():
            self.fields[name].help_text = said
        self.fields["complexity"].help_text = rule_told()
        self.fields["complexity"].widget.attrs["rows"] = 4


HELP = {
    "feature": _(
        "chat (the chat page), api.ask, api.chat, rewrite (follow-up questions), judge, rerank, embed; * is for all"
        " that have no route of their own."
    ),
    "strategy": _(
        "By weight draws a model by lot. Fastest now goes by the time to the first token of the last 15 minutes."
    ),
    "tiers": _("Models of this tier come first, then the nearest larger ones."),
    "sticky": _("With weights: one conversation stays with the model that it began with."),
    "first_token_s": _("Seconds after which the next model is asked instead. Empty: 20."),
    "hedge_after_ms": _(
        "Milliseconds after which the next model is asked as well; the faster one answers. Empty: never."
    ),
}


def rule_told() -> SafeString:
    """The rule in words, with the names under which its numbers are changed."""
    usual = Rule()
    told = gettext(
        "A question gets %(points_long)s point from %(long_words)s words on (%(points_very_long)s from"
        " %(very_long_words)s), %(points_per_extra_question)s for each further question in it, %(points_comparing)s for"
        " words that compare or ask why, %(points_numbers)s for two numbers or more and %(points_many_passages)s from"
        " %(many_passages)s passages on. From %(standard_from)s point on it is standard, from %(large_from)s large."
    ) % vars(usual)
    example = gettext("To change numbers, name them, as in %s. Names and their usual numbers:")
    return format_html(
        "{}<br>{}<br><code>{}</code>",
        told,
        example % '{"large_from": 4}',
        ", ".join(f"{name} {value}" for name, value in vars(usual).items()),
    )


@admin.register(Route)
class RouteAdmin(TenantModelAdmin):
    """Who answers for a feature."""

    form = RouteForm
    nothing_yet = _(
        "Without a route the default model answers. A route says which models answer for a feature."
    )
    list_display = ("feature", "strategy", "tiers", "candidates_told", "compared", "enabled")
    ordering = ("feature",)
    inlines = (CandidateInline,)
    fieldsets = (
        (None, {"fields": ("feature", "strategy", "tiers", "sticky", "enabled")}),
        (_("When it takes long"), {"fields": ("first_token_s", "hedge_after_ms")}),
        (_("Complexity rule"), {"fields": ("complexity",)}),
    )
    change_form_outer_before_template = "admin/inference/_route_links.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("candidates")

    @admin.display(description=_("models"))
    def candidates_told(self, route: Route) -> str:
        return ", ".join(
            f"{one.model} (fallback)" if one.is_fallback else f"{one.model} ({one.weight})"
            for one in route.candidates.all()
        )

    @admin.display(description=_("comparison"))
    def compared(self, route: Route) -> SafeString:
        url = reverse("admin:inference_route_compare", args=[route.pk])
        return format_html('<a class="underline" href="{}">{}</a>', url, _("compare"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<uuid:route_id>/check/", view(self.check_view), name="inference_route_check"),
            path(
                "<uuid:route_id>/compare/",
                view(self.compare_view),
                name="inference_route_compare",
            ),
        ]
        return [*own, *super().get_urls()]

    def check_view(self, request: HttpRequest, route_id: UUID) -> HttpResponse:
        """Who would answer this? Nobody is asked."""
        route = get_object_or_404(Route.objects, pk=route_id)
        question = request.GET.get("question", "")[:LONGEST_QUESTION]
        plan, error = planned(route, question) if question else (None, "")
        context = {"question": question, "plan": plan, "error": error}
        return self._page(request, route, "check", _("Who would answer this?"), context)

    def compare_view(self, request: HttpRequest, route_id: UUID) -> HttpResponse:
        """How the candidates have done."""
        route = get_object_or_404(Route.objects, pk=route_id)
        days = asked_days(request, PERIODS)
        context = {
            "days": days,
            "periods": PERIODS,
            "rows": comparison.compare(route.feature, days),
        }
        return self._page(request, route, "compare", _("Comparison"), context)

    def _page(
        self, request: HttpRequest, route: Route, name: str, title: Any, context: dict[str, Any]
    ) -> HttpResponse:
        shared = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "is_fullwidth": "1",
            "route": route,
        }
        return TemplateResponse(request, f"admin/inference/route_{name}.html", shared | context)


def planned(route: Route, question: str) -> tuple[Plan | None, str]:
    """The plan for a new conversation that begins with the question, or why there is none."""
    request = ChatRequest(
        [Message("user", question)],
        route.feature,
        current_principal(),
        question=question,
        conversation_id=uuid4(),
    )
    declared = snapshots.Declared(route, tuple(route.candidates.all()))
    try:
        return dry_run(request, declared), ""
    except InferenceError as error:
        return None, str(error)
