"""A credential is checked afresh each time: what was taken away is gone with the next request."""

from datetime import timedelta

import pytest
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.db import DatabaseError
from django.utils import timezone

from tenants import access, people
from tenants.models import ApiKey, AuditEvent, Group, User
from tests.cast import PASSWORD, Member


def key_of(member: Member, **options: object) -> people.FreshKey:
    with member.scope():
        return people.create_key(name="robot", **options)  # type: ignore[arg-type]


def test_a_key_is_the_principal_of_its_tenant(alice: Member) -> None:
    fresh = key_of(alice, scopes=["search"])
    principal = access.principal_of_key(fresh.secret)
    assert principal is not None
    assert (principal.tenant_id, principal.role) == (alice.tenant.pk, "member")
    assert principal.scopes == {"search"}


def test_only_a_hash_of_the_key_is_stored(alice: Member) -> None:
    fresh = key_of(alice)
    with alice.scope():
        row = ApiKey.objects.get(pk=fresh.row.pk)
    assert fresh.secret not in str(vars(row))
    assert bytes(row.key_hash) == access.key_hash(fresh.secret)


def test_a_revoked_key_is_nobody(alice: Member) -> None:
    fresh = key_of(alice)
    with alice.scope():
        people.revoke_key(key=fresh.row)
    assert access.principal_of_key(fresh.secret) is None


def test_an_expired_key_is_nobody(alice: Member) -> None:
    fresh = key_of(alice, expires_at=timezone.now() - timedelta(seconds=1))
    assert access.principal_of_key(fresh.secret) is None


def test_a_key_ends_with_the_membership_of_its_maker(alice: Member) -> None:
    fresh = key_of(alice)
    with alice.scope():
        alice.membership.is_active = False
        alice.membership.save()
    assert access.principal_of_key(fresh.secret) is None


@pytest.mark.parametrize(
    "key", ["", "fn_", "fn_unknown", "sk-123", "fn_\x00", "fn_\ud800", "' OR 1=1 --"]
)
def test_what_is_not_a_key_is_nobody(database: None, key: str) -> None:
    assert access.principal_of_key(key) is None


def test_an_unknown_scope_is_named(alice: Member) -> None:
    with pytest.raises(ValidationError, match="Unknown scope 'fly'"):
        key_of(alice, scopes=["fly"])


def test_sign_in_takes_the_address_in_any_case(alice: Member) -> None:
    assert authenticate(username=alice.email.upper(), password=PASSWORD) == alice.user


def test_a_wrong_password_and_an_inactive_account_do_not_sign_in(alice: Member) -> None:
    assert authenticate(username=alice.email, password="wrong") is None
    User.objects.filter(pk=alice.user.pk).update(is_active=False)
    assert authenticate(username=alice.email, password=PASSWORD) is None
    assert access.places(alice.user.pk) == []


def test_a_group_counts_with_the_next_request(alice: Member, bob: Member) -> None:
    with alice.scope():
        group = Group.objects.create(name="Board")
        place = people.add_to_group(membership=bob.membership, group=group)
    assert bob.principal.group_ids == {group.pk}
    with alice.scope():
        place.delete()
    assert bob.principal.group_ids == frozenset()


def test_the_audit_trail_names_actor_and_deed_and_cannot_be_rewritten(alice: Member) -> None:
    fresh = key_of(alice)
    with alice.scope():
        event = AuditEvent.objects.get(action="api_key.created")
        assert (event.actor_user_id, event.object_id) == (alice.user.pk, str(fresh.row.pk))
    for sabotage in (lambda: event.delete(), lambda: event.save()):
        with pytest.raises(DatabaseError, match="permission denied"), alice.scope():
            sabotage()
