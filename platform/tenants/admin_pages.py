"""What every model's page in the tenant's admin shares: who may do what, and the audit trail instead of Django's log.

``TenantModelAdmin`` for what stewards edit (with ``TenantForm``), ``ReadOnlyAdmin`` for what they look at, and an
inline of each kind. Permission comes from the role in the current tenant (the site lets nobody else in); rows come from
the tenant's scope that the site has opened.
"""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from tenants import audit
from tenants.scope import current_tenant_id


class TenantForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """Checks what is unique within the tenant, too, which Django leaves out as the tenant is no field of the form."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.tenant_id is None:
            self.instance.tenant_id = current_tenant_id()
        if self.prefix:  # a row of a table, whose headings are not bound to its fields
            for name, field in self.fields.items():
                field.widget.attrs.setdefault("aria-label", field.label or name)

    def _get_validation_exclusions(self) -> set[str]:
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]  # not in the stubs
        return excluded - {"tenant"}


class StewardsMay:
    """The site lets in nobody but those who administer the tenant: they may do everything."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True


class OnlyLook(StewardsMay):
    """Even they may only look."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class TenantModelAdmin(StewardsMay, ModelAdmin):
    """Editable by the tenant's owners and admins; each deed is audited."""

    # Counting every row of a large table costs more than showing a page of it.
    show_full_result_count = False
    list_fullwidth = True
    # What an empty list says: what would stand here, and the first step to it.
    nothing_yet: Any = ""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        return audit.record(f"{obj._meta.model_name}.added", obj)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        return audit.record(f"{obj._meta.model_name}.changed", obj, changes=message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> list[Any]:
        return [audit.record(f"{obj._meta.model_name}.deleted", obj) for obj in queryset]


class ReadOnlyAdmin(OnlyLook, TenantModelAdmin):
    """To look at, never to change."""


class TenantInline(StewardsMay, TabularInline):
    """Rows that are edited on the page of what they belong to."""


class ReadOnlyInline(OnlyLook, TabularInline):
    """Rows to look at on the page of what they belong to."""


def asked_days(request: HttpRequest, periods: Sequence[int]) -> int:
    """How many days a page is asked for; anything but one of its periods is 30."""
    told = request.GET.get("days", "")
    return int(told) if told.isdecimal() and int(told) in periods else 30
