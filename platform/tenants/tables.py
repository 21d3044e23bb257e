"""What every tenant-owned table is made of: the abstract model, its manager, its foreign key.

The primary key is ``(tenant_id, id)`` in the database; Django is told ``id`` alone, which its admin and foreign keys
need (decision 0003). ``security.SecureTenantTables`` makes the difference in the migrations.
"""

from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models

from tenants.identifiers import uuid7
from tenants.scope import current_tenant_id

M = TypeVar("M", bound=models.Model)


class TenantManager(models.Manager[M]):
    """Rows of the open scope's tenant only; without a scope, ``NoTenantScope``."""

    def get_queryset(self) -> models.QuerySet[M]:
        return super().get_queryset().filter(tenant_id=current_tenant_id())


# Django's class takes no type arguments at run time.
if TYPE_CHECKING:
    AnyForeignKey = models.ForeignKey[Any, Any]
else:
    AnyForeignKey = models.ForeignKey


class TenantForeignKey(AnyForeignKey):
    """A reference inside one tenant: the constraint is ``(tenant_id, x_id)`` and made by the migration."""

    def __init__(self, to: Any, on_delete: Any, **options: Any) -> None:
        options.setdefault("db_constraint", False)
        options.setdefault("db_index", False)
        super().__init__(to, on_delete, **options)


class TenantTable(models.Model):
    """A row that belongs to one tenant; saved under the tenant of the open scope unless one is given."""

    tenant = models.ForeignKey(
        "tenants.Tenant",
        on_delete=models.CASCADE,
        db_index=False,
        related_name="+",
        editable=False,
    )
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)

    objects = TenantManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def save(self, *args: Any, **options: Any) -> None:
        if not self.tenant_id:
            self.tenant_id = current_tenant_id()
        super().save(*args, **options)
