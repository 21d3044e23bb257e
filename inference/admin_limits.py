"""Budgets and rate limits in Django admin: what is allowed, and how much of it is used."""

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inference import subjects
from inference.budget_standing import with_standing
from inference.models import Budget, BudgetCounter, RateLimit, Scope
from tenants.admin_pages import ReadOnlyInline, TenantForm, TenantModelAdmin
from traces.templatetags import trace_display

SHOWN_COUNTERS = 50


class SubjectForm(TenantForm):
    """Checks that the subject is what the scope counts; people and keys are written by their names."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.subject:
            self.initial["subject"] = subjects.named(self.instance.scope, self.instance.subject)
        self.fields["subject"].help_text = _(
            "A member's e-mail address, a key's name, a feature such as chat or api.ask, or a model; empty: each of"
            " them for itself."
        )

    def clean(self) -> dict[str, Any]:
        """Raises ValidationError on ``subject``."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        try:
            given = cleaned.get("subject") or ""
            cleaned["subject"] = subjects.checked(cleaned.get("scope", ""), given)
        except subjects.WrongSubject as error:
            self.add_error("subject", str(error))
        return cleaned


class CounterInline(ReadOnlyInline):
    """What was spent in each period, newest first."""

    model = BudgetCounter
    fields = readonly_fields = ("period_start", "whose", "used", "reserved", "warning")
    ordering = ("-period_start", "-spent_usd")
    extra = 0
    verbose_name_plural = _("Spent")

    def get_queryset(self, request: HttpRequest) -> Any:
        """The newest of this budget: one for each person and day may have thousands."""
        asked = request.resolver_match.kwargs.get("object_id") if request.resolver_match else None
        rows = super().get_queryset(request).select_related("budget")
        newest = rows.filter(budget=asked).order_by("-period_start", "-spent_usd", "id")
        return rows.filter(pk__in=list(newest.values_list("pk", flat=True)[:SHOWN_COUNTERS]))

    @admin.display(description=_("counted"))
    def whose(self, counter: BudgetCounter) -> str:
        return told(counter.budget.scope, counter.subject) if counter.subject else "–"

    @admin.display(description=_("last warning"))
    def warning(self, counter: BudgetCounter) -> str:
        return f"{counter.warned} %" if counter.warned else "–"

    @admin.display(description=_("spent"))
    def used(self, counter: BudgetCounter) -> SafeString:
        share = counter.spent_usd / counter.limit_usd * 100
        return format_html("{} ({} %)", trace_display.usd(counter.spent_usd), f"{share:.0f}")

    @admin.display(description=_("held by calls in progress"))
    def reserved(self, counter: BudgetCounter) -> str:
        return str(trace_display.usd(counter.reserved_usd))


@admin.register(Budget)
class BudgetAdmin(TenantModelAdmin):
    """Money. A budget counts from when it was made; its warnings go out at 50, 80 and 100 per cent."""

    form = SubjectForm

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("traces/traces.css",)}

    nothing_yet = _("Nothing is limited. A budget says what may be spent in a day or a month.")
    inlines = (CounterInline,)
    list_display = ("name", "scope", "counted", "period", "used", "limit", "at_limit", "enabled")
    list_filter = ("scope", "period")
    search_fields = ("name",)
    fields = ("name", "scope", "subject", "period", "limit_usd", "at_limit", "enabled")

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    @admin.display(description=_("counted"))
    def counted(self, budget: Budget) -> str:
        return told(budget.scope, budget.subject)

    def get_queryset(self, request: HttpRequest) -> Any:
        return with_standing(super().get_queryset(request))

    @admin.display(description=_("spent in this period"))
    def used(self, budget: Any) -> SafeString:
        """A bar with its figures; of a budget for each person or key, the fullest one's and whose it is."""
        spent = budget.spent or Decimal(0)
        share = spent / budget.limit_usd
        who = told(budget.scope, budget.whose) if budget.whose and not budget.subject else ""
        return format_html(
            '<div class="stack"><progress max="100" value="{}" aria-hidden="true"></progress><br>'
            '<span class="figure">{} ({})</span>{}</div>',
            f"{min(share, 1) * 100:.0f}",
            trace_display.usd(spent),
            trace_display.share(float(share)),
            _fullest(who, budget.counters_now),
        )

    @admin.display(description=_("limit"), ordering="limit_usd")
    def limit(self, budget: Budget) -> SafeString:
        return format_html('<span class="figure">{}</span>', trace_display.usd(budget.limit_usd))


def _fullest(who: str, count: int) -> SafeString | str:
    if not who:
        return ""
    said = gettext("%(who)s, the most of %(n)d") % {"who": who, "n": count} if count > 1 else who
    return format_html('<br><span class="quiet">{}</span>', said)


class RateLimitForm(SubjectForm):
    """Calls at once have no time."""

    seconds = forms.IntegerField(
        label=_("in seconds"),
        min_value=1,
        max_value=31_536_000,
        initial=60,
        help_text=_("How long it takes until the whole amount is available again."),
    )


@admin.register(RateLimit)
class RateLimitAdmin(TenantModelAdmin):
    """How often, and how much at once."""

    form = RateLimitForm
    nothing_yet = _(
        "Nothing is limited. A rate limit says how many calls or tokens there may be in a time."
    )
    list_display = ("name", "scope", "counted", "measure", "allowed", "enabled")
    list_filter = ("scope", "measure")
    search_fields = ("name",)
    fields = ("name", "scope", "subject", "measure", "amount", "seconds", "enabled")

    @admin.display(description=_("counted"))
    def counted(self, limit: RateLimit) -> str:
        return told(limit.scope, limit.subject)

    @admin.display(description=_("allowed"))
    def allowed(self, limit: RateLimit) -> str:
        """Calls at once have no time."""
        if limit.measure == RateLimit.Measure.CONCURRENT:
            return trace_display.grouped(limit.amount)
        what = {"n": trace_display.grouped(limit.amount), "seconds": limit.seconds}
        return gettext("%(n)s per %(seconds)s s") % what


def told(scope: str, subject: str) -> str:
    """Whom or what a budget or limit counts, by name. One query where the subject is an id."""
    if not subject:
        return "–" if scope == Scope.TENANT else gettext("each for itself")
    return subjects.named(scope, subject)
