"""The audit trail's one writer."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Model

from tenants.models import AuditEvent
from tenants.scope import current_principal


def record(action: str, subject: Model, *, name: str | None = None, **details: Any) -> AuditEvent:
    """Say that the principal of the open scope did ``action`` to ``subject``; same transaction as the deed.

    ``name`` stands for the subject's own name where that must not be kept.
    """
    event = _event(action, subject, name, details)
    event.save(force_insert=True)
    return event


def record_each(
    action: str, subjects: Iterable[tuple[Model, dict[str, Any]]], *, name: str | None = None
) -> None:
    """An event for each of the subjects, with its details, in one statement."""
    AuditEvent.objects.bulk_create(_event(action, one, name, told) for one, told in subjects)


def record_all(action: str, subjects: Sequence[Model], **details: Any) -> AuditEvent:
    """One event for a deed that was done to one or to many: ``documents.deleted`` instead of ``document.deleted``.

    That of many stands at the first of them and names all. Raises IndexError when there is none.
    """
    if len(subjects) == 1:
        return record(action, subjects[0], **details)
    noun, verb = action.split(".")
    details[f"{noun}s"] = [str(subject.pk) for subject in subjects]
    return record(f"{noun}s.{verb}", subjects[0], **details)


def _event(action: str, subject: Model, name: str | None, details: dict[str, Any]) -> AuditEvent:
    principal = current_principal()
    return AuditEvent(
        tenant_id=principal.tenant_id,
        actor_user_id=principal.user_id,
        actor_api_key_id=principal.api_key_id,
        action=action,
        object_type=subject._meta.label_lower,
        object_id=str(subject.pk),
        object_name=(str(subject) if name is None else name)[:300],
        details=details,
    )
