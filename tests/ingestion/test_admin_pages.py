"""Stewards create collections, upload many files at once, and are told what became of each."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from ingestion import collections, documents
from ingestion.models import Collection, Document, State
from tenants.models import AuditEvent, Group
from tenants.scope import tenant_scope
from tests.cast import PASSWORD, Member

TEXT = b"Holidays are thirty days a year.\n"


@pytest.fixture
def admin(alice: Member) -> Client:
    client = Client()
    assert client.login(username=alice.email, password=PASSWORD)
    return client


@pytest.fixture
def handbook(alice: Member) -> Collection:
    with alice.scope():
        return collections.create(slug="handbook", name="Handbook")


def page_of(collection: Collection) -> str:
    return f"/admin/ingestion/collection/{collection.pk}/documents/"


def a_file(name: str, content: bytes = TEXT) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def fail(member: Member, collection: Collection, name: str = "broken.txt") -> Document:
    with member.scope():
        taken = documents.upload(collection=collection, filename=name, content=TEXT)
        document = taken.document
        assert taken.run is not None
        taken.run.state = document.state = State.FAILED
        taken.run.reason = document.reason = "The PDF is protected by a password."
        document.remedy = "Remove the password."
        taken.run.save()
        document.save()
        return document


def test_a_collection_is_created_and_leads_to_its_documents(admin: Client, alice: Member) -> None:
    with alice.scope():
        board = Group.objects.create(name="Board")
    answer = admin.post(
        "/admin/ingestion/collection/add/",
        {"name": "Minutes", "slug": "minutes", "language": "german", "groups": [str(board.pk)]},
        follow=True,
    )
    assert "Nothing here yet" in answer.content.decode()
    with tenant_scope(alice.principal.as_steward()):
        found = Collection.objects.get(slug="minutes")
    assert (found.language, found.reader_groups) == ("german", [board.pk])


def test_a_slug_that_is_taken_or_malformed_is_refused_with_a_sentence(
    admin: Client, handbook: Collection
) -> None:
    for slug, sentence in (("handbook", "already exists"), ("Not a slug", "lower-case")):
        answer = admin.post(
            "/admin/ingestion/collection/add/", {"name": "x", "slug": slug, "language": "english"}
        )
        assert sentence in answer.content.decode()


def test_each_of_many_files_is_told_what_became_of_it(
    admin: Client, handbook: Collection, alice: Member
) -> None:
    files = [a_file("a.txt"), a_file("empty.txt", b" "[:0]), a_file("movie.mp4"), a_file("b.md")]
    answer = admin.post(page_of(handbook), {"files": files}).content.decode()
    for name in ("a.txt", "empty.txt", "movie.mp4", "b.md"):
        assert f"<b>{name}</b>" in answer
    assert "empty.txt is empty" in answer
    with alice.scope():
        assert set(Document.objects.values_list("external_id", flat=True)) == {"a.txt", "b.md"}


def test_the_same_file_again_costs_nothing_and_says_so(admin: Client, handbook: Collection) -> None:
    admin.post(page_of(handbook), {"files": [a_file("a.txt")]})
    answer = admin.post(page_of(handbook), {"files": [a_file("a.txt")]})
    assert "is here already, unchanged" in answer.content.decode()


def test_no_file_is_said_too(admin: Client, handbook: Collection) -> None:
    assert "No file was chosen" in admin.post(page_of(handbook), {}).content.decode()


def test_a_failure_shows_reason_and_remedy_and_is_tried_again(
    admin: Client, handbook: Collection, alice: Member
) -> None:
    document = fail(alice, handbook)
    page = admin.get(page_of(handbook)).content.decode()
    assert "The PDF is protected by a password." in page
    assert "Remove the password." in page
    admin.post(f"/admin/ingestion/document/{document.pk}/retry/")
    with alice.scope():
        assert Document.objects.get().state == State.QUEUED


def test_all_failed_are_tried_again_at_once(
    admin: Client, handbook: Collection, alice: Member
) -> None:
    for name in ("a.txt", "b.txt"):
        fail(alice, handbook, name)
    admin.post(f"{page_of(handbook)}retry/")
    with alice.scope():
        assert not Document.objects.filter(state=State.FAILED).exists()


def test_a_document_is_taken_out_of_search(
    admin: Client, handbook: Collection, alice: Member
) -> None:
    document = fail(alice, handbook)
    admin.post(f"/admin/ingestion/document/{document.pk}/remove/")
    with alice.scope():
        assert Document.objects.get().deleted_at is not None
        assert AuditEvent.objects.filter(action="document.deleted").exists()
    assert "broken.txt" not in admin.get(f"{page_of(handbook)}rows/").content.decode()


def test_the_rows_poll_only_while_something_waits(
    admin: Client, handbook: Collection, alice: Member
) -> None:
    rows = f"{page_of(handbook)}rows/"
    fail(alice, handbook)
    assert "every 1s" not in admin.get(rows).content.decode()
    admin.post(page_of(handbook), {"files": [a_file("b.txt")]})
    assert "every 1s" in admin.get(rows).content.decode()


def test_a_second_page_and_filters_stay_in_the_address(admin: Client, handbook: Collection) -> None:
    admin.post(page_of(handbook), {"files": [a_file(f"{n}.txt", b"%d" % n) for n in range(55)]})
    first = admin.get(f"{page_of(handbook)}?state=waiting&q=.txt").content.decode()
    assert first.count('class="doc-title"') == 50
    older = first.split('href="?')[-1].split('"')[0].replace("&amp;", "&")
    assert "state=waiting" in older
    assert (
        admin.get(f"{page_of(handbook)}?{older}").content.decode().count('class="doc-title"') == 5
    )


@pytest.mark.parametrize("query", ["state=nonsense", "before=x", "q=%00", "after=-1"])
def test_a_malformed_address_is_no_error(admin: Client, handbook: Collection, query: str) -> None:
    assert admin.get(f"{page_of(handbook)}?{query}").status_code in {200, 400}


def test_the_lists_and_the_document_page_open(
    admin: Client, handbook: Collection, alice: Member
) -> None:
    document = fail(alice, handbook)
    assert "1 failed" in admin.get("/admin/ingestion/collection/").content.decode()
    assert document.title in admin.get("/admin/ingestion/document/").content.decode()
    page = admin.get(f"/admin/ingestion/document/{document.pk}/change/").content.decode()
    assert "The PDF is protected by a password." in page


def test_a_collection_with_documents_is_not_deleted(
    admin: Client, handbook: Collection, alice: Member
) -> None:
    url = f"/admin/ingestion/collection/{handbook.pk}/delete/"
    fail(alice, handbook)
    assert admin.post(url, {"post": "yes"}).status_code == 403


def test_another_tenants_collection_does_not_exist(
    admin: Client, handbook: Collection, charlie: Member
) -> None:
    stranger = Client()
    stranger.login(username=charlie.email, password=PASSWORD)
    assert stranger.post(page_of(handbook), {"files": [a_file("a.txt")]}).status_code == 404


def test_a_member_is_no_steward(handbook: Collection, bob: Member) -> None:
    member = Client()
    member.login(username=bob.email, password=PASSWORD)
    assert member.get(page_of(handbook)).status_code in {302, 403}
