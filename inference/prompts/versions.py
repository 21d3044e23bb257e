"""Commands on a tenant's prompts, in the open scope: each is atomic, checked, and leaves an audit event.

Rolling back is labelling an earlier version (or the shipped default); nothing is ever rewritten.
"""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction

from inference.models import Prompt, PromptLabel, PromptVersion
from inference.prompts import files
from inference.prompts.errors import PromptError, UnknownPrompt
from inference.prompts.files import PromptFile
from inference.prompts.kinds import KINDS
from tenants import audit
from tenants.scope import current_principal, current_tenant_id


@transaction.atomic
def add(given: PromptFile) -> tuple[PromptVersion, bool]:
    """A new version, or the newest one when it says the same (then False). It answers nobody yet."""
    prompt, _made = Prompt.objects.get_or_create(
        tenant_id=current_tenant_id(), name=_known(given.prompt)
    )
    # Two writers at once get two numbers, one after the other.
    Prompt.objects.select_for_update().get(pk=prompt.pk)
    newest = PromptVersion.objects.filter(prompt=prompt).order_by("-number").first()
    if newest is not None and newest.sha256 == given.sha256:
        return newest, False
    row = PromptVersion.objects.create(
        prompt=prompt,
        number=newest.number + 1 if newest else 1,
        body=given.body,
        variables=list(given.variables),
        note=given.note,
        sha256=given.sha256,
        created_by_id=current_principal().user_id,
    )
    audit.record("prompt.version_added", row, number=row.number, note=row.note)
    return row, True


@transaction.atomic
def label(
    *, prompt: str, name: str, version: PromptVersion | None, percent: int = 100
) -> PromptLabel:
    """Let ``version`` (None: the shipped default) answer: ``production``, or ``canary`` for ``percent`` of them.

    Raises ValidationError, UnknownPrompt.
    """
    if name not in PromptLabel.Name.values:
        raise ValidationError({"label": "The label is production or canary."})
    if not 0 <= percent <= 100:
        raise ValidationError({"percent": f"A percentage from 0 to 100, not {percent}."})
    row, _made = Prompt.objects.get_or_create(tenant_id=current_tenant_id(), name=_known(prompt))
    if version is not None and version.prompt_id != row.pk:
        raise ValidationError({"version": f"That is no version of {prompt}."})
    found, _made = PromptLabel.objects.update_or_create(
        tenant_id=row.tenant_id,
        prompt=row,
        name=name,
        defaults={"version": version, "percent": percent if name == "canary" else 100},
    )
    number = version.number if version else "built-in"
    audit.record("prompt.labelled", row, label=name, version=number, percent=found.percent)
    return found


@transaction.atomic
def unlabel(*, prompt: str, name: str) -> bool:
    """Take a label away: without ``production`` the shipped default answers. False when there was none."""
    gone, _ = PromptLabel.objects.filter(prompt__name=_known(prompt), name=name).delete()
    if gone:
        audit.record("prompt.unlabelled", Prompt.objects.get(name=prompt), label=name)
    return bool(gone)


def numbered(prompt: str, number: int) -> PromptVersion:
    """One version by its number. Raises UnknownPrompt. One query."""
    found = (
        PromptVersion.objects.select_related("prompt")
        .filter(prompt__name=_known(prompt), number=number)
        .first()
    )
    if found is None:
        raise UnknownPrompt(f"There is no version {number} of {prompt}.")
    return found


def listed(prompt: str) -> list[PromptVersion]:
    """The tenant's versions, newest first. One query."""
    rows = PromptVersion.objects.select_related("prompt")
    return list(rows.filter(prompt__name=_known(prompt)).order_by("-number"))


def as_file(version: PromptVersion) -> PromptFile:
    """A stored version as it is exported."""
    return PromptFile(version.prompt.name, version.body, tuple(version.variables), version.note)


def current(prompt: str) -> PromptFile:
    """What production says now. One query."""
    row = (
        PromptLabel.objects.select_related("version__prompt")
        .filter(prompt__name=_known(prompt), name=PromptLabel.Name.PRODUCTION)
        .first()
    )
    return as_file(row.version) if row and row.version else files.built_in(prompt)


def _known(name: str) -> str:
    if name not in KINDS:
        raise UnknownPrompt(f"There is no prompt {name!r}; there are: {', '.join(KINDS)}.")
    return name


__all__ = ["PromptError", "add", "as_file", "current", "label", "listed", "numbered", "unlabel"]
