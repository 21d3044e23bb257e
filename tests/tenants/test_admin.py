"""People and keys in the admin: what stewards do there, and what is refused."""

import re

import pytest
from django.test import Client

from tenants import access
from tenants.models import ApiKey, AuditEvent, Group, Membership
from tests.cast import PASSWORD, Member


def browser(member: Member) -> Client:
    client = Client()
    assert client.login(username=member.email, password=PASSWORD)
    return client


@pytest.fixture
def admin(alice: Member) -> Client:
    return browser(alice)


def form_errors(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_a_new_member_gets_a_password_that_is_shown_once(admin: Client, alice: Member) -> None:
    email = f"dora-{alice.tenant.slug}@example.com"
    page = admin.post(
        "/admin/tenants/membership/add/",
        {"email": email, "name": "Dora", "role": "editor", "password": ""},
    )
    found = re.search(r"<code[^>]*>([^<]+)</code>", page.content.decode())
    assert found is not None
    assert "no-store" in page["Cache-Control"]
    assert Client().login(username=email, password=found[1])
    with alice.scope():
        assert Membership.objects.get(user__email=email).role == "editor"


def test_a_member_cannot_be_added_twice(admin: Client, bob: Member) -> None:
    page = admin.post("/admin/tenants/membership/add/", {"email": bob.email, "role": "member"})
    assert "This person is a member already." in page.content.decode()


def test_the_last_owner_stays(admin: Client, alice: Member) -> None:
    page = admin.post(
        f"/admin/tenants/membership/{alice.membership.pk}/change/", {"role": "member"}
    )
    assert "last owner" in page.content.decode()
    assert alice.principal.role == "owner"


def test_an_admin_does_not_make_owners(admin: Client, alice: Member, bob: Member) -> None:
    with alice.scope():
        Membership.objects.filter(pk=bob.membership.pk).update(role="admin")
    client = browser(bob)
    page = client.post(
        "/admin/tenants/membership/add/", {"email": "eve@example.com", "role": "owner"}
    )
    assert "Select a valid choice" in page.content.decode()
    demoted = client.post(
        f"/admin/tenants/membership/{alice.membership.pk}/change/", {"role": "member"}
    )
    assert demoted.status_code == 403
    assert alice.principal.role == "owner"


def test_groups_are_given_on_the_members_page(admin: Client, alice: Member, bob: Member) -> None:
    with alice.scope():
        group = Group.objects.create(name="Board")
    url = f"/admin/tenants/membership/{bob.membership.pk}/change/"
    admin.post(url, {"role": "member", "is_active": "on", "groups": [str(group.pk)]})
    assert bob.principal.group_ids == {group.pk}
    admin.post(url, {"role": "member", "is_active": "on"})
    assert bob.principal.group_ids == frozenset()


def test_a_deactivated_member_is_out_with_the_next_request(admin: Client, bob: Member) -> None:
    client = browser(bob)
    assert client.get("/").status_code == 200
    admin.post(f"/admin/tenants/membership/{bob.membership.pk}/change/", {"role": "member"})
    assert client.get("/").status_code == 403


def test_a_groups_members_are_ticked_on_its_page(admin: Client, alice: Member, bob: Member) -> None:
    admin.post("/admin/tenants/group/add/", {"name": "Board", "members": [str(bob.membership.pk)]})
    with alice.scope():
        assert bob.principal.group_ids == {Group.objects.get(name="Board").pk}


def test_a_group_of_the_same_name_is_refused_with_a_sentence(admin: Client, alice: Member) -> None:
    with alice.scope():
        Group.objects.create(name="Board")
    page = admin.post("/admin/tenants/group/add/", {"name": "Board"})
    assert page.status_code == 200
    assert "already exists" in form_errors(page.content.decode())


def test_a_key_is_shown_once_and_revoked(admin: Client, alice: Member) -> None:
    page = admin.post(
        "/admin/tenants/apikey/add/", {"name": "robot", "role": "member", "scopes": ["search"]}
    )
    found = re.search(r"<code[^>]*>(fn_[^<]+)</code>", page.content.decode())
    assert found is not None
    principal = access.principal_of_key(found[1])
    assert principal is not None
    assert principal.scopes == {"search"}
    with alice.scope():
        key = ApiKey.objects.get(name="robot")
    assert found[1] not in admin.get("/admin/tenants/apikey/").content.decode()
    admin.get(f"/admin/tenants/apikey/{key.pk}/revoke/")
    assert access.principal_of_key(found[1]) is not None
    admin.post(f"/admin/tenants/apikey/{key.pk}/revoke/")
    assert access.principal_of_key(found[1]) is None


def test_every_page_of_people_opens(admin: Client, alice: Member, bob: Member) -> None:
    with alice.scope():
        group = Group.objects.create(name="Board")
        event = AuditEvent.objects.earliest("created_at")
    for path in (
        "membership/",
        "membership/add/",
        f"membership/{bob.membership.pk}/change/",
        "group/",
        f"group/{group.pk}/change/",
        "apikey/",
        "apikey/add/",
        "auditevent/",
        f"auditevent/{event.pk}/change/",
    ):
        assert admin.get(f"/admin/tenants/{path}").status_code == 200, path
