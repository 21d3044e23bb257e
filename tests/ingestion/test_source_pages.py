"""Sources in the admin: a form for each kind, a test of the connection, the looks, and every button."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from ingestion import collections
from ingestion.models import Collection, Source
from ingestion.syncing import kinds, shifts
from tests.cast import PASSWORD, Member
from tests.fakes.web_site import Page, WebSite

LIST = "/admin/ingestion/source/"
pytestmark = pytest.mark.usefixtures("quiet_sources", "quiet_queue")


@pytest.fixture
def admin(alice: Member) -> Client:
    client = Client()
    assert client.login(username=alice.email, password=PASSWORD)
    return client


@pytest.fixture
def handbook(alice: Member) -> Collection:
    with alice.scope():
        return collections.create(slug="handbook", name="Handbook")


def form(collection: Collection, site: WebSite, **fields: object) -> dict[str, object]:
    return {
        "name": "Leave",
        "collection": str(collection.pk),
        "urls": f"{site.address}/leave\n{site.address}/locked",
        "every_minutes": "60",
        "fresh_minutes": "0",
        "missing": "delete",
        "most_deleted_percent": "20",
        **fields,
    }


@pytest.fixture
def site(web_site: WebSite) -> WebSite:
    web_site.pages["/leave"] = Page(b"<h1>Leave</h1><p>Leave is twenty-five days.</p>")
    web_site.pages["/locked"] = Page(b"", status=403)
    return web_site


@pytest.fixture
def source(admin: Client, alice: Member, handbook: Collection, site: WebSite) -> Source:
    """Added by the form, and looked at once."""
    answer = admin.post(f"{LIST}new/url/", form(handbook, site, save="1", password="canary-4711"))
    assert answer.status_code == 302, re.findall(r"role=\"alert\">(.*?)<", answer.content.decode())
    shifts.work_off()
    with alice.scope():
        return Source.objects.get(name="Leave")


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_there_is_a_form_for_each_kind(admin: Client, tmp_path: Path, settings: Any) -> None:
    settings.SOURCE_FOLDERS = [tmp_path]
    shown = text(admin.get(LIST))
    assert "No sources yet" in shown
    for name in kinds.NAMES:
        assert f"{LIST}new/{name}/" in shown
        page = text(admin.get(f"{LIST}new/{name}/"))
        assert all(field.label in page for field in kinds.kind_of(name).fields)
    assert admin.get(f"{LIST}new/ftp/").status_code == 404


def test_a_connection_is_tested_before_anything_is_stored(
    admin: Client, alice: Member, handbook: Collection, site: WebSite
) -> None:
    good = text(admin.post(f"{LIST}new/url/", form(handbook, site, test="1")))
    assert "It works. The first items:" in good
    assert f"<code>{site.address}/leave</code>" in good
    bad = form(handbook, site, test="1", urls=f"{site.address}/locked")
    assert "status 403" in text(admin.post(f"{LIST}new/url/", bad))
    with alice.scope():
        assert not Source.objects.filter(kind="url").exists()


def test_what_cannot_be_right_is_said_beside_its_field(
    admin: Client, handbook: Collection, site: WebSite
) -> None:
    inside = form(handbook, site, save="1", urls="http://169.254.169.254/")
    shown = text(admin.post(f"{LIST}new/url/", inside))
    assert "not on the public internet" in shown
    assert "This field is required" in text(admin.post(f"{LIST}new/url/", {"save": "1"}))


def test_a_source_s_page_shows_coverage_looks_and_what_to_do(
    admin: Client, source: Source, site: WebSite
) -> None:
    shown = text(admin.get(f"{LIST}{source.pk}/page/"))
    assert "0 of 1 searchable, 1 waiting" in shown
    assert f"{site.address}/locked" in shown
    assert "enter credentials" in shown
    assert "Next look" in shown
    assert "canary-4711" not in shown
    assert "0 of 1 searchable, 1 waiting" in text(admin.get(LIST))


def test_settings_are_changed_and_the_stored_password_stays(
    admin: Client, alice: Member, source: Source, handbook: Collection, site: WebSite
) -> None:
    fields = form(handbook, site, save="1", name="Holidays", every_minutes="1440")
    assert admin.post(f"{LIST}{source.pk}/page/", fields).status_code == 302
    with alice.scope():
        row = Source.objects.get(pk=source.pk)
    assert (row.name, row.every_minutes) == ("Holidays", 1440)
    assert bytes(row.encrypted_credentials) == bytes(source.encrypted_credentials)


def test_every_button_does_what_it_says(admin: Client, alice: Member, source: Source) -> None:
    page = f"{LIST}{source.pk}/"

    def do(deed: str) -> str:
        return text(admin.post(f"{page}do/", {"deed": deed}, follow=True))

    assert "is paused" in do("pause")
    assert "paused: resume it first" in do("sync")
    assert "goes on" in do("resume")
    assert "is looked at now" in do("sync")
    assert "every 1s" in text(admin.get(f"{page}state/")), "the page follows the look"
    assert "What it has brought stays" in do("stop")
    assert "kept, now and later" in do("keep")
    assert admin.post(f"{page}do/", {"deed": "nonsense"}).status_code == 404
    assert admin.get(f"{page}do/").status_code == 405
    assert "removed, with 1 document." in do("remove-with-documents")
    assert admin.get(f"{page}page/").status_code == 404
