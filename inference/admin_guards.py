"""Guards and caches in the tenant's admin: what each guard does, what they found, and what the cache saves."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inference.caching import entries, savings
from inference.clients import shared
from inference.guards import json_schema, policies, review
from inference.guards.registry import GUARDS, MOST_CHARACTERS
from inference.guards.support import SUPPORTED
from inference.guards.trying import LONGEST, Told, tried
from inference.models import CachePolicy, GuardFinding, GuardPolicy
from tenants.admin_pages import ReadOnlyAdmin, TenantForm, TenantModelAdmin
from traces import panels
from traces.models import Trace
from traces.pagination import BoundedPaginator
from traces.templatetags import trace_display

DAYS = 30


@admin.register(GuardPolicy)
class GuardPolicyAdmin(TenantModelAdmin):
    """One page: every guard, what it does, and how it has done."""

    def get_urls(self) -> list[URLPattern]:
        """Only the page: policies are set there, together."""
        view = self.admin_site.admin_view
        return [path("", view(self.policy_view), name="inference_guardpolicy_changelist")]

    def policy_view(self, request: HttpRequest) -> HttpResponse:
        """GET shows, POST sets what differs from what is."""
        if request.method == "POST" and request.POST.get("verb") == "try":
            return self._policy_page(request, tried=self._tried(request))
        if request.method == "POST":
            try:
                changed = set_policies(request)
            except ValidationError as error:
                for one in error.messages:
                    messages.error(request, one)
            else:
                told = gettext("%(n)d guards were changed.") % {"n": changed}
                messages.success(request, told if changed else gettext("Nothing was changed."))
                return HttpResponseRedirect(reverse("admin:inference_guardpolicy_changelist"))
        return self._policy_page(request)

    def _tried(self, request: HttpRequest) -> list[Told] | None:
        try:
            return try_out(request)
        except ValidationError as error:
            for one in error.messages:
                messages.error(request, one)
            return None

    def _policy_page(
        self, request: HttpRequest, *, tried: list[Told] | None = None
    ) -> HttpResponse:
        now, rates = policies.read(), {rate.guard: rate for rate in review.rates(DAYS)}
        rows = [
            {
                "guard": guard,
                "setting": now.settings[name],
                "rate": rates.get(name),
                "allowed": "\n".join(now.settings[name].options.get("allowed", ())),
                "most": now.settings[name].options.get("most", MOST_CHARACTERS),
                "threshold": now.settings[name].options.get("threshold", SUPPORTED),
                "judge": bool(now.settings[name].options.get("judge")),
            }
            for name, guard in GUARDS.items()
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": _("Guards"),
            "is_fullwidth": "1",
            "rows": rows,
            "days": DAYS,
            "daily": [
                (day, [day.counts.get(name, 0) for name in GUARDS]) for day in review.daily(DAYS)
            ],
            "tried": tried,
            "asked": {name: request.POST.get(name, "") for name in TRY_FIELDS},
            "places": PLACES,
        }
        return TemplateResponse(request, "admin/guards/policies.html", context)


def try_out(request: HttpRequest) -> list[Told]:
    """What the guards say of the form's text. Raises ValidationError naming the field."""
    # Browsers send lines with both of their ends.
    told = {name: request.POST.get(name, "") for name in TRY_FIELDS}
    asked = {name: text.replace("\r\n", "\n").strip() for name, text in told.items()}
    if not asked["text"]:
        raise ValidationError(gettext("Text: write what the guards shall read."))
    if len(asked["text"]) > LONGEST:
        raise ValidationError(gettext("Text: at most 50,000 characters."))
    where = asked["where"] if asked["where"] in PLACES else "question"
    passages = [one.strip() for one in asked["passages"].split("\n\n") if one.strip()]
    return tried(
        asked["text"],
        where,  # type: ignore[arg-type]  # one of PLACES
        policies.read(),
        passages=passages,
        schema=_schema(asked["schema"]),
        embed=lambda texts: shared().embedder().embed(texts),
    )


def _schema(told: str) -> dict[str, Any] | None:
    if not told:
        return None
    try:
        schema = json.loads(told)
        json_schema.check(schema)
    except ValueError as error:
        raise ValidationError(gettext("JSON schema: %s") % error) from error
    if not isinstance(schema, dict):
        raise ValidationError(gettext("JSON schema: expected an object."))
    return schema


TRY_FIELDS = ("text", "where", "passages", "schema")
PLACES = {"question": _("a question"), "passage": _("a passage"), "answer": _("an answer")}


def set_policies(request: HttpRequest) -> int:
    """What the form says, where it differs; how many guards. Raises ValidationError."""
    now, changed = policies.read(), 0
    for name in GUARDS:
        action = request.POST.get(name, now.settings[name].action)
        options: dict[str, Any] = dict(now.settings[name].options)
        if name == "links" and "allowed" in request.POST:
            options["allowed"] = request.POST["allowed"].split()
        for option, guard in (("most", "length"), ("threshold", "support")):
            if guard == name and request.POST.get(option):
                options[option] = request.POST[option]
        if name == "support" and "threshold" in request.POST:
            options["judge"] = request.POST.get("judge") == "on"
        before = now.settings[name]
        wanted = policies.checked(name, options)
        if action != before.action or (wanted != before.options and name in ASKS_MORE):
            policies.set_action(name, action, options)
            changed += 1
    return changed


ASKS_MORE = frozenset({"links", "length", "support"})


@panels.add
def guards_panel(trace: Trace) -> panels.Panel | None:
    """What the guards found in this trace, below its spans. One query."""
    found = [
        {"row": row, "guard": GUARDS[row.guard].title if row.guard in GUARDS else row.guard}
        for row in review.of_trace(trace.trace_id)
    ]
    if not found:
        return None
    return panels.Panel("guards", gettext("Guards"), "admin/guards/_panel.html", {"found": found})


@admin.register(GuardFinding)
class GuardFindingAdmin(ReadOnlyAdmin):
    """What the guards found, to be judged."""

    list_display = (
        "when",
        "titled",
        "kind_told",
        "place",
        "action",
        "sure",
        "found",
        "judged",
        "trace",
    )
    nothing_yet = _("No guard has found anything. What they find is kept here for you to judge.")
    list_filter = ("guard", "action", "verdict")
    list_per_page = 50
    paginator = BoundedPaginator
    ordering = ("-created_at",)
    sortable_by = ()
    list_display_links = None
    actions = ("right", "false_alarm")

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("traces/traces.css",)}

    @admin.display(description=_("when"))
    def when(self, finding: GuardFinding) -> SafeString:
        return format_html('<span class="figure">{}</span>', trace_display.ago(finding.created_at))

    @admin.display(description=_("guard"))
    def titled(self, finding: GuardFinding) -> str:
        guard = GUARDS.get(finding.guard)
        return guard.title if guard else finding.guard

    @admin.display(description=_("kind"))
    def kind_told(self, finding: GuardFinding) -> str:
        return finding.kind.replace("_", " ")

    @admin.display(description=_("where"))
    def place(self, finding: GuardFinding) -> SafeString:
        return format_html('<span class="unbroken">{}</span>', finding.where)

    @admin.display(description=_("excerpt"))
    def found(self, finding: GuardFinding) -> SafeString:
        return format_html('<span class="excerpt" dir="auto">{}</span>', finding.excerpt)

    @admin.display(description=_("sure"))
    def sure(self, finding: GuardFinding) -> SafeString:
        return format_html('<span class="figure">{}</span>', f"{finding.score:.0%}")

    @admin.display(description=_("verdict"))
    def judged(self, finding: GuardFinding) -> str:
        return finding.get_verdict_display()

    @admin.display(description=_("trace"))
    def trace(self, finding: GuardFinding) -> SafeString | str:
        if not finding.trace_id:
            return "–"
        where = reverse("admin:traces_trace_change", args=[finding.trace_id])
        return format_html('<a class="underline" href="{}">{}</a>', where, gettext("Trace"))

    @admin.action(description=_("Right: this was what the guard is for"))
    def right(self, request: HttpRequest, rows: QuerySet[GuardFinding]) -> None:
        self._judge(request, rows, GuardFinding.Verdict.RIGHT)

    @admin.action(description=_("False alarm"))
    def false_alarm(self, request: HttpRequest, rows: QuerySet[GuardFinding]) -> None:
        self._judge(request, rows, GuardFinding.Verdict.FALSE)

    def _judge(self, request: HttpRequest, rows: QuerySet[GuardFinding], verdict: str) -> None:
        count = review.judge(rows.values_list("pk", flat=True), verdict)
        messages.success(request, gettext("%(n)d findings were judged.") % {"n": count})


@admin.register(CachePolicy)
class CachePolicyAdmin(TenantModelAdmin):
    """What each feature may take from the cache, and what that has saved."""

    form = TenantForm
    nothing_yet = _(
        "Every feature does as told above. Add a policy to change that for one of them."
    )
    list_display = ("feature", "exact", "semantic", "threshold", "seconds", "most")
    change_list_template = "admin/guards/caches.html"
    actions = ("empty",)

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("traces/traces.css",)}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The policies, below what was saved."""
        told = {"savings": savings.saved(DAYS), "days": DAYS}
        page: HttpResponse = super().changelist_view(request, {**(extra_context or {}), **told})
        return page

    @admin.action(description=_("Forget the kept answers of these features"))
    def empty(self, request: HttpRequest, rows: QuerySet[CachePolicy]) -> None:
        gone = sum(entries.clear(row.feature) for row in rows)
        messages.success(request, gettext("%(n)d answers were forgotten.") % {"n": gone})
