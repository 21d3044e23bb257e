"""A citation opens the document at the passage: a picture of the page with a mark on it, or clean text."""

import io
from uuid import UUID, uuid4

import httpx
import pytest
from django.conf import settings
from PIL import Image
from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]
from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]

from chat import page_images, sources
from chat.conversations import Missing
from chat.models import Citation, Conversation, Message
from chat.page_renderer import places
from ingestion import collections, documents
from ingestion.models import Chunk, Document, DocumentVersion
from tenants.models import Group, Tenant
from tenants.scope import platform_principal, tenant_scope
from tests.cast import Member
from tests.chat.conftest import Browser
from tests.library import Library, ingest_all

FACT = "The reservoir holds 4,711 cubic metres of water."


def pdf(*pages: list[str]) -> bytes:
    """A PDF with these paragraphs on its pages, 700 points up and 60 apart."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    for lines in pages:
        for number, line in enumerate(lines):
            canvas.drawString(72, 700 - 60 * number, line)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


@pytest.fixture
def reservoir(acme: Tenant, database: None) -> Document:
    """A PDF of two pages, searchable; the fact is on the second."""
    content = pdf(
        ["The first page is about nothing much at all."],
        ["A heading of the second page", FACT, "And this is how it ends, after that."],
    )
    with tenant_scope(platform_principal(acme.pk)):
        taken = documents.upload(
            collection=collections.ensure("water"), filename="reservoir.pdf", content=content
        )
    ingest_all(acme)
    with tenant_scope(platform_principal(acme.pk)):
        found = Document.objects.get(pk=taken.document.pk)
    assert found.state == "ready", found.reason
    return found


def cite(member: Member, document: Document, quote: str) -> Message:
    """An answer of the member's that cites the quote."""
    with member.scope():
        version = DocumentVersion.objects.get(document=document, valid_to=None)
        start = version.text.index(quote)
        chunk = Chunk.objects.get(
            version=version, span_start__lte=start, span_end__gte=start + len(quote)
        )
        conversation = Conversation.objects.create(user=member.user, title="x")
        answer = Message.objects.create(
            conversation=conversation, author="assistant", text="Yes [1] [2]."
        )
        for number in (1, 2):
            Citation.objects.create(
                message=answer,
                chunk=chunk,
                number=number,
                title=document.title,
                page=chunk.page,
                quote=quote,
                span_start=start,
                span_end=start + len(quote),
            )
    return answer


def test_the_page_is_drawn_and_the_quote_is_marked_where_it_stands(
    alice: Member, reservoir: Document
) -> None:
    with alice.scope() as by:
        opened = sources.open_citation(cite(alice, reservoir, FACT), 1).opened
        assert opened is not None
    assert (opened.page, opened.pages, opened.is_pdf) == (2, 2, True)
    found = page_images.layout(opened.version, 2, FACT, by)
    ((x, y, width, height),) = found.boxes
    assert (round(found.width), round(found.height)) == (595, 842)
    assert x == pytest.approx(72, abs=3)
    # The second paragraph's base is 640 points up: its letters stand right above that.
    assert y < found.height - 640 < y + height + 1
    assert 200 < width < 300
    assert 5 < height < 20


def test_the_picture_shows_the_page(alice: Member, browser: Browser, reservoir: Document) -> None:
    url = f"/documents/{reservoir.pk}/{reservoir.current_version_id}/pages/2.png"
    response = browser(alice).get(url)
    assert response.headers["Content-Type"] == "image/png"
    assert response.headers["Cache-Control"].startswith("private")
    picture = Image.open(io.BytesIO(response.content)).convert("L")
    assert picture.width == 1240
    assert min(picture.tobytes()) < 100, "there is ink on it"


def test_the_source_page_holds_picture_marks_and_the_way_on(
    alice: Member, browser: Browser, reservoir: Document
) -> None:
    answer = cite(alice, reservoir, FACT)
    client = browser(alice)
    whole = client.get(f"/m/{answer.pk}/sources/1/").content.decode()
    pane = client.get(f"/m/{answer.pk}/sources/1/", headers={"HX-Request": "true"}).content.decode()
    for shown in (whole, pane):
        assert f"/documents/{reservoir.pk}/{reservoir.current_version_id}/pages/2.png" in shown
        assert shown.count("<rect ") == 1
        assert f"<mark>{FACT}</mark>" in shown
        assert f'href="/m/{answer.pk}/sources/2/"' in shown
        assert "Page 2 of 2" in shown
    assert "<html" in whole
    assert "<html" not in pane


def test_other_formats_are_shown_as_text_with_the_passage_marked(
    alice: Member, browser: Browser, acme_library: Library
) -> None:
    (notes,) = acme_library.add(
        "notes", notes=b"# Kites\n\nRed kites <b>nest</b> in oaks.\n\nThe end.\n"
    )
    answer = cite(alice, notes, "nest")
    shown = browser(alice).get(f"/m/{answer.pk}/sources/1/").content.decode()
    assert "<mark>nest</mark>" in shown
    assert "Kites" in shown
    assert "<b>" not in shown


def test_a_citation_whose_document_is_gone_keeps_its_quote(
    alice: Member, browser: Browser, reservoir: Document
) -> None:
    answer = cite(alice, reservoir, FACT)
    with alice.scope():
        Document.objects.filter(pk=reservoir.pk).update(deleted_at="2026-01-01T00:00Z")
    shown = browser(alice).get(f"/m/{answer.pk}/sources/1/").content.decode()
    assert FACT in shown
    assert "is gone, or no longer shared with you" in shown
    assert "<img" not in shown


def test_a_superseded_version_still_opens_what_was_cited(
    alice: Member, browser: Browser, acme_library: Library
) -> None:
    (old,) = acme_library.add("notes", notes=b"# Kites\n\nThere are 12 kites.\n")
    answer = cite(alice, old, "There are 12 kites.")
    acme_library.add("notes", notes=b"# Kites\n\nThere are 15 kites.\n")
    shown = browser(alice).get(f"/m/{answer.pk}/sources/1/").content.decode()
    assert "<mark>There are 12 kites.</mark>" in shown
    assert "There is a newer version" in shown


def test_the_original_is_only_ever_a_download(
    site: str, alice: Member, browser: Browser, acme: Tenant, acme_library: Library
) -> None:
    evil = b"<html><body><script>alert(1)</script><p>Kites are birds that fly.</p></body></html>"
    with tenant_scope(platform_principal(acme.pk)):
        taken = documents.upload(
            collection=acme_library.collections["handbook"],
            filename="a\r\nb/evil.html",
            content=evil,
        )
    ingest_all(acme)
    with alice.scope():
        document = Document.objects.get(pk=taken.document.pk)
    cookie = browser(alice).cookies[settings.SESSION_COOKIE_NAME].value
    response = httpx.get(
        f"{site}/documents/{document.pk}/{document.current_version_id}/original/",
        cookies={settings.SESSION_COOKIE_NAME: cookie},
    )
    assert response.content == evil
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_what_a_member_may_not_read_does_not_exist(
    alice: Member, bob: Member, charlie: Member, browser: Browser, reservoir: Document
) -> None:
    with alice.scope():
        group = Group.objects.create(name="secret")
    with tenant_scope(platform_principal(alice.tenant.pk)):
        documents.restrict(document=reservoir, reader_groups=[group.pk])
    version = reservoir.current_version_id
    paths = ["/documents/{}/", "/documents/{}/{}/pages/2.png", "/documents/{}/{}/original/"]
    for member in (bob, charlie):
        client = browser(member)
        for path in paths:
            theirs = client.get(path.format(reservoir.pk, version))
            absent = client.get(path.format(uuid4(), uuid4()))
            assert theirs.status_code == absent.status_code == 404
            assert theirs.content == absent.content


@pytest.mark.parametrize(
    "query", ["?page=x", "?start=5&end=2", "?start=0&end=99999999", "?version=x"]
)
def test_odd_addresses_open_the_beginning(
    alice: Member, browser: Browser, reservoir: Document, query: str
) -> None:
    shown = browser(alice).get(f"/documents/{reservoir.pk}/{query}")
    assert shown.status_code == 200
    assert "Page 1 of 2" in shown.content.decode()


@pytest.mark.parametrize("page", [0, 3, 999999999])
def test_a_page_that_is_not_there_is_missing(
    alice: Member, browser: Browser, reservoir: Document, page: int
) -> None:
    url = f"/documents/{reservoir.pk}/{reservoir.current_version_id}/pages/{page}.png"
    assert browser(alice).get(url).status_code == 404


def test_a_document_that_cannot_be_drawn_is_shown_as_text(
    alice: Member, browser: Browser, reservoir: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_images, "WALL_SECONDS", 0.001)
    page_images._kept.__init__()  # type: ignore[misc]
    shown = browser(alice).get(f"/documents/{reservoir.pk}/?page=2").content.decode()
    assert "This page cannot be drawn; here is its text." in shown
    assert FACT in shown
    url = f"/documents/{reservoir.pk}/{reservoir.current_version_id}/pages/2.png"
    assert browser(alice).get(url).status_code == 422


def test_a_citation_number_that_is_not_there_is_missing(alice: Member, reservoir: Document) -> None:
    answer = cite(alice, reservoir, FACT)
    with alice.scope(), pytest.raises(Missing):
        sources.open_citation(answer, 9)
    with alice.scope(), pytest.raises(Missing):
        sources.open_document(UUID(int=1))


RAW = "Plan informa-\r\ntion.  The de\u00adductible\nis  $2,000\nfor each\nindividual. The end."


@pytest.mark.parametrize(
    ("quote", "marked"),
    [
        ("The deductible is $2,000 for each individual.", ["The de\u00adductible\nis  $2,000\nfor each\nindividual"]),
        ("Plan information.", ["Plan informa-\r\ntion"]),
        ("Plan information. Something else. The deductible is $2,000 for each individual.",
         ["Plan informa-\r\ntion", "The de\u00adductible\nis  $2,000\nfor each\nindividual"]),
        ("Not there at all, not one of it.", []),
        ("", []),
        ("...", []),
    ],
)  # fmt: skip
def test_a_quote_is_found_whatever_the_page_does_to_spaces(quote: str, marked: list[str]) -> None:
    assert [RAW[start:end] for start, end in places(RAW, quote)] == marked
