"""Attachments and members of archives: documents of their own that live and die with what they were found in."""

from email.message import EmailMessage

import pytest
from django.db import connections

from inference import encryption
from ingestion import documents, handover, pipeline, versions
from ingestion.models import Document, DocumentVersion
from tenants.models import Group
from tests.ingestion.mails import locked_zip, mail, pdf_with, tarred, zipped
from tests.ingestion.outlook_files import message as outlook
from tests.ingestion.outlook_files import msg
from tests.ingestion.papers import shared
from tests.ingestion.workshop import (
    Workshop,
    claimed,
    let_leases_lapse,
    operator,
    pdf,
    work_off,
)

NOTE = b"The pump is serviced every six weeks.\n"
OTHER = b"The filter is replaced in spring.\n"


def living(workshop: Workshop) -> dict[str, Document]:
    """All documents that are not deleted, by name."""
    with workshop.scope():
        return {row.external_id: row for row in Document.objects.filter(deleted_at=None)}


def states(workshop: Workshop) -> dict[str, str]:
    return {name: row.state for name, row in living(workshop).items()}


def warnings(workshop: Workshop, document: Document) -> list[str]:
    with workshop.scope():
        return documents.warnings(document)


# --- attachments ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("order.eml", mail("Order", "See attached.", {"terms.pdf": pdf("Pay in thirty days.")})),
        ("order.pdf", pdf_with("The order", {"terms.pdf": pdf("Pay in thirty days.")})),
    ],
)
def test_an_attachment_becomes_a_document_of_its_own(
    workshop: Workshop, name: str, content: bytes
) -> None:
    parent = workshop.ingest(name, content, metadata={"case": 7})
    found = living(workshop)
    part = found[f"{name}/terms.pdf"]
    assert (parent.state, part.state, part.parent_id) == ("ready", "ready", parent.pk)
    assert (part.source_id, part.collection_id) == (parent.source_id, parent.collection_id)
    assert part.metadata["case"] == 7
    assert "Pay in thirty days." in workshop.current_texts(part)[0]
    assert "author" not in part.metadata, "what the parent's parser found is not the part's"


def test_readers_are_inherited_and_follow_the_parent(workshop: Workshop) -> None:
    with workshop.scope():
        board = Group.objects.create(tenant_id=workshop.tenant.pk, name="board")
        staff = Group.objects.create(tenant_id=workshop.tenant.pk, name="staff")
    content = mail("Merger", "See attached.", {"plan.txt": NOTE})
    parent = workshop.ingest("merger.eml", content, reader_groups=[board.pk])
    assert living(workshop)["merger.eml/plan.txt"].reader_groups == [board.pk]
    with workshop.scope():
        documents.restrict(document=parent, reader_groups=[staff.pk])
    assert living(workshop)["merger.eml/plan.txt"].reader_groups == [staff.pk]


def test_a_new_version_replaces_adds_and_removes_attachments(workshop: Workshop) -> None:
    workshop.ingest("a.eml", mail("A", "Hello.", {"kept.txt": NOTE, "gone.txt": NOTE}))
    before = living(workshop)
    workshop.ingest("a.eml", mail("A", "Hello again.", {"kept.txt": NOTE, "new.txt": OTHER}))
    after = living(workshop)
    assert set(after) == {"a.eml", "a.eml/kept.txt", "a.eml/new.txt"}
    kept = "a.eml/kept.txt"
    assert after[kept].current_version_id == before[kept].current_version_id, "unchanged: no work"


def test_parts_are_deleted_with_their_parent_and_come_back_with_it(workshop: Workshop) -> None:
    content = mail("A", "Hello.", {"inner.eml": mail("B", "Hi.", {"deep.txt": NOTE})})
    parent = workshop.ingest("a.eml", content)
    assert set(states(workshop)) == {"a.eml", "a.eml/inner.eml", "a.eml/inner.eml/deep.txt"}
    with workshop.scope():
        documents.delete(document=parent)
    assert living(workshop) == {}
    workshop.ingest("a.eml", content)
    assert set(states(workshop).values()) == {"ready"}
    assert len(states(workshop)) == 3


def test_an_attachment_that_fails_leaves_its_parent_alone_and_the_other_way_round(
    workshop: Workshop,
) -> None:
    attached = {"broken.pdf": b"%PDF-1.7\n", "fine.txt": NOTE, "setup.exe": b"MZ", "void.txt": b""}
    parent = workshop.ingest("a.eml", mail("A", "Hello.", attached))
    found = living(workshop)
    assert found["a.eml/broken.pdf"].state == "failed"
    assert found["a.eml/broken.pdf"].reason
    assert found["a.eml"].state == found["a.eml/fine.txt"].state == "ready"
    said = warnings(workshop, parent)
    assert any("setup.exe" in line and "cannot be read" in line for line in said)
    assert any("void.txt" in line and "empty" in line for line in said)
    scan = workshop.ingest("scan.pdf", pdf_with("", {"fine.txt": NOTE}))
    assert scan.state == "failed"
    assert living(workshop)["scan.pdf/fine.txt"].state == "ready"


def test_two_attachments_of_one_name_are_two_documents(workshop: Workshop) -> None:
    content = mail("A", "Hello.", {"a.txt": NOTE}).replace(b"a.txt", b"b.txt")
    twice = mail("A", "Hello.", {"b.txt": NOTE, "c.txt": OTHER}).replace(b"c.txt", b"b.txt")
    workshop.ingest("one.eml", content)
    workshop.ingest("two.eml", twice)
    assert {name for name in living(workshop) if name.startswith("two")} == {
        "two.eml",
        "two.eml/b.txt",
        "two.eml/b (2).txt",
    }


def test_a_numbered_name_takes_no_other_files_place(workshop: Workshop) -> None:
    message = EmailMessage()
    message["Subject"] = "Three"
    message.set_content("See attached.")
    for name, data in (
        ("b.txt", NOTE),
        ("b.txt", OTHER),
        ("b (2).txt", NOTE + OTHER),
        ("/", NOTE),
        ("/", OTHER),
    ):
        message.add_attachment(data, maintype="text", subtype="plain", filename=name)
    workshop.ingest("three.eml", message.as_bytes())
    work_off()
    found = {name for name in living(workshop) if name.startswith("three.eml/b")}
    assert found == {"three.eml/b.txt", "three.eml/b (2).txt", "three.eml/b (3).txt"}


def test_a_document_that_came_another_way_is_not_taken_over(workshop: Workshop) -> None:
    own = workshop.ingest("own.txt", OTHER, external_id="a.eml/plan.txt")
    parent = workshop.ingest("a.eml", mail("A", "Hello.", {"plan.txt": NOTE}))
    assert living(workshop)["a.eml/plan.txt"].current_version_id == own.current_version_id
    assert "belongs to another document" in warnings(workshop, parent)[0]


def test_a_repeated_stage_makes_no_second_set_of_parts(workshop: Workshop) -> None:
    workshop.upload("a.eml", mail("A", "Hello.", {"plan.txt": NOTE}))
    first = claimed()
    let_leases_lapse()
    operator(
        "UPDATE ingestion_ingestionrun SET state = 'queued', lease_until = NULL WHERE lease_until < now()"
    )
    pipeline.process(claimed())
    assert pipeline.process(first) == 0, "its lease is another worker's: it hands nothing over"
    work_off()
    with workshop.scope():
        assert Document.objects.count() == 2
        assert DocumentVersion.objects.count() == 2


def test_nothing_is_handed_over_when_publishing_fails(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.upload("a.eml", mail("A", "Hello.", {"plan.txt": NOTE}))
    monkeypatch.setattr(handover, "_warn", lambda *_: 1 / 0)
    pipeline.process(claimed())
    assert set(states(workshop)) == {"a.eml"}
    assert states(workshop)["a.eml"] != "ready", "the parent and its parts appear together"


def test_mails_nested_beyond_the_limit_are_named(workshop: Workshop) -> None:
    content = mail("Last", "The end.", {"note.txt": NOTE})
    for level in range(4):
        content = mail(f"Level {level}", "Deeper.", {"inner.eml": content})
    workshop.ingest("a.eml", content)
    deepest = max(living(workshop).values(), key=lambda row: len(row.external_id))
    assert deepest.external_id.count("/") == handover.DEPTH
    assert "nested more than 3 levels deep" in warnings(workshop, deepest)[0]


def test_no_more_is_taken_from_one_upload_than_the_limit(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "KIN", 3)
    inner = zipped({"3.txt": NOTE, "4.txt": OTHER, "5.txt": NOTE + OTHER})
    workshop.ingest("a.zip", zipped({"1.txt": NOTE, "2.zip": inner}))
    assert len(states(workshop)) == 4
    assert "more than 3 files" in warnings(workshop, living(workshop)["a.zip/2.zip"])[0]


# --- Outlook --------------------------------------------------------------------------------------


def test_an_outlook_message_is_read_like_a_mail(workshop: Workshop) -> None:
    document = workshop.ingest("m.msg", shared("office", "test_outlook_msg.msg").read_bytes())
    assert (document.state, document.title) == ("ready", "Test Email Message")
    text = "\n".join(workshop.current_texts(document))
    assert "This is the body of the test email message" in text
    assert "From: M. C. Kurtuluş <muratcan.kurtulus@gmail.com>" in text
    assert document.metadata["date"].startswith("2024-12-22")


def test_a_message_inside_an_outlook_message_is_a_document_and_so_is_what_it_holds(
    workshop: Workshop,
) -> None:
    deepest = outlook("Third", "Words of the third.", {"plan.txt": NOTE}, inside=True)
    inner = outlook("Re: pumps/valves", "Words of the second.", {"Third": deepest}, inside=True)
    outer = outlook("Outer", "Words of the first.", {"it": inner, "other.txt": OTHER})
    workshop.ingest("m.msg", msg(outer))
    second = "m.msg/Re: pumps-valves.eml"
    third = f"{second}/Third.eml"
    assert states(workshop) == dict.fromkeys(
        ["m.msg", "m.msg/other.txt", second, third, f"{third}/plan.txt"], "ready"
    )
    documents = living(workshop)
    assert "Words of the second." in "\n".join(workshop.current_texts(documents[second]))
    assert documents[second].metadata["author"] == "Ada <ada@example.com>"
    assert documents[second].title == "Re: pumps/valves"
    assert not warnings(workshop, documents["m.msg"])


def test_a_message_inside_gives_the_same_bytes_each_time_it_is_read(workshop: Workshop) -> None:
    inner = outlook("Inner", "Words.", {"plan.txt": NOTE}, inside=True)
    workshop.ingest("m.msg", msg(outlook("Outer", "First.", {"it": inner})))
    workshop.ingest("m.msg", msg(outlook("Outer", "Changed.", {"it": inner})))
    with workshop.scope():
        versions = living(workshop)["m.msg/Inner.eml"].versions
        assert versions.count() == 1


def test_messages_that_are_nested_without_end_are_named(workshop: Workshop) -> None:
    inside = outlook("Last", "x", inside=True)
    for _ in range(30):
        inside = outlook("Again", "x", {"it": inside}, inside=True)
    workshop.ingest("m.msg", msg(outlook("Outer", "x", {"it": inside, "other.txt": OTHER})))
    assert states(workshop) == {"m.msg": "ready", "m.msg/other.txt": "ready"}
    assert "more than 10" in warnings(workshop, living(workshop)["m.msg"])[0]


def test_a_damaged_attachment_of_an_inner_message_is_named_in_it_and_the_rest_is_read(
    workshop: Workshop,
) -> None:
    inner = outlook("Inner", "Words.", {"a.txt": NOTE, "plan.txt": NOTE}, inside=True)
    inner["__attach_version1.0_#00000000"] = {"__substg1.0_3701000D": {}}
    workshop.ingest("m.msg", msg(outlook("Outer", "First.", {"it": inner})))
    assert states(workshop) == dict.fromkeys(
        ["m.msg", "m.msg/Inner.eml", "m.msg/Inner.eml/plan.txt"], "ready"
    )
    text = "\n".join(workshop.current_texts(living(workshop)["m.msg/Inner.eml"]))
    assert "Words." in text
    assert "attachment-1 is damaged and was left out" in text


# --- archives -------------------------------------------------------------------------------------

MEMBERS = {"in/one.txt": NOTE, "two.md": b"# Two\n\nThe second file.\n"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.zip", zipped(MEMBERS)),
        ("a.tar", tarred(MEMBERS, "")),
        ("a.tgz", tarred(MEMBERS)),
        ("a.tar.bz2", tarred(MEMBERS, "bz2")),
        ("a.tar.xz", tarred(MEMBERS, "xz")),
    ],
)
def test_each_member_of_an_archive_is_a_document_named_by_its_path(
    workshop: Workshop, name: str, content: bytes
) -> None:
    archive = workshop.ingest(name, content)
    assert states(workshop) == {
        name: "ready",
        f"{name}/in/one.txt": "ready",
        f"{name}/two.md": "ready",
    }
    assert archive.chunks == 0, "its own text is that of its members"


def test_members_that_cannot_be_taken_are_named_with_the_reason(workshop: Workshop) -> None:
    content = zipped({"good.txt": NOTE, "../../evil.txt": NOTE, "app.exe": b"MZ", "void.txt": b""})
    archive = workshop.ingest("a.zip", content)
    said = "\n".join(warnings(workshop, archive))
    assert set(states(workshop)) == {"a.zip", "a.zip/good.txt"}
    assert "../../evil.txt: Its name leads out of the archive." in said
    assert "app.exe" in said
    assert "void.txt is empty" in said


def test_archives_in_archives_are_unpacked_to_a_limit(workshop: Workshop) -> None:
    content = zipped({"deep.txt": NOTE})
    for _ in range(4):
        content = zipped({"inner.zip": content})
    workshop.ingest("a.zip", content)
    assert len(states(workshop)) == 1 + handover.DEPTH


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"PK\x03\x04 and nothing else", "corrupt"),
        (zipped({}), "no_text"),
        (tarred(MEMBERS)[:60], "content_mismatch"),
        (locked_zip("sesame", "a.txt", NOTE), "encrypted"),
    ],
)
def test_an_archive_has_one_clear_outcome(workshop: Workshop, content: bytes, code: str) -> None:
    archive = workshop.ingest("a.zip", content)
    assert (archive.state, archive.reason_code) == ("failed", code)
    assert archive.reason
    assert archive.remedy
    assert len(states(workshop)) == 1


def test_a_password_opens_an_archive(workshop: Workshop) -> None:
    content = locked_zip("sesame", "a.txt", NOTE)
    assert workshop.ingest("w.zip", content, password="wrong").reason_code == "wrong_password"
    assert workshop.ingest("a.zip", content, password="sesame").state == "ready"
    assert states(workshop)["a.zip/a.txt"] == "ready"


# --- passwords ------------------------------------------------------------------------------------


def test_an_encrypted_pdf_opens_with_its_password_alone(workshop: Workshop) -> None:
    locked = pdf("Nobody else reads this.", password="sesame")
    without = workshop.ingest("a.pdf", locked)
    assert (without.state, without.reason_code) == ("failed", "encrypted")
    assert "give it with the upload" in without.remedy
    wrong = workshop.ingest("a.pdf", locked, password="open")
    assert (wrong.state, wrong.reason_code) == ("failed", "wrong_password")
    right = workshop.ingest("a.pdf", locked, password="sesame")
    assert (right.state, right.pk) == ("ready", without.pk)


def test_a_password_is_kept_encrypted_and_nowhere_else(workshop: Workshop) -> None:
    document = workshop.ingest(
        "a.pdf", pdf("Secret.", password="sesame-7301"), password="sesame-7301"
    )
    with workshop.scope():
        version = DocumentVersion.objects.get(document=document)
    assert b"sesame-7301" not in bytes(version.sealed_password)
    assert encryption.decrypt(version.sealed_password) == "sesame-7301"
    with connections["operator"].cursor() as cursor:
        for table in ("ingestion_document", "ingestion_ingestionrun", "tenants_auditevent"):
            cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text LIKE '%%sesame-7301%%'")
            assert cursor.fetchone() == (0,)


# --- with the parent's life -----------------------------------------------------------------------


def test_an_old_version_brings_its_own_attachments_back(workshop: Workshop) -> None:
    parent = workshop.ingest("a.eml", mail("A", "Hello.", {"first.txt": NOTE}))
    workshop.ingest("a.eml", mail("A", "Hello again.", {"second.txt": OTHER}))
    assert set(living(workshop)) == {"a.eml", "a.eml/second.txt"}
    with workshop.scope():
        first = DocumentVersion.objects.get(document=parent, number=1)
        versions.restore(version=first)
    work_off()
    assert states(workshop) == {"a.eml": "ready", "a.eml/first.txt": "ready"}


def test_a_restored_document_has_its_parts_again(workshop: Workshop) -> None:
    parent = workshop.ingest("a.zip", zipped({"one.txt": NOTE, "two.txt": OTHER}))
    with workshop.scope():
        documents.delete(document=parent)
        documents.restore(document=parent)
    work_off()
    assert set(states(workshop).values()) == {"ready"}
    assert len(states(workshop)) == 3


def test_parts_are_erased_with_their_parent(workshop: Workshop) -> None:
    content = mail("A", "Hello.", {"inner.eml": mail("B", "Hi.", {"deep.txt": NOTE})})
    parent = workshop.ingest("a.eml", content)
    with workshop.scope():
        assert documents.erase(document=parent)
    with workshop.scope():
        assert not Document.objects.exists()
        assert not DocumentVersion.objects.exists()


@pytest.mark.parametrize("given", [None, "sesame"])
def test_an_office_file_with_a_password_says_what_to_do_instead(
    given: str | None, workshop: Workshop
) -> None:
    content = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le")
    document = workshop.ingest("salaries.xlsx", content, password=given)
    assert (document.state, document.reason_code) == ("failed", "encrypted")
    assert "cannot be opened here" in document.reason
    assert "Remove the password in Office" in document.remedy
