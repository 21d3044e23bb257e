"""The form of a source in the admin: made of the fields of its kind, as the API's and the shell's settings are."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from ingestion.models import Collection, Source
from ingestion.syncing.kind import Field, Kind

SCHEDULES = (
    ("", _("Only when somebody asks")),
    ("15", _("Every 15 minutes")),
    ("60", _("Hourly")),
    ("1440", _("Daily")),
    ("10080", _("Weekly")),
)


class SourceForm(forms.Form):
    """Name, collection, schedule and what deletions do, with the settings of one kind between them."""

    name = forms.CharField(label=_("Name"), max_length=200, widget=UnfoldAdminTextInputWidget())
    collection: Any = forms.ModelChoiceField(
        queryset=None, label=_("Collection"), widget=UnfoldAdminSelectWidget()
    )

    def __init__(self, kind: Kind, source: Source | None = None, data: Any = None) -> None:
        super().__init__(data, initial=_initial(kind, source))
        self.kind, self.source = kind, source
        for field in kind.fields:
            self.fields[field.name] = _made(field, source)
        self.fields |= _common(source)
        collection: Any = self.fields["collection"]
        collection.queryset = Collection.objects.order_by("name")
        if source is not None:
            del self.fields["collection"]

    @property
    def config(self) -> dict[str, Any]:
        """The settings that are no secrets."""
        names = [field.name for field in self.kind.fields if field.kind != "secret"]
        return {name: self.cleaned_data[name] for name in names}

    @property
    def secrets(self) -> dict[str, str] | None:
        """The credentials that were entered; None: those that are stored stay."""
        names = [field.name for field in self.kind.fields if field.kind == "secret"]
        found = {name: value for name in names if (value := self.cleaned_data[name])}
        if self.cleaned_data.get("forget_secrets"):
            return found
        return found or None

    @property
    def options(self) -> dict[str, Any]:
        """What every kind has."""
        every = self.cleaned_data["every_minutes"]
        return {
            "every_minutes": int(every) if every else None,
            "fresh_minutes": self.cleaned_data["fresh_minutes"],
            "missing": self.cleaned_data["missing"],
            "most_deleted_percent": self.cleaned_data["most_deleted_percent"],
        }

    def refuse(self, error: ValidationError) -> None:
        """Show what a command refused beside the field that it names."""
        for name, messages in error.message_dict.items():
            self.add_error(name if name in self.fields else None, messages)


def _initial(kind: Kind, source: Source | None) -> dict[str, Any]:
    config: Mapping[str, Any] = source.config if source else {}
    shown = {
        field.name: _shown(config.get(field.name, field.default))
        for field in kind.fields
        if field.kind != "secret"
    }
    if source is None:
        return shown
    every = str(source.every_minutes or "")
    return shown | {
        "name": source.name,
        "every_minutes": every,
        "fresh_minutes": source.fresh_minutes,
        "missing": source.missing,
        "most_deleted_percent": source.most_deleted_percent,
    }


def _shown(value: Any) -> Any:
    return "\n".join(value) if isinstance(value, list) else value


def _made(field: Field, source: Source | None) -> forms.Field:
    about: dict[str, Any] = {
        "label": field.label,
        "help_text": field.help,
        "required": field.required,
    }
    match field.kind:
        case "lines":
            return forms.CharField(widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), **about)
        case "number":
            about |= {"min_value": field.least, "max_value": field.most, "required": True}
            return forms.IntegerField(widget=UnfoldAdminIntegerFieldWidget(), **about)
        case "flag":
            return forms.BooleanField(
                widget=UnfoldBooleanSwitchWidget(), **{**about, "required": False}
            )
        case "choice":
            return forms.ChoiceField(
                choices=field.choices, widget=UnfoldAdminSelectWidget(), **about
            )
        case "secret":
            if source is not None and bytes(source.encrypted_credentials):
                about["help_text"] = _("Empty: what is stored stays. It cannot be shown.")
            widget = UnfoldAdminPasswordWidget(
                attrs={"autocomplete": "new-password"}, render_value=False
            )
            return forms.CharField(widget=widget, **{**about, "required": False})
    return forms.CharField(widget=UnfoldAdminTextInputWidget(), **about)


def _common(source: Source | None) -> dict[str, forms.Field]:
    schedules: list[tuple[str, Any]] = list(SCHEDULES)
    every = str(source.every_minutes or "") if source else ""
    if every not in dict(SCHEDULES):
        schedules.append((every, _("Every %(minutes)s minutes") % {"minutes": every}))
    found: dict[str, forms.Field] = {
        "every_minutes": forms.ChoiceField(
            label=_("Look at it"),
            choices=schedules,
            required=False,
            widget=UnfoldAdminSelectWidget(),
        ),
        "fresh_minutes": forms.IntegerField(
            label=_("Fresh for, minutes"),
            initial=0,
            min_value=0,
            max_value=527_040,
            help_text=_("What was fetched more recently is not asked for again."),
            widget=UnfoldAdminIntegerFieldWidget(),
        ),
        "missing": forms.ChoiceField(
            label=_("Documents that the source has no more"),
            choices=Source.Missing.choices,
            widget=UnfoldAdminSelectWidget(),
        ),
        "most_deleted_percent": forms.IntegerField(
            label=_("Most deleted at once, percent"),
            initial=20,
            min_value=0,
            max_value=100,
            help_text=_("More than this waits for your word."),
            widget=UnfoldAdminIntegerFieldWidget(),
        ),
    }
    if source is not None and bytes(source.encrypted_credentials):
        found["forget_secrets"] = forms.BooleanField(
            label=_("Remove the stored credentials"),
            required=False,
            widget=UnfoldBooleanSwitchWidget(),
        )
    return found
