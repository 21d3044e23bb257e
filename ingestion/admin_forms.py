"""Forms of the corpus in the admin."""

import json
from typing import Any

import Stemmer
from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from ingestion import metadata
from ingestion.editing import Change
from ingestion.models import Collection, Document, Retention, WebhookEndpoint
from ingestion.webhooks import endpoints
from tenants.admin_pages import TenantForm
from tenants.models import Group


def languages() -> list[tuple[str, Any]]:
    """What the lexical index can stem, and none."""
    return [("simple", _("none: words as they are"))] + [
        (name, name.capitalize()) for name in Stemmer.algorithms() if name != "porter"
    ]


class Groups(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # not subscriptable at run time
    """Reader groups as boxes to tick."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            queryset=None,  # set by the form, inside the scope
            required=False,
            label=_("Only for these groups"),
            widget=UnfoldAdminCheckboxSelectMultipleWidget,
            **options,
        )


def words(text: str) -> list[str]:
    """A list that was typed with commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


class DocumentForm(forms.Form):
    """Title, metadata and readers of one document."""

    title = forms.CharField(
        label=_("Title"),
        max_length=500,
        required=False,
        help_text=_("Empty: the file's own."),
        widget=UnfoldAdminTextInputWidget,
    )
    author = forms.CharField(
        label=_("Author"), max_length=500, required=False, widget=UnfoldAdminTextInputWidget
    )
    date = forms.CharField(
        label=_("Date"),
        max_length=40,
        required=False,
        help_text=_("2024, 2024-05 or 2024-05-31"),
        widget=UnfoldAdminTextInputWidget,
    )
    tags = forms.CharField(
        label=_("Tags"),
        required=False,
        help_text=_("Separated by commas"),
        widget=UnfoldAdminTextInputWidget,
    )
    language = forms.CharField(
        label=_("Language"), max_length=35, required=False, widget=UnfoldAdminTextInputWidget
    )
    other = forms.JSONField(
        label=_("Everything else"),
        required=False,
        help_text=_("A JSON object"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8, "spellcheck": "false"}),
    )
    groups = Groups(help_text=_("None ticked: every member. Holds in search at once."))

    def __init__(self, data: Any, *, document: Document) -> None:
        super().__init__(data, initial=_initial(document))
        groups: Any = self.fields["groups"]
        groups.queryset = Group.objects.order_by("name")
        self._document = document

    def clean(self) -> dict[str, Any]:
        """Puts the metadata together; what is wrong is said at the field that it concerns."""
        given: dict[str, Any] = super().clean() or {}
        for name in ("author", "date", "language"):
            given[name] = self._typed(name, given.get(name) or None)
        given["tags"] = self._typed("tags", words(given.get("tags") or "") or None)
        other = given.get("other") or {}
        try:
            given["metadata"] = metadata.checked(
                {**(other if isinstance(other, dict) else {"": other}), **self._known(given)}
            )
        except metadata.BadMetadata as problem:
            self.add_error("other", str(problem))
        return given

    def _typed(self, name: str, value: Any) -> Any:
        if value is None:
            return None
        try:
            return metadata.typed(name, value)
        except metadata.BadMetadata as problem:
            self.add_error(name, str(problem))
            return None

    def _known(self, given: dict[str, Any]) -> dict[str, Any]:
        names = ("author", "date", "tags", "language")
        known = {name: given[name] for name in names if given[name] is not None}
        before = self._document.metadata.get("author")
        if isinstance(before, list) and known.get("author") == ", ".join(before):
            known["author"] = before
        return known

    def change(self) -> Change:
        """The command's change, of a form that is valid."""
        given = self.cleaned_data
        is_new = given["title"] != self._document.title
        return Change(
            title=given["title"] if is_new else None,
            replacement=given["metadata"],
            reader_groups=[group.pk for group in given["groups"]],
        )


def _initial(document: Document) -> dict[str, Any]:
    kept = dict(document.metadata)
    found: dict[str, Any] = {name: kept.pop(name, "") for name in ("author", "date", "language")}
    if isinstance(found["author"], list):
        found["author"] = ", ".join(str(name) for name in found["author"])
    tags = kept.pop("tags", [])
    found["tags"] = ", ".join(tags) if isinstance(tags, list) else str(tags)
    return found | {"title": document.title, "other": kept, "groups": document.reader_groups}


class BulkForm(forms.Form):
    """What is changed of many documents; empty fields change nothing."""

    key = forms.CharField(
        label=_("Set this key"), max_length=200, required=False, widget=UnfoldAdminTextInputWidget
    )
    value = forms.CharField(
        label=_("to this value"),
        required=False,
        help_text=_("JSON, or text as it is"),
        widget=UnfoldAdminTextInputWidget,
    )
    remove = forms.CharField(
        label=_("Remove these keys"),
        required=False,
        help_text=_("Separated by commas"),
        widget=UnfoldAdminTextInputWidget,
    )
    add_tags = forms.CharField(
        label=_("Add tags"),
        required=False,
        help_text=_("Separated by commas"),
        widget=UnfoldAdminTextInputWidget,
    )
    remove_tags = forms.CharField(
        label=_("Remove tags"), required=False, widget=UnfoldAdminTextInputWidget
    )
    readers = forms.BooleanField(label=_("Change who may read them"), required=False)
    groups = Groups(help_text=_("Only when the box above is ticked. None: every member."))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        groups: Any = self.fields["groups"]
        groups.queryset = Group.objects.order_by("name")

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("value") and not given.get("key"):
            self.add_error("key", _("Say which key the value is of."))
        return given

    def change(self) -> Change:
        """The command's change, of a form that is valid."""
        given = self.cleaned_data
        values: dict[str, Any] = dict.fromkeys(words(given["remove"]))
        if given["key"]:
            values[given["key"]] = _value(given["value"])
        return Change(
            values=values,
            add_tags=words(given["add_tags"]),
            remove_tags=words(given["remove_tags"]),
            reader_groups=[one.pk for one in given["groups"]] if given["readers"] else None,
        )


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


class RetentionForm(TenantForm):
    """How long the tenant keeps what nobody sees any more."""

    class Meta:
        model = Retention
        fields = ("deleted_days", "superseded_days")


class WebhookForm(TenantForm):
    """Where to tell what becomes of documents."""

    events = forms.MultipleChoiceField(
        label=_("Events"),
        choices=WebhookEndpoint.Event.choices,
        required=False,
        help_text=_("None ticked: all of them."),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = WebhookEndpoint
        fields = ("url", "description", "events", "is_active")

    def clean_url(self) -> str:
        """Refuses what could never be sent to."""
        try:
            return endpoints.checked_url(self.cleaned_data["url"])
        except endpoints.BadEndpoint as problem:
            raise forms.ValidationError(str(problem)) from problem


WEIGHTS = ("bm25_k1", "bm25_b", "title_weight", "heading_weight")


class CollectionForm(TenantForm):
    """Name, language and readers of a collection."""

    language = forms.ChoiceField(
        label=_("Language of the keyword search"), choices=languages, widget=UnfoldAdminSelectWidget
    )
    groups: Any = Groups(
        help_text=_("None ticked: every member of the tenant may read it. Holds for new documents.")
    )

    class Meta:
        model = Collection
        fields = (
            "name",
            "slug",
            "description",
            "language",
            "chunk_profile",
            "chunk_tokens",
            "chunk_overlap",
            "split_tables",
            "split_code",
            "bm25_k1",
            "bm25_b",
            "title_weight",
            "heading_weight",
        )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        groups: Any = self.fields["groups"]
        groups.queryset = Group.objects.order_by("name")
        groups.initial = list(self.instance.reader_groups)
        self._keep_language()
        for name in ("chunk_profile", *WEIGHTS):
            self.fields[name].required = False

    def clean_chunk_profile(self) -> str:
        """Nothing chosen leaves it as it is."""
        return str(self.cleaned_data["chunk_profile"] or self.instance.chunk_profile)

    def clean(self) -> dict[str, Any]:
        """A weight that nobody typed stays as it is."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name in WEIGHTS:
            if name in cleaned and cleaned[name] is None:
                cleaned[name] = getattr(self.instance, name)
        return cleaned

    def _keep_language(self) -> None:
        """What is indexed was stemmed in the collection's language; questions must be stemmed in the same one."""
        if Document.objects.filter(collection_id=self.instance.pk).exists():
            self.fields["language"].disabled = True
            self.fields["language"].help_text = _(
                "Fixed once there are documents: they are indexed in it."
            )

    def save(self, commit: bool = True) -> Collection:
        self.instance.reader_groups = [group.pk for group in self.cleaned_data["groups"]]
        saved: Collection = super().save(commit)
        return saved
