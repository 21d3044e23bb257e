"""The audit trail's one writer."""

from typing import Any

from django.db.models import Model

from tenants.models import AuditEvent
from tenants.scope import current_principal


def record(action: str, subject: Model, *, name: str | None = None, **details: Any) -> AuditEvent:
    """Say that the principal of the open scope did ``action`` to ``subject``; same transaction as the deed.

    ``name`` stands for the subject's own name where that must not be kept.
    """
    principal = current_principal()
    return AuditEvent.objects.create(
        tenant_id=principal.tenant_id,
        actor_user_id=principal.user_id,
        actor_api_key_id=principal.api_key_id,
        action=action,
        object_type=subject._meta.label_lower,
        object_id=str(subject.pk),
        object_name=(str(subject) if name is None else name)[:300],
        details=details,
    )
