"""Forms of the corpus in the admin."""

from typing import Any

import Stemmer
from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
)

from ingestion.models import Collection, Document
from tenants.admin_pages import TenantForm
from tenants.models import Group


def languages() -> list[tuple[str, Any]]:
    """What the lexical index can stem, and none."""
    return [("simple", _("none: words as they are"))] + [
        (name, name.capitalize()) for name in Stemmer.algorithms() if name != "porter"
    ]


class CollectionForm(TenantForm):
    """Name, language and readers of a collection."""

    language = forms.ChoiceField(
        label=_("Language of the keyword search"), choices=languages, widget=UnfoldAdminSelectWidget
    )
    groups: Any = forms.ModelMultipleChoiceField(
        queryset=None,  # set below, inside the scope
        required=False,
        label=_("Only for these groups"),
        help_text=_(
            "None ticked: every member of the tenant may read it. Holds for new documents."
        ),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = Collection
        fields = ("name", "slug", "description", "language")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        groups: Any = self.fields["groups"]
        groups.queryset = Group.objects.order_by("name")
        groups.initial = list(self.instance.reader_groups)
        self._keep_language()

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
