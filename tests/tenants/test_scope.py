"""The scope is the one door, and it closes behind itself."""

import threading

import pytest
from django.db import DatabaseError, connection, transaction

from tenants.models import Group, Membership, Tenant
from tenants.scope import (
    ForeignTenantScope,
    NoTenantScope,
    platform_principal,
    read_at_once,
    tenant_scope,
)
from tests.cast import Member


def count_by_sql(table: str = "tenants_group") -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])


@pytest.fixture
def groups(alice: Member, charlie: Member) -> None:
    for member in (alice, charlie):
        with member.scope():
            Group.objects.create(name="Engineers")


def test_without_a_scope_python_refuses(groups: None) -> None:
    with pytest.raises(NoTenantScope):
        Group.objects.count()


def test_without_a_scope_the_database_has_no_rows(groups: None) -> None:
    assert count_by_sql() == 0


def test_a_scope_shows_its_tenants_rows_alone_in_the_orm_and_in_sql(
    groups: None, alice: Member
) -> None:
    with alice.scope():
        assert Group.objects.get().tenant_id == alice.tenant.pk
        assert count_by_sql() == 1


def test_after_a_scope_the_same_connection_has_no_rows(groups: None, alice: Member) -> None:
    with alice.scope():
        pass
    assert count_by_sql() == 0


def test_a_scope_inside_a_transaction_is_cleared_when_it_ends(groups: None, alice: Member) -> None:
    with transaction.atomic():
        with alice.scope():
            assert count_by_sql() == 1
        assert count_by_sql() == 0


def test_a_nested_scope_gives_the_outer_principal_back(alice: Member) -> None:
    with alice.scope():
        with tenant_scope(platform_principal(alice.tenant.pk)):
            pass
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('app.reads_all')")
            assert cursor.fetchone()[0] == "off"


def test_a_scope_of_another_tenant_cannot_be_nested(alice: Member, charlie: Member) -> None:
    with alice.scope(), pytest.raises(ForeignTenantScope), charlie.scope():
        pass


def test_a_row_for_another_tenant_is_refused(alice: Member, charlie: Member) -> None:
    with pytest.raises(DatabaseError, match="row-level security"), alice.scope():
        Group.objects.create(tenant_id=charlie.tenant.pk, name="Smuggled")


def test_a_foreign_key_to_another_tenants_row_is_refused(alice: Member, charlie: Member) -> None:
    with alice.scope():
        group = Group.objects.create(name="Engineers")
    with (
        pytest.raises(DatabaseError, match="foreign key"),
        alice.scope(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO tenants_groupmember (tenant_id, id, group_id, membership_id)"
            " VALUES (%s, gen_random_uuid(), %s, %s)",
            [alice.tenant.pk, group.pk, charlie.membership.pk],
        )


def test_two_tenants_may_use_the_same_name(groups: None, alice: Member, charlie: Member) -> None:
    for member in (alice, charlie):
        with member.scope():
            assert Group.objects.get().name == "Engineers"


def test_another_thread_has_no_scope(alice: Member) -> None:
    seen: list[str] = []

    def look() -> None:
        try:
            Membership.objects.count()
        except NoTenantScope:
            seen.append("refused")
        finally:
            connection.close()

    with alice.scope():
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert seen == ["refused"]


def test_a_tenant_sees_only_itself_in_the_list_of_tenants(alice: Member, charlie: Member) -> None:
    with alice.scope():
        assert [tenant.pk for tenant in Tenant.objects.all()] == [alice.tenant.pk]


NAMES = ("SELECT tenant_id FROM tenants_group WHERE name = %(name)s", {"name": "Engineers"})


def test_what_is_read_at_once_is_the_principals_own_and_leaves_nothing(
    groups: None, alice: Member, charlie: Member
) -> None:
    for member in (alice, charlie):
        found = read_at_once(member.principal, [NAMES, ("SELECT 1", {})])
        assert found == [[(member.tenant.pk,)], [(1,)]]
        assert count_by_sql() == 0


def test_nothing_is_read_at_once_inside_of_a_transaction(alice: Member) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="none may be open"):
        read_at_once(alice.principal, [NAMES])
    with alice.scope(), pytest.raises(RuntimeError, match="none may be open"):
        read_at_once(alice.principal, [NAMES])


def test_a_statement_that_fails_at_once_leaves_no_transaction(groups: None, alice: Member) -> None:
    with pytest.raises(DatabaseError, match="division by zero"):
        read_at_once(alice.principal, [NAMES, ("SELECT 1 / 0", {}), ("SELECT 1", {})])
    assert count_by_sql() == 0
    assert len(read_at_once(alice.principal, [NAMES])[0]) == 1
