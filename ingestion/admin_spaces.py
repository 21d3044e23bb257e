"""Embedding spaces in the tenant's admin: a second one is added, watched while it fills, and let serve.

What takes long (filling, switching, deleting) is a worker's; these pages say what is wanted and show how far it is.
"""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from inference.embedding.specification import allowed
from ingestion import spaces
from ingestion.errors import SpaceRefused
from ingestion.models import EmbeddingSpace
from tenants.admin_pages import TenantForm, TenantModelAdmin

State = EmbeddingSpace.SpaceState


class SpaceForm(TenantForm):
    """A model of the operator's list, and how far its vectors are shortened."""

    model_name = forms.ChoiceField(
        label=_("Model"),
        choices=lambda: [(one, one) for one in allowed()],
        widget=UnfoldAdminSelectWidget,
        help_text=_("Whoever runs this Footnote decides which models there are."),
    )
    shortened_to = forms.IntegerField(
        label=_("Shortened to"),
        required=False,
        min_value=8,
        max_value=4000,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=_("Dimensions; empty: all. For models that are trained to bear it (Matryoshka)."),
    )

    class Meta:
        model = EmbeddingSpace
        fields = ()

    def clean(self) -> dict[str, Any]:
        """Adds the space, since only that tells whether it can be."""
        found: dict[str, Any] = super().clean() or {}
        if self.errors:
            return found
        short = found.get("shortened_to")
        specification = f"{found['model_name']}@{short}" if short else str(found["model_name"])
        try:
            self.instance = spaces.add(specification)
        except SpaceRefused as error:
            raise ValidationError(str(error)) from error
        return found


@admin.register(EmbeddingSpace)
class SpaceAdmin(TenantModelAdmin):
    """The spaces of the tenant; actions say what is to happen to one."""

    form = SpaceForm
    list_display = ("name", "dimensions", "shown_state", "progress", "left", "shortened", "reason")
    list_display_links = None
    ordering = ("created_at",)
    actions = ("let_serve", "pause", "resume", "drop")
    fieldsets = ((None, {"fields": ("model_name", "shortened_to")}),)

    @admin.display(description=_("Model"))
    def name(self, space: EmbeddingSpace) -> str:
        return space.model

    @admin.display(description=_("State"))
    def shown_state(self, space: EmbeddingSpace) -> str:
        if space.state == State.FILLING and space.paused_at:
            return gettext("paused")
        if space.state == State.FILLING and space.serves_next:
            return gettext("serves as soon as it is complete")
        if space.state == State.FILLING and space.completed_at:
            return gettext("complete, kept full")
        return str(space.get_state_display())

    @admin.display(description=_("Passages"))
    def progress(self, space: EmbeddingSpace) -> str:
        told = _told(space)
        return gettext("%(filled)s of %(all)s (%(share)s %%)") % {
            "filled": f"{told.filled:,}",
            "all": f"{told.passages:,}",
            "share": f"{100 * told.share:.0f}",
        }

    @admin.display(description=_("Left"))
    def left(self, space: EmbeddingSpace) -> str:
        told = _told(space)
        if told.filled >= told.passages:
            return ""
        if told.seconds_left is None:
            return gettext("%(tokens)s tokens") % {"tokens": f"{told.tokens_left:,}"}
        return gettext("%(tokens)s tokens, about %(minutes)s min, %(money)s USD") % {
            "tokens": f"{told.tokens_left:,}",
            "minutes": max(1, round(told.seconds_left / 60)),
            "money": f"{told.cost_left or 0:.4f}",
        }

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The form's check has added it."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """``spaces.add`` has said so."""

    @admin.action(description=_("Let it serve once it is complete"))
    def let_serve(self, request: HttpRequest, queryset: QuerySet[EmbeddingSpace]) -> None:
        idle = list(queryset.filter(state=State.FILLING))
        if len(idle) != 1:
            messages.error(request, gettext("Choose one space that does not serve yet."))
            return
        spaces.let_serve(idle[0])
        messages.success(
            request,
            gettext("%(model)s serves as soon as nothing is missing in it.")
            % {"model": idle[0].model},
        )

    @admin.action(description=_("Stop filling it"))
    def pause(self, request: HttpRequest, queryset: QuerySet[EmbeddingSpace]) -> None:
        self._set_paused(request, queryset, paused=True)

    @admin.action(description=_("Go on filling it"))
    def resume(self, request: HttpRequest, queryset: QuerySet[EmbeddingSpace]) -> None:
        self._set_paused(request, queryset, paused=False)

    def _set_paused(
        self, request: HttpRequest, queryset: QuerySet[EmbeddingSpace], *, paused: bool
    ) -> None:
        idle = list(queryset.filter(state=State.FILLING))
        for space in idle:
            spaces.pause(space, paused=paused)
        told = ngettext("%(n)s space changed.", "%(n)s spaces changed.", len(idle))
        messages.success(request, told % {"n": len(idle)})

    @admin.action(description=_("Drop it with its vectors"))
    def drop(self, request: HttpRequest, queryset: QuerySet[EmbeddingSpace]) -> None:
        for space in queryset:
            try:
                spaces.retire(space)
            except SpaceRefused as error:
                messages.error(request, str(error))
            else:
                messages.success(
                    request, gettext("%(model)s is being dropped.") % {"model": space.model}
                )


def _told(space: Any) -> spaces.Progress:
    """Asked once for a row of the list, which two columns read: it scans the tenant's passages."""
    if not hasattr(space, "told"):
        space.told = spaces.progress(space)
    found: spaces.Progress = space.told
    return found
