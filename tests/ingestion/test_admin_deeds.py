"""What stewards do to documents, webhooks and retention in the admin."""

import pytest
from django.test import Client

from ingestion import documents, versions
from ingestion.models import Collection, Document, DocumentVersion, Retention, WebhookEndpoint
from tenants.models import Group
from tests.cast import PASSWORD, Member
from tests.ingestion.test_removal import NEW, OLD, cite, first_chunk
from tests.ingestion.workshop import Workshop, work_off

LIST = "/admin/ingestion/document/"


@pytest.fixture
def admin(alice: Member) -> Client:
    client = Client()
    assert client.login(username=alice.email, password=PASSWORD)
    return client


def page(document: Document, part: str = "change/") -> str:
    return f"{LIST}{document.pk}/{part}"


def read(admin: Client, url: str) -> str:
    answer = admin.get(url, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_document_is_deleted_restored_and_erased_by_buttons(
    admin: Client, workshop: Workshop
) -> None:
    document = workshop.ingest("a.md", OLD)
    admin.post(page(document, "remove/"))
    assert "a.md" not in read(admin, LIST)
    assert str(document.pk) in read(admin, f"{LIST}?deleted=yes")
    assert "It can be restored for 30 days" in read(admin, page(document))
    admin.post(page(document, "restore/"))
    work_off()
    assert workshop.document(document.pk).state == "ready"
    assert "Erase this document for good?" in read(admin, page(document, "erase/"))
    assert workshop.current_texts(document) == [OLD], "asking erases nothing"
    admin.post(page(document, "erase/"))
    with workshop.scope():
        assert not Document.objects.filter(pk=document.pk).exists()


def test_a_document_s_page_follows_the_work_on_it(admin: Client, workshop: Workshop) -> None:
    document = workshop.upload("a.md", OLD).document
    page = f"/admin/ingestion/document/{document.pk}"
    assert f'hx-get="{page}/progress/"' in admin.get(f"{page}/change/").content.decode()
    waits = admin.get(f"{page}/progress/")
    assert "waiting for a worker" in waits.content.decode()
    assert "HX-Refresh" not in waits
    work_off()
    done = admin.get(f"{page}/progress/")
    assert done["HX-Refresh"] == "true"
    assert "hx-get" not in done.content.decode()
    workshop.upload("a.md", NEW)
    admin.post(f"{page}/remove/")
    assert f"{page}/progress/" not in read(admin, f"{page}/change/"), "nobody works on it any more"


def test_the_page_shows_versions_text_with_passages_and_where_it_is_cited(
    admin: Client, workshop: Workshop, alice: Member
) -> None:
    document = workshop.ingest("a.md", OLD)
    workshop.ingest("a.md", NEW)
    cite(alice, first_chunk(workshop, document), document)
    shown = read(admin, page(document))
    assert 'class="doc-mark" title="Passage 0"' in shown
    assert "1 citation in the answers of all members." in shown
    assert ">Pumps</a>" in shown
    with workshop.scope():
        first = DocumentVersion.objects.get(document=document, number=1)
    admin.post(page(document, f"{first.pk}/restore/"))
    work_off()
    assert workshop.current_texts(document) == [OLD]
    assert "from version 1" in read(admin, page(document))


def test_metadata_title_and_readers_are_edited_and_errors_stand_at_their_field(
    admin: Client, workshop: Workshop, alice: Member
) -> None:
    document = workshop.ingest("a.md", OLD)
    with alice.scope():
        board = Group.objects.create(name="Board")
    form = {"title": "Pumps", "date": "soon", "tags": "a, b", "other": '{"year": 2026}'}
    answer = admin.post(page(document, "edit/"), form).content.decode()
    assert "date must be a date such as 2024-05-31" in answer
    admin.post(page(document, "edit/"), form | {"date": "2024", "groups": [str(board.pk)]})
    row = workshop.document(document.pk)
    assert (row.title, row.reader_groups) == ("Pumps", [board.pk])
    assert row.metadata == {"year": 2026, "date": "2024", "tags": ["a", "b"]}
    shown = read(admin, page(document, "edit/"))
    assert 'value="a, b"' in shown


def test_a_version_of_what_a_member_attached_is_not_restored_by_an_administrator(
    admin: Client, workshop: Workshop, alice: Member
) -> None:
    workshop.ingest("a.md", OLD)
    document = workshop.ingest("a.md", NEW)
    with workshop.scope():
        first = DocumentVersion.objects.get(document=document, number=1)
        Collection.every.filter(pk=workshop.collection.pk).update(private_to=alice.user.pk)
    assert admin.post(page(document, f"{first.pk}/restore/")).status_code == 404
    with workshop.scope():
        assert DocumentVersion.objects.filter(document=document).count() == 2


def test_many_are_changed_and_erased_after_a_page_that_asks(
    admin: Client, workshop: Workshop
) -> None:
    ids = [str(workshop.ingest(f"{n}.md", f"{OLD} {n}").pk) for n in range(3)]
    chosen = {"action": "edit_chosen", "_selected_action": ids[:2], "select_across": "0"}
    assert "Set this key" in admin.post(LIST, chosen).content.decode()
    admin.post(LIST, chosen | {"sure": "yes", "key": "year", "value": "2026", "add_tags": "x, y"})
    with workshop.scope():
        rows = dict(Document.objects.values_list("external_id", "metadata"))
    assert rows["0.md"] == {"year": 2026, "tags": ["x", "y"]} | rows["2.md"]
    wrong = chosen | {"sure": "yes", "key": "date", "value": "soon"}
    assert "date must be a date" in admin.post(LIST, wrong).content.decode()
    everything = {"action": "erase_chosen", "_selected_action": ids[:1], "select_across": "1"}
    assert "Erase these 3 documents for good?" in admin.post(LIST, everything).content.decode()
    admin.post(LIST, everything | {"sure": "yes"})
    with workshop.scope():
        assert not Document.objects.exists()


def test_work_is_cancelled_and_a_collection_paused(admin: Client, workshop: Workshop) -> None:
    document = workshop.upload("a.md", OLD).document
    collection = f"/admin/ingestion/collection/{workshop.collection.pk}/documents/"
    admin.post(f"{collection}pause/")
    assert "1 waiting, paused" in read(admin, collection)
    admin.post(page(document, "cancel/"))
    assert workshop.document(document.pk).reason == "Cancelled by Alice."
    admin.post(f"{collection}pause/")
    assert "paused" not in read(admin, f"{collection}rows/")


def test_another_size_of_passages_offers_to_divide_the_documents_anew(
    admin: Client, workshop: Workshop
) -> None:
    text = "\n\n".join(f"Pump {n} must be serviced every six weeks by the team." for n in range(60))
    document = workshop.ingest("a.md", text)
    before = len(workshop.current_texts(document))
    url = f"/admin/ingestion/collection/{workshop.collection.pk}/change/"
    form = {"name": "Papers", "slug": "papers", "language": "english", "chunk_profile": "balanced"}
    refused = admin.post(url, form | {"chunk_tokens": "40", "chunk_overlap": "30"})
    assert "At most half of a passage can be repeated" in refused.content.decode()
    answer = admin.post(url, form | {"chunk_tokens": "40"}, follow=True).content.decode()
    assert "until they are divided anew" in answer
    admin.post(f"/admin/ingestion/collection/{workshop.collection.pk}/documents/divide/")
    assert len(workshop.current_texts(document)) == before, "found all the while"
    work_off()
    assert len(workshop.current_texts(document)) > 2 * before
    with workshop.scope():
        assert Collection.objects.get().chunk_tokens == 40
        assert versions.divide_again(collection=workshop.collection) == 1


def test_a_webhook_is_made_shows_its_secret_once_and_lists_what_was_sent(
    admin: Client, workshop: Workshop
) -> None:
    url = "/admin/ingestion/webhookendpoint/"
    bad = admin.post(f"{url}add/", {"url": "ftp://x.example/"}).content.decode()
    assert "errorlist" in bad or "http" in bad
    made = admin.post(f"{url}add/", {"url": "https://hooks.example/x", "events": []})
    assert "whsec_" in made.content.decode()
    with workshop.scope():
        endpoint = WebhookEndpoint.objects.get()
    assert "whsec_" not in read(admin, f"{url}{endpoint.pk}/change/")
    deliveries = f"{url}{endpoint.pk}/deliveries/"
    assert "Nothing was sent yet" in read(admin, deliveries)
    admin.post(f"{url}{endpoint.pk}/test/")
    assert "webhook.test" in read(admin, deliveries)
    admin.post(f"{url}{endpoint.pk}/delete/", {"post": "yes"})
    with workshop.scope():
        assert not WebhookEndpoint.objects.exists()


def test_retention_is_set_once_for_the_tenant(admin: Client, workshop: Workshop) -> None:
    url = "/admin/ingestion/retention/add/"
    too_long = admin.post(url, {"deleted_days": "99999"}).content.decode()
    assert "less than or equal to 36500" in too_long
    admin.post(url, {"deleted_days": "7", "superseded_days": ""})
    with workshop.scope():
        assert Retention.objects.get().deleted_days == 7
    document = workshop.ingest("a.md", OLD)
    with workshop.scope():
        documents.delete(document=document)
    assert "restored for 7 days" in read(admin, page(document))
