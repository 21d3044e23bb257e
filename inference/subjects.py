"""Whom a budget or a rate limit counts. Entry points: `checked`, `named`."""

from __future__ import annotations

from uuid import UUID

from inference.models import Scope
from tenants.models import ApiKey, Membership, User

BY_ID = (Scope.USER, Scope.KEY)


class WrongSubject(ValueError):
    """The subject is not what the scope counts; says what was expected."""


def checked(scope: str, subject: str) -> str:
    """The subject as the counters know it: people and keys by id. In the open scope. Raises WrongSubject."""
    subject = subject.strip()
    if scope == Scope.TENANT and subject:
        raise WrongSubject("Leave this empty: the whole tenant is counted.")
    if scope not in BY_ID or not subject:
        return subject
    try:
        return str(UUID(subject))
    except ValueError:
        return _id_of(scope, subject)


def _id_of(scope: str, name: str) -> str:
    """Who is meant by an e-mail address or a key's name. Raises WrongSubject. One query."""
    if scope == Scope.USER:
        users = Membership.objects.filter(user__email__iexact=name)
        found = list(users.values_list("user_id", flat=True)[:2])
    else:
        keys = ApiKey.objects.filter(name=name, revoked_at=None)
        found = list(keys.values_list("pk", flat=True)[:2])
    if len(found) == 1:
        return str(found[0])
    what = "member with this e-mail address" if scope == Scope.USER else "key of this name"
    raise WrongSubject(
        f"There is {'more than one' if found else 'no'} {what}. Give the e-mail address of a member, the name of a"
        " key or the id of either, or leave this empty."
    )


def named(scope: str, subject: str) -> str:
    """What people call it, in the open scope; the id of what is gone. One query where the subject is an id."""
    if scope == Scope.USER:
        user = User.objects.filter(pk=subject).first()
        return user.email if user else subject
    if scope == Scope.KEY:
        key = ApiKey.objects.filter(pk=subject).first()
        return key.name if key else subject
    return subject
