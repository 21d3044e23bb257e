"""The one cast of all tests: Alice owns Acme, Bob is a member there, Charlie is at Globex and must see nothing of Acme.

Each test gets tenants of its own, never emptied afterwards: tenancy itself keeps tests apart, so that no test needs to
delete another's rows, and what a test sees of them is a leak. Everything is committed for real, on the runtime role.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tenants import access, people
from tenants.models import Membership, Tenant, User
from tenants.scope import Principal, platform_principal, tenant_scope

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Member:
    """A person of the cast in their tenant."""

    user: User
    membership: Membership
    tenant: Tenant

    @property
    def principal(self) -> Principal:
        """What they may do and read right now, as a request would find it."""
        return next(
            place.principal
            for place in access.places(self.user.pk)
            if place.tenant_id == self.tenant.pk
        )

    @property
    def email(self) -> str:
        return self.user.email

    def scope(self) -> AbstractContextManager[Principal]:
        """The tenant's scope, as this member."""
        return tenant_scope(self.principal)


@pytest.fixture
def database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Real transactions on the real database; nothing is rolled back."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def new_tenant(database: None) -> Callable[[str], Tenant]:
    """Makes tenants: ``new_tenant("acme")``."""

    def make(name: str) -> Tenant:
        return people.found_tenant(slug=f"{name}-{uuid4().hex[:12]}", name=name.title())

    return make


@pytest.fixture
def new_member(database: None) -> Callable[[Tenant, str, str], Member]:
    """Makes members: ``new_member(acme, "alice", "owner")``."""

    def make(tenant: Tenant, name: str, role: str) -> Member:
        with tenant_scope(platform_principal(tenant.pk)):
            membership = people.add_member(
                email=f"{name}-{uuid4().hex[:12]}@example.com",
                role=role,
                password=PASSWORD,
                name=name.title(),
            )
        return Member(user=membership.user, membership=membership, tenant=tenant)

    return make


@pytest.fixture
def acme(new_tenant: Callable[[str], Tenant]) -> Tenant:
    return new_tenant("acme")


@pytest.fixture
def globex(new_tenant: Callable[[str], Tenant]) -> Tenant:
    return new_tenant("globex")


@pytest.fixture
def alice(acme: Tenant, new_member: Callable[[Tenant, str, str], Member]) -> Member:
    """Owns Acme."""
    return new_member(acme, "alice", "owner")


@pytest.fixture
def bob(acme: Tenant, new_member: Callable[[Tenant, str, str], Member]) -> Member:
    """A member of Acme."""
    return new_member(acme, "bob", "member")


@pytest.fixture
def charlie(globex: Tenant, new_member: Callable[[Tenant, str, str], Member]) -> Member:
    """Owns Globex, and must see nothing of Acme."""
    return new_member(globex, "charlie", "owner")


@pytest.fixture
def platform_of() -> Callable[[UUID], AbstractContextManager[Principal]]:
    """The platform's own scope in a tenant."""
    return lambda tenant_id: tenant_scope(platform_principal(tenant_id))
