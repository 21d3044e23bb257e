"""Commands on tenants, members and API keys. Each is atomic and leaves an audit event.

``found_tenant`` is operator work (no tenant exists yet) and runs on the operator's connection; everything else runs in
the scope of its tenant.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from tenants import access, audit
from tenants.models import ApiKey, Group, GroupMember, Membership, Role, Tenant, User
from tenants.scope import Principal, current_principal

SCOPES = ("search", "ask", "documents:read", "documents:write", "models", "prompts")


class UnknownTenant(LookupError):
    """No tenant has this slug."""


@dataclass(frozen=True)
class FreshKey:
    """A key just made: the only time that its secret is known."""

    row: ApiKey
    secret: str


def found_tenant(*, slug: str, name: str) -> Tenant:
    """A new tenant; an existing slug gives that tenant back. Operator work. Raises ValidationError."""
    existing = Tenant.objects.using("operator").filter(slug=slug).first()
    if existing:
        return existing
    tenant = Tenant(slug=slug, name=name)
    tenant.clean_fields()
    tenant.save(using="operator")
    return tenant


def tenant_by_slug(slug: str) -> Tenant:
    """Operator work: the tenant of this slug. Raises UnknownTenant with those that exist."""
    tenant = Tenant.objects.using("operator").filter(slug=slug).first()
    if tenant is None:
        known = ", ".join(
            Tenant.objects.using("operator").order_by("slug").values_list("slug", flat=True)[:20]
        )
        raise UnknownTenant(f"There is no tenant {slug!r}. Tenants: {known or 'none yet'}.")
    return tenant


@transaction.atomic
def add_member(*, email: str, role: str, password: str | None = None, name: str = "") -> Membership:
    """Make the account if need be and give it a role in the current tenant; an existing account keeps its password."""
    if role not in Role.values:
        raise ValidationError(
            {"role": f"The role must be one of {', '.join(Role.values)}, not {role!r}."}
        )
    user = User.objects.filter(email__iexact=email.strip()).first()
    if user is None:
        user = User.objects.create_user(email.strip(), password, name=name)
    membership, made = Membership.objects.get_or_create(
        tenant_id=current_principal().tenant_id, user=user, defaults={"role": role}
    )
    if made:
        audit.record("member.added", membership, role=role)
    return membership


@transaction.atomic
def add_to_group(*, membership: Membership, group: Group) -> GroupMember:
    """Put a member into a group; what it may read is theirs with the next request."""
    place, made = GroupMember.objects.get_or_create(
        tenant_id=membership.tenant_id, group=group, membership=membership
    )
    if made:
        audit.record("group.member_added", group, member=str(membership.pk))
    return place


@transaction.atomic
def personal_group() -> Group:
    """The group that the member of the open scope is alone in, made at its first use.

    Its documents are readable by that member from the next request on.
    """
    principal = current_principal()
    group: Group
    group, made = Group.every.get_or_create(
        tenant_id=principal.tenant_id,
        personal_to=principal.user_id,
        defaults={"name": f"personal {principal.user_id}"},
    )
    if made:
        membership = Membership.objects.get(user_id=str(principal.user_id))
        GroupMember.objects.create(
            tenant_id=principal.tenant_id, group=group, membership=membership
        )
    return group


@transaction.atomic
def create_key(
    *,
    name: str,
    role: str = Role.MEMBER,
    scopes: Iterable[str] = SCOPES,
    group_ids: Iterable[UUID] = (),
    expires_at: datetime | None = None,
) -> FreshKey:
    """A new API key of the current tenant. Raises ValidationError for an unknown role or scope."""
    wanted = sorted(set(scopes))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown:
        raise ValidationError(
            {"scopes": f"Unknown scope {unknown[0]!r}; known: {', '.join(SCOPES)}."}
        )
    if role not in Role.values:
        raise ValidationError(
            {"role": f"The role must be one of {', '.join(Role.values)}, not {role!r}."}
        )
    secret = access.new_key()
    row = ApiKey.objects.create(
        tenant_id=current_principal().tenant_id,
        name=name,
        prefix=secret[:8],
        key_hash=access.key_hash(secret),
        role=role,
        scopes=wanted,
        group_ids=list(group_ids),
        expires_at=expires_at,
        created_by_id=current_principal().user_id,
    )
    audit.record("api_key.created", row, scopes=wanted, role=role)
    return FreshKey(row=row, secret=secret)


def name_of(principal: Principal) -> str:
    """Who a principal is, for a sentence that others read; one query."""
    if principal.user_id is not None:
        return str(User.objects.filter(pk=principal.user_id).first() or "a former member")
    if principal.api_key_id is not None:
        key = ApiKey.objects.filter(pk=principal.api_key_id).first()
        return f"the API key {key.name!r}" if key else "an API key"
    return "the operator"


@transaction.atomic
def revoke_key(*, key: ApiKey) -> None:
    """The key stops working with its next request; revoking twice changes nothing."""
    if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
        audit.record("api_key.revoked", key)
