"""Providers in Django admin. A key goes in and never comes out: the form has a field to replace it, and says only
whether there is one.
"""

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from inference import encryption
from inference.models import Model, Provider
from inference.providers.provider import fits_header
from tenants import outbound
from tenants.admin_pages import TenantForm, TenantInline, TenantModelAdmin


class ProviderForm(TenantForm):
    """The key is write-only. The address may be of this network, such as ``http://ollama:11434/v1``, if the operator
    has opened it (``tenants.outbound``)."""

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
        # Whoever sends neither gets the usual one.
        self.fields["protocol"].required = False
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
        try:
            outbound.parse(found, outbound.configured())
        except outbound.OutboundRefused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        return found

    def clean_new_key(self) -> str:
        """What a header takes; a key that was copied with its neighbours is noticed here."""
        found = str(self.cleaned_data["new_key"])
        if not fits_header(found):
            raise forms.ValidationError(
                _("A key has no line breaks and only plain letters, digits and signs.")
            )
        return found

    def save(self, commit: bool = True) -> Provider:
        if self.cleaned_data.get("remove_key"):
            self.instance.encrypted_key = b""
        if self.cleaned_data.get("new_key"):
            self.instance.encrypted_key = encryption.encrypt(self.cleaned_data["new_key"])
        saved: Provider = super().save(commit)
        return saved


class ModelInline(TenantInline):
    """The models of a provider, on its page. Whoever may edit the one may edit the other."""

    model = Model
    form = TenantForm
    fields = (
        "name",
        "kind",
        "tier",
        "context_window",
        "input_price",
        "cached_price",
        "output_price",
        "enabled",
    )
    extra = 0
    show_change_link = True


@admin.register(Provider)
class ProviderAdmin(TenantModelAdmin):
    """OpenAI-compatible endpoints."""

    form = ProviderForm
    list_display = ("name", "base_url", "protocol", "has_key", "enabled")
    fields = (
        "name",
        "base_url",
        "protocol",
        "new_key",
        "remove_key",
        "length_parameter",
        "reports_usage",
        "enabled",
    )
    inlines = (ModelInline,)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if row := form.instance.models.filter(enabled=True).order_by("-is_default", "name").first():
            offer_test(request, row)

    def get_fields(self, request: HttpRequest, obj: Provider | None = None) -> Any:
        stored = obj is not None and bool(bytes(obj.encrypted_key))
        return [name for name in self.fields if stored or name != "remove_key"]

    @admin.display(description=_("key"), boolean=True)
    def has_key(self, provider: Provider) -> bool:
        return bool(bytes(provider.encrypted_key))


def offer_test(request: HttpRequest, row: Model) -> None:
    """After saving: whether it works is one click away, and nobody's to insist on."""
    url = reverse("admin:inference_model_test", args=[row.pk])
    link = format_html('<a class="underline" href="{}">{}</a>', url, gettext("Test it now"))
    messages.info(request, format_html("{} {}", gettext("Does %s answer?") % row.name, link))


def is_api_address(address: str) -> bool:
    """Is it an http(s) address with a host, without user, query or fragment?"""
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - raises for a port that is none
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or "@" in parts.netloc or " " in address)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and plain
