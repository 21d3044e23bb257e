"""What every model's page in the tenant's admin shares: who may do what, and the audit trail instead of Django's log.

``TenantModelAdmin`` for what stewards edit (with ``TenantForm``), ``ReadOnlyAdmin`` for what they look at. Permission
comes from the role in the current tenant (the site lets nobody else in); rows come from the tenant's scope that the
site has opened.
"""

from typing import Any

from django import forms
from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin

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


class TenantModelAdmin(ModelAdmin):
    """Editable by the tenant's owners and admins; each deed is audited."""

    # Counting every row of a large table costs more than showing a page of it.
    show_full_result_count = False
    list_fullwidth = True
    # What an empty list says: what would stand here, and the first step to it.
    nothing_yet: Any = ""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return True

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        return audit.record(f"{obj._meta.model_name}.added", obj)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        return audit.record(f"{obj._meta.model_name}.changed", obj, changes=message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> list[Any]:
        return [audit.record(f"{obj._meta.model_name}.deleted", obj) for obj in queryset]


class ReadOnlyAdmin(TenantModelAdmin):
    """To look at, never to change."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
