"""What every model's page in the tenant's admin shares: who may do what, and the audit trail instead of Django's log.

``TenantModelAdmin`` for what stewards edit, ``ReadOnlyAdmin`` for what they look at. Permission comes from the role in
the current tenant (the site lets nobody else in); rows come from the tenant's scope that the site has opened.
"""

from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from tenants import audit


class TenantModelAdmin(ModelAdmin):
    """Editable by the tenant's owners and admins; each deed is audited."""

    # Counting every row of a large table costs more than showing a page of it.
    show_full_result_count = False
    list_fullwidth = True

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
