"""From a credential to a ``Principal``: the one place where a login or an API key is checked.

Both look-ups happen before any tenant is known, so they go through pinned ``SECURITY DEFINER`` functions that answer
for one user id or one key hash and nothing else (``migrations/0002``). Every call reads the database: a revoked key or
a suspended member is out at once. Cost: one query each.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.backends import BaseBackend
from django.db import connection
from django.http import HttpRequest

from tenants.models import User
from tenants.scope import Principal

KEY_PREFIX = "fn_"
STEWARDS = frozenset({"owner", "admin"})


@dataclass(frozen=True)
class Place:
    """One tenant that a person belongs to, and what they are there."""

    tenant_id: UUID
    slug: str
    name: str
    principal: Principal

    @property
    def is_steward(self) -> bool:
        """May this person administer the tenant?"""
        return self.principal.role in STEWARDS


class EmailBackend(BaseBackend):
    """Signs in by e-mail address and password; takes as long for an unknown address as for a wrong password."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **_: Any,
    ) -> User | None:
        if not username or password is None:
            return None
        try:
            user = User.objects.get_by_natural_key(username.strip())
        except User.DoesNotExist:
            User().set_password(password)
            return None
        return user if user.check_password(password) and user.is_active else None

    def get_user(self, user_id: UUID) -> User | None:
        return User.objects.filter(pk=user_id, is_active=True).first()


def places(user_id: UUID) -> list[Place]:
    """The tenants in which this active user is an active member, by name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM footnote_places(%s)", [user_id])
        return [_place(user_id, row) for row in cursor.fetchall()]


def _place(user_id: UUID, row: tuple[UUID, str, str, str, list[UUID]]) -> Place:
    tenant_id, slug, name, role, groups = row
    principal = Principal(
        tenant_id=tenant_id, role=role, user_id=user_id, group_ids=frozenset(groups)
    )
    return Place(tenant_id=tenant_id, slug=slug, name=name, principal=principal)


def new_key() -> str:
    """A fresh API key: 256 random bits, recognisable by its prefix."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def key_hash(key: str) -> bytes:
    """What is stored of a key. A plain hash is enough for 256 random bits; there is nothing to guess."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def principal_of_key(key: str) -> Principal | None:
    """The principal of a key that is neither revoked nor expired, else None. One query."""
    if not key.startswith(KEY_PREFIX):
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM footnote_key(%s)", [key_hash(key)])
        row = cursor.fetchone()
    if row is None:
        return None
    tenant_id, key_id, role, scopes, groups = row
    return Principal(
        tenant_id=tenant_id,
        role=role,
        api_key_id=key_id,
        scopes=frozenset(scopes),
        group_ids=frozenset(groups),
    )
